/* SPDX-License-Identifier: Apache-2.0 */
/* A record that is sealed, for tests. */
#ifndef PDB_TEST_SEALING_H
#define PDB_TEST_SEALING_H

#include <criterion/criterion.h>
#include <sodium.h>

#include "crypt.h"

#define SEALING_MAX 4096u

typedef struct sealing {
	crypt_place place;
	crypt_keys keys;
	uint8_t frame[SEALING_MAX];
	size_t frame_len;
	uint8_t stored[SEALING_MAX];
	size_t stored_len;
	const char *body;
} sealing;

static inline void sealing_keys(crypt_keys *keys, uint8_t byte)
{
	uint8_t dek[CRYPT_DEK_SIZE];

	memset(dek, byte, sizeof(dek));
	crypt_keys_derive(keys, dek);
}

/* Seals the values named in `values` (each with the path of its place in the list). */
static inline void sealing_make(sealing *s, const char *body, const char *const *values,
				const char *const *paths)
{
	crypt_span spans[8];
	crypt_job job = {.place = s->place,
			 .body = pdb_slice_text(body),
			 .spans = spans,
			 .key_id = PDB_SLICE("00112233445566778899aabbccddeeff"),
			 .dek_version = 3};

	for (size_t i = 0; values[i] != NULL; i++) {
		const char *at = strstr(body, values[i]);

		cr_assert_not_null(at);
		spans[i].value = pdb_slice_of((const uint8_t *)at, strlen(values[i]));
		spans[i].path = pdb_slice_text(paths[i]);
		job.count++;
	}
	s->body = body;
	s->frame_len = crypt_frame_size(&job);
	s->stored_len = crypt_body_size(&job);
	cr_assert_leq(s->frame_len, SEALING_MAX);
	cr_assert_leq(s->stored_len, SEALING_MAX);
	crypt_seal(&job, &s->keys, s->frame, s->stored);
}

/* Opens; false when it does not, and then there is nothing of the plaintext. */
static inline bool sealing_open(const crypt_place *place, const crypt_keys *keys, pdb_slice bytes,
				pdb_slice stored, uint8_t out[SEALING_MAX], size_t *len_out)
{
	frame f;

	*len_out = 0;
	if (!frame_decode(bytes, &f)) {
		return false;
	}
	*len_out = crypt_open_size(&f, stored);
	return *len_out > 0 && *len_out <= SEALING_MAX && crypt_open(place, &f, stored, keys, out);
}

#endif
