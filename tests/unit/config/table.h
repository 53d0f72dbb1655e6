/* SPDX-License-Identifier: Apache-2.0 */
/* A table with every type of option, and helpers around one snapshot. */
#ifndef PDB_TEST_CONFIG_TABLE_H
#define PDB_TEST_CONFIG_TABLE_H

#include "base/buf.h"
#include "config/config.h"

typedef struct table_settings {
	bool flag;
	int64_t count;
	int64_t size;
	int64_t wait;
	const char *name;
	const char *path;
	int64_t level;
	pdb_option_list roles;
	const char *rules;
	pdb_option_list keys;
	const char *token;
} table_settings;

extern const pdb_option_table table;

/* A snapshot of one text, the table read and finished; the caller destroys it. */
pdb_config *table_read(const char *yaml, const table_settings **settings_out);
/* Reads the table into a snapshot with its layers, and finishes it. */
const table_settings *table_finish(pdb_config *config);
/* All problems as text; the caller frees it. */
char *table_problems(const pdb_config *config);
char *table_dump(const pdb_config *config);
/* Asserts that the text has exactly these problems, and frees what it used. */
void table_expect(const char *yaml, const char *problems);

#endif
