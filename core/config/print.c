/* SPDX-License-Identifier: Apache-2.0 */
/* What is in force: the dump, and what a reload would change. */
#include "config/config_private.h"

static void indent(FILE *to, unsigned depth)
{
	(void)fprintf(to, "%*s", (int)(depth * 2), "");
}

static void dump_open(void *arg, const char *name, size_t len, unsigned depth)
{
	indent(arg, depth);
	(void)fprintf(arg, "%.*s:\n", (int)len, name);
}

static void dump_close(void *arg, unsigned depth)
{
	(void)arg;
	(void)depth;
}

static void add_origin(pdb_buf *out, pdb_place origin)
{
	if (origin.layer == NULL) {
		pdb_buf_add_text(out, "default");
	} else {
		pdb__place_print(out, origin);
	}
}

/* The value as a line of YAML, or what stands for a secret. */
static void add_value(pdb_buf *out, const pdb_entry *entry)
{
	bool secret = (entry->row.flags & PDB_OPTION_SECRET) != 0;

	if (secret && !pdb__value_empty(&entry->row, entry->slot)) {
		pdb_buf_add_text(out, "\"***\"");
	} else {
		pdb__value_print(out, &entry->row, entry->slot);
	}
}

static void dump_origin(FILE *to, pdb_place origin)
{
	pdb_buf place = {0};

	add_origin(&place, origin);
	(void)fputs("  # ", to);
	for (size_t i = 0; i < place.len; i++) {
		/* a line break in a file's name would end the comment */
		(void)fputc(place.data[i] < 0x20 || place.data[i] == 0x7f ? '?' : place.data[i],
			    to);
	}
	(void)fputc('\n', to);
	pdb_buf_fini(&place);
}

static void dump_leaf(void *arg, const char *name, const pdb_entry *entry, unsigned depth)
{
	pdb_buf value = {0};

	add_value(&value, entry);
	indent(arg, depth);
	(void)fprintf(arg, "%s: ", name);
	if (value.len > 0) {
		(void)fwrite(value.data, 1, value.len, arg);
	}
	dump_origin(arg, entry->origin);
	pdb_buf_fini(&value);
}

void pdb_config_dump(const pdb_config *config, FILE *to)
{
	static const pdb_outline_ops ops = {dump_open, dump_close, dump_leaf};

	pdb__outline_walk(config, &ops, to);
}

static bool is_reloadable(const pdb_entry *entry)
{
	return (entry->row.flags & PDB_OPTION_RELOADABLE) != 0;
}

void pdb_config_each(const pdb_config *first, const pdb_config *current,
		     void (*setting)(void *arg, const char *key, const char *value,
				     const char *origin),
		     void *arg)
{
	for (size_t i = 0; i < first->entry_count; i++) {
		const pdb_entry *entry = &first->entries[i];
		const pdb_entry *reloaded = pdb__config_entry(current, entry->row.key);
		pdb_buf value = {0};
		pdb_buf origin = {0};

		if (is_reloadable(entry) && reloaded != NULL) {
			entry = reloaded;
		}
		add_value(&value, entry);
		pdb_buf_add_byte(&value, '\0');
		add_origin(&origin, entry->origin);
		pdb_buf_add_byte(&origin, '\0');
		if (!value.failed && !origin.failed) {
			setting(arg, entry->row.key, (const char *)value.data,
				(const char *)origin.data);
		}
		pdb_buf_fini(&value);
		pdb_buf_fini(&origin);
	}
}

/* Without memory to look, a value counts as changed. */
static bool same_value(const pdb_entry *a, const pdb_entry *b)
{
	pdb_buf before = {0};
	pdb_buf after = {0};
	bool same;

	pdb__value_print(&before, &a->row, a->slot);
	pdb__value_print(&after, &b->row, b->slot);
	same = !before.failed && !after.failed &&
	       pdb_slice_equal(pdb_buf_slice(&before), pdb_buf_slice(&after));
	if (before.cap > 0) {
		explicit_bzero(before.data, before.cap);
	}
	if (after.cap > 0) {
		explicit_bzero(after.data, after.cap);
	}
	pdb_buf_fini(&before);
	pdb_buf_fini(&after);
	return same;
}

void pdb_config_compare(const pdb_config *first, const pdb_config *before, const pdb_config *after,
			void (*differs)(void *arg, const char *key, bool reloadable), void *arg)
{
	for (size_t i = 0; i < after->entry_count; i++) {
		const pdb_entry *entry = &after->entries[i];
		const pdb_entry *old =
			pdb__config_entry(is_reloadable(entry) ? before : first, entry->row.key);

		if (old == NULL) {
			differs(arg, entry->row.key, false);
		} else if (old->row.type != entry->row.type || !same_value(old, entry)) {
			differs(arg, entry->row.key, is_reloadable(entry));
		}
	}
	for (size_t i = 0; i < first->entry_count; i++) {
		if (pdb__config_entry(after, first->entries[i].row.key) == NULL) {
			differs(arg, first->entries[i].row.key, false);
		}
	}
}
