/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a snapshot: taken in pieces, given back whole, wiped because keys lie in it. */
#include "base/mem.h"
#include "config/config_private.h"

#define BLOCK_SIZE 8192u
#define ALIGNMENT  16u

typedef struct pdb_config_block {
	struct pdb_config_block *next;
	size_t size;
	size_t used;
	_Alignas(ALIGNMENT) uint8_t bytes[];
} pdb_config_block;

static pdb_config_block *block_add(pdb_config *config, size_t size)
{
	size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
	pdb_config_block *block = pdb_mem_zalloc(sizeof(*block) + room);

	if (block == NULL) {
		return NULL;
	}
	block->size = room;
	block->next = config->blocks;
	config->blocks = block;
	return block;
}

void *pdb__config_alloc(pdb_config *config, size_t size)
{
	pdb_config_block *block = config->blocks;
	size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	void *bytes;

	if (rounded < size || rounded > SIZE_MAX / 2) {
		return NULL;
	}
	if (block == NULL || block->size - block->used < rounded) {
		block = block_add(config, rounded);
	}
	if (block == NULL) {
		return NULL;
	}
	bytes = block->bytes + block->used;
	block->used += rounded;
	return bytes;
}

const char *pdb__config_text(pdb_config *config, const char *text, size_t len)
{
	char *copy = pdb__config_alloc(config, len + 1);

	if (copy != NULL && len > 0) {
		memcpy(copy, text, len);
	}
	return copy;
}

void pdb__config_free_blocks(pdb_config *config)
{
	while (config->blocks != NULL) {
		pdb_config_block *block = config->blocks;

		config->blocks = block->next;
		explicit_bzero(block->bytes, block->used);
		pdb_mem_free(block);
	}
}
