/* SPDX-License-Identifier: Apache-2.0 */
/* The sections that dotted keys form. */
#include "config/config_private.h"

typedef struct outline_walker {
	const pdb_entry *entries;
	const pdb_outline_ops *ops;
	void *arg;
} outline_walker;

/* The end of the run of keys that share the segment at `offset` with the first. */
static size_t section_end(const outline_walker *walker, size_t from, size_t to, size_t offset,
			  size_t len)
{
	const char *name = walker->entries[from].row.key + offset;
	size_t at = from + 1;

	while (at < to) {
		const char *other = walker->entries[at].row.key + offset;

		if (strncmp(other, name, len) != 0 || other[len] != '.') {
			break;
		}
		at++;
	}
	return at;
}

/* As deep as the longest key has dots. */
static void walk(const outline_walker *walker, size_t from, size_t to, size_t offset,
		 unsigned depth)
{
	while (from < to) {
		const char *name = walker->entries[from].row.key + offset;
		size_t len = strcspn(name, ".");
		size_t end;

		if (name[len] == '\0') {
			walker->ops->leaf(walker->arg, name, &walker->entries[from], depth);
			from++;
			continue;
		}
		end = section_end(walker, from, to, offset, len);
		walker->ops->open(walker->arg, name, len, depth);
		walk(walker, from, end, offset + len + 1, depth + 1);
		walker->ops->close(walker->arg, depth);
		from = end;
	}
}

void pdb__outline_walk(const pdb_config *config, const pdb_outline_ops *ops, void *arg)
{
	outline_walker walker = {config->entries, ops, arg};

	walk(&walker, 0, config->entry_count, 0, 0);
}
