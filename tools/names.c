/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted set of names. */
#include "tools/names.h"

#include <stdlib.h>

#include "base/mem.h"

void pdb_names_fini(pdb_names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		pdb_mem_free(names->items[i]);
	}
	pdb_mem_free(names->items);
	*names = (pdb_names){0};
}

static bool names_grow(pdb_names *names)
{
	size_t cap = names->cap > 0 ? names->cap * 2 : 1024;
	char **items = pdb_mem_realloc(names->items, cap * sizeof(*items));

	if (items != NULL) {
		names->items = items;
		names->cap = cap;
	}
	return items != NULL;
}

pdb_status pdb_names_add(pdb_names *names, const char *name, pdb_err *err)
{
	char *copy;

	if (names->count == names->cap && !names_grow(names)) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for another name");
	}
	copy = pdb_mem_text(name);
	if (copy == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for another name");
	}
	names->items[names->count++] = copy;
	return PDB_OK;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void pdb_names_settle(pdb_names *names)
{
	size_t kept = 0;

	if (names->count == 0) {
		return;
	}
	qsort(names->items, names->count, sizeof(*names->items), compare);
	for (size_t i = 0; i < names->count; i++) {
		if (kept > 0 && strcmp(names->items[kept - 1], names->items[i]) == 0) {
			pdb_mem_free(names->items[i]);
		} else {
			names->items[kept++] = names->items[i];
		}
	}
	names->count = kept;
}
