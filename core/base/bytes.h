/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian numbers in stored rows. */
#ifndef PDB_BASE_BYTES_H
#define PDB_BASE_BYTES_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* At most 8 bytes. */
static inline void pdb_le_put(uint8_t *at, uint64_t value, size_t width)
{
	uint64_t little = htole64(value);

	memcpy(at, &little, width);
}

static inline uint64_t pdb_le_get(const uint8_t *at, size_t width)
{
	uint64_t little = 0;

	memcpy(&little, at, width);
	return le64toh(little);
}

#endif
