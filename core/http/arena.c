/* SPDX-License-Identifier: Apache-2.0 */
/* The arena: one block inside, others behind each other when it does not suffice. */
#include "http/arena.h"

#include "base/mem.h"

#define BLOCK 16384u

struct pdb_arena_block {
	pdb_arena_block *next;
	size_t used;
	size_t size;
	_Alignas(16) uint8_t bytes[];
};

static size_t rounded(size_t size)
{
	return (size + 15u) & ~(size_t)15u;
}

static pdb_arena_block *add_block(pdb_arena *arena, size_t need)
{
	size_t size = need > BLOCK ? need : BLOCK;
	pdb_arena_block *block = pdb_mem_alloc(sizeof(*block) + size);

	if (block != NULL) {
		block->next = arena->blocks;
		block->used = 0;
		block->size = size;
		arena->blocks = block;
	}
	return block;
}

void *pdb_arena_alloc(pdb_arena *arena, size_t size)
{
	size_t need = rounded(size);
	pdb_arena_block *block = arena->blocks;
	void *result;

	if (need < size || need > SIZE_MAX / 2) {
		return NULL;
	}
	if (need <= PDB_ARENA_FIRST - arena->used) {
		result = arena->first + arena->used;
		arena->used += need;
		return result;
	}
	if (block == NULL || need > block->size - block->used) {
		block = add_block(arena, need);
	}
	if (block == NULL) {
		return NULL;
	}
	result = block->bytes + block->used;
	block->used += need;
	return result;
}

char *pdb_arena_text(pdb_arena *arena, pdb_slice bytes)
{
	char *copy = pdb_arena_alloc(arena, bytes.len + 1);

	if (copy != NULL) {
		if (bytes.len > 0) {
			memcpy(copy, bytes.ptr, bytes.len);
		}
		copy[bytes.len] = '\0';
	}
	return copy;
}

void pdb_arena_clear(pdb_arena *arena)
{
	while (arena->blocks != NULL) {
		pdb_arena_block *block = arena->blocks;

		arena->blocks = block->next;
		pdb_mem_free(block);
	}
	arena->used = 0;
}
