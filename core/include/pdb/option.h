/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables: what a plugin or a core folder can be configured with. */
#ifndef PDB_OPTION_H
#define PDB_OPTION_H

#include <stddef.h>
#include <stdint.h>

/*
 * One row per option. The host reads the YAML file, the environment and the flags, judges every
 * value by its row, and writes the result at `offset` into a settings struct that it allocates.
 * From the same rows come --check-config, --dump-config, the JSON Schema and the reference page.
 *
 * A settings struct is plain data. Strings, lists and trees in it belong to the host and live until
 * fini(), or until the next reload() has returned.
 */
typedef enum pdb_option_type {
	PDB_OPTION_BOOL = 1, /* bool; true, false, yes, no, on, off */
	PDB_OPTION_INT = 2,  /* int64_t; digits may be grouped: 100_000 */
	PDB_OPTION_SIZE = 3, /* int64_t, bytes; 64, 16K, 16KiB, 1M, 2GiB (all powers of 1,024) */
	PDB_OPTION_DURATION =
		4,             /* int64_t, nanoseconds; 250ms, 10s, 5m, 24h, 30d; bare = seconds */
	PDB_OPTION_STRING = 5, /* const char *; never NULL, "" when unset */
	PDB_OPTION_PATH = 6,   /* const char *; as STRING */
	PDB_OPTION_ENUM = 7,   /* int64_t; the index into `choices` */
	PDB_OPTION_LIST = 8,   /* pdb_option_list of strings; a comma list in the environment */
	PDB_OPTION_TREE = 9 /* const char *; the YAML below the key as JSON text, "" when unset */
} pdb_option_type;

typedef struct pdb_option_list {
	const char *const *items;
	size_t count;
} pdb_option_list;

/* Flags of a row. */
#define PDB_OPTION_RELOADABLE 0x1u /* takes effect on SIGHUP; others are reported as kept */
#define PDB_OPTION_SECRET     0x2u /* shown as "***" by --dump-config, never logged */
#define PDB_OPTION_REQUIRED   0x4u /* must be given and not be empty */

/*
 * `key`      absolute dotted path in the YAML file. A third party's plugin uses
 *            "plugins.<its name>.…".
 * `fallback` the default, spelled as in YAML; NULL for "", 0, false or an empty list
 * `min max`  inclusive bounds for INT, SIZE, DURATION, and for the length of a STRING or LIST;
 *            both 0 = unbounded
 * `choices`  for ENUM: NULL-terminated names
 * `unit`     for people, or NULL
 * `env`      environment variable after "PROGRESSDB_", or NULL for the key in upper case with
 *            dots as underscores
 * `help`     one sentence
 */
typedef struct pdb_option {
	const char *key;
	pdb_option_type type;
	uint32_t flags;
	size_t offset;
	const char *fallback;
	int64_t min;
	int64_t max;
	const char *const *choices;
	const char *unit;
	const char *env;
	const char *help;
} pdb_option;

/* A table: `stride` is sizeof(pdb_option) as the table's author knew it. */
typedef struct pdb_option_table {
	const pdb_option *rows;
	size_t count;
	size_t stride;
	size_t settings_size;
} pdb_option_table;

#define PDB_OPTION_TABLE(rows_, settings_type)                                                     \
	{                                                                                          \
		(rows_), sizeof(rows_) / sizeof((rows_)[0]), sizeof((rows_)[0]),                   \
			sizeof(settings_type)                                                      \
	}

#endif
