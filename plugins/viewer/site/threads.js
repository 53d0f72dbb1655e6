// SPDX-License-Identifier: Apache-2.0
// Threads, users, and the messages of a thread with their versions.
import {get, query, segment} from "./api.js";
import {show as showDifference} from "./diff.js";
import {make, notice, number, time, when} from "./dom.js";
import {List, bar} from "./list.js";

const PAGE = 500;
// Of a thread: so many messages are shown at a time, and so many looked at before it is asked whether to go on.
const SCREENFUL = 200;
const FAR = 50000;

const next = (answer) => answer.pagination.next_cursor ?? answer.pagination.cursor ?? null;

function threadRow(thread) {
	const states = [thread.deleted ? "deleted" : "", thread.legal_hold ? "legal hold" : ""].filter(Boolean).join(", ");
	return {
		href: `#/threads/${segment(thread.id)}`,
		what: thread.title ? `${thread.title} – ${thread.id}` : thread.id,
		note: [thread.author, states].filter(Boolean).join(" · "),
		more: `${number(thread.message_count)} message${thread.message_count === 1 ? "" : "s"} · ${when(thread.last_ts)}`,
		text: `${thread.id} ${thread.title ?? ""} ${thread.author}`,
	};
}

function threadList(label, path) {
	return new List(label, async (cursor) => {
		const answer = await get(path + query({limit: PAGE, cursor}));
		return {items: answer.threads, cursor: answer.pagination.has_more ? next(answer) : null};
	}, threadRow);
}

export async function threads(view) {
	const list = threadList("Threads", "/admin/threads");
	view.replaceChildren(bar("Threads", list, "Filter by id or author"), list.element);
	await list.start();
}

export async function users(view) {
	const list = new List("Users", async (cursor) => {
		const answer = await get("/admin/users" + query({limit: PAGE, cursor}));
		return {items: answer.users, cursor: answer.pagination.has_more ? next(answer) : null};
	}, (user) => ({href: `#/users/${segment(user.id)}`, what: user.id, note: "", more: when(user.last_ts), text: user.id}));
	view.replaceChildren(bar("Users", list, "Filter by user id"), list.element);
	await list.start();
}

export async function user(view, id) {
	const list = threadList(`Threads of ${id}`, `/admin/users/${segment(id)}/threads`);
	view.replaceChildren(bar(`Threads of ${id}`, list, "Filter by id or author"), list.element);
	await list.start();
}

/* -- messages ---------------------------------------------------------------------------------- */

const pretty = (value) => typeof value === "string" ? value : JSON.stringify(value, null, 2);

function textOf(body) {
	if (typeof body === "string") {
		return body;
	}
	return body && typeof body.text === "string" && Object.keys(body).length === 1 ? body.text : pretty(body);
}

/** The text with what was searched for marked. */
function marked(text, words) {
	if (words === "") {
		return [text];
	}
	const parts = [];
	const lower = text.toLowerCase();
	let from = 0;
	for (let at = lower.indexOf(words); at >= 0; at = lower.indexOf(words, from)) {
		parts.push(text.slice(from, at), make("mark", {}, text.slice(at, at + words.length)));
		from = at + words.length;
	}
	return [...parts, text.slice(from)];
}

async function showVersions(card, thread, message, button) {
	const open = card.querySelector(".versions");
	if (open) {
		open.remove();
		button.setAttribute("aria-expanded", "false");
		return;
	}
	try {
		const answer = await get(`/v1/threads/${segment(thread)}/messages/${segment(message.id)}/versions`);
		const versions = [...answer.versions].sort((a, b) => a.version - b.version);
		const parts = versions.map((one, i) => make("section", {},
			make("h2", {class: "quiet"}, `Version ${one.version} · ${when(one.edited_ts ?? one.ts)}`),
			i === 0 ? make("pre", {}, textOf(one.body)) : showDifference(textOf(versions[i - 1].body), textOf(one.body))));
		card.append(make("div", {class: "versions"}, parts));
		button.setAttribute("aria-expanded", "true");
	} catch (reason) {
		notice(reason.message, true);
	}
}

function messageCard(thread, message, words) {
	const button = message.version > 1
		? make("button", {type: "button", "aria-expanded": "false",
			onclick: () => showVersions(card, thread, message, button)}, `${message.version} versions`)
		: null;
	const card = make("article", {class: `card message${message.deleted ? " deleted" : ""}`, id: message.id},
		make("header", {}, make("span", {class: "by"}, message.author), make("span", {class: "tag"}, message.role),
			message.deleted ? make("span", {class: "tag bad"}, "deleted") : null,
			make("small", {class: "quiet"}, time(message.ts), ` · #${message.seq}`), button),
		make("pre", {class: typeof message.body === "string" || message.body?.text ? "text" : null}, message.deleted ? "This message was deleted." : marked(textOf(message.body), words)),
		message.reactions ? make("p", {class: "quiet"}, message.reactions.map((one) => `${one.reaction} ${one.id}`).join(" · ")) : null);
	return card;
}

/**
 * The messages of one thread from the newest back, a screenful of hits at a time. What was read stays, so that other words are
 * looked for without reading again.
 */
class Stream {
	constructor(thread) {
		this.thread = thread;
		this.messages = []; // newest first
		this.before = undefined; // null at the beginning of the thread
		this.element = make("div", {class: "stream", tabindex: "0", role: "log", "aria-label": "Messages"});
		this.older = make("button", {type: "button",
			onclick: () => this.further().catch((reason) => notice(reason.message, true))});
		this.found = make("span", {class: "count", "aria-live": "polite"});
	}

	/** Reads a page; who asks while one is read gets that one. */
	load() {
		this.loading ??= this.read().finally(() => { this.loading = null; });
		return this.loading;
	}

	async read() {
		const answer = await get(`/v1/threads/${segment(this.thread)}/messages`
			+ query({limit: PAGE, include_deleted: "true", before: this.before}));
		this.messages.push(...answer.messages.reverse());
		this.before = answer.pagination.has_before ? answer.pagination.before : null;
	}

	/** Begins at the newest message; "" finds all. */
	async search(text) {
		this.words = text.trim().toLowerCase();
		this.at = 0; // so many of the messages have been looked at
		this.hits = 0;
		this.element.replaceChildren(this.older);
		await this.further();
		this.element.scrollTop = this.element.scrollHeight;
	}

	matches(message) {
		return this.words === "" || textOf(message.body ?? "").toLowerCase().includes(this.words);
	}

	/** Shows more hits above those there are; stops after a screenful, or when it has looked far enough. */
	async further() {
		const turn = this.turn = {};
		const end = this.at + FAR;
		const found = [];
		this.older.disabled = true;
		while (found.length < SCREENFUL && this.at < end && (this.at < this.messages.length || this.before !== null)) {
			if (this.at === this.messages.length) {
				this.tell();
				await this.load().catch((reason) => { this.older.disabled = false; throw reason; });
				if (this.turn !== turn) {
					return;
				}
			} else if (this.matches(this.messages[this.at++])) {
				found.unshift(messageCard(this.thread, this.messages[this.at - 1], this.words));
			}
		}
		this.hits += found.length;
		const height = this.element.scrollHeight - this.element.scrollTop;
		this.older.after(...found);
		this.older.disabled = false;
		this.tell();
		this.element.scrollTop = this.element.scrollHeight - height;
	}

	tell() {
		const read = `${number(this.messages.length)}${this.before === null ? "" : "+"}`;
		this.found.textContent = this.words === "" ? `${read} messages` : `${number(this.hits)} found in ${number(this.at)} of ${read}`;
		this.older.textContent = this.words === "" ? "Older messages" : "Search further";
		this.older.hidden = this.before === null && this.at === this.messages.length;
	}
}

export async function thread(view, id) {
	const stream = new Stream(id);
	const about = await get(`/v1/threads/${segment(id)}?include_deleted=true`);
	let waiting = 0;
	const field = make("input", {type: "search", id: "find", placeholder: "Search in this thread", "aria-label": "Search in this thread",
		oninput: (event) => {
			clearTimeout(waiting);
			waiting = setTimeout(() => stream.search(event.target.value).catch((reason) => notice(reason.message, true)), 150);
		}});
	const people = [about.author, ...about.participants];
	view.replaceChildren(
		make("div", {class: "bar"}, make("h1", {}, about.title || id),
			about.deleted ? make("span", {class: "tag bad"}, "deleted") : null,
			about.attributes?.legal_hold === true ? make("span", {class: "tag good"}, "legal hold") : null,
			field, stream.found),
		make("p", {class: "quiet bar"}, make("span", {}, id), make("span", {}, "by "),
			people.slice(0, 8).map((person) => make("a", {href: `#/users/${segment(person)}`}, person)),
			people.length > 8 ? make("span", {}, `and ${people.length - 8} more`) : null,
			make("a", {href: `#/rows/${segment(`thread:${id}:`)}`}, "rows")),
		stream.element);
	await stream.search("");
}
