/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin whose manifest has another name than its file. */
#include "module.h"

MODULE_OPS(ops);
MODULE_MANIFEST("somebody_else", PDB_MANIFEST_MAGIC, PDB_ABI_MAJOR, PDB_ABI_MINOR,
		PDB_KIND_EXTENSION, &ops);
