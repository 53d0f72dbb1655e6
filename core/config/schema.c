/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON Schema of a configuration file. */
#include "base/json.h"
#include "config/config_private.h"

/* Begins the next line of an object, behind a comma unless it is the first. */
static void add_line(pdb_buf *out, unsigned depth)
{
	if (out->len > 0 && out->data[out->len - 1] != '{') {
		pdb_buf_add_byte(out, ',');
	}
	pdb_buf_printf(out, "\n%*s", (int)(depth * 2), "");
}

static void add_name(pdb_buf *out, const char *name, size_t len, unsigned depth)
{
	add_line(out, depth);
	pdb_json_add_string(out, pdb_slice_of(name, len));
	pdb_buf_add_text(out, ": {");
}

/* Each section takes two levels: the object and its "properties". */
static void schema_open(void *arg, const char *name, size_t len, unsigned depth)
{
	unsigned level = depth * 2 + 2;

	add_name(arg, name, len, level);
	add_line(arg, level + 1);
	pdb_buf_add_text(arg, "\"type\": [\"object\", \"null\"]");
	add_line(arg, level + 1);
	pdb_buf_add_text(arg, "\"additionalProperties\": false");
	add_line(arg, level + 1);
	pdb_buf_add_text(arg, "\"properties\": {");
}

static void schema_close(void *arg, unsigned depth)
{
	int level = (int)(depth * 2 + 2) * 2;

	pdb_buf_printf(arg, "\n%*s}\n%*s}", level + 2, "", level, "");
}

static void add_bounds(pdb_buf *out, const pdb_option *row, const char *low, const char *high)
{
	if (row->min == 0 && row->max == 0) {
		return;
	}
	pdb_buf_printf(out, ", \"%s\": %lld, \"%s\": %lld", low, (long long)row->min, high,
		       (long long)row->max);
}

/* An application may give null for any option to leave it out. */
static void add_choices(pdb_buf *out, const pdb_option *row)
{
	pdb_buf_add_text(out, "\"enum\": [");
	for (size_t i = 0; row->choices[i] != NULL; i++) {
		pdb_json_add_string(out, pdb_slice_text(row->choices[i]));
		pdb_buf_add_text(out, ", ");
	}
	pdb_buf_add_text(out, "null]");
}

static void add_items(pdb_buf *out, const pdb_option *row)
{
	const char *member = pdb__dropin_element(row->key);

	pdb_buf_add_text(out, "\"type\": [\"array\", \"null\"], \"items\": {\"type\": [\"string\", "
			      "\"number\", \"boolean\"");
	if (member == NULL) {
		pdb_buf_add_text(out, "]}");
	} else {
		pdb_buf_printf(out, ", \"object\"], \"required\": [\"%s\"]}", member);
	}
	add_bounds(out, row, "minItems", "maxItems");
}

/* Patterns judge texts and bounds judge numbers, so that both spellings are covered at once. */
static void add_type(pdb_buf *out, const pdb_option *row)
{
	switch (row->type) {
	case PDB_OPTION_BOOL:
		pdb_buf_add_text(out,
				 "\"enum\": [true, false, \"yes\", \"no\", \"on\", \"off\", null]");
		break;
	case PDB_OPTION_INT:
		pdb_buf_add_text(out, "\"type\": [\"integer\", \"string\", \"null\"], "
				      "\"pattern\": \"^([-+]?[0-9]+(_[0-9]+)*)?$\"");
		add_bounds(out, row, "minimum", "maximum");
		break;
	case PDB_OPTION_SIZE:
		pdb_buf_add_text(out, "\"type\": [\"integer\", \"string\", \"null\"], \"pattern\": "
				      "\"^([0-9]+(_[0-9]+)* ?([kKmMgGtT]i?)?[bB]?)?$\"");
		add_bounds(out, row, "minimum", "maximum");
		break;
	case PDB_OPTION_DURATION:
		pdb_buf_add_text(out,
				 "\"type\": [\"number\", \"string\", \"null\"], \"minimum\": "
				 "0, \"pattern\": \"^[0-9_.]*( ?[a-zA-Z\\u00b5]+[0-9_.]*)*$\"");
		break;
	case PDB_OPTION_STRING:
	case PDB_OPTION_PATH:
		pdb_buf_add_text(out, "\"type\": [\"string\", \"number\", \"boolean\", \"null\"]");
		add_bounds(out, row, "minLength", "maxLength");
		break;
	case PDB_OPTION_ENUM:
		add_choices(out, row);
		break;
	case PDB_OPTION_LIST:
		add_items(out, row);
		break;
	case PDB_OPTION_TREE:
		break;
	}
}

/* The default as people would write it; a text for everything but true, false and numbers. */
static void add_default(pdb_buf *out, const pdb_option *row)
{
	bool bare = row->type == PDB_OPTION_BOOL || row->type == PDB_OPTION_INT;
	pdb_slice text = pdb_slice_text(row->fallback);

	if (text.len == 0 || row->type == PDB_OPTION_LIST || row->type == PDB_OPTION_TREE) {
		return;
	}
	pdb_buf_add_text(out, ", \"default\": ");
	if (bare && pdb_json_check(text, NULL, NULL) == PDB_OK) {
		pdb_buf_add_slice(out, text);
	} else {
		pdb_json_add_string(out, text);
	}
}

static void schema_leaf(void *arg, const char *name, const pdb_entry *entry, unsigned depth)
{
	unsigned level = depth * 2 + 2;
	pdb_buf *out = arg;

	add_name(out, name, strlen(name), level);
	add_line(out, level + 1);
	pdb_buf_add_text(out, "\"description\": ");
	pdb_json_add_string(out, pdb_slice_text(entry->row.help));
	if (entry->row.type != PDB_OPTION_TREE) {
		add_line(out, level + 1);
		add_type(out, &entry->row);
		add_default(out, &entry->row);
	}
	pdb_buf_printf(out, "\n%*s}", (int)(level * 2), "");
}

pdb_status pdb_config_schema(const pdb_config *config, pdb_buf *out)
{
	static const pdb_outline_ops ops = {schema_open, schema_close, schema_leaf};

	pdb_buf_add_text(out, "{\n"
			      "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
			      "  \"title\": \"The configuration of ProgressDB\",\n"
			      "  \"type\": \"object\",\n"
			      "  \"additionalProperties\": false,\n"
			      "  \"properties\": {");
	pdb__outline_walk(config, &ops, out);
	pdb_buf_add_text(out, "\n  }\n}\n");
	return pdb_buf_status(out, NULL);
}
