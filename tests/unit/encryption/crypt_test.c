/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening: the bytes that come back, and what a frame looks like. */
#include "sealing.h"

static sealing s;

static void begin(void)
{
	cr_assert_geq(sodium_init(), 0);
	s.place = (crypt_place){.database = PDB_SLICE("db"),
				.thread = PDB_SLICE("t1"),
				.message = PDB_SLICE("m1"),
				.version = 1};
	sealing_keys(&s.keys, 7);
}

TestSuite(crypt, .init = begin);

static void comes_back(const char *body, const char *const *values, const char *const *paths)
{
	uint8_t out[SEALING_MAX];
	size_t len;

	sealing_make(&s, body, values, paths);
	for (size_t i = 0; values[i] != NULL; i++) {
		if (strcmp(values[i], FRAME_PLACEHOLDER) != 0 && strlen(values[i]) > 3) {
			cr_assert_null(
				memmem(s.stored, s.stored_len, values[i], strlen(values[i])));
			cr_assert_null(memmem(s.frame, s.frame_len, values[i], strlen(values[i])));
		}
	}
	cr_assert(sealing_open(&s.place, &s.keys, pdb_slice_of(s.frame, s.frame_len),
			       pdb_slice_of(s.stored, s.stored_len), out, &len));
	cr_assert(pdb_slice_is(pdb_slice_of(out, len), body));
}

Test(crypt, gives_back_the_bytes_that_were_sealed)
{
	comes_back("{ \"a\" : 1.50 ,\"b\":[\"secret\",2]}",
		   (const char *[]){"1.50", "\"secret\"", NULL},
		   (const char *[]){"/body/a", "/body/b/0", NULL});
	comes_back("\"all of it\"", (const char *[]){"\"all of it\"", NULL},
		   (const char *[]){"/body", NULL});
	comes_back("[1]", (const char *[]){"1", NULL}, (const char *[]){"/body/0", NULL});
	comes_back("[null,null]", (const char *[]){"null", NULL},
		   (const char *[]){"/body/0", NULL});
}

Test(crypt, leaves_placeholders_that_are_json)
{
	sealing_make(&s, "{\"a\":\"secret\",\"b\":2}", (const char *[]){"\"secret\"", NULL},
		     (const char *[]){"/body/a", NULL});
	cr_assert(pdb_slice_is(pdb_slice_of(s.stored, s.stored_len), "{\"a\":null,\"b\":2}"));
}

Test(crypt, never_seals_twice_alike)
{
	uint8_t before[SEALING_MAX];
	size_t len;

	sealing_make(&s, "\"same\"", (const char *[]){"\"same\"", NULL},
		     (const char *[]){"/body", NULL});
	memcpy(before, s.frame, s.frame_len);
	len = s.frame_len;
	sealing_make(&s, "\"same\"", (const char *[]){"\"same\"", NULL},
		     (const char *[]){"/body", NULL});
	cr_assert_eq(len, s.frame_len);
	cr_assert_neq(memcmp(before + 64, s.frame + 64, len - 64), 0);
}

Test(crypt, tells_keys_apart_by_their_check)
{
	crypt_keys other;
	uint8_t a[CRYPT_CHECK_SIZE];
	uint8_t b[CRYPT_CHECK_SIZE];

	sealing_keys(&other, 8);
	crypt_keys_check(&s.keys, a);
	crypt_keys_check(&other, b);
	cr_assert_not(crypt_same(a, b, sizeof(a)));
	sealing_keys(&other, 7);
	crypt_keys_check(&other, b);
	cr_assert(crypt_same(a, b, sizeof(a)));
}

Test(crypt, decodes_one_spelling_only)
{
	frame f;

	sealing_make(&s, "[1,2]", (const char *[]){"1", "2", NULL},
		     (const char *[]){"/body/0", "/body/1", NULL});
	cr_assert(frame_decode(pdb_slice_of(s.frame, s.frame_len), &f));
	cr_assert_eq(f.count, 2);
	cr_assert_eq(f.dek_version, 3);
	for (size_t len = 0; len < s.frame_len; len++) {
		cr_assert_not(frame_decode(pdb_slice_of(s.frame, len), &f), "%zu", len);
	}
	s.frame[s.frame_len] = 0;
	cr_assert_not(frame_decode(pdb_slice_of(s.frame, s.frame_len + 1), &f));
	s.frame[0] = 2;
	cr_assert_not(frame_decode(pdb_slice_of(s.frame, s.frame_len), &f));
}
