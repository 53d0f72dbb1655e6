// SPDX-License-Identifier: Apache-2.0
// The page out of the description: operations by tag, then the schemas they speak of.

const METHODS = ["get", "post", "put", "patch", "delete"];

function make(name, properties = {}, ...children) {
	const element = document.createElement(name);
	for (const [key, value] of Object.entries(properties)) {
		if (key.startsWith("on")) {
			element.addEventListener(key.slice(2), value);
		} else {
			element.setAttribute(key, value);
		}
	}
	element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
	return element;
}

let root = {};

function resolve(node) {
	let seen = node;
	while (seen?.$ref) {
		seen = seen.$ref.replace("#/", "").split("/").reduce((at, part) => at?.[part], root);
	}
	return seen ?? {};
}

const nameOf = (reference) => reference.split("/").at(-1);

/** Text with `code` and **words** that stand out; lines are joined, paragraphs stay. */
function words(text) {
	return String(text ?? "").trim().replace(/([^\n])\n(?!\n)/g, "$1 ").split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
		if (part.startsWith("`") && part.length > 1) {
			return make("code", {}, part.slice(1, -1));
		}
		return part.startsWith("**") ? make("strong", {}, part.slice(2, -2)) : part;
	});
}

function typeOf(schema) {
	if (schema?.$ref) {
		const name = nameOf(schema.$ref);
		return schema.$ref.includes("/schemas/") ? make("a", {href: `#schema-${name}`}, name) : typeOf(resolve(schema));
	}
	const kind = Array.isArray(schema?.type) ? schema.type.join(" or ") : schema?.type ?? (schema?.enum ? "one of" : "any");
	if (schema?.type === "array") {
		return ["list of ", typeOf(schema.items ?? {})];
	}
	return kind;
}

function limits(schema) {
	const real = schema?.$ref ? {} : schema ?? {};
	const parts = [];
	for (const [name, label] of [["minimum", "from"], ["maximum", "to"], ["minLength", "at least"], ["maxLength", "at most"],
		["maxItems", "at most"], ["default", "default"], ["pattern", "matches"], ["const", "always"]]) {
		if (real[name] !== undefined) {
			parts.push(`${label} ${JSON.stringify(real[name])}`);
		}
	}
	if (real.enum) {
		parts.push(`one of ${real.enum.map((one) => JSON.stringify(one)).join(", ")}`);
	}
	return parts.join(" · ");
}

function propertyRows(schema) {
	const required = new Set(schema.required ?? []);
	return Object.entries(schema.properties ?? {}).map(([name, property]) => make("tr", {},
		make("td", {}, make("code", {}, name), required.has(name) ? "" : make("span", {class: "quiet"}, " optional")),
		make("td", {}, typeOf(property)),
		make("td", {class: "quiet"}, words(property.description ?? ""), " ", limits(property))));
}

function schemaBody(schema) {
	const real = resolve(schema);
	const parts = real.allOf ?? real.oneOf ?? real.anyOf;
	if (parts) {
		return make("div", {}, make("p", {class: "quiet"}, real.allOf ? "All of:" : "One of:"), parts.map((part) => part.$ref
			? make("p", {}, typeOf(part)) : schemaBody(part)));
	}
	const rows = propertyRows(real);
	return rows.length > 0 ? make("table", {}, rows) : make("p", {}, typeOf(real), " ", make("span", {class: "quiet"}, limits(real)));
}

function example(media) {
	const value = media?.example ?? Object.values(media?.examples ?? {})[0]?.value;
	return value === undefined ? null
		: make("pre", {tabindex: "0"}, typeof value === "string" ? value : JSON.stringify(value, null, 2));
}

function content(holder) {
	return Object.entries(holder.content ?? {}).map(([type, media]) => make("div", {},
		make("p", {class: "quiet"}, type, media.schema?.$ref ? [" · ", typeOf(media.schema)] : ""),
		media.schema && !media.schema.$ref ? schemaBody(media.schema) : null, example(media)));
}

function parameters(list) {
	if (list.length === 0) {
		return null;
	}
	return [make("h4", {}, "Parameters"), make("table", {}, list.map(resolve).map((one) => make("tr", {},
		make("td", {}, make("code", {}, one.name), make("span", {class: "quiet"}, ` in ${one.in}${one.required ? "" : ", optional"}`)),
		make("td", {}, typeOf(one.schema)), make("td", {class: "quiet"}, words(one.description ?? ""), " ", limits(one.schema)))))];
}

function responses(all) {
	return [make("h4", {}, "Answers"), make("table", {}, Object.entries(all).map(([status, reference]) => {
		const answer = resolve(reference);
		const good = status.startsWith("2");
		return make("tr", {}, make("td", {}, make("code", {}, status)),
			make("td", {}, words(answer.description), good ? content(answer) : null));
	}))];
}

function operation(path, method, about, shared) {
	const body = about.requestBody ? resolve(about.requestBody) : null;
	return make("article", {class: "operation", id: about.operationId},
		make("h3", {}, make("span", {class: `method ${method}`}, method), make("code", {}, path)),
		make("p", {}, make("strong", {}, about.summary ?? "")), make("p", {}, words(about.description ?? "")),
		parameters([...(shared ?? []), ...(about.parameters ?? [])]),
		body ? [make("h4", {}, body.required ? "Body" : "Body, optional"), content(body)] : null, responses(about.responses ?? {}));
}

function operations() {
	const groups = new Map((root.tags ?? []).map((tag) => [tag.name, {tag, list: []}]));
	for (const [path, item] of Object.entries(root.paths)) {
		for (const method of METHODS.filter((one) => item[one])) {
			const name = item[method].tags?.[0] ?? "other";
			if (!groups.has(name)) {
				groups.set(name, {tag: {name}, list: []});
			}
			groups.get(name).list.push({path, method, about: item[method], shared: item.parameters});
		}
	}
	return [...groups.values()].filter((group) => group.list.length > 0);
}

function contents(groups, schemas) {
	const filter = make("input", {type: "search", placeholder: "Filter", "aria-label": "Filter the contents", oninput: (event) => {
		const text = event.target.value.toLowerCase();
		for (const link of document.querySelectorAll("nav a")) {
			link.hidden = !link.textContent.toLowerCase().includes(text);
		}
	}});
	return [filter, groups.map((group) => [make("h2", {}, group.tag.name),
		group.list.map((one) => make("a", {href: `#${one.about.operationId}`}, one.about.summary ?? one.path))]),
	make("h2", {}, "schemas"), schemas.map((name) => make("a", {href: `#schema-${name}`}, name))];
}

async function show() {
	root = await (await fetch("openapi.json", {credentials: "omit"})).json();
	const groups = operations();
	const schemas = Object.keys(root.components?.schemas ?? {});
	document.getElementById("contents").append(...contents(groups, schemas).flat(Infinity));
	document.getElementById("page").replaceChildren(
		make("h1", {}, root.info.title), make("p", {class: "quiet"}, `Version ${root.info.version} · `, make("a", {href: "/openapi.yaml"}, "openapi.yaml")),
		make("p", {}, words(root.info.description ?? "")),
		...groups.flatMap((group) => [make("h2", {}, group.tag.name), ...group.list.map((one) => operation(one.path, one.method, one.about, one.shared))]),
		make("h2", {}, "schemas"),
		...schemas.map((name) => make("article", {class: "schema", id: `schema-${name}`}, make("h3", {}, name),
			make("p", {class: "quiet"}, words(root.components.schemas[name].description ?? "")), schemaBody(root.components.schemas[name]))));
	if (location.hash !== "") {
		document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
	}
}

show().catch((reason) => document.getElementById("page").append(make("p", {}, `The description cannot be read: ${reason.message}`)));
