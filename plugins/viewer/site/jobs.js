// SPDX-License-Identifier: Apache-2.0
// Jobs with their progress, looked at again and again while the view is open.
import {ask, get, segment} from "./api.js";
import {make, notice, number, span, when} from "./dom.js";

const PERIOD = 2000;

function progress(job) {
	const total = job.total > 0 ? job.total : null;
	if (job.state !== "running") {
		return number(job.done ?? 0);
	}
	return [make("progress", {max: total ?? 1, value: total === null ? null : job.done, "aria-label": `Progress of ${job.id}`}),
		` ${number(job.done)}${total === null ? "" : ` of ${number(total)}`}`];
}

async function cancel(job, look) {
	try {
		await ask("POST", `/admin/jobs/${segment(job.id)}/cancel`);
		notice(`${job.id} is being cancelled.`);
		await look();
	} catch (reason) {
		notice(reason.message, true);
	}
}

/** What begins it, for a job that was not submitted; the name of the run otherwise. */
function about(job) {
	if (job.id !== job.name) {
		return job.id;
	}
	return job.period_seconds > 0 ? `every ${span(job.period_seconds)}` : "when asked";
}

function line(job, look) {
	const bad = job.state === "failed";
	return make("tr", {}, make("td", {}, job.name, make("div", {class: "quiet"}, about(job))),
		make("td", {}, make("span", {class: `tag${bad ? " bad" : job.state === "running" ? " good" : ""}`}, job.state),
			job.error ? make("div", {class: "quiet"}, job.error) : null),
		make("td", {}, progress(job)), make("td", {}, when(job.started_ts)), make("td", {}, when(job.ended_ts)),
		make("td", {}, job.state === "queued" || (job.state === "running" && job.id !== job.name)
			? make("button", {type: "button", onclick: () => cancel(job, look)}, "Cancel") : null));
}

export async function jobs(view, _prefix, _key, signal) {
	const body = make("tbody");
	const table = make("table", {}, make("thead", {}, make("tr", {},
		["Job", "State", "Done", "Started", "Ended", ""].map((name) => make("th", {scope: "col"}, name)))), body);
	const look = async () => {
		const answer = await get("/admin/jobs");
		const list = [...answer.jobs].sort((a, b) => (b.created_ts ?? 0) - (a.created_ts ?? 0));
		body.replaceChildren(...list.map((job) => line(job, look)));
	};
	view.replaceChildren(make("div", {class: "bar"}, make("h1", {}, "Jobs")), make("div", {class: "card scroll", tabindex: "0"}, table));
	await look();
	const timer = setInterval(() => look().catch((reason) => notice(reason.message, true)), PERIOD);
	signal.addEventListener("abort", () => clearInterval(timer));
}
