/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: a loaded plugin, shared objects, the judges of tables. */
#ifndef PDB_PLUGIN_PLUGIN_PRIVATE_H
#define PDB_PLUGIN_PLUGIN_PRIVATE_H

#include "plugin/loader.h"

/* The longest name of a plugin, NUL included. */
#define PDB_PLUGIN_NAME_SIZE 33

/* The bytes of a table up to and with `field`: what a table must at least hold to have it. */
#define PDB_UP_TO(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))

/* Where an extension stands in its life; see pdb/plugin.h. */
typedef enum pdb_plugin_stage {
	PDB_STAGE_LOADED,
	PDB_STAGE_REGISTERING, /* inside init() */
	PDB_STAGE_FAILED,      /* init() did not succeed; fini() is still owed */
	PDB_STAGE_READY,
	PDB_STAGE_STARTED
} pdb_plugin_stage;

struct pdb_plugin {
	const pdb_manifest *manifest;
	pdb_sockets *sockets;
	void *state;
	pdb_plugin_stage stage;
};

/* True for ^[a-z][a-z0-9_]{0,31}$: such a name is never a path. */
bool pdb__plugin_name_valid(const char *name);

/*
 * Maps <directory>/<name>.so after judging file and directory, and hands out its manifest.
 * An object stays mapped, and its descriptor open, for the life of the process.
 */
pdb_status pdb__object_open(const char *directory, const char *name, const pdb_manifest **out,
			    pdb_err *err);

/* The parts of pdb_manifest_check. */
pdb_status pdb__manifest_check_options(const pdb_manifest *manifest, pdb_err *err);
pdb_status pdb__manifest_check_ops(const pdb_manifest *manifest, pdb_err *err);

/* The line of a plugin whose file has these bytes, cut at `size`; false when there is none. */
bool pdb__manifest_line(pdb_slice file, char *line, size_t size);

/* Judges a table before it is plugged in. Errors: PDB_EABI. */
pdb_status pdb__socket_judge(pdb_socket_kind kind, const void *ops, pdb_err *err);

/* Judges a route's pattern; NULL when it is well-formed, else what is wrong with it. */
const char *pdb__pattern_fault(const char *pattern);
/* True when both patterns match the same paths: equal but for the names in braces. */
bool pdb__pattern_same_shape(const char *a, const char *b);

#endif
