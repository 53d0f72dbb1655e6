// SPDX-License-Identifier: Apache-2.0
// Lines of two texts, side by side in one: what stayed, went, came.
import {make} from "./dom.js";

const LINES_MAX = 2000;

/** [[" " | "-" | "+", line], …] by the longest common run of lines. */
export function compare(before, after) {
	const a = before.split("\n");
	const b = after.split("\n");
	if (a.length > LINES_MAX || b.length > LINES_MAX) {
		return [...a.map((line) => ["-", line]), ...b.map((line) => ["+", line])];
	}
	const width = b.length + 1;
	const best = new Uint16Array((a.length + 1) * width);
	for (let i = a.length - 1; i >= 0; i--) {
		for (let j = b.length - 1; j >= 0; j--) {
			best[i * width + j] = a[i] === b[j] ? best[(i + 1) * width + j + 1] + 1
				: Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
		}
	}
	const out = [];
	let i = 0;
	let j = 0;
	while (i < a.length || j < b.length) {
		if (i < a.length && j < b.length && a[i] === b[j]) {
			out.push([" ", a[i++]]);
			j++;
		} else if (j === b.length || (i < a.length && best[(i + 1) * width + j] >= best[i * width + j + 1])) {
			out.push(["-", a[i++]]);
		} else {
			out.push(["+", b[j++]]);
		}
	}
	return out;
}

export function show(before, after) {
	const names = {" ": "span", "-": "del", "+": "ins"};
	return make("div", {class: "diff"}, compare(before, after).map(([kind, line]) =>
		make(names[kind], {}, `${kind === " " ? "  " : `${kind} `}${line}`)));
}
