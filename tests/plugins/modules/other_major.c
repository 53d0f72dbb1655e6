/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin of the next major ABI. */
#include "module.h"

MODULE_OPS(ops);
MODULE_MANIFEST("other_major", PDB_MANIFEST_MAGIC, PDB_ABI_MAJOR + 1, 0, PDB_KIND_EXTENSION, &ops);
