/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin of a kind that does not exist. */
#include "module.h"

MODULE_OPS(ops);
MODULE_MANIFEST("unknown_kind", PDB_MANIFEST_MAGIC, PDB_ABI_MAJOR, PDB_ABI_MINOR, 77, &ops);
