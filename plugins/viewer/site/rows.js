// SPDX-License-Identifier: Apache-2.0
// The stored rows: keys by prefix, and one row at a time.
import {exact, get, query, segment} from "./api.js";
import {bytes, make, notice} from "./dom.js";
import {List} from "./list.js";

export async function rows(view, prefix, key) {
	const list = new List("Keys", async (cursor) => {
		const answer = await get("/admin/keys" + query({prefix, limit: 500, cursor}));
		return {items: answer.keys, cursor: answer.pagination.has_more ? answer.pagination.next_cursor ?? answer.pagination.cursor : null};
	}, (one) => ({href: `#/rows/${segment(prefix)}/${segment(one)}`, what: one, text: one, mono: true}));
	const field = make("input", {type: "search", id: "find", value: prefix, placeholder: "Prefix, such as thread:", "aria-label": "Prefix of keys"});
	const form = make("form", {class: "bar", onsubmit: (event) => {
		event.preventDefault();
		location.hash = `#/rows/${segment(field.value)}`;
	}}, make("h1", {}, "Rows"), field, make("button", {class: "main"}, "Show"), list.counter);
	const value = make("section", {class: "card", "aria-label": "Value"}, make("p", {class: "quiet"}, "Choose a key to see its row."));
	view.replaceChildren(form, make("div", {class: "two"}, list.element, value));
	await list.start();
	if (key !== undefined) {
		try {
			const row = await get("/admin/value" + query({key}), exact);
			value.replaceChildren(make("h2", {class: "mono"}, key), make("p", {class: "quiet"}, `${row.kind} · ${bytes(row.size)}`),
				make("pre", {class: "value"}, JSON.stringify(row.value ?? row.base64 ?? null, null, 2)));
		} catch (reason) {
			notice(reason.message, true);
		}
	}
}
