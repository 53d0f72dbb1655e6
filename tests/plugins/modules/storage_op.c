/* SPDX-License-Identifier: Apache-2.0 */
/* A storage backend without its mandatory sync. */
#include "module.h"
#include "storage.h"

static const pdb_storage_ops ops = {.size = sizeof(pdb_storage_ops), STORAGE_OPS_BUT_SYNC};

MODULE_MANIFEST("storage_op", PDB_MANIFEST_MAGIC, PDB_ABI_MAJOR, PDB_ABI_MINOR, PDB_KIND_STORAGE,
		&ops);
