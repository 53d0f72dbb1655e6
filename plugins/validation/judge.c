/* SPDX-License-Identifier: Apache-2.0 */
/* Holds a message against the rules, over its bytes as they came: nothing is parsed into a tree. */
#include <stdio.h>
#include <stdlib.h>

#include "rules_private.h"

/* -- values --------------------------------------------------------------------------------------
 */

static unsigned type_of(pdb_slice value)
{
	switch (value.ptr[0]) {
	case '"':
		return TYPE_STRING;
	case '{':
		return TYPE_OBJECT;
	case '[':
		return TYPE_ARRAY;
	case 't':
	case 'f':
		return TYPE_BOOLEAN;
	case 'n':
		return TYPE_NULL;
	default:
		break;
	}
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] == '.' || value.ptr[i] == 'e' || value.ptr[i] == 'E') {
			return TYPE_NUMBER;
		}
	}
	return TYPE_INTEGER;
}

/* Characters of a string: an escape is one, and so is a pair of surrogates. */
static size_t count_characters(pdb_slice json)
{
	size_t count = 0;

	for (size_t i = 1; i + 1 < json.len; count++) {
		uint8_t c = json.ptr[i];

		if (c != '\\') {
			i += c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
		} else if (json.ptr[i + 1] != 'u') {
			i += 2;
		} else {
			bool high = (json.ptr[i + 2] | 32) == 'd' && json.ptr[i + 3] >= '8' &&
				    (json.ptr[i + 3] <= '9' || (json.ptr[i + 3] | 32) <= 'b');

			i += high ? 12 : 6;
		}
	}
	return count;
}

static size_t length_of(const pdb_host_json *json, pdb_slice value)
{
	size_t cursor = 0;
	size_t count = 0;
	pdb_slice key;
	pdb_slice member;

	if (type_of(value) == TYPE_STRING) {
		return count_characters(value);
	}
	while (json->next(value, &cursor, &key, &member)) {
		count++;
	}
	return count;
}

static bool same_number(pdb_slice value, double wanted)
{
	char text[64];
	char *end;

	if (value.len >= sizeof(text)) {
		return false;
	}
	memcpy(text, value.ptr, value.len);
	text[value.len] = '\0';
	/* NaN compares unequal to itself, and JSON has none */
	return !(strtod(text, &end) < wanted) && !(strtod(text, &end) > wanted) && *end == '\0';
}

static bool same_value(const pdb_host_json *json, pdb_slice value, const json_t *wanted)
{
	unsigned type = type_of(value);

	if (json_is_string(wanted)) {
		return type == TYPE_STRING &&
		       json->key_is(pdb_slice_of(value.ptr + 1, value.len - 2),
				    pdb_slice_text(json_string_value(wanted)));
	}
	if (json_is_number(wanted)) {
		return (type & (TYPE_NUMBER | TYPE_INTEGER)) != 0 &&
		       same_number(value, json_number_value(wanted));
	}
	return pdb_slice_is(value, json_is_true(wanted)    ? "true"
				   : json_is_false(wanted) ? "false"
							   : "null");
}

static bool among(const pdb_host_json *json, pdb_slice value, const json_t *values)
{
	size_t i;
	const json_t *one;

	json_array_foreach(values, i, one)
	{
		if (same_value(json, value, one)) {
			return true;
		}
	}
	return false;
}

/* -- paths ---------------------------------------------------------------------------------------
 */

typedef struct walk {
	const pdb_host_json *json;
	const path *path;
	bool (*keep)(const struct walk *w, pdb_slice value); /* false = the rule is broken */
	const rule *rule;
	bool must_be_there;
	size_t met;
} walk;

static bool names(const walk *w, pdb_slice segment, size_t index, pdb_slice key)
{
	char text[24];

	if (key.ptr != NULL) {
		return w->json->key_is(key, segment);
	}
	(void)snprintf(text, sizeof(text), "%zu", index);
	return pdb_slice_is(segment, text);
}

static bool step(walk *w, pdb_slice value, size_t at);

/* Each child that the segment names; false when one of them breaks the rule. */
static bool children(walk *w, pdb_slice value, size_t at)
{
	pdb_slice segment = w->path->segments[at];
	bool any = pdb_slice_is(segment, "*");
	size_t cursor = 0;
	size_t index = 0;
	bool found = any;
	pdb_slice key = {0};
	pdb_slice member = {0};

	while (w->json->next(value, &cursor, &key, &member)) {
		if (any || names(w, segment, index, key)) {
			found = true;
			if (!step(w, member, at + 1)) {
				return false;
			}
		}
		index++;
	}
	return found || !w->must_be_there;
}

static bool step(walk *w, pdb_slice value, size_t at)
{
	if (at < w->path->count) {
		return children(w, value, at);
	}
	w->met++;
	return w->keep == NULL || w->keep(w, value);
}

/* -- rules ---------------------------------------------------------------------------------------
 */

static bool keeps_type(const walk *w, pdb_slice value)
{
	return (type_of(value) & w->rule->types) != 0;
}

static bool keeps_length(const walk *w, pdb_slice value)
{
	return length_of(w->json, value) <= w->rule->max_len;
}

static bool keeps_values(const walk *w, pdb_slice value)
{
	return among(w->json, value, w->rule->values);
}

/* "role" and "author" are texts: they become JSON for the rules. */
#define TEXT_MAX 1024u

static pdb_slice quote(pdb_slice text, char out[TEXT_MAX])
{
	size_t len = 1;

	out[0] = '"';
	for (size_t i = 0; i < text.len && len + 3 < TEXT_MAX; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\') {
			out[len++] = '\\';
		}
		out[len++] = (char)text.ptr[i];
	}
	out[len++] = '"';
	return pdb_slice_of(out, len);
}

static pdb_slice root_of(const rule_subject *subject, const path *p, char text[TEXT_MAX])
{
	if (pdb_slice_is(p->segments[0], "body")) {
		return subject->body;
	}
	return quote(pdb_slice_is(p->segments[0], "role") ? subject->role : subject->author, text);
}

/* Whether the message keeps a rule; for a condition: whether it is met. */
static bool keeps(const rule *r, const pdb_host_json *json, const rule_subject *subject)
{
	char text[TEXT_MAX];
	walk w = {.json = json, .path = &r->path, .rule = r};
	bool kept;

	switch (r->kind) {
	case RULE_REQUIRED:
		w.must_be_there = true;
		break;
	case RULE_TYPE:
		w.keep = keeps_type;
		break;
	case RULE_MAX_LEN:
		w.keep = keeps_length;
		break;
	case RULE_ENUM:
	case RULE_CONDITION:
	default:
		w.keep = keeps_values;
		break;
	}
	kept = step(&w, root_of(subject, &r->path, text), 1);
	return r->kind == RULE_CONDITION ? kept && w.met > 0 : kept;
}

static pdb_status broken(const rule *r, pdb_err *err)
{
	static const char *const words[] = {
		[RULE_REQUIRED] = "is required",
		[RULE_TYPE] = "has a type that is not allowed",
		[RULE_MAX_LEN] = "is too long",
		[RULE_ENUM] = "has a value that is not allowed",
	};
	char pointer[PATH_MAX_ + 1] = "/";

	(void)pdb_err_set(err, PDB_ERULE, NULL, "%s %s.", r->path.text, words[r->kind]);
	memcpy(pointer + 1, r->path.text, strlen(r->path.text) + 1);
	for (char *at = strchr(pointer, '.'); at != NULL; at = strchr(at, '.')) {
		*at = '/';
	}
	return pdb_err_at(err, "%s", pointer);
}

pdb_status rules_judge(const rules *all, const pdb_host_json *json, const rule_subject *subject,
		       pdb_err *err)
{
	bool met[RULES_MAX] = {false};

	for (size_t i = 0; i < all->count; i++) {
		const rule *r = &all->list[i];

		/* a condition stands before the rules that hang on it */
		if (r->condition != ALWAYS && !met[r->condition]) {
			continue;
		}
		met[i] = keeps(r, json, subject);
		if (!met[i] && r->kind != RULE_CONDITION) {
			return broken(r, err);
		}
	}
	return PDB_OK;
}
