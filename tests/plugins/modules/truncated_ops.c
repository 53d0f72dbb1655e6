/* SPDX-License-Identifier: Apache-2.0 */
/* A storage backend whose table is too short to hold what is mandatory. */
#include "module.h"
#include "storage.h"

static const pdb_storage_ops ops = {
	.size = offsetof(pdb_storage_ops, sync),
	STORAGE_OPS_BUT_SYNC,
	.sync = storage_sync,
};

MODULE_MANIFEST("truncated_ops", PDB_MANIFEST_MAGIC, PDB_ABI_MAJOR, PDB_ABI_MINOR, PDB_KIND_STORAGE,
		&ops);
