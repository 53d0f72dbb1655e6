// SPDX-License-Identifier: Apache-2.0
// Numbers of the server, as they change.
import {get} from "./api.js";
import {Chart} from "./chart.js";
import {make, notice} from "./dom.js";

const PERIOD = 1000;

export async function stats(view, _prefix, _key, signal) {
	const charts = new Map();
	const grid = make("div", {class: "charts", tabindex: "0", "aria-label": "Numbers"});
	const rate = new Chart("Messages a second");
	const about = make("p", {class: "quiet"});
	let last = null;
	const add = (name, value) => {
		if (typeof value !== "number") {
			return;
		}
		if (!charts.has(name)) {
			charts.set(name, new Chart(name));
			grid.append(charts.get(name).element);
		}
		charts.get(name).add(value);
	};
	const look = async () => {
		const answer = await get("/admin/stats");
		const now = performance.now();
		if (last !== null) {
			rate.add(Math.max(0, Math.round((answer.messages - last.messages) / ((now - last.now) / 1000))));
		}
		last = {messages: answer.messages, now};
		add("Threads", answer.threads);
		add("Messages", answer.messages);
		for (const [name, value] of Object.entries(answer.store ?? {})) {
			add(name.replaceAll("_", " "), value);
		}
	};
	view.replaceChildren(make("div", {class: "bar"}, make("h1", {}, "Stats"), about), grid);
	grid.append(rate.element);
	const health = await get("/admin/health");
	about.textContent = `${health.service} ${health.version} · database ${health.database_id}`;
	await look();
	const timer = setInterval(() => look().catch((reason) => notice(reason.message, true)), PERIOD);
	signal.addEventListener("abort", () => clearInterval(timer));
}
