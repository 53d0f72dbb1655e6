/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for one call: handed out in pieces, given back at once. */
#ifndef PDB_CHAT_ARENA_H
#define PDB_CHAT_ARENA_H

#include <stdatomic.h>

#include "base/buf.h"

/*
 * What is allocated does not move and lives until the arena is given back. Arenas are kept in a
 * small pool, so that a call in the steady state takes no memory from the system.
 */
typedef struct pdb__arena_block pdb__arena_block;

typedef struct pdb__arena {
	pdb__arena_block *blocks; /* the newest first */
	pdb_buf row;              /* where rows are composed */
	pdb_buf text;             /* where small JSON is composed */
} pdb__arena;

#define PDB__ARENA_POOL 32u

typedef struct pdb__arena_pool {
	_Atomic(pdb__arena *) idle[PDB__ARENA_POOL];
} pdb__arena_pool;

/* NULL without memory. Threads: any. */
pdb__arena *pdb__arena_take(pdb__arena_pool *pool);
/* Accepts NULL. */
void pdb__arena_give(pdb__arena_pool *pool, pdb__arena *arena);
void pdb__arena_pool_fini(pdb__arena_pool *pool);

/* Aligned for anything; NULL without memory. */
void *pdb__arena_alloc(pdb__arena *arena, size_t size);
/* False without memory. */
bool pdb__arena_copy(pdb__arena *arena, pdb_slice bytes, pdb_slice *copy_out);

#endif
