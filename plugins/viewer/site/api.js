// SPDX-License-Identifier: Apache-2.0
// The server, asked with the key of this tab.

const SLOT = "progressdb.key";

export class Refusal extends Error {
	constructor(status, answer) {
		super(answer?.error ?? `The server answered ${status}.`);
		this.status = status;
		this.code = answer?.code ?? "";
	}
}

/** The key lives as long as the tab. */
export const key = {
	get: () => sessionStorage.getItem(SLOT),
	set: (value) => sessionStorage.setItem(SLOT, value),
	forget: () => sessionStorage.removeItem(SLOT),
};

/** A reviver that keeps whole numbers as they were sent, where the browser can: nanoseconds do not fit a JavaScript number. */
export const exact = (_name, value, context) => Number.isInteger(value) && !Number.isSafeInteger(value) && context?.source && JSON.rawJSON
	? JSON.rawJSON(context.source) : value;

export async function ask(method, path, body, reviver) {
	const headers = {Authorization: `Bearer ${key.get() ?? ""}`};
	if (body !== undefined) {
		headers["Content-Type"] = "application/json";
	}
	const response = await fetch(path, {
		method, headers, cache: "no-store", credentials: "omit",
		body: body === undefined ? undefined : JSON.stringify(body),
	});
	const text = await response.text();
	let answer = null;
	try {
		answer = text === "" ? null : JSON.parse(text, reviver);
	} catch {
		throw new Refusal(response.status, null);
	}
	if (!response.ok) {
		throw new Refusal(response.status, answer);
	}
	return answer;
}

export const get = (path, reviver) => ask("GET", path, undefined, reviver);

/** "?a=1&b=2" out of what is not empty. */
export function query(values) {
	const used = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
	return used.length === 0 ? "" : `?${new URLSearchParams(used)}`;
}

export const segment = encodeURIComponent;
