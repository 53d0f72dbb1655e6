/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a plugin's own, kept in the database. */
#ifndef PDB_ROWS_H
#define PDB_ROWS_H

#include <pdb/slice.h>
#include <pdb/status.h>
#include <pdb/storage.h>

struct pdb_plugin;

/*
 * Model. Each plugin has a small table of its own in the database, next to the threads and apart
 * from other plugins: what it writes under `key` is the row "meta:plugin:<its name>:<key>". It is
 * for settings, marks and leases, a few thousand rows at most; every call is one transaction.
 *
 * A key is 1 to PDB_ROW_KEY_MAX printable ASCII bytes without spaces, a value at most
 * PDB_ROW_VALUE_MAX bytes. Backups, exports of keys and their readers see these rows as they are:
 * a secret has to be sealed by the plugin before it is written.
 */
#define PDB_ROW_KEY_MAX   512u
#define PDB_ROW_VALUE_MAX (1024u * 1024u)

/*
 * Threads: any that may block: from start() on, in jobs, and in routes with PDB_ROUTE_BLOCKING.
 * Errors of all: PDB_EINVAL (key or value not as above), PDB_EUNAVAILABLE (before start()),
 * PDB_EBUSY, PDB_EFULL and those of the backend.  Since: 1.1
 */
typedef struct pdb_host_rows {
	uint32_t size;

	/* Writes, replacing. On disk when it returns. */
	pdb_status (*put)(struct pdb_plugin *plugin, pdb_slice key, pdb_slice value, pdb_err *err);

	/* Removes, on disk when it returns; PDB_ENOTFOUND. */
	pdb_status (*remove)(struct pdb_plugin *plugin, pdb_slice key, pdb_err *err);

	/* Calls `row` once with the row, or says PDB_ENOTFOUND; returns what `row` returned. */
	pdb_status (*get)(struct pdb_plugin *plugin, pdb_slice key, pdb_row_fn row, void *arg,
			  pdb_err *err);

	/*
	 * Calls `row` for each row whose key begins with `prefix` (empty = all), in rising order;
	 * the key is given without what is before it. PDB_ESTOP ends the walk without error. No
	 * transaction is open meanwhile: `row` may call this table, and rows that are written
	 * during the walk may be seen or not.
	 */
	pdb_status (*scan)(struct pdb_plugin *plugin, pdb_slice prefix, pdb_row_fn row, void *arg,
			   pdb_err *err);
} pdb_host_rows;

#endif
