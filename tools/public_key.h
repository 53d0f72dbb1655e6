/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys, given as hex or as a file with it. */
#ifndef PDB_TOOLS_PUBLIC_KEY_H
#define PDB_TOOLS_PUBLIC_KEY_H

#include <pdb/slice.h>

#define PDB_PUBLIC_KEY_LEN 32u

/* The key in the first line of a file; false when there is none. */
bool pdb_public_key_load(const char *path, uint8_t out[PDB_PUBLIC_KEY_LEN]);
/* `given` is 64 hex digits or such a file. Complains when it is neither. */
bool pdb_public_key_find(const char *given, uint8_t out[PDB_PUBLIC_KEY_LEN]);

#endif
