/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian numbers in stored rows. */
#ifndef PDB_BASE_BYTES_H
#define PDB_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline void pdb_le_put(uint8_t *at, uint64_t value, size_t width)
{
	for (size_t i = 0; i < width; i++) {
		at[i] = (uint8_t)(value >> (8 * i));
	}
}

static inline uint64_t pdb_le_get(const uint8_t *at, size_t width)
{
	uint64_t value = 0;

	for (size_t i = 0; i < width; i++) {
		value |= (uint64_t)at[i] << (8 * i);
	}
	return value;
}

#endif
