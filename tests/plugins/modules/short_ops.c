/* SPDX-License-Identifier: Apache-2.0 */
/* A storage backend whose table ends behind sync, as one of an older minor would. */
#include "module.h"
#include "storage.h"

/* What lies behind the end of the table looks like ops, and must not be called. */
static const pdb_storage_ops ops = {
	.size = offsetof(pdb_storage_ops, backup),
	STORAGE_OPS_BUT_SYNC,
	.sync = storage_sync,
	.check = storage_sync,
};

MODULE_MANIFEST("short_ops", PDB_MANIFEST_MAGIC, PDB_ABI_MAJOR, PDB_ABI_MINOR, PDB_KIND_STORAGE,
		&ops);
