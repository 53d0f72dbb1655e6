/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration: flags over environment over files over defaults, judged by option tables. */
#ifndef PDB_CONFIG_CONFIG_H
#define PDB_CONFIG_CONFIG_H

#include <pdb/option.h>
#include <pdb/plugin.h>
#include <stdio.h>

#include "base/buf.h"

/*
 * Model. A pdb_config is a snapshot: layers are added, tables are read, finish() finds what no
 * table knows, and from then on it does not change. It owns every settings struct it gave out. A
 * reload builds a second snapshot and drops it when it has problems.
 *
 * Nothing stops at the first mistake: each is recorded as a problem with file, line and column,
 * and all are reported together.
 * Threads: built by one; after finish() read by any.
 */
typedef struct pdb_config pdb_config;

pdb_status pdb_config_create(pdb_config **out, pdb_err *err);
void pdb_config_destroy(pdb_config **config);

/*
 * Adds a layer from a YAML file, or from text (`name` stands for the file in messages). Later
 * layers of the same kind win. Broken YAML, anchors, aliases, tags, duplicate keys, depth over 32
 * or a size over 1 MiB are problems, as is a missing file. Errors: PDB_ENOMEM only.
 */
pdb_status pdb_config_add_file(pdb_config *config, const char *path, pdb_err *err);
pdb_status pdb_config_add_text(pdb_config *config, const char *name, pdb_slice yaml, pdb_err *err);

/* Remembers the variables that begin with PROGRESSDB_; `environment` is like environ. */
pdb_status pdb_config_add_environment(pdb_config *config, char *const *environment, pdb_err *err);

/* Adds what the environment and the flags have given to `other`, for a second reading when they may
 * be gone. */
pdb_status pdb_config_add_given(pdb_config *config, const pdb_config *other, pdb_err *err);

/* A command-line flag (`flag` is its spelling, for messages) that sets the option `key`. */
pdb_status pdb_config_add_flag(pdb_config *config, const char *flag, const char *key,
			       const char *value, pdb_err *err);

/*
 * Reads one table. *settings_out is a zeroed struct of table->settings_size, filled; borrowed from
 * the snapshot. `owner` names the folder or plugin. The same key in two tables is a problem.
 * `check` may be NULL. Errors: PDB_ENOMEM, PDB_EABI (a malformed table).
 */
pdb_status pdb_config_read(pdb_config *config, const char *owner, const pdb_option_table *table,
			   void (*check)(const void *, pdb_problem_fn, void *),
			   const void **settings_out, pdb_err *err);

/* What a value of this type takes in a settings struct; 0 for an unknown type. */
size_t pdb_option_slot_size(pdb_option_type type);

/* Makes every key and PROGRESSDB_ variable that no table read a problem, with the nearest known
 * one. */
pdb_status pdb_config_finish(pdb_config *config, pdb_err *err);

/* True when a file, the environment or a flag gave this key. */
bool pdb_config_given(const pdb_config *config, const char *key);

/* Records a problem at the place where `key` was given (or the whole config when it was not). */
void pdb_config_problem(pdb_config *config, const char *key, const char *text);
/* The same for what is allowed but deserves a word. */
void pdb_config_warning(pdb_config *config, const char *key, const char *text);

size_t pdb_config_problem_count(const pdb_config *config);
/* Prints all problems and warnings, one line each, in the order of files and lines. */
void pdb_config_print_problems(const pdb_config *config, FILE *to);

/* Prints every option as YAML with the origin of its value behind it; secrets as "***". */
void pdb_config_dump(const pdb_config *config, FILE *to);
/*
 * Calls `setting` for every option in force, in the order of keys, as the dump shows it: what can
 * be reloaded as `current` has it, and the rest as `first` has it, with which the process began.
 */
void pdb_config_each(const pdb_config *first, const pdb_config *current,
		     void (*setting)(void *arg, const char *key, const char *value,
				     const char *origin),
		     void *arg);
/* Calls `problem` for each line that pdb_config_print_problems prints, warnings left out. */
void pdb_config_each_problem(const pdb_config *config, void (*problem)(void *arg, const char *line),
			     void *arg);
/*
 * The keys whose values in `after` differ from those in force: of the snapshot `before`, or, when
 * they cannot be reloaded, of the `first` one.
 */
void pdb_config_compare(const pdb_config *first, const pdb_config *before, const pdb_config *after,
			void (*differs)(void *arg, const char *key, bool reloadable), void *arg);

/* JSON Schema (2020-12), a commented sample file, and a Markdown reference, from the tables read.
 */
pdb_status pdb_config_schema(const pdb_config *config, pdb_buf *out);
pdb_status pdb_config_sample(const pdb_config *config, pdb_buf *out);
pdb_status pdb_config_reference(const pdb_config *config, pdb_buf *out);

#endif
