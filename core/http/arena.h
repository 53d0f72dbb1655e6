/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is given back all at once, at the end of a request. */
#ifndef PDB_HTTP_ARENA_H
#define PDB_HTTP_ARENA_H

#include <pdb/slice.h>

#define PDB_ARENA_FIRST 4096u

typedef struct pdb_arena_block pdb_arena_block;

/* The first block is part of the arena, so that most requests need no other. Zero-initialise.
 * Owns: the other blocks.  Threads: one at a time. */
typedef struct pdb_arena {
	size_t used;
	pdb_arena_block *blocks; /* the newest first */
	_Alignas(16) uint8_t first[PDB_ARENA_FIRST];
} pdb_arena;

/* NULL without memory. Aligned for any type. */
void *pdb_arena_alloc(pdb_arena *arena, size_t size);
/* A copy with a NUL behind it; NULL without memory. */
char *pdb_arena_text(pdb_arena *arena, pdb_slice bytes);
/* Frees what was handed out; also the end of it. */
void pdb_arena_clear(pdb_arena *arena);

#endif
