/* SPDX-License-Identifier: Apache-2.0 */
/* The keyring as a whole: who may open it, what belongs to what, many callers at once. */
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

TestSuite(keyring, .init = fixture_make, .fini = fixture_clean);

Test(keyring, opens_for_one_process_and_one_master_key)
{
	pdb_keyring *second = NULL;
	pdb_keyring_params params = {.host = &fixture_host,
				     .directory = fixture_directory,
				     .master_key_hex = FIXTURE_HEX};
	pdb_err err = {0};

	fixture_open();
	cr_assert_eq(pdb_keyring_open(&second, &params, &err), PDB_EBUSY, "%s", err.text);
	fixture_close();
	params.master_key_hex = "1f3c1a77e05b42d8866e1fca9d30b7245a81c6ef0d92347bb8e15f60a3c7d914";
	cr_assert_eq(pdb_keyring_open(&second, &params, &err), PDB_EINVAL, "%s", err.text);
	cr_assert_null(second);
}

Test(keyring, refuses_places_that_others_may_enter)
{
	char path[300];
	pdb_err err = {0};

	fixture_open();
	fixture_close();
	cr_assert_eq(chmod(fixture_directory, 0750), 0);
	cr_assert_eq(fixture_try(&err), PDB_EDENIED);
	cr_assert_not_null(strstr(err.text, "chmod 0700"), "the remedy is named: %s", err.text);
	cr_assert_eq(chmod(fixture_directory, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/journal", fixture_directory);
	cr_assert_eq(chmod(path, 0640), 0);
	cr_assert_eq(fixture_try(&err), PDB_EDENIED);
	cr_assert_not_null(strstr(err.text, "run: chmod 0600 '/"), "%s", err.text);
	cr_assert_not_null(strstr(err.text, "/journal'"), "%s", err.text);
	cr_assert_eq(chmod(path, 0600), 0);
	fixture_open();
}

Test(keyring, files_are_closed_to_others)
{
	static const char *const names[] = {"journal",        "journal.head", "identity",
					    "audit.log",      "audit.head",   "audit.pub",
					    "keks/kek-000001"};
	struct stat info;

	fixture_open();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[300];

		(void)snprintf(path, sizeof(path), "%s/%s", fixture_directory, names[i]);
		cr_assert_eq(stat(path, &info), 0, "%s", path);
		cr_assert_eq(info.st_mode & 0777, 0600, "%s", path);
	}
}

static bool holds(const uint8_t *bytes, size_t len, const uint8_t *wanted)
{
	return memmem(bytes, len, wanted, PDB_KMS_DEK_SIZE) != NULL;
}

Test(keyring, no_key_byte_is_on_disk_in_clear)
{
	static const char *const names[] = {"journal",   "journal.head", "identity",
					    "audit.log", "audit.head",   "keks/kek-000001"};
	uint8_t dek[PDB_KMS_DEK_SIZE];
	uint8_t master[32];

	fixture_open();
	(void)fixture_key("t", dek);
	fixture_close();
	(void)sodium_hex2bin(master, sizeof(master), FIXTURE_HEX, 64, NULL, NULL, NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = 0;
		uint8_t *bytes = fixture_read(names[i], &len);

		cr_assert_not(holds(bytes, len, dek), "%s", names[i]);
		cr_assert_not(holds(bytes, len, master), "%s", names[i]);
		free(bytes);
	}
}

Test(keyring, a_lost_kek_leaves_the_others_open)
{
	uint32_t version = 0;
	pdb_kms_key before;
	pdb_kms_key after;
	pdb_err err = {0};

	fixture_open();
	before = fixture_key("t1", NULL);
	cr_assert_eq(pdb_keyring_rotate_kek(fixture, "tester", &version, &err), PDB_OK);
	after = fixture_key("t2", NULL);
	fixture_close();
	fixture_remove("keks/kek-000001");
	fixture_open();
	cr_assert_eq(fixture_unwrap(before.id, 0, NULL), PDB_ECORRUPT);
	cr_assert_eq(fixture_unwrap(after.id, 0, NULL), PDB_OK);
}

Test(keyring, a_restored_copy_without_the_destroyed_kek_opens_nothing)
{
	uint8_t *journal;
	size_t len = 0;
	pdb_kms_key key;
	uint32_t version = 0;
	pdb_kms_progress progress = {.size = sizeof(progress)};
	pdb_err err = {0};

	fixture_open();
	key = fixture_key("t", NULL);
	journal = fixture_read("journal", &len);
	cr_assert_eq(pdb_keyring_destroy(fixture, "tester", key.id, &err), PDB_OK);
	cr_assert_eq(pdb_keyring_rotate_kek(fixture, "tester", &version, &err), PDB_OK);
	cr_assert_eq(pdb_keyring_verify(fixture, "tester", 0, &progress, &err), PDB_OK);
	cr_assert_eq(pdb_keyring_retire(fixture, "tester", 1, &err), PDB_OK, "%s", err.text);
	fixture_close();
	cr_assert_not(fixture_has("keks/kek-000001"));
	/* the copy: everything of then that a backup has, with the keks of now */
	fixture_write("journal", journal, len);
	fixture_remove("journal.head");
	cr_assert_neq(fixture_try(&err), PDB_OK);
	free(journal);
}

Test(keyring, texts_are_bound_to_key_and_purpose)
{
	pdb_kms_key key;
	pdb_kms_key other;
	pdb_keyring_which which = {.who = "tester"};
	pdb_keyring_text text = {.aad = PDB_SLICE("for this"), .bytes = PDB_SLICE("hello")};
	pdb_keyring_text back = {0};
	pdb_err err = {0};

	fixture_open();
	key = fixture_key("t1", NULL);
	other = fixture_key("t2", NULL);
	which.id = key.id;
	cr_assert_eq(pdb_keyring_encrypt(fixture, &which, &text, &err), PDB_OK);
	cr_assert_eq(text.out_len, 5 + PDB_KEYRING_SEALED);
	back = (pdb_keyring_text){.aad = text.aad, .bytes = pdb_slice_of(text.out, text.out_len)};
	cr_assert_eq(pdb_keyring_decrypt(fixture, &which, &back, &err), PDB_OK);
	cr_assert(pdb_slice_is(pdb_slice_of(back.out, back.out_len), "hello"));
	free(back.out);
	back.aad = PDB_SLICE("for that");
	cr_assert_eq(pdb_keyring_decrypt(fixture, &which, &back, &err), PDB_ECORRUPT);
	back.aad = text.aad;
	which.id = other.id;
	cr_assert_eq(pdb_keyring_decrypt(fixture, &which, &back, &err), PDB_ECORRUPT);
	which.id = key.id;
	for (size_t i = 0; i < text.out_len; i++) {
		text.out[i] ^= 0x10;
		cr_assert_eq(pdb_keyring_decrypt(fixture, &which, &back, &err), PDB_ECORRUPT,
			     "byte %zu", i);
		cr_assert_null(back.out);
		text.out[i] ^= 0x10;
	}
	free(text.out);
}

static void take_text(void *arg, pdb_slice text)
{
	(void)snprintf(arg, 2048, "%.*s", PDB_SLICE_ARGS(text));
}

Test(keyring, receipts_hold_for_the_public_key_only)
{
	char receipt[2048] = "";
	char key_hex[65];
	pdb_kms_key key;
	pdb_keyring_which which = {.who = "tester"};
	size_t len;
	pdb_err err = {0};

	fixture_open();
	key = fixture_key("t", NULL);
	which.id = key.id;
	cr_assert_eq(pdb_keyring_destroy(fixture, "tester", key.id, &err), PDB_OK);
	cr_assert_eq(pdb_keyring_receipt(fixture, &which, take_text, receipt, &err), PDB_OK);
	(void)snprintf(key_hex, sizeof(key_hex), "%s", pdb_keyring_public_key(fixture));
	len = strlen(receipt);
	cr_assert(pdb_keyring_receipt_good(pdb_slice_of(receipt, len), key_hex));
	for (size_t i = 0; i < len; i++) {
		receipt[i] ^= 1;
		cr_assert_not(pdb_keyring_receipt_good(pdb_slice_of(receipt, len), key_hex), "%zu",
			      i);
		receipt[i] ^= 1;
	}
	key_hex[0] = key_hex[0] == '0' ? '1' : '0';
	cr_assert_not(pdb_keyring_receipt_good(pdb_slice_of(receipt, len), key_hex));
}

static void *make_and_open(void *arg)
{
	bool *good = arg;

	*good = true;
	for (int i = 0; i < 50 && *good; i++) {
		uint8_t dek[PDB_KMS_DEK_SIZE] = {0};
		uint8_t again[PDB_KMS_DEK_SIZE] = {0};
		pdb_kms_key key = {.size = sizeof(key), .dek = dek};
		pdb_err err = {0};

		*good = pdb_keyring_create(fixture, "tester", PDB_SLICE("t"), &key, &err) ==
				PDB_OK &&
			fixture_unwrap(key.id, 0, again) == PDB_OK &&
			sodium_memcmp(dek, again, sizeof(dek)) == 0;
	}
	return NULL;
}

Test(keyring, many_callers_while_the_kek_rotates)
{
	pthread_t threads[6];
	bool good[6] = {false};
	uint32_t version = 0;
	pdb_kms_progress progress = {.size = sizeof(progress)};
	pdb_err err = {0};

	fixture_open();
	for (size_t i = 0; i < 6; i++) {
		cr_assert_eq(pthread_create(&threads[i], NULL, make_and_open, &good[i]), 0);
	}
	for (int i = 0; i < 10; i++) {
		progress = (pdb_kms_progress){.size = sizeof(progress)};
		cr_assert_eq(pdb_keyring_rotate_kek(fixture, "tester", &version, &err), PDB_OK);
		cr_assert_eq(pdb_keyring_rewrap(fixture, "tester", 0, &progress, &err), PDB_OK);
	}
	for (size_t i = 0; i < 6; i++) {
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
		cr_assert(good[i]);
	}
	progress = (pdb_kms_progress){.size = sizeof(progress)};
	fixture_close();
	fixture_open();
	cr_assert_eq(pdb_keyring_verify(fixture, "tester", 0, &progress, &err), PDB_OK);
	cr_assert_eq(progress.failed, 0);
	cr_assert_eq(progress.done, 300);
}
