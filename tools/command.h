/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of pdbctl, and how a program of theirs ends. */
#ifndef PDB_TOOLS_COMMAND_H
#define PDB_TOOLS_COMMAND_H

#include "tools/args.h"

/* The exit status says what to do next. */
typedef enum pdb_exit {
	PDB_EXIT_OK = 0,          /* done */
	PDB_EXIT_NO = 1,          /* the answer is no: refused, not ready, faults found */
	PDB_EXIT_USAGE = 2,       /* wrong usage, or a file or database that cannot be opened */
	PDB_EXIT_UNREACHABLE = 3, /* the server did not answer in time; the same command may help */
	PDB_EXIT_INTERRUPTED = 130
} pdb_exit;

/*
 * One command. `name` may be two words. `args` is its own table, filled into a struct of
 * `settings_size` bytes; `operands` is how the operands look in the usage line, `least` and `most`
 * are how many there may be. `text` explains, `examples` are lines of a shell.
 */
typedef struct pdb_command {
	const char *name;
	const char *summary;
	const char *operands;
	size_t least;
	size_t most;
	const pdb_arg *args;
	size_t settings_size;
	const char *text;
	const char *examples;
	pdb_exit (*run)(const pdb_globals *globals, const void *settings, char *const *operands);
} pdb_command;

/* Finds the command in the arguments, reads them, runs it; the exit status of the program. */
int pdb_command_main(const pdb_command *const *commands, int argc, char **argv);

/* Prints "pdbctl: …" and a newline to standard error. */
void pdb_complain(const char *format, ...) PDB_PRINTF(1, 2);

/* True once SIGINT or SIGTERM came; the first call starts to listen. */
bool pdb_interrupted(void);

extern const pdb_command pdb_command_import;
extern const pdb_command pdb_command_export;
extern const pdb_command pdb_command_check;
extern const pdb_command pdb_command_backup;
extern const pdb_command pdb_command_verify;
extern const pdb_command pdb_command_restore;
extern const pdb_command pdb_command_health;
extern const pdb_command pdb_command_jobs;
extern const pdb_command pdb_command_inspect;
extern const pdb_command pdb_command_key_new;
extern const pdb_command pdb_command_kms_status;
extern const pdb_command pdb_command_kms_keys;
extern const pdb_command pdb_command_kms_rotate;
extern const pdb_command pdb_command_kms_rewrap;
extern const pdb_command pdb_command_kms_verify;
extern const pdb_command pdb_command_kms_retire;
extern const pdb_command pdb_command_kms_disable;
extern const pdb_command pdb_command_kms_enable;
extern const pdb_command pdb_command_kms_destroy;
extern const pdb_command pdb_command_kms_hold;
extern const pdb_command pdb_command_kms_release;
extern const pdb_command pdb_command_kms_export;
extern const pdb_command pdb_command_kms_import;
extern const pdb_command pdb_command_kms_shred_status;
extern const pdb_command pdb_command_kms_receipt;
extern const pdb_command pdb_command_kms_verify_receipt;
extern const pdb_command pdb_command_kms_verify_audit;

#endif
