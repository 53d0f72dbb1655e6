/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in little-endian bytes, and a reader that never goes past the end. */
#ifndef PDB_KEYRING_LITTLE_H
#define PDB_KEYRING_LITTLE_H

#include <pdb/slice.h>

static inline uint8_t *little_put16(uint8_t *at, uint16_t number)
{
	at[0] = (uint8_t)number;
	at[1] = (uint8_t)(number >> 8);
	return at + 2;
}

static inline uint8_t *little_put32(uint8_t *at, uint32_t number)
{
	for (unsigned i = 0; i < 4; i++) {
		at[i] = (uint8_t)(number >> (8 * i));
	}
	return at + 4;
}

static inline uint8_t *little_put64(uint8_t *at, uint64_t number)
{
	for (unsigned i = 0; i < 8; i++) {
		at[i] = (uint8_t)(number >> (8 * i));
	}
	return at + 8;
}

static inline uint8_t *little_put(uint8_t *at, const void *bytes, size_t len)
{
	if (len > 0) {
		memcpy(at, bytes, len);
	}
	return at + len;
}

/* Reads from the front. Past the end it gives zeros and remembers that it failed. */
typedef struct little_reader {
	pdb_slice left;
	bool failed;
} little_reader;

static inline pdb_slice little_take(little_reader *reader, size_t len)
{
	pdb_slice taken = pdb_slice_of(NULL, 0);

	if (reader->failed || len > reader->left.len) {
		reader->failed = true;
		return taken;
	}
	taken = pdb_slice_of(reader->left.ptr, len);
	reader->left = pdb_slice_skip(reader->left, len);
	return taken;
}

static inline uint64_t little_number(little_reader *reader, size_t len)
{
	pdb_slice bytes = little_take(reader, len);
	uint64_t number = 0;

	for (size_t i = bytes.len; i-- > 0;) {
		number = (number << 8) | bytes.ptr[i];
	}
	return number;
}

static inline void little_copy(little_reader *reader, void *out, size_t len)
{
	pdb_slice bytes = little_take(reader, len);

	if (bytes.len == len && len > 0) {
		memcpy(out, bytes.ptr, len);
	} else {
		memset(out, 0, len);
	}
}

/* True when all was read and nothing is left. */
static inline bool little_ended(const little_reader *reader)
{
	return !reader->failed && reader->left.len == 0;
}

#endif
