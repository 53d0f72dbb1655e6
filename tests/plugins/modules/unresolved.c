/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that wants a symbol which nobody has. */
#include "module.h"

extern void nobody_has_this(void **state);

static const pdb_extension_ops ops = {
	.size = sizeof(pdb_extension_ops),
	.init = module_init,
	.fini = nobody_has_this,
};

MODULE_MANIFEST("unresolved", PDB_MANIFEST_MAGIC, PDB_ABI_MAJOR, PDB_ABI_MINOR, PDB_KIND_EXTENSION,
		&ops);
