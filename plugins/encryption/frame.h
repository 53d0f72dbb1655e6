/* SPDX-License-Identifier: Apache-2.0 */
/* The attachment "SEAL": how sealed values lie beside a record. */
#ifndef ENCRYPTION_FRAME_H
#define ENCRYPTION_FRAME_H

#include <pdb/slice.h>

/*
 * A head, then the values in the order of their places in the body. Numbers are little-endian. See
 * schemas/storage.md. Decoding is total: it reads nothing outside the bytes, and accepts one
 * spelling of each frame only. Slices borrow from the bytes.
 */
#define FRAME_FORMAT        1u
#define FRAME_SUITE_XCHACHA 1u /* XChaCha20-Poly1305 (IETF), commitments of 16 bytes by BLAKE2b */

#define FRAME_HEAD_SIZE  32u /* without the key id */
#define FRAME_KEY_ID_MAX 64u
#define FRAME_MARK_SIZE  16u
#define FRAME_MARK_AT    16u
#define FRAME_COUNT_MAX  256u
#define FRAME_PATH_MAX   1024u

#define FRAME_VALUE_HEAD_SIZE 12u /* of a value, without path, nonce, commitment and ciphertext */
#define FRAME_NONCE_SIZE      24u
#define FRAME_COM_SIZE        16u
#define FRAME_TAG_SIZE        16u /* behind the ciphertext, part of it */

/* What stands in the body where a value was. */
#define FRAME_PLACEHOLDER     "null"
#define FRAME_PLACEHOLDER_LEN 4u

typedef struct frame {
	uint8_t suite;
	uint32_t count;
	uint32_t dek_version;
	pdb_slice key_id;
	const uint8_t *mark; /* FRAME_MARK_SIZE bytes over all else, the stored body too */
	pdb_slice bytes;     /* the whole of it */
} frame;

typedef struct frame_value {
	uint32_t offset; /* of the placeholder in the stored body */
	pdb_slice path;
	const uint8_t *nonce;
	const uint8_t *com;
	pdb_slice sealed; /* ciphertext and tag */
} frame_value;

/*
 * False when the bytes are not one frame of a known format: head, exactly `count` values with
 * rising offsets, nothing behind. The suite may be any.
 */
bool frame_decode(pdb_slice bytes, frame *out);
/* Walks the values of a decoded frame; start with *cursor = 0. False at the end. */
bool frame_next(const frame *f, size_t *cursor, frame_value *out);

/* The bytes of a frame with such values. */
size_t frame_size(size_t key_id_len, size_t count, size_t path_bytes, size_t value_bytes);
/* Write at `out`, which has room, and return the bytes written. The mark, nonce, commitment and
 * ciphertext are left to the caller. */
size_t frame_write_head(uint8_t *out, const frame *f);
size_t frame_write_value(uint8_t *out, const frame_value *value, size_t plain_len);

#endif
