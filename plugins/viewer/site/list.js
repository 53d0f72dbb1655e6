// SPDX-License-Identifier: Apache-2.0
// A list of any length: only the rows that are seen are elements, and pages are fetched as one comes near their end.
import {make, notice} from "./dom.js";

const HEIGHT = 52;
const MARGIN = 8;

/**
 * `fetchPage(cursor)` gives {items, cursor} (cursor null at the end); `row(item)` gives {href, what, note, more, text, mono}: what is shown, and what a filter looks at.
 * Arrow keys, page keys, Home and End move, Enter follows.
 */
export class List {
	constructor(label, fetchPage, row) {
		this.fetchPage = fetchPage;
		this.row = row;
		this.items = [];
		this.cursor = undefined;
		this.at = -1;
		this.filter = "";
		this.shown = [];
		this.space = make("div", {class: "space"});
		this.element = make("div", {class: "list", role: "listbox", tabindex: "0", "aria-label": label}, this.space);
		this.element.addEventListener("scroll", () => this.paint(), {passive: true});
		this.element.addEventListener("keydown", (event) => this.onKey(event));
		this.counter = make("span", {class: "count", "aria-live": "polite"});
		new ResizeObserver(() => this.paint()).observe(this.element);
	}

	/** Reads the first page. */
	async start() {
		this.items = [];
		this.cursor = undefined;
		this.at = -1;
		await this.more();
	}

	find(text) {
		this.filter = text.toLowerCase();
		this.refresh();
	}

	refresh() {
		this.shown = this.filter === "" ? this.items
			: this.items.filter((item) => this.row(item).text.toLowerCase().includes(this.filter));
		const all = this.items.length.toLocaleString();
		this.counter.textContent = this.filter === "" ? `${all}${this.cursor === null ? "" : "+"}`
			: `${this.shown.length.toLocaleString()} of ${all}${this.cursor === null ? "" : "+"}`;
		this.space.style.height = `${this.shown.length * HEIGHT}px`;
		this.paint();
	}

	async more() {
		if (this.loading || this.cursor === null) {
			return;
		}
		this.loading = true;
		try {
			const page = await this.fetchPage(this.cursor);
			this.items = this.items.concat(page.items);
			this.cursor = page.cursor ?? null;
		} catch (reason) {
			this.cursor = null;
			notice(reason.message, true);
		}
		this.loading = false;
		this.refresh();
	}

	paint() {
		const view = this.element;
		const first = Math.max(0, Math.floor(view.scrollTop / HEIGHT) - MARGIN);
		const last = Math.min(this.shown.length, Math.ceil((view.scrollTop + view.clientHeight) / HEIGHT) + MARGIN);
		const rows = [];
		for (let i = first; i < last; i++) {
			rows.push(this.element_of(i));
		}
		this.space.replaceChildren(...rows);
		if (this.cursor !== null && (last >= this.shown.length - MARGIN || this.filter !== "")) {
			this.more();
		}
	}

	element_of(i) {
		const parts = this.row(this.shown[i]);
		const element = make("a", {
			class: "row", role: "option", href: parts.href, tabindex: "-1", id: `row-${i}`,
			"aria-selected": i === this.at ? "true" : "false", "aria-setsize": this.shown.length, "aria-posinset": i + 1,
		}, make("span", {class: "what"}, make("span", {class: parts.mono ? "mono" : null}, parts.what), make("small", {class: "quiet"}, parts.note ?? "")),
		make("small", {class: "more quiet"}, parts.more ?? ""));
		element.style.top = `${i * HEIGHT}px`;
		return element;
	}

	onKey(event) {
		const page = Math.max(1, Math.floor(this.element.clientHeight / HEIGHT) - 1);
		const steps = {ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity};
		if (event.key === "Enter" && this.at >= 0) {
			location.hash = this.row(this.shown[this.at]).href;
		} else if (event.key in steps && this.shown.length > 0) {
			this.at = Math.max(0, Math.min(this.shown.length - 1, this.at + steps[event.key]));
			const top = this.at * HEIGHT;
			const view = this.element;
			if (top < view.scrollTop) {
				view.scrollTop = top;
			} else if (top + HEIGHT > view.scrollTop + view.clientHeight) {
				view.scrollTop = top + HEIGHT - view.clientHeight;
			}
			this.paint();
			view.setAttribute("aria-activedescendant", `row-${this.at}`);
		} else {
			return;
		}
		event.preventDefault();
	}
}

/** A bar with a heading, a field that filters the list, and how many there are. */
export function bar(title, list, placeholder) {
	const field = make("input", {type: "search", placeholder, "aria-label": placeholder, id: "find",
		oninput: (event) => list.find(event.target.value)});
	return make("div", {class: "bar"}, make("h1", {}, title), field, list.counter);
}
