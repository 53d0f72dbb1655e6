/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin whose manifest begins with something else. */
#include "module.h"

MODULE_OPS(ops);
MODULE_MANIFEST("bad_magic", 0x12345678u, PDB_ABI_MAJOR, PDB_ABI_MINOR, PDB_KIND_EXTENSION, &ops);
