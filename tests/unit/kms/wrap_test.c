/* SPDX-License-Identifier: Apache-2.0 */
/* Wrapped keys open for what they are for, and for nothing else. */
#include "wrap.h"

#include <sodium.h>

#include "fixture.h"

TestSuite(wrap, .init = fixture_make, .fini = fixture_clean);

static const uint8_t instance[16] = "instance-number1";
static const uint8_t key_id[16] = "the-id-of-a-key.";
static const uint8_t kek_id[16] = "the-id-of-a-kek.";

static const pdb__wrap_context context = {.label = "pdb/w1",
					  .instance = instance,
					  .key_id = key_id,
					  .kek_id = kek_id,
					  .thread = {(const uint8_t *)"thread-1", 8},
					  .version = 1,
					  .kek_version = 1};

static pdb__wrap_keys keys_of(uint8_t fill)
{
	uint8_t key[32];
	pdb__wrap_keys keys;

	memset(key, fill, sizeof(key));
	pdb__wrap_split(&keys, key);
	return keys;
}

static bool opens(const pdb__wrap_keys *keys, const pdb__wrap_context *with, const uint8_t *blob,
		  size_t len)
{
	uint8_t out[32];
	pdb_err err = {0};
	pdb_status status;

	memset(out, 0x77, sizeof(out));
	status = pdb__wrap_open(keys, with, pdb_slice_of(blob, len), out, &err);
	if (status != PDB_OK) {
		cr_assert(sodium_is_zero(out, sizeof(out)), "no byte leaves");
		cr_assert_eq(status, PDB_ECORRUPT);
	}
	return status == PDB_OK;
}

Test(wrap, every_flipped_bit_is_refused)
{
	pdb__wrap_keys keys = keys_of(0x31);
	uint8_t secret[32];
	uint8_t blob[PDB__WRAP_SIZE];

	randombytes_buf(secret, sizeof(secret));
	pdb__wrap_seal(&keys, &context, secret, blob);
	cr_assert(opens(&keys, &context, blob, sizeof(blob)));
	for (size_t bit = 0; bit < 8 * sizeof(blob); bit++) {
		blob[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		cr_assert_not(opens(&keys, &context, blob, sizeof(blob)), "bit %zu", bit);
		blob[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	for (size_t len = 0; len < sizeof(blob); len++) {
		cr_assert_not(opens(&keys, &context, blob, len));
	}
}

/* Every part of the context, in a few values each: what was sealed for one opens for that one only.
 */
Test(wrap, the_matrix_of_moved_keys_is_refused)
{
	static const char *const labels[] = {"pdb/w1", "pdb/k1", "pdb/i1"};
	static const char *const threads[] = {"", "t", "thread-1", "thread-11"};
	unsigned long rounds = fixture_count("PDB_KMS_MATRIX", 3000);
	uint8_t ids[3][16];
	unsigned long tried = 0;

	randombytes_buf(ids, sizeof(ids));
	while (tried < rounds) {
		pdb__wrap_context from = {.label = labels[randombytes_uniform(3)],
					  .instance = ids[randombytes_uniform(3)],
					  .key_id = ids[randombytes_uniform(3)],
					  .kek_id = ids[randombytes_uniform(3)],
					  .thread = pdb_slice_text(threads[randombytes_uniform(4)]),
					  .version = 1 + randombytes_uniform(3),
					  .kek_version = 1 + randombytes_uniform(3)};
		pdb__wrap_context to = from;
		pdb__wrap_keys keys = keys_of(1);
		pdb__wrap_keys others = keys_of(2);
		uint8_t secret[32] = {1, 2, 3};
		uint8_t blob[PDB__WRAP_SIZE];

		pdb__wrap_seal(&keys, &from, secret, blob);
		cr_assert(opens(&keys, &from, blob, sizeof(blob)));
		cr_assert_not(opens(&others, &from, blob, sizeof(blob)));
		to.label = from.label == labels[0] ? labels[1] : labels[0];
		cr_assert_not(opens(&keys, &to, blob, sizeof(blob)));
		to = from;
		to.instance = from.instance == ids[0] ? ids[1] : ids[0];
		cr_assert_not(opens(&keys, &to, blob, sizeof(blob)));
		to = from;
		to.key_id = from.key_id == ids[0] ? ids[1] : ids[0];
		cr_assert_not(opens(&keys, &to, blob, sizeof(blob)));
		to = from;
		to.kek_id = from.kek_id == ids[0] ? ids[1] : ids[0];
		cr_assert_not(opens(&keys, &to, blob, sizeof(blob)));
		to = from;
		to.thread = pdb_slice_text(from.thread.len == 1 ? "u" : "t");
		cr_assert_not(opens(&keys, &to, blob, sizeof(blob)));
		to = from;
		to.version++;
		cr_assert_not(opens(&keys, &to, blob, sizeof(blob)));
		to = from;
		to.kek_version++;
		cr_assert_not(opens(&keys, &to, blob, sizeof(blob)));
		blob[randombytes_uniform(sizeof(blob))] ^= (uint8_t)(1 + randombytes_uniform(255));
		cr_assert_not(opens(&keys, &from, blob, sizeof(blob)));
		tried += 9;
	}
}

Test(wrap, an_unknown_suite_has_a_code_of_its_own)
{
	pdb__wrap_keys keys = keys_of(0x31);
	uint8_t secret[32] = {0};
	uint8_t blob[PDB__WRAP_SIZE];
	pdb_err err = {0};

	pdb__wrap_seal(&keys, &context, secret, blob);
	blob[1] = 2;
	cr_assert_eq(
		pdb__wrap_open(&keys, &context, pdb_slice_of(blob, sizeof(blob)), secret, &err),
		PDB_ECORRUPT);
	cr_assert_str_eq(err.code, "enc_suite_unknown");
}
