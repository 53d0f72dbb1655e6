/* SPDX-License-Identifier: Apache-2.0 */
/* Ids that follow from what a caller sent, so that a retry finds what it made. */
#include <sodium.h>

#include "base/bytes.h"
#include "base/text.h"
#include "chat/chat_private.h"

#define DERIVED_SIZE 20u

typedef crypto_generichash_state hash_state;

static void hash_init(const pdb_chat *chat, hash_state *state, size_t size)
{
	(void)crypto_generichash_init(state, pdb_store_secret(chat->store), 32, size);
}

/* With its length in front, so that no two lists of parts give the same bytes. */
static void hash_part(hash_state *state, pdb_slice part)
{
	uint8_t len[8];

	pdb_le_put(len, part.len, sizeof(len));
	(void)crypto_generichash_update(state, len, sizeof(len));
	(void)crypto_generichash_update(state, part.ptr != NULL ? part.ptr : len, part.len);
}

void pdb__id_derive(const pdb_chat *chat, const char *prefix, const pdb_slice parts[3],
		    uint64_t index, char *out)
{
	uint8_t digest[DERIVED_SIZE];
	uint8_t number[8];
	hash_state state;

	hash_init(chat, &state, sizeof(digest));
	hash_part(&state, pdb_slice_text(prefix));
	for (size_t i = 0; i < 3; i++) {
		hash_part(&state, parts[i]);
	}
	pdb_le_put(number, index, sizeof(number));
	hash_part(&state, pdb_slice_of(number, sizeof(number)));
	(void)crypto_generichash_final(&state, digest, sizeof(digest));
	(void)snprintf(out, PDB_ID_MAX + 1, "%s", prefix);
	pdb_hex_encode(out + strlen(out), pdb_slice_of(digest, sizeof(digest)));
}

/* An absent field differs from an empty one. */
static void hash_field(hash_state *state, pdb_slice field)
{
	hash_part(state, field.ptr != NULL ? PDB_SLICE("+") : PDB_SLICE("-"));
	hash_part(state, field);
}

void pdb__digest_thread(const pdb_chat *chat, const pdb_thread_input *input, uint8_t out[16])
{
	hash_state state;

	hash_init(chat, &state, 16);
	hash_field(&state, input->title);
	hash_field(&state, input->attributes);
	for (size_t i = 0; i < input->participant_count; i++) {
		hash_part(&state, input->participants[i]);
	}
	(void)crypto_generichash_final(&state, out, 16);
}
