/* SPDX-License-Identifier: Apache-2.0 */
/* The guard's body: counted bytes, or chunks with their sizes and extensions. */
#include "http/guard_private.h"

#define SIZE_DIGITS_MAX    16u
#define EXTENSION_LINE_MAX 256u
/* Of one request: extensions carry nothing for us, and must not outweigh the content. */
#define EXTENSIONS_MAX 4096u

static void refuse_chunk(pdb_guard *guard)
{
	pdb__guard_refuse(guard, 400, "bad_chunk", "The chunked body is not valid.");
}

static size_t take_bytes(pdb_guard *guard, pdb_slice bytes)
{
	size_t n = bytes.len < guard->left ? bytes.len : (size_t)guard->left;
	pdb_buf *body = &guard->message->body;

	guard->continue_wanted = false;
	pdb_buf_add(body, bytes.ptr, n);
	if (body->failed) {
		pdb__guard_refuse(guard, 503, "overloaded",
				  "The server is short of memory; try again.");
		return 0;
	}
	guard->left -= n;
	if (guard->left == 0) {
		pdb__guard_enter(guard, guard->state == AT_BODY ? AT_DONE : AT_CHUNK_CR, 0);
	}
	return n;
}

static void end_size(pdb_guard *guard, uint8_t byte)
{
	if (guard->digits == 0) {
		refuse_chunk(guard);
	} else if (byte == ';') {
		guard->mark = 0;
		pdb__guard_enter(guard, AT_CHUNK_EXTENSION, 0);
	} else if (byte == '\r') {
		pdb__guard_enter(guard, AT_CHUNK_SIZE_LF, 0);
	} else {
		refuse_chunk(guard);
	}
}

static void step_size(pdb_guard *guard, uint8_t byte)
{
	guard->continue_wanted = false;
	if ((pdb__guard_class(byte) & IS_HEX) == 0) {
		end_size(guard, byte);
		return;
	}
	if (++guard->digits > SIZE_DIGITS_MAX) {
		refuse_chunk(guard);
		return;
	}
	guard->left = guard->left * 16 + pdb__guard_hex(byte);
	if (guard->left > guard->limits->body_max - guard->message->body.len) {
		pdb__guard_refuse(guard, 413, "payload_too_large",
				  "The request body is too large.");
	}
}

static void step_extension(pdb_guard *guard, uint8_t byte)
{
	if (byte == '\r') {
		pdb__guard_enter(guard, AT_CHUNK_SIZE_LF, 0);
	} else if ((pdb__guard_class(byte) & IS_VALUE) == 0) {
		refuse_chunk(guard);
	} else if (++guard->mark > EXTENSION_LINE_MAX || ++guard->extensions > EXTENSIONS_MAX) {
		refuse_chunk(guard);
	}
}

static void step_size_lf(pdb_guard *guard, uint8_t byte)
{
	if (byte != '\n') {
		refuse_chunk(guard);
		return;
	}
	guard->digits = 0;
	if (guard->left > 0) {
		pdb__guard_enter(guard, AT_CHUNK_DATA, 0);
		return;
	}
	/* The trailer is read behind the head, where it is cut off again. */
	guard->trailer = true;
	guard->fields_at = guard->head_end;
	pdb__guard_enter(guard, AT_FIELD, 0);
}

static void step_chunk_end(pdb_guard *guard, uint8_t byte)
{
	if (guard->state == AT_CHUNK_CR && byte == '\r') {
		pdb__guard_enter(guard, AT_CHUNK_LF, 0);
	} else if (guard->state == AT_CHUNK_LF && byte == '\n') {
		pdb__guard_enter(guard, AT_CHUNK_SIZE, 0);
	} else {
		refuse_chunk(guard);
	}
}

size_t pdb__guard_body(pdb_guard *guard, pdb_slice bytes)
{
	switch (guard->state) {
	case AT_BODY:
	case AT_CHUNK_DATA:
		return take_bytes(guard, bytes);
	case AT_CHUNK_SIZE:
		step_size(guard, bytes.ptr[0]);
		return 1;
	case AT_CHUNK_EXTENSION:
		step_extension(guard, bytes.ptr[0]);
		return 1;
	case AT_CHUNK_SIZE_LF:
		step_size_lf(guard, bytes.ptr[0]);
		return 1;
	default:
		step_chunk_end(guard, bytes.ptr[0]);
		return 1;
	}
}
