// SPDX-License-Identifier: Apache-2.0
// Numbers of the server, as they change: what only grows is shown as a rate.
import {get} from "./api.js";
import {Chart} from "./chart.js";
import {bytes, make, notice, number} from "./dom.js";

const PERIOD = 1000;
const GROWS = new Set(["messages_stored", "commits", "syncs", "sync_seconds", "wiredtiger_log_bytes", "wiredtiger_log_syncs",
	"wiredtiger_overflow_reads", "wiredtiger_checkpoints", "wiredtiger_rollbacks"]);

function title(name) {
	const words = name.replaceAll("_", " ").replace(/^wiredtiger/, "WiredTiger").replace(/ bytes$/, "");
	return `${words[0].toUpperCase()}${words.slice(1)}${GROWS.has(name) ? " a second" : ""}`;
}

/** Turns answers of /admin/stats into points of charts, which are made as names turn up. */
class Board {
	constructor() {
		this.charts = new Map();
		this.element = make("div", {class: "charts", tabindex: "0", "aria-label": "Numbers"});
		this.last = null;
	}

	chart(name) {
		if (!this.charts.has(name)) {
			const chart = new Chart(title(name), name.endsWith("bytes") ? bytes : number);
			this.charts.set(name, chart);
			this.element.append(chart.element);
		}
		return this.charts.get(name);
	}

	take(answer) {
		const {writable: _, ...store} = answer.store ?? {};
		const now = {messages_stored: answer.messages, threads: answer.threads, messages: answer.messages, ...store};
		const at = performance.now();
		for (const [name, value] of Object.entries(now)) {
			const chart = this.chart(name);
			if (!GROWS.has(name)) {
				chart.add(value);
			} else if (this.last !== null) {
				// a count that fell was begun again with the process
				chart.add(Math.max(0, (value - this.last.numbers[name]) * 1000 / (at - this.last.at)) || 0);
			}
		}
		this.last = {numbers: now, at};
	}
}

export async function stats(view, _prefix, _key, signal) {
	const board = new Board();
	const about = make("p", {class: "quiet"});
	const writes = make("span", {class: "tag good"});
	const look = async () => {
		const answer = await get("/admin/stats");
		const writable = answer.store?.writable !== 0;
		writes.textContent = writable ? "takes writes" : "refuses writes: the disk is nearly full";
		writes.className = `tag ${writable ? "good" : "bad"}`;
		board.take(answer);
	};
	view.replaceChildren(make("div", {class: "bar"}, make("h1", {}, "Stats"), writes, about), board.element);
	const health = await get("/admin/health");
	about.textContent = `${health.service} ${health.version} · database ${health.database_id}`;
	await look();
	const timer = setInterval(() => look().catch((reason) => notice(reason.message, true)), PERIOD);
	signal.addEventListener("abort", () => clearInterval(timer));
}
