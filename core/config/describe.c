/* SPDX-License-Identifier: Apache-2.0 */
/* The options for people: a sample file and a reference page. */
#include "config/config_private.h"

#define COLUMNS 90u

/* -- sample ------------------------------------------------------------------------------------ */

static void indent(pdb_buf *out, unsigned depth)
{
	pdb_buf_printf(out, "%*s", (int)(depth * 2), "");
}

/* Words, broken into comment lines. */
static void add_comment(pdb_buf *out, const char *text, unsigned depth)
{
	size_t used = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, " \n");

		if (used > 0 && depth * 2 + used + len + 3 > COLUMNS) {
			pdb_buf_add_byte(out, '\n');
			used = 0;
		}
		if (used == 0) {
			indent(out, depth);
			pdb_buf_add_byte(out, '#');
		}
		pdb_buf_add_byte(out, ' ');
		pdb_buf_add(out, text, len);
		used += len + 1;
		text += len;
		text += *text != '\0';
	}
	pdb_buf_add_byte(out, '\n');
}

static void sample_open(void *arg, const char *name, size_t len, unsigned depth)
{
	pdb_buf *out = arg;

	pdb_buf_add_byte(out, '\n');
	indent(out, depth);
	/* A deeper section may be of a plugin that is not loaded, where even its name is unknown.
	 */
	pdb_buf_add_text(out, depth > 0 ? "#" : "");
	pdb_buf_add(out, name, len);
	pdb_buf_add_text(out, ":\n");
}

static void sample_close(void *arg, unsigned depth)
{
	(void)arg;
	(void)depth;
}

static void sample_leaf(void *arg, const char *name, const pdb_entry *entry, unsigned depth)
{
	pdb_buf comment = {0};
	pdb_buf wanted = {0};
	pdb_buf *out = arg;

	if (pdb__dropin_is_idle(entry->row.key)) {
		return;
	}
	pdb__value_expectation(&wanted, &entry->row);
	pdb_buf_printf(&comment, "%s Takes %.*s.%s", entry->row.help, (int)wanted.len,
		       wanted.len > 0 ? (const char *)wanted.data : "",
		       (entry->row.flags & PDB_OPTION_REQUIRED) != 0 ? " Required." : "");
	pdb_buf_add_byte(&comment, '\0');
	if (comment.failed || wanted.failed) {
		out->failed = true;
	} else {
		add_comment(out, (const char *)comment.data, depth);
		indent(out, depth);
		pdb_buf_printf(out, "#%s: ", name);
		pdb__value_print_fallback(out, &entry->row);
		pdb_buf_add_byte(out, '\n');
	}
	pdb_buf_fini(&comment);
	pdb_buf_fini(&wanted);
}

pdb_status pdb_config_sample(const pdb_config *config, pdb_buf *out)
{
	static const pdb_outline_ops ops = {sample_open, sample_close, sample_leaf};

	pdb_buf_add_text(out,
			 "# ProgressDB: every option with its default. Remove the \"#\" before a "
			 "key to set it.\n");
	pdb__outline_walk(config, &ops, out);
	return pdb_buf_status(out, NULL);
}

/* -- reference --------------------------------------------------------------------------------- */

static const char *type_name(pdb_option_type type)
{
	static const char *const names[] = {
		[PDB_OPTION_BOOL] = "boolean", [PDB_OPTION_INT] = "number",
		[PDB_OPTION_SIZE] = "size",    [PDB_OPTION_DURATION] = "duration",
		[PDB_OPTION_STRING] = "text",  [PDB_OPTION_PATH] = "path",
		[PDB_OPTION_ENUM] = "choice",  [PDB_OPTION_LIST] = "list",
		[PDB_OPTION_TREE] = "tree",
	};

	return names[type];
}

/* A bar would end the cell of a table. */
static void add_cell(pdb_buf *out, pdb_slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '|') {
			pdb_buf_add_byte(out, '\\');
		}
		pdb_buf_add_byte(out, text.ptr[i] == '\n' ? ' ' : text.ptr[i]);
	}
}

static void add_values(pdb_buf *out, const pdb_option *row)
{
	if (row->type == PDB_OPTION_ENUM) {
		for (size_t i = 0; row->choices[i] != NULL; i++) {
			pdb_buf_printf(out, "%s`%s`", i > 0 ? ", " : "", row->choices[i]);
		}
		return;
	}
	pdb__value_bounds(out, row);
	/* Bounds of sizes and durations carry their unit with them. */
	if (row->unit != NULL && row->type != PDB_OPTION_SIZE && row->type != PDB_OPTION_DURATION) {
		pdb_buf_printf(out, "%s%s", row->min != 0 || row->max != 0 ? " " : "", row->unit);
	}
}

static void add_help(pdb_buf *out, const pdb_option *row)
{
	add_cell(out, pdb_slice_text(row->help));
	if ((row->flags & PDB_OPTION_REQUIRED) != 0) {
		pdb_buf_add_text(out, " **Required.**");
	}
	if ((row->flags & PDB_OPTION_SECRET) != 0) {
		pdb_buf_add_text(out, " Never shown.");
	}
	if ((row->flags & PDB_OPTION_RELOADABLE) != 0) {
		pdb_buf_add_text(out, " Taken over on reload.");
	}
}

static void reference_open(void *arg, const char *name, size_t len, unsigned depth)
{
	pdb_buf *out = arg;

	if (depth > 0) {
		return;
	}
	pdb_buf_add_text(out, "\n## ");
	pdb_buf_add(out, name, len);
	pdb_buf_add_text(out, "\n\n| Option | Type | Default | Values | Variable | Meaning |\n"
			      "|---|---|---|---|---|---|\n");
}

static void reference_leaf(void *arg, const char *name, const pdb_entry *entry, unsigned depth)
{
	const pdb_option *row = &entry->row;
	pdb_buf value = {0};
	pdb_buf *out = arg;

	if (pdb__dropin_is_idle(row->key)) {
		return;
	}
	if (depth == 0) {
		reference_open(out, name, strlen(name), 0);
	}
	pdb__value_print_fallback(&value, row);
	out->failed = out->failed || value.failed;
	pdb_buf_printf(out, "| `%s` | %s | `", row->key, type_name(row->type));
	add_cell(out, pdb_buf_slice(&value));
	pdb_buf_add_text(out, "` | ");
	add_values(out, row);
	pdb_buf_add_text(out, " | `");
	pdb__layer_variable(out, row);
	pdb_buf_add_text(out, "` | ");
	add_help(out, row);
	pdb_buf_add_text(out, " |\n");
	pdb_buf_fini(&value);
}

static void reference_close(void *arg, unsigned depth)
{
	(void)arg;
	(void)depth;
}

pdb_status pdb_config_reference(const pdb_config *config, pdb_buf *out)
{
	static const pdb_outline_ops ops = {reference_open, reference_close, reference_leaf};

	pdb_buf_add_text(
		out,
		"# Configuration\n\n"
		"A flag wins over the environment, which wins over the file, which wins over the "
		"default.\nMistakes are all reported at once, each with its place.\n\n"
		"Numbers may be grouped (`100_000`). Sizes take `K`, `M`, `G`, `T`, all powers of "
		"1,024. Durations\ntake `ms`, `s`, `m`, `h`, `d`, also joined (`1h30m`); a bare "
		"number means seconds. In a variable a list\nis separated by commas.\n");
	pdb__outline_walk(config, &ops, out);
	return pdb_buf_status(out, NULL);
}
