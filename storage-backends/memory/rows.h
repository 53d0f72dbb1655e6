/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in a persistent ordered tree: every change makes a new tree, and old ones stay as they were.
 */
#ifndef PDB_MEMORY_ROWS_H
#define PDB_MEMORY_ROWS_H

#include <pdb/pdb.h>

/*
 * A tree is a pointer to its root; NULL is the empty one. It is shared by counting references, so
 * that a snapshot costs one increment and needs no lock to be read.
 *
 * The shape is a treap whose priorities are a hash of the key: a key has one priority for ever, and
 * equal contents have equal shapes. Depth is about 2 ln(n), so the functions may recurse.
 */
typedef struct pdb_memory_row pdb_memory_row;
typedef struct pdb_memory_tree pdb_memory_tree;

/* Makes a row from copies, with one reference; NULL without memory. `seed` must be the same for all
 * rows of a database. */
pdb_memory_row *pdb__memory_row_create(const pdb_host *host, uint64_t seed, pdb_slice key,
				       pdb_slice value);
void pdb__memory_row_unref(const pdb_host *host, pdb_memory_row *row);
pdb_slice pdb__memory_row_key(const pdb_memory_row *row);
pdb_slice pdb__memory_row_value(const pdb_memory_row *row);

/* Adds a reference and returns the tree. */
pdb_memory_tree *pdb__memory_tree_ref(pdb_memory_tree *tree);
void pdb__memory_tree_unref(const pdb_host *host, pdb_memory_tree *tree);
size_t pdb__memory_tree_count(const pdb_memory_tree *tree);

/* The row with this key, borrowed from the tree, or NULL. */
pdb_memory_row *pdb__memory_tree_find(const pdb_memory_tree *tree, pdb_slice key);

/* Each borrows `tree` and hands out a new reference to the changed one; false without memory. */
bool pdb__memory_tree_put(const pdb_host *host, pdb_memory_tree *tree, pdb_memory_row *row,
			  pdb_memory_tree **out);
bool pdb__memory_tree_remove(const pdb_host *host, pdb_memory_tree *tree, pdb_slice key,
			     pdb_memory_tree **out);

/* Calls `row` for the rows of `range`; *left is how many more may be shown. Returns what `row`
 * returned when it was not PDB_OK, and PDB_ESTOP when the limit was reached. */
pdb_status pdb__memory_tree_scan(const pdb_memory_tree *tree, const pdb_range *range, size_t *left,
				 pdb_row_fn row, void *arg);

#endif
