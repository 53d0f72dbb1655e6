/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest with every judged field spelt out, for plugins that lie in one of them. */
#ifndef PDB_TEST_MODULE_H
#define PDB_TEST_MODULE_H

#include <pdb/pdb.h>

#define MODULE_MANIFEST(name_, magic_, major_, minor_, kind_, ops_)                                \
	extern const pdb_manifest pdb_plugin_manifest;                                             \
	__attribute__((visibility("default"))) const pdb_manifest pdb_plugin_manifest = {          \
		.magic = (magic_),                                                                 \
		.abi_major = (major_),                                                             \
		.abi_minor = (minor_),                                                             \
		.size = sizeof(pdb_manifest),                                                      \
		.kind = (kind_),                                                                   \
		.name = (name_),                                                                   \
		.version = "1",                                                                    \
		.license = "Apache-2.0",                                                           \
		.description = "For the tests of the loader",                                      \
		.ops = (ops_),                                                                     \
	}

static inline pdb_status module_init(const pdb_host *host, pdb_plugin *plugin, const void *settings,
				     void **state_out, pdb_err *err)
{
	(void)host;
	(void)plugin;
	(void)settings;
	(void)state_out;
	(void)err;
	return PDB_OK;
}

static inline void module_fini(void **state)
{
	(void)state;
}

/* An extension that does nothing. */
#define MODULE_OPS(name_)                                                                          \
	static const pdb_extension_ops name_ = {                                                   \
		.size = sizeof(pdb_extension_ops),                                                 \
		.init = module_init,                                                               \
		.fini = module_fini,                                                               \
	}

#endif
