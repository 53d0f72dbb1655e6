/* SPDX-License-Identifier: Apache-2.0 */
/* Ids: what an id may look like, and new ones. */
#ifndef PDB_BASE_ID_H
#define PDB_BASE_ID_H

#include <pdb/slice.h>

#define PDB_ID_MAX     128u
#define PDB_AUTHOR_MAX 128u

/* Fills `bytes` from the kernel's generator; ends the process when that cannot be had. */
void pdb_random(void *bytes, size_t size);

/* True for ^[A-Za-z0-9][A-Za-z0-9._~@+-]{0,127}$. Threads: any. */
bool pdb_id_valid(pdb_slice id);

/* True for 1 to 128 bytes of valid UTF-8 without control characters. Threads: any. */
bool pdb_author_valid(pdb_slice author);

/*
 * Writes a new id: the prefix, 10 base-32 digits of milliseconds, 3 of a counter and 16 random ones
 * (80 bits), so that ids sort
 * by time and cannot be guessed.
 * `out` has room for PDB_ID_MAX + 1 bytes and gets a NUL. Returns the length. Threads: any.
 */
size_t pdb_id_make(char *out, const char *prefix);

#endif
