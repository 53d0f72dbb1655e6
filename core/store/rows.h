/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of plugins: the part of the host table that keeps them. */
#ifndef PDB_STORE_ROWS_H
#define PDB_STORE_ROWS_H

#include <pdb/rows.h>

#include "store/store.h"

/* The table for pdb_host. A plugin names no store: it is the one given to pdb_rows_use(). */
extern const pdb_host_rows pdb_rows_table;

/* Where rows go from here on; NULL = nowhere. Borrowed. Threads: main, with no call in progress. */
void pdb_rows_use(pdb_store *store);

#endif
