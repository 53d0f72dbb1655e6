// SPDX-License-Identifier: Apache-2.0
// A line over time, as large as its card.
import {draw, make} from "./dom.js";

const KEPT = 120;

export class Chart {
	/** `spell` makes a text of a value. */
	constructor(title, spell) {
		this.spell = spell;
		this.values = [];
		this.area = draw("path", {class: "area"});
		this.line = draw("path");
		this.figure = make("b", {}, "–");
		this.picture = draw("svg", {viewBox: "0 0 100 40", preserveAspectRatio: "none", role: "img"}, this.area, this.line);
		this.title = title;
		this.element = make("section", {class: "card chart"}, make("h2", {class: "quiet"}, title), this.figure, this.picture);
	}

	add(value) {
		this.values = this.values.concat(value).slice(-KEPT);
		this.figure.textContent = this.spell(value);
		const low = Math.min(...this.values);
		const high = Math.max(...this.values);
		const span = high - low || 1;
		const points = this.values.map((v, i) => {
			const x = this.values.length === 1 ? 100 : (i / (this.values.length - 1)) * 100;
			return `${x.toFixed(2)},${(38 - ((v - low) / span) * 34).toFixed(2)}`;
		});
		this.line.setAttribute("d", `M${points.join("L")}`);
		this.area.setAttribute("d", `M${points.join("L")}L100,40L0,40Z`);
		this.picture.setAttribute("aria-label", `${this.title}: ${this.spell(value)}, from ${this.spell(low)} to ${this.spell(high)}`);
	}
}
