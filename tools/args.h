/* SPDX-License-Identifier: Apache-2.0 */
/* Options on the command line, read by tables that also make the help. */
#ifndef PDB_TOOLS_ARGS_H
#define PDB_TOOLS_ARGS_H

#include <pdb/slice.h>
#include <pdb/status.h>

#define PDB_ARG_LIST_MAX 256u

typedef enum pdb_arg_kind {
	PDB_ARG_FLAG = 1,   /* bool */
	PDB_ARG_TEXT = 2,   /* const char * */
	PDB_ARG_SECRET = 3, /* char *, a copy of its own; blanked in the argument list */
	PDB_ARG_UINT = 4,   /* uint64_t, at least `min` */
	PDB_ARG_LIST = 5    /* pdb_arg_list; may be given several times */
} pdb_arg_kind;

typedef struct pdb_arg_list {
	const char *items[PDB_ARG_LIST_MAX];
	size_t count;
} pdb_arg_list;

/* A table ends with a row without a name. `env` and `fallback` may be NULL. */
typedef struct pdb_arg {
	const char *name; /* without the dashes */
	char letter;      /* 0 = none */
	pdb_arg_kind kind;
	size_t offset;
	const char *value; /* how the value is called, NULL for a flag */
	const char *fallback;
	uint64_t min;
	const char *env;
	const char *help;
} pdb_arg;

/* What every command knows. `key` is never shown. */
typedef struct pdb_globals {
	const char *url;
	const char *key;
	const char *key_file;
	bool quiet;
	bool help;
	bool version;
} pdb_globals;

extern const pdb_arg pdb_global_args[];

/* One table and the struct it fills. */
typedef struct pdb_arg_target {
	const pdb_arg *args;
	void *settings;
} pdb_arg_target;

/* Writes fallbacks and environment variables into the struct. Errors: PDB_EINVAL. */
pdb_status pdb_args_defaults(const pdb_arg_target *target, pdb_err *err);

/*
 * Reads argv[1…]: options of any target, anywhere, "--name=value" too, "--" ends them. What is left
 * is moved to the front of argv; *count_out is how many. Texts borrow from argv, but for secrets,
 * which are copied, and blanked in argv because the list of processes shows it to everybody.
 * Errors: PDB_EINVAL with the sentence for people, PDB_ENOMEM.
 */
pdb_status pdb_args_read(const pdb_arg_target *targets, size_t target_count, int argc, char **argv,
			 size_t *count_out, pdb_err *err);

/* Wipes and frees the secrets. */
void pdb_args_fini(const pdb_arg_target *target);

/* One line for each row. */
void pdb_args_help(const pdb_arg *args);

#endif
