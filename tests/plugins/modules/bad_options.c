/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin with an option that lies outside its settings. */
#include "module.h"

MODULE_OPS(ops);

static const pdb_option rows[] = {
	{.key = "plugins.bad_options.far", .type = PDB_OPTION_INT, .offset = 4096, .help = "Far."},
};

extern const pdb_manifest pdb_plugin_manifest;
__attribute__((visibility("default"))) const pdb_manifest pdb_plugin_manifest = {
	.magic = PDB_MANIFEST_MAGIC,
	.abi_major = PDB_ABI_MAJOR,
	.abi_minor = PDB_ABI_MINOR,
	.size = sizeof(pdb_manifest),
	.kind = PDB_KIND_EXTENSION,
	.name = "bad_options",
	.version = "1",
	.license = "Apache-2.0",
	.description = "For the tests of the loader",
	.options = PDB_OPTION_TABLE(rows, int64_t),
	.ops = &ops,
};
