/* SPDX-License-Identifier: Apache-2.0 */
/* A settings struct from an option table: defaults, and overrides given as text. */
#ifndef PDB_TEST_CONTRACT_SETTINGS_H
#define PDB_TEST_CONTRACT_SETTINGS_H

#include <pdb/option.h>

/* `overrides` is "key=value;key=value" or NULL; keys of other tables in it are passed over. The
 * result lives until settings_forget(). Ends the test on a value that cannot be read. */
const void *settings_make(const pdb_option_table *table, const char *overrides);
void settings_forget(void);

#endif
