/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for one call: handed out in pieces, given back at once. */
#include "chat/arena.h"

#include <stddef.h>

#include "base/mem.h"

#define BLOCK_SIZE ((size_t)16 * 1024)
#define KEPT_BLOCK ((size_t)256 * 1024) /* larger blocks and buffers go back to the system */
#define ALIGNMENT  _Alignof(max_align_t)

struct pdb__arena_block {
	pdb__arena_block *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) uint8_t bytes[];
};

static pdb__arena_block *block_create(size_t size)
{
	pdb__arena_block *block = pdb_mem_alloc(sizeof(*block) + size);

	if (block != NULL) {
		block->next = NULL;
		block->used = 0;
		block->size = size;
	}
	return block;
}

static void arena_destroy(pdb__arena *arena)
{
	while (arena->blocks != NULL) {
		pdb__arena_block *block = arena->blocks;

		arena->blocks = block->next;
		pdb_mem_free(block);
	}
	pdb_buf_fini(&arena->row);
	pdb_buf_fini(&arena->text);
	pdb_mem_free(arena);
}

/* Keeps one block of ordinary size and buffers of ordinary size. */
static void arena_reset(pdb__arena *arena)
{
	pdb__arena_block *kept = NULL;

	while (arena->blocks != NULL) {
		pdb__arena_block *block = arena->blocks;

		arena->blocks = block->next;
		if (kept == NULL && block->size <= KEPT_BLOCK) {
			kept = block;
		} else {
			pdb_mem_free(block);
		}
	}
	if (kept != NULL) {
		kept->next = NULL;
		kept->used = 0;
	}
	arena->blocks = kept;
	if (arena->row.cap > KEPT_BLOCK) {
		pdb_buf_fini(&arena->row);
	}
	if (arena->text.cap > KEPT_BLOCK) {
		pdb_buf_fini(&arena->text);
	}
	pdb_buf_clear(&arena->row);
	pdb_buf_clear(&arena->text);
}

pdb__arena *pdb__arena_take(pdb__arena_pool *pool)
{
	for (size_t i = 0; i < PDB__ARENA_POOL; i++) {
		pdb__arena *arena =
			atomic_exchange_explicit(&pool->idle[i], NULL, memory_order_acquire);

		if (arena != NULL) {
			return arena;
		}
	}
	return pdb_mem_zalloc(sizeof(pdb__arena));
}

void pdb__arena_give(pdb__arena_pool *pool, pdb__arena *arena)
{
	if (arena == NULL) {
		return;
	}
	arena_reset(arena);
	for (size_t i = 0; i < PDB__ARENA_POOL; i++) {
		pdb__arena *none = NULL;

		if (atomic_compare_exchange_strong_explicit(&pool->idle[i], &none, arena,
							    memory_order_release,
							    memory_order_relaxed)) {
			return;
		}
	}
	arena_destroy(arena);
}

void pdb__arena_pool_fini(pdb__arena_pool *pool)
{
	for (size_t i = 0; i < PDB__ARENA_POOL; i++) {
		pdb__arena *arena = atomic_exchange(&pool->idle[i], NULL);

		if (arena != NULL) {
			arena_destroy(arena);
		}
	}
}

/* Each block is twice the one before, so that the one kept comes to hold a whole call. */
static size_t next_size(const pdb__arena_block *last, size_t needed)
{
	size_t size = last == NULL ? BLOCK_SIZE : last->size * 2;

	if (size > KEPT_BLOCK) {
		size = KEPT_BLOCK;
	}
	return needed > size ? needed : size;
}

void *pdb__arena_alloc(pdb__arena *arena, size_t size)
{
	pdb__arena_block *block = arena->blocks;
	size_t rounded = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);

	if (rounded < size) {
		return NULL;
	}
	if (block == NULL || block->size - block->used < rounded) {
		block = block_create(next_size(block, rounded));
		if (block == NULL) {
			return NULL;
		}
		block->next = arena->blocks;
		arena->blocks = block;
	}
	block->used += rounded;
	return block->bytes + (block->used - rounded);
}

bool pdb__arena_copy(pdb__arena *arena, pdb_slice bytes, pdb_slice *copy_out)
{
	uint8_t *copy = pdb__arena_alloc(arena, bytes.len + 1);

	if (copy == NULL) {
		return false;
	}
	if (bytes.len > 0) {
		memcpy(copy, bytes.ptr, bytes.len);
	}
	*copy_out = pdb_slice_of(copy, bytes.len);
	return true;
}
