// SPDX-License-Identifier: Apache-2.0
// Elements out of names, properties and children. Texts stay texts: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
	for (const [name, value] of Object.entries(properties)) {
		if (name.startsWith("on")) {
			element.addEventListener(name.slice(2), value);
		} else if (value === true) {
			element.setAttribute(name, "");
		} else if (value !== false && value !== null && value !== undefined) {
			element.setAttribute(name, value);
		}
	}
	element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
	return element;
}

/** make("a", {class: "x", href: "#"}, "text", …) */
export function make(name, properties = {}, ...children) {
	return fill(document.createElement(name), properties, children);
}

export function draw(name, properties = {}, ...children) {
	return fill(document.createElementNS(SVG, name), properties, children);
}

/** Nanoseconds since 1970 (as the API has them) as a local date; "" for none. */
export function when(ts) {
	if (!ts) {
		return "";
	}
	const date = new Date(ts / 1e6);
	return Number.isNaN(date.getTime()) ? String(ts) : date.toLocaleString();
}

export function time(ts) {
	const text = when(ts);
	return text === "" ? null : make("time", {datetime: new Date(ts / 1e6).toISOString()}, text);
}

export function number(value) {
	return typeof value === "number" ? value.toLocaleString(undefined, {maximumFractionDigits: Math.abs(value) < 10 ? 2 : 0})
		: String(value ?? "");
}

/** Seconds in the largest unit that leaves no rest. */
export function span(seconds) {
	const [unit, size] = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]].find(([, one]) => seconds % one === 0) ?? ["s", 1];
	return `${number(seconds / size)} ${unit}`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A size in the unit that leaves few digits. */
export function bytes(value) {
	const step = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.abs(value) || 1) / 10)));
	return `${(value / 1024 ** step).toLocaleString(undefined, {maximumSignificantDigits: 3})} ${UNITS[step]}`;
}

let timer = 0;

/** Says something at the edge of the page for a while. */
export function notice(text, bad = false) {
	const element = document.getElementById("notice");
	element.textContent = text;
	element.classList.toggle("bad", bad);
	clearTimeout(timer);
	timer = setTimeout(() => { element.textContent = ""; }, 6000);
}
