/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest: the one symbol that a plugin exports. */
#ifndef PDB_PLUGIN_H
#define PDB_PLUGIN_H

#include <pdb/abi.h>
#include <pdb/option.h>
#include <pdb/slice.h>
#include <pdb/status.h>

/*
 * Model. A plugin is one shared object (or one static object) that exports one data symbol,
 * `pdb_plugin_manifest`, made by PDB_PLUGIN(). It links against nothing of the host: everything it
 * calls comes in the host table (pdb/host.h). It is loaded before any thread is started, and never
 * unloaded while the process runs. Its file and directory must not be writable by others.
 *
 * Life of an extension:
 *   manifest checked -> options read -> init() registers gates, routes, hooks, listeners, jobs ->
 *   start() once everything is open -> … reload() … -> stop() when no request is left -> fini()
 */
struct pdb_host;
typedef struct pdb_plugin pdb_plugin; /* the host's handle of this plugin */

typedef enum pdb_plugin_kind {
	PDB_KIND_EXTENSION = 1, /* ops: pdb_extension_ops */
	PDB_KIND_STORAGE = 2,   /* ops: pdb_storage_ops */
	PDB_KIND_KMS = 3        /* ops: pdb_kms_ops; since 1.1 */
} pdb_plugin_kind;

/*
 * init    mandatory. Registers what the plugin offers. *state_out is handed to every callback as
 *         `self`, and to fini even when init failed after setting it.
 * start   NULL = nothing to do. The store is open; requests come only after it.
 * reload  NULL = nothing can change. New settings, already judged; a failure keeps the old ones.
 * stop    NULL = nothing to do. No request or job step runs any more.
 * fini    mandatory. Frees *state and nulls it; accepts NULL.
 * Threads: main for all, but reload: any, never two at once, while requests run.
 */
typedef struct pdb_extension_ops {
	uint32_t size;
	pdb_status (*init)(const struct pdb_host *host, pdb_plugin *plugin, const void *settings,
			   void **state_out, pdb_err *err);
	pdb_status (*start)(void *state, pdb_err *err);
	pdb_status (*reload)(void *state, const void *settings, pdb_err *err);
	void (*stop)(void *state);
	void (*fini)(void **state);
} pdb_extension_ops;

/*
 * The first four fields come first, never move, and protect the rest.
 *
 * check  NULL, or judges the settings as a whole after each value passed its row; several errors
 *        may be reported, each by one call of `problem` with the option's key.
 */
typedef void (*pdb_problem_fn)(void *arg, const char *key, const char *text);

typedef struct pdb_manifest {
	uint32_t magic;
	uint16_t abi_major;
	uint16_t abi_minor;
	uint32_t size;
	uint32_t kind;
	const char *name;
	const char *version;
	const char *license;
	const char *description;
	pdb_option_table options;
	void (*check)(const void *settings, pdb_problem_fn problem, void *arg);
	const void *ops;
} pdb_manifest;

#define PDB_STRING_(x)  #x
#define PDB_STRING(x)   PDB_STRING_(x)
#define PDB_JOIN_(a, b) a##b
#define PDB_JOIN(a, b)  PDB_JOIN_(a, b)

#ifdef PDB_STATIC_PLUGIN
#define PDB_MANIFEST_SYMBOL(name) PDB_JOIN(pdb_plugin_manifest_, name)
#define PDB_MANIFEST_EXPORT
#else
#define PDB_MANIFEST_SYMBOL(name) pdb_plugin_manifest
#define PDB_MANIFEST_EXPORT       __attribute__((visibility("default")))
#endif

/*
 * PDB_PLUGIN(name, kind, version, license, description, .options = …, .ops = &…);
 *
 * Defines the manifest, and a line in the ELF section ".pdb.manifest" that tools can read without
 * loading the file. `name` and `kind` are bare words: PDB_PLUGIN(acme, STORAGE, "0.1.0", …).
 * Since: 1.0
 */
#define PDB_PLUGIN(name_, kind_, version_, license_, description_, ...)                            \
	__attribute__((used, section(".pdb.manifest"))) static const char PDB_JOIN(                \
		pdb_manifest_line_, name_)[] =                                                     \
		"name=" #name_ " kind=" #kind_ " version=" version_ " license=" license_           \
		" abi=" PDB_STRING(PDB_ABI_MAJOR) "." PDB_STRING(PDB_ABI_MINOR);                   \
	extern const pdb_manifest PDB_MANIFEST_SYMBOL(name_);                                      \
	PDB_MANIFEST_EXPORT const pdb_manifest PDB_MANIFEST_SYMBOL(name_) = {                      \
		.magic = PDB_MANIFEST_MAGIC,                                                       \
		.abi_major = PDB_ABI_MAJOR,                                                        \
		.abi_minor = PDB_ABI_MINOR,                                                        \
		.size = sizeof(pdb_manifest),                                                      \
		.kind = PDB_KIND_##kind_,                                                          \
		.name = #name_,                                                                    \
		.version = version_,                                                               \
		.license = license_,                                                               \
		.description = description_,                                                       \
		__VA_ARGS__}

#endif
