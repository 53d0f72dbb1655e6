/* SPDX-License-Identifier: Apache-2.0 */
/* A hash for tables and stripes, keyed once per process against chosen collisions. */
#ifndef PDB_BASE_HASH_H
#define PDB_BASE_HASH_H

#include <pdb/slice.h>

/* SipHash-1-3 (Aumasson and Bernstein, 2012; one compression, three finalisation rounds) under a
 * key drawn at start. Not for storage. Threads: any. */
uint64_t pdb_hash(pdb_slice bytes);

#endif
