/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin of a minor ABI above this one. */
#include "module.h"

MODULE_OPS(ops);
MODULE_MANIFEST("newer_minor", PDB_MANIFEST_MAGIC, PDB_ABI_MAJOR, 99, PDB_KIND_EXTENSION, &ops);
