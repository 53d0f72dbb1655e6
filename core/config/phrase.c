/* SPDX-License-Identifier: Apache-2.0 */
/* Options in words, and values as YAML. */
#include "base/json.h"
#include "config/config_private.h"

static void print_number(pdb_buf *out, const pdb_option *row, int64_t number)
{
	if (row->type == PDB_OPTION_SIZE) {
		pdb__number_print_size(out, number);
	} else if (row->type == PDB_OPTION_DURATION) {
		pdb__number_print_duration(out, number);
	} else {
		pdb_buf_add_int(out, number);
	}
}

void pdb__value_bounds(pdb_buf *out, const pdb_option *row)
{
	if (row->min == 0 && row->max == 0) {
		return;
	}
	if (row->max == INT64_MAX) {
		pdb_buf_add_text(out, "at least ");
		print_number(out, row, row->min);
		return;
	}
	print_number(out, row, row->min);
	pdb_buf_add_text(out, " to ");
	print_number(out, row, row->max);
}

static void print_choices(pdb_buf *out, const pdb_option *row)
{
	pdb_buf_add_text(out, "one of ");
	for (size_t i = 0; row->choices[i] != NULL; i++) {
		pdb_buf_printf(out, "%s%s", i > 0 ? ", " : "", row->choices[i]);
	}
}

void pdb__value_expectation(pdb_buf *out, const pdb_option *row)
{
	static const char *const words[] = {
		[PDB_OPTION_BOOL] = "true or false",
		[PDB_OPTION_INT] = "a whole number",
		[PDB_OPTION_SIZE] = "a size such as 64KiB or 1MiB",
		[PDB_OPTION_DURATION] = "a duration such as 250ms, 10s or 24h",
		[PDB_OPTION_STRING] = "text",
		[PDB_OPTION_PATH] = "a path",
		[PDB_OPTION_LIST] = "a list",
		[PDB_OPTION_TREE] = "a section or a list",
	};
	bool length = row->type == PDB_OPTION_STRING || row->type == PDB_OPTION_PATH;
	bool sized = row->type == PDB_OPTION_SIZE || row->type == PDB_OPTION_DURATION;

	if (row->type == PDB_OPTION_ENUM) {
		print_choices(out, row);
		return;
	}
	pdb_buf_add_text(out, words[row->type]);
	if (row->min != 0 || row->max != 0) {
		pdb_buf_add_text(out, row->max == INT64_MAX ? ", " : ", from ");
		pdb__value_bounds(out, row);
		pdb_buf_add_text(out, length ? " bytes long" : "");
		pdb_buf_add_text(out, row->type == PDB_OPTION_LIST ? " elements" : "");
	}
	/* A size or a duration carries its unit with it. */
	if (row->unit != NULL && row->unit[0] != '\0' && !length && !sized) {
		pdb_buf_printf(out, " (%s)", row->unit);
	}
}

static void print_list(pdb_buf *out, const pdb_option_list *list)
{
	pdb_buf_add_byte(out, '[');
	for (size_t i = 0; i < list->count; i++) {
		pdb_buf_add_text(out, i > 0 ? ", " : "");
		pdb_json_add_string(out, pdb_slice_text(list->items[i]));
	}
	pdb_buf_add_byte(out, ']');
}

static void print_tree(pdb_buf *out, const char *json)
{
	pdb_buf_add_text(out, json != NULL && json[0] != '\0' ? json : "null");
}

void pdb__value_print(pdb_buf *out, const pdb_option *row, const void *slot)
{
	const int64_t *number = slot;
	const char *const *text = slot;

	switch (row->type) {
	case PDB_OPTION_BOOL:
		pdb_buf_add_text(out, *(const bool *)slot ? "true" : "false");
		break;
	case PDB_OPTION_INT:
	case PDB_OPTION_SIZE:
	case PDB_OPTION_DURATION:
		print_number(out, row, *number);
		break;
	case PDB_OPTION_ENUM:
		pdb_json_add_string(out, pdb_slice_text(row->choices[*number]));
		break;
	case PDB_OPTION_STRING:
	case PDB_OPTION_PATH:
		pdb_json_add_string(out, pdb_slice_text(*text));
		break;
	case PDB_OPTION_LIST:
		print_list(out, slot);
		break;
	case PDB_OPTION_TREE:
		print_tree(out, *text);
		break;
	}
}

bool pdb__value_empty(const pdb_option *row, const void *slot)
{
	if (row->type == PDB_OPTION_LIST) {
		return ((const pdb_option_list *)slot)->count == 0;
	}
	if (row->type == PDB_OPTION_STRING || row->type == PDB_OPTION_PATH ||
	    row->type == PDB_OPTION_TREE) {
		return (*(const char *const *)slot)[0] == '\0';
	}
	return false;
}

void pdb__value_print_fallback(pdb_buf *out, const pdb_option *row)
{
	static const char *const nothing[] = {
		[PDB_OPTION_BOOL] = "false",  [PDB_OPTION_INT] = "0",
		[PDB_OPTION_SIZE] = "0",      [PDB_OPTION_DURATION] = "0",
		[PDB_OPTION_STRING] = "\"\"", [PDB_OPTION_PATH] = "\"\"",
		[PDB_OPTION_LIST] = "[]",     [PDB_OPTION_TREE] = "null",
	};
	bool text = row->type == PDB_OPTION_STRING || row->type == PDB_OPTION_PATH;

	if (row->fallback != NULL && row->fallback[0] != '\0') {
		if (text) {
			pdb_json_add_string(out, pdb_slice_text(row->fallback));
		} else {
			pdb_buf_add_text(out, row->fallback);
		}
	} else if (row->type == PDB_OPTION_ENUM) {
		pdb_json_add_string(out, pdb_slice_text(row->choices[0]));
	} else {
		pdb_buf_add_text(out, nothing[row->type]);
	}
}
