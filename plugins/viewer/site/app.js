// SPDX-License-Identifier: Apache-2.0
// The frame: the key, the tabs, and which view an address names.
import {get, key} from "./api.js";
import {make, notice} from "./dom.js";
import {jobs} from "./jobs.js";
import {rows} from "./rows.js";
import {stats} from "./stats.js";
import {thread, threads, user, users} from "./threads.js";

const view = document.getElementById("view");
const leave = document.getElementById("leave");
let open = new AbortController();

const VIEWS = {
	threads: (parts) => parts.length > 0 ? thread(view, parts[0]) : threads(view),
	users: (parts) => parts.length > 0 ? user(view, parts[0]) : users(view),
	rows: (parts) => rows(view, parts[0] ?? "", parts[1]),
	jobs: (_parts, signal) => jobs(view, "", "", signal),
	stats: (_parts, signal) => stats(view, "", "", signal),
};

function signIn(reason) {
	const field = make("input", {type: "password", autocomplete: "off", required: true, id: "key", "aria-describedby": "about-key"});
	const form = make("form", {class: "card sign-in", onsubmit: async (event) => {
		event.preventDefault();
		key.set(field.value);
		try {
			await get("/admin/health");
			notice("");
			show();
		} catch (refusal) {
			key.forget();
			notice(refusal.message, true);
		}
	}}, make("h1", {}, "Who asks?"), make("label", {for: "key"}, "Admin key"), field,
	make("p", {class: "quiet", id: "about-key"}, "It stays in this tab and is forgotten when the tab is closed."),
	make("button", {class: "main"}, "Look"));
	view.replaceChildren(form);
	leave.hidden = true;
	field.focus();
	if (reason) {
		notice(reason, true);
	}
}

async function show() {
	const [name = "threads", ...parts] = location.hash.replace(/^#\/?/, "").split("/").filter((part) => part !== "").map(decodeURIComponent);
	open.abort();
	open = new AbortController();
	if (!key.get()) {
		signIn();
		return;
	}
	leave.hidden = false;
	const chosen = name in VIEWS ? name : "threads";
	for (const tab of document.querySelectorAll("nav a")) {
		if (tab.getAttribute("href") === `#/${chosen}`) {
			tab.setAttribute("aria-current", "page");
		} else {
			tab.removeAttribute("aria-current");
		}
	}
	document.title = `${chosen[0].toUpperCase()}${chosen.slice(1)} – ProgressDB`;
	try {
		await VIEWS[chosen](parts, open.signal);
	} catch (reason) {
		if (reason.status === 401 || reason.status === 403) {
			key.forget();
			signIn(reason.message);
			return;
		}
		view.replaceChildren(make("div", {class: "card"}, make("h1", {}, "This cannot be shown"),
			make("p", {}, reason.status === 404 ? "It is not there, or the server does not offer it." : reason.message)));
	}
}

leave.addEventListener("click", () => { key.forget(); show(); });
addEventListener("hashchange", show);
addEventListener("keydown", (event) => {
	if (event.key === "/" && !["INPUT", "SELECT"].includes(document.activeElement?.tagName)) {
		document.getElementById("find")?.focus();
		event.preventDefault();
	} else if (event.key === "Escape" && document.activeElement?.id === "find") {
		document.querySelector(".list, .stream")?.focus();
	}
});
show();
