/* SPDX-License-Identifier: Apache-2.0 */
/* Wrapped keys: what comes out goes back into the same keyring, and into no other. */
#include <stdlib.h>

#include "fixture.h"
#include "record.h"

TestSuite(escrow, .init = fixture_make, .fini = fixture_clean);

typedef struct blob {
	uint8_t bytes[512];
	size_t len;
} blob;

static void take(void *arg, pdb_slice bytes)
{
	blob *out = arg;

	cr_assert_leq(bytes.len, sizeof(out->bytes));
	memcpy(out->bytes, bytes.ptr, bytes.len);
	out->len = bytes.len;
}

static blob wrapped(const char *id, uint32_t version)
{
	const pdb_keyring_which which = {.who = "tester", .id = id, .version = version};
	blob out = {.len = 0};
	pdb_err err = {0};

	cr_assert_eq(pdb_keyring_wrapped(fixture, &which, take, &out, &err), PDB_OK, "%s",
		     err.text);
	return out;
}

static pdb_status restore(const blob *from, bool *stored, pdb_err *err)
{
	*err = (pdb_err){0};
	return pdb_keyring_restore(fixture, "tester", pdb_slice_of(from->bytes, from->len), stored,
				   err);
}

static void restores(const blob *from, bool expected)
{
	bool stored = !expected;
	pdb_err err;

	cr_assert_eq(restore(from, &stored, &err), PDB_OK, "%s", err.text);
	cr_assert_eq(stored, expected);
}

static void refuses(const blob *from, pdb_status status)
{
	bool stored = true;
	pdb_err err;

	cr_assert_eq(restore(from, &stored, &err), status, "%s", err.text);
	cr_assert_not(stored);
}

/* The files that make the state. An older copy of them is put back by giving them to `reset`. */
static const char *const FILES[] = {"journal", "journal.head", "audit.log", "audit.head"};
#define FILE_COUNT (sizeof(FILES) / sizeof(FILES[0]))

typedef struct copy {
	uint8_t *bytes[FILE_COUNT];
	size_t len[FILE_COUNT];
} copy;

static copy copy_of_all(void)
{
	copy made;

	fixture_close();
	for (size_t i = 0; i < FILE_COUNT; i++) {
		made.bytes[i] = fixture_read(FILES[i], &made.len[i]);
	}
	fixture_open();
	return made;
}

static void reset(copy *old)
{
	fixture_close();
	for (size_t i = 0; i < FILE_COUNT; i++) {
		fixture_write(FILES[i], old->bytes[i], old->len[i]);
		free(old->bytes[i]);
	}
	fixture_open();
}

static void renew(const char *id, uint32_t after, uint8_t *dek)
{
	const pdb_keyring_which which = {.who = "tester", .id = id, .version = after};
	pdb_kms_key key = {.size = sizeof(key), .dek = dek};
	pdb_err err = {0};

	cr_assert_eq(pdb_keyring_add_version(fixture, &which, &key, &err), PDB_OK, "%s", err.text);
}

static void opens(const char *id, uint32_t version, const uint8_t *dek)
{
	uint8_t got[PDB_KMS_DEK_SIZE];

	cr_assert_eq(fixture_unwrap(id, version, got), PDB_OK);
	cr_assert_arr_eq(got, dek, sizeof(got));
}

Test(escrow, an_older_copy_gets_what_it_lacks)
{
	uint8_t deks[2][PDB_KMS_DEK_SIZE];
	pdb_kms_key key;
	blob first;
	blob second;
	copy old;

	fixture_open();
	old = copy_of_all();
	key = fixture_key("t-1", deks[0]);
	renew(key.id, 1, deks[1]);
	first = wrapped(key.id, 1);
	second = wrapped(key.id, 0);
	restores(&first, false);
	reset(&old);
	cr_assert_eq(fixture_unwrap(key.id, 1, NULL), PDB_ENOTFOUND);
	refuses(&second, PDB_EINVAL);
	restores(&first, true);
	restores(&second, true);
	restores(&second, false);
	fixture_close();
	fixture_open();
	opens(key.id, 1, deks[0]);
	opens(key.id, 2, deks[1]);
	cr_assert_eq(wrapped(key.id, 1).len, first.len);
	cr_assert_arr_eq(wrapped(key.id, 1).bytes, first.bytes, first.len);
	cr_assert_arr_eq(wrapped(key.id, 2).bytes, second.bytes, second.len);
}

Test(escrow, a_key_is_the_same_under_another_kek_version)
{
	pdb_kms_progress progress = {.size = sizeof(progress)};
	uint8_t dek[PDB_KMS_DEK_SIZE];
	uint32_t version = 0;
	pdb_kms_key key;
	pdb_err err = {0};
	blob old;

	fixture_open();
	key = fixture_key("t-1", dek);
	old = wrapped(key.id, 1);
	cr_assert_eq(pdb_keyring_rotate_kek(fixture, "tester", &version, &err), PDB_OK);
	cr_assert_eq(pdb_keyring_rewrap(fixture, "tester", 10, &progress, &err), PDB_OK);
	restores(&old, false);
	opens(key.id, 1, dek);
	/* with its KEK version it is gone */
	progress = (pdb_kms_progress){.size = sizeof(progress)};
	while (progress.finished == 0) {
		cr_assert_eq(pdb_keyring_verify(fixture, "tester", 10, &progress, &err), PDB_OK);
	}
	cr_assert_eq(pdb_keyring_retire(fixture, "tester", 1, &err), PDB_OK, "%s", err.text);
	refuses(&old, PDB_ENOTFOUND);
	opens(key.id, 1, dek);
}

Test(escrow, what_is_destroyed_stays_so)
{
	pdb_kms_shred shred = {.size = sizeof(shred)};
	bool stored = true;
	pdb_kms_key key;
	pdb_err err = {0};
	blob out;

	fixture_open();
	key = fixture_key("t-1", NULL);
	out = wrapped(key.id, 1);
	cr_assert_eq(pdb_keyring_destroy(fixture, "tester", key.id, &err), PDB_OK);
	cr_assert_eq(restore(&out, &stored, &err), PDB_ENOTFOUND);
	cr_assert_str_eq(err.code, "key_destroyed");
	cr_assert_not(stored);
	cr_assert_eq(pdb_keyring_shred_status(fixture, key.id, &shred, &err), PDB_OK);
	cr_assert_eq(shred.state, PDB_KMS_SHRED_LOGICAL);
}

Test(escrow, a_bound_key_binds_the_one_that_was_ahead)
{
	uint8_t dek[PDB_KMS_DEK_SIZE];
	pdb_kms_key key = {.size = sizeof(key), .dek = dek};
	pdb_kms_key bound = {.size = sizeof(bound)};
	pdb_keyring_which which = {.who = "tester", .thread = PDB_SLICE("t-1")};
	pdb_err err = {0};
	blob ahead;
	blob first;
	blob second;
	copy old;

	fixture_open();
	cr_assert_eq(pdb_keyring_prepare(fixture, "tester", &key, 1, &err), PDB_OK);
	ahead = wrapped(key.id, 1);
	old = copy_of_all();
	which.id = key.id;
	cr_assert_eq(pdb_keyring_claim(fixture, &which, &bound, &err), PDB_OK);
	renew(key.id, 1, NULL);
	first = wrapped(key.id, 1);
	second = wrapped(key.id, 2);
	restores(&ahead, false);
	reset(&old);
	/* under its thread the version before would not open any more */
	refuses(&second, PDB_EDENIED);
	restores(&first, true);
	restores(&second, true);
	restores(&ahead, false);
	opens(key.id, 1, dek);
	which.thread = PDB_SLICE("t-2");
	cr_assert_eq(pdb_keyring_claim(fixture, &which, &bound, &err), PDB_EDENIED);
}

Test(escrow, another_keyring_refuses)
{
	pdb_kms_key key;
	blob out;

	fixture_open();
	key = fixture_key("t-1", NULL);
	out = wrapped(key.id, 1);
	fixture_clean();
	fixture_make();
	fixture_open();
	refuses(&out, PDB_ECORRUPT);
	cr_assert_eq(fixture_unwrap(key.id, 1, NULL), PDB_ENOTFOUND);
}

/* Everything but the time of making is bound to the secret, or bounded by what is there. */
Test(escrow, no_changed_byte_is_taken)
{
	copy old;
	blob out;
	bool stored;
	pdb_err err;

	fixture_open();
	old = copy_of_all();
	out = wrapped(fixture_key("thread-1", NULL).id, 1);
	reset(&old);
	for (size_t i = 0; i < out.len; i++) {
		/* type, id, version, KEK version; oldest KEK version, created; thread, wrapped */
		bool free_choice = i >= 29 && i < 37;

		for (unsigned bit = 0; bit < 8 && !free_choice; bit++) {
			out.bytes[i] ^= (uint8_t)(1u << bit);
			cr_assert_neq(restore(&out, &stored, &err), PDB_OK, "byte %zu", i);
			cr_assert_not(stored);
			out.bytes[i] ^= (uint8_t)(1u << bit);
		}
	}
	for (size_t len = 0; len < out.len; len++) {
		const blob cut = {.len = len};

		cr_assert_neq(restore(&cut, &stored, &err), PDB_OK);
	}
	restores(&out, true);
}
