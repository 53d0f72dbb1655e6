/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes arbitrary bytes as what lies beside a sealed record, and as the note of a thread. */
#include <sodium.h>
#include <stdlib.h>

#include "crypt.h"
#include "note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds) {
		abort();
	}
}

/* What decodes is spelled in one way only. */
static void try_note(pdb_slice bytes)
{
	uint8_t again[NOTE_SIZE_MAX];
	note n;

	if (note_decode(bytes, &n)) {
		must(pdb_slice_equal(pdb_slice_of(again, note_encode(&n, again)), bytes));
	}
}

static void walk(const frame *f)
{
	frame_value value;
	size_t cursor = 0;
	size_t sum = 0;
	uint32_t count = 0;

	while (frame_next(f, &cursor, &value)) {
		must(value.path.ptr >= f->bytes.ptr);
		must(value.sealed.ptr + value.sealed.len <= f->bytes.ptr + f->bytes.len);
		for (size_t i = 0; i < value.sealed.len; i++) {
			sum += value.sealed.ptr[i];
		}
		count++;
	}
	must(count == f->count && cursor == f->bytes.len && sum < SIZE_MAX);
}

/* Nobody knows the key: nothing may open. */
static void try_open(const frame *f, pdb_slice stored)
{
	const crypt_place place = {.database = PDB_SLICE("db"),
				   .thread = PDB_SLICE("t"),
				   .message = PDB_SLICE("m"),
				   .version = 1};
	size_t size = crypt_open_size(f, stored);
	crypt_keys keys;
	uint8_t *out;

	if (size == 0 || size > 1024 * 1024) {
		return;
	}
	memset(&keys, 1, sizeof(keys));
	out = malloc(size);
	if (out != NULL) {
		must(!crypt_open(&place, f, stored, &keys, out));
		free(out);
	}
}

/* The first two bytes say where the stored body begins. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	frame f;
	size_t split;

	try_note(pdb_slice_of(data, size));
	if (size < 2) {
		return 0;
	}
	split = (size_t)data[0] | (size_t)data[1] << 8;
	data += 2;
	size -= 2;
	split = split < size ? split : size;
	if (frame_decode(pdb_slice_of(data, split), &f)) {
		walk(&f);
		try_open(&f, pdb_slice_of(data + split, size - split));
	}
	return 0;
}
