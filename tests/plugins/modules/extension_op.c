/* SPDX-License-Identifier: Apache-2.0 */
/* An extension without its mandatory fini. */
#include "module.h"

static const pdb_extension_ops ops = {.size = sizeof(pdb_extension_ops), .init = module_init};

MODULE_MANIFEST("extension_op", PDB_MANIFEST_MAGIC, PDB_ABI_MAJOR, PDB_ABI_MINOR,
		PDB_KIND_EXTENSION, &ops);
