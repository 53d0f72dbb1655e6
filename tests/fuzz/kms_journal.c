/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the head of a journal and as a wrapped key: neither holds without its key. */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>

#include "journal_private.h"
#include "wrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[32] = {7};
	const pdb__journal journal = {.key = key};
	const pdb__wrap_context context = {
		.label = "pdb/w1", .instance = key, .key_id = key, .kek_id = key};
	pdb__journal_place place;
	pdb__wrap_keys keys;
	uint8_t out[PDB__WRAP_SECRET];
	uint64_t slot;

	if (pdb__journal_head_decode(&journal, pdb_slice_of(data, size), &place, &slot)) {
		abort();
	}
	pdb__wrap_split(&keys, key);
	if (pdb__wrap_open(&keys, &context, pdb_slice_of(data, size), out, NULL) == PDB_OK ||
	    !sodium_is_zero(out, sizeof(out))) {
		abort();
	}
	return 0;
}
