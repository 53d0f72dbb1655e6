/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that must load. */
#include "module.h"

MODULE_OPS(ops);
MODULE_MANIFEST("good", PDB_MANIFEST_MAGIC, PDB_ABI_MAJOR, PDB_ABI_MINOR, PDB_KIND_EXTENSION, &ops);
