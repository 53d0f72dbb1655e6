/* SPDX-License-Identifier: Apache-2.0 */
/* Another plugin that must load, and not be taken for the first. */
#include "module.h"

MODULE_OPS(ops);
MODULE_MANIFEST("good_too", PDB_MANIFEST_MAGIC, PDB_ABI_MAJOR, PDB_ABI_MINOR, PDB_KIND_EXTENSION,
		&ops);
