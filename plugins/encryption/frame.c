/* SPDX-License-Identifier: Apache-2.0 */
/* The attachment "SEAL": how sealed values lie beside a record. */
#include "frame.h"

/* Where the parts lie: of the head, and of each value. */
enum {
	AT_FORMAT = 0,
	AT_SUITE = 1,
	AT_KEY_ID_LEN = 2,
	AT_RESERVED = 3,
	AT_COUNT = 4,
	AT_DEK_VERSION = 8,
	AT_LENGTH = 12,

	VALUE_OFFSET = 0,
	VALUE_PLAIN_LEN = 4,
	VALUE_PATH_LEN = 8
};

#define VALUE_FIXED (FRAME_VALUE_HEAD_SIZE + FRAME_NONCE_SIZE + FRAME_COM_SIZE + FRAME_TAG_SIZE)

static void put32(uint8_t *at, size_t value)
{
	for (size_t i = 0; i < 4; i++) {
		at[i] = (uint8_t)(value >> (8 * i));
	}
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

bool frame_next(const frame *f, size_t *cursor, frame_value *out)
{
	size_t at = *cursor == 0 ? FRAME_HEAD_SIZE + f->key_id.len : *cursor;
	const uint8_t *head = f->bytes.ptr + at;
	size_t rest = at <= f->bytes.len ? f->bytes.len - at : 0;
	size_t path_len;
	size_t plain_len;

	if (rest < VALUE_FIXED) {
		return false;
	}
	plain_len = get32(head + VALUE_PLAIN_LEN);
	path_len = get32(head + VALUE_PATH_LEN);
	if (path_len == 0 || path_len > FRAME_PATH_MAX || plain_len == 0 ||
	    path_len > rest - VALUE_FIXED || plain_len > rest - VALUE_FIXED - path_len) {
		return false;
	}
	out->offset = get32(head + VALUE_OFFSET);
	out->path = pdb_slice_of(head + FRAME_VALUE_HEAD_SIZE, path_len);
	out->nonce = out->path.ptr + path_len;
	out->com = out->nonce + FRAME_NONCE_SIZE;
	out->sealed = pdb_slice_of(out->com + FRAME_COM_SIZE, plain_len + FRAME_TAG_SIZE);
	*cursor = at + VALUE_FIXED + path_len + plain_len;
	return true;
}

static bool values_valid(const frame *f)
{
	frame_value value;
	size_t cursor = 0;
	size_t least = 0;
	uint32_t count = 0;

	while (count < f->count && frame_next(f, &cursor, &value)) {
		if (value.offset < least) {
			return false;
		}
		least = (size_t)value.offset + FRAME_PLACEHOLDER_LEN;
		count++;
	}
	return count == f->count && cursor == f->bytes.len;
}

bool frame_decode(pdb_slice bytes, frame *out)
{
	const uint8_t *at = bytes.ptr;

	if (bytes.len < FRAME_HEAD_SIZE || at[AT_FORMAT] != FRAME_FORMAT || at[AT_RESERVED] != 0 ||
	    get32(at + AT_LENGTH) != bytes.len) {
		return false;
	}
	out->suite = at[AT_SUITE];
	out->count = get32(at + AT_COUNT);
	out->dek_version = get32(at + AT_DEK_VERSION);
	out->mark = at + FRAME_MARK_AT;
	out->key_id = pdb_slice_of(at + FRAME_HEAD_SIZE, at[AT_KEY_ID_LEN]);
	out->bytes = bytes;
	return out->key_id.len > 0 && out->key_id.len <= FRAME_KEY_ID_MAX &&
	       out->key_id.len <= bytes.len - FRAME_HEAD_SIZE && out->count > 0 &&
	       out->count <= FRAME_COUNT_MAX && out->dek_version > 0 && values_valid(out);
}

size_t frame_size(size_t key_id_len, size_t count, size_t path_bytes, size_t value_bytes)
{
	return FRAME_HEAD_SIZE + key_id_len + count * VALUE_FIXED + path_bytes + value_bytes;
}

size_t frame_write_head(uint8_t *out, const frame *f)
{
	memset(out, 0, FRAME_HEAD_SIZE);
	out[AT_FORMAT] = FRAME_FORMAT;
	out[AT_SUITE] = f->suite;
	out[AT_KEY_ID_LEN] = (uint8_t)f->key_id.len;
	put32(out + AT_COUNT, f->count);
	put32(out + AT_DEK_VERSION, f->dek_version);
	put32(out + AT_LENGTH, f->bytes.len);
	memcpy(out + FRAME_HEAD_SIZE, f->key_id.ptr, f->key_id.len);
	return FRAME_HEAD_SIZE + f->key_id.len;
}

size_t frame_write_value(uint8_t *out, const frame_value *value, size_t plain_len)
{
	put32(out + VALUE_OFFSET, value->offset);
	put32(out + VALUE_PLAIN_LEN, plain_len);
	put32(out + VALUE_PATH_LEN, value->path.len);
	memcpy(out + FRAME_VALUE_HEAD_SIZE, value->path.ptr, value->path.len);
	return VALUE_FIXED + value->path.len + plain_len;
}
