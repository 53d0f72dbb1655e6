/* SPDX-License-Identifier: Apache-2.0 */
/* Reads rules: each section is a mapping from paths, or a list of entries with a path. */
#include <stdio.h>
#include <stdlib.h>

#include "rules_private.h"

typedef struct reading {
	rules *all;
	const char *option; /* where the present section stands */
	size_t condition;
	pdb_problem_fn problem;
	void *arg;
	bool good;
} reading;

static void tell(reading *r, const char *what, const char *text)
{
	char line[512];

	(void)snprintf(line, sizeof(line), "%.300s: %s", what, text);
	r->problem(r->arg, r->option, line);
	r->good = false;
}

/* -- paths ------------------------------------------------------------------------------------ */

static const char *read_path(path *out, const char *text)
{
	char *at = out->text;

	*out = (path){0};
	if (text == NULL || strlen(text) >= sizeof(out->text)) {
		return "is no path of at most 255 bytes";
	}
	memcpy(out->text, text, strlen(text) + 1);
	while (at != NULL) {
		char *dot = strchr(at, '.');
		size_t len = dot != NULL ? (size_t)(dot - at) : strlen(at);

		if (len == 0 || out->count == SEGMENTS_MAX) {
			return "has an empty segment, or more than 32";
		}
		out->segments[out->count++] = pdb_slice_of(at, len);
		at = dot != NULL ? dot + 1 : NULL;
	}
	if (pdb_slice_is(out->segments[0], "body")) {
		return NULL;
	}
	if (pdb_slice_is(out->segments[0], "role") || pdb_slice_is(out->segments[0], "author")) {
		return out->count == 1 ? NULL : "has no members";
	}
	return "does not begin with body, role or author";
}

/* A new rule about the path; NULL when it was told why not. */
static rule *add(reading *r, rule_kind kind, const char *text)
{
	rule *added;
	const char *why;

	if (r->all->count == RULES_MAX) {
		tell(r, "rules", "there are more than 256");
		return NULL;
	}
	added = &r->all->list[r->all->count];
	*added = (rule){.kind = kind, .condition = r->condition};
	why = read_path(&added->path, text);
	if (why != NULL) {
		tell(r, text != NULL ? text : "an entry", why);
		return NULL;
	}
	r->all->count++;
	return added;
}

/* -- what a rule asks for ---------------------------------------------------------------------- */

static unsigned type_of_name(const char *name)
{
	static const struct {
		const char *name;
		unsigned bits;
	} types[] = {
		{"string", TYPE_STRING},   {"number", TYPE_NUMBER | TYPE_INTEGER},
		{"integer", TYPE_INTEGER}, {"int", TYPE_INTEGER},
		{"boolean", TYPE_BOOLEAN}, {"bool", TYPE_BOOLEAN},
		{"object", TYPE_OBJECT},   {"array", TYPE_ARRAY},
		{"null", TYPE_NULL},
	};

	for (size_t i = 0; name != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(types[i].name, name) == 0) {
			return types[i].bits;
		}
	}
	return 0;
}

/* One name, or a list of them. */
static void read_types(reading *r, const char *text, const json_t *value)
{
	rule *added = add(r, RULE_TYPE, text);
	size_t count = json_is_array(value) ? json_array_size(value) : 1;

	for (size_t i = 0; added != NULL && i < count; i++) {
		const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
		unsigned bits =
			json_is_null(one) ? TYPE_NULL : type_of_name(json_string_value(one));

		if (bits == 0) {
			tell(r, text,
			     "the type is string, number, integer, boolean, object, array or null");
		}
		added->types |= bits;
	}
}

/* YAML may have left a number as text. */
static bool read_size(const json_t *value, size_t *out)
{
	const char *text = json_string_value(value);
	char *end = NULL;
	long long number = json_integer_value(value);

	if (text != NULL) {
		number = strtoll(text, &end, 10);
	}
	*out = (size_t)number;
	return (json_is_integer(value) || (text != NULL && end != text && *end == '\0')) &&
	       number >= 0;
}

static void read_max_len(reading *r, const char *text, const json_t *value)
{
	rule *added = add(r, RULE_MAX_LEN, text);

	if (added != NULL && !read_size(value, &added->max_len)) {
		tell(r, text, "the largest length is a number from 0 on");
	}
}

static bool all_plain(const json_t *values)
{
	size_t i;
	const json_t *value;

	json_array_foreach(values, i, value)
	{
		if (json_is_object(value) || json_is_array(value)) {
			return false;
		}
	}
	return json_is_array(values) && json_array_size(values) > 0;
}

static void read_values(reading *r, rule_kind kind, const char *text, const json_t *value)
{
	rule *added = add(r, kind, text);

	if (added == NULL) {
		return;
	}
	added->values = value;
	if (!all_plain(value)) {
		tell(r, text, "the values are a list of texts, numbers, booleans or null");
	}
}

/* -- sections -----------------------------------------------------------------------------------
 */

static void read_required(reading *r, const json_t *tree)
{
	size_t i;
	const json_t *item;

	if (!json_is_array(tree)) {
		tell(r, "required", "is a list of paths");
		return;
	}
	json_array_foreach(tree, i, item)
	{
		(void)add(r, RULE_REQUIRED,
			  json_is_object(item) ? json_string_value(json_object_get(item, "path"))
					       : json_string_value(item));
	}
}

typedef void (*entry_fn)(reading *r, const char *path, const json_t *value);

/* {path: value} or [{path: …, <name>: value}]. */
static void read_entries(reading *r, const json_t *tree, const char *name, const char *other,
			 entry_fn read)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_object(tree)) {
		json_object_foreach((json_t *)(uintptr_t)tree, key, value)
		{
			read(r, key, value);
		}
		return;
	}
	if (!json_is_array(tree)) {
		tell(r, name, "is a mapping from paths, or a list of entries");
		return;
	}
	json_array_foreach(tree, i, value)
	{
		json_t *given = json_object_get(value, name);

		read(r, json_string_value(json_object_get(value, "path")),
		     given != NULL ? given : json_object_get(value, other));
	}
}

static void read_enum(reading *r, const char *text, const json_t *value)
{
	read_values(r, RULE_ENUM, text, value);
}

static bool read_section(reading *r, const char *name, const json_t *tree)
{
	if (strcmp(name, "required") == 0) {
		read_required(r, tree);
	} else if (strcmp(name, "types") == 0) {
		read_entries(r, tree, "type", "types", read_types);
	} else if (strcmp(name, "max_len") == 0) {
		read_entries(r, tree, "max", "max_len", read_max_len);
	} else if (strcmp(name, "enums") == 0) {
		read_entries(r, tree, "values", "enum", read_enum);
	} else {
		return false;
	}
	return true;
}

/* {path: …, equals: value} or {path: …, in: [values]}. */
static bool read_when(reading *r, const json_t *when)
{
	json_t *given = json_object_get(when, "equals");
	json_t *values = json_object_get(when, "in");
	size_t before = r->all->count;

	if (given != NULL && values == NULL) {
		values = json_array();
		/* owned by the tree, so that it lives as long as the rule */
		if (values == NULL || json_array_append(values, given) != 0 ||
		    json_object_set_new((json_t *)(uintptr_t)when, "in", values) != 0) {
			tell(r, "when", "no memory");
			return false;
		}
	}
	r->condition = ALWAYS;
	read_values(r, RULE_CONDITION, json_string_value(json_object_get(when, "path")), values);
	r->condition = before;
	return r->all->count > before;
}

static void read_when_then(reading *r, const json_t *tree)
{
	size_t i;
	json_t *entry;
	const char *name;
	json_t *section;

	json_array_foreach(tree, i, entry)
	{
		json_t *then = json_object_get(entry, "then");

		if (!json_is_object(then) || !read_when(r, json_object_get(entry, "when"))) {
			tell(r, "an entry", "needs when (path, and equals or in) and then");
			continue;
		}
		json_object_foreach(then, name, section)
		{
			if (!read_section(r, name, section)) {
				tell(r, name, "is not required, types, max_len or enums");
			}
		}
	}
	r->condition = ALWAYS;
}

static json_t *load(reading *r, const char *text)
{
	json_t *tree;

	if (text == NULL || text[0] == '\0') {
		return NULL;
	}
	tree = json_loads(text, JSON_DECODE_ANY, NULL);
	if (tree == NULL) {
		tell(r, "rules", "cannot be read");
	}
	return tree;
}

rules *rules_read(const rule_settings *settings, pdb_problem_fn problem, void *arg)
{
	static const char *const names[TREES] = {"required", "types", "max_len", "enums",
						 "when_then"};
	static const char *const options[TREES] = {"validation.required", "validation.types",
						   "validation.max_len", "validation.enums",
						   "validation.when_then"};
	const char *const texts[TREES] = {settings->required, settings->types, settings->max_len,
					  settings->enums, settings->when_then};
	reading r = {.condition = ALWAYS, .problem = problem, .arg = arg, .good = true};

	r.all = calloc(1, sizeof(*r.all));
	if (r.all == NULL) {
		problem(arg, "validation", "no memory for the rules");
		return NULL;
	}
	for (size_t i = 0; i < TREES; i++) {
		r.option = options[i];
		r.all->trees[i] = load(&r, texts[i]);
		if (r.all->trees[i] == NULL || json_is_null(r.all->trees[i])) {
			continue;
		}
		if (!read_section(&r, names[i], r.all->trees[i])) {
			read_when_then(&r, r.all->trees[i]);
		}
	}
	if (!r.good) {
		rules_destroy(&r.all);
	}
	return r.all;
}

void rules_destroy(rules **all)
{
	if (*all != NULL) {
		for (size_t i = 0; i < TREES; i++) {
			json_decref((*all)->trees[i]);
		}
		free(*all);
		*all = NULL;
	}
}
