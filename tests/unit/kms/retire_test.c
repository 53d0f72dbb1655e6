/* SPDX-License-Identifier: Apache-2.0 */
/* When a KEK version may be destroyed, and when not. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

TestSuite(retire, .init = fixture_make, .fini = fixture_clean);

#define KEYS 5

static void rotate(uint32_t expected)
{
	uint32_t version = 0;
	pdb_err err = {0};

	cr_assert_eq(pdb_keyring_rotate_kek(fixture, "tester", &version, &err), PDB_OK, "%s",
		     err.text);
	cr_assert_eq(version, expected);
}

/* Refused, with this code; the version's file stays where it is. */
static void refuses(uint32_t version, const char *code)
{
	char file[32];
	pdb_err err = {0};
	pdb_status status = pdb_keyring_retire(fixture, "tester", version, &err);

	cr_assert_eq(status, code != NULL ? PDB_EBUSY : PDB_EDENIED, "%s", err.text);
	cr_assert(code == NULL || (err.code != NULL && strcmp(err.code, code) == 0), "%s",
		  err.text);
	(void)snprintf(file, sizeof(file), "keks/kek-%06u", version);
	cr_assert(fixture_has(file));
}

static void retires(uint32_t version)
{
	char file[32];
	pdb_err err = {0};

	cr_assert_eq(pdb_keyring_retire(fixture, "tester", version, &err), PDB_OK, "%s", err.text);
	(void)snprintf(file, sizeof(file), "keks/kek-%06u", version);
	cr_assert_not(fixture_has(file));
}

typedef pdb_status pass_fn(pdb_keyring *, const char *, uint32_t, pdb_kms_progress *, pdb_err *);

/* Some steps of two keys each. */
static void run(pass_fn *pass, pdb_kms_progress *progress, int steps)
{
	pdb_err err = {0};

	for (int i = 0; i < steps; i++) {
		cr_assert_eq(pass(fixture, "tester", 2, progress, &err), PDB_OK, "%s", err.text);
	}
}

static void run_all(pass_fn *pass)
{
	pdb_kms_progress progress = {.size = sizeof(progress)};

	while (progress.finished == 0) {
		run(pass, &progress, 1);
	}
	cr_assert_eq(progress.failed, 0);
}

static void reopen(void)
{
	fixture_close();
	fixture_open();
}

Test(retire, a_kek_that_wraps_a_key_stays)
{
	pdb_kms_progress progress = {.size = sizeof(progress)};
	pdb_kms_key keys[KEYS];

	fixture_open();
	for (int i = 0; i < KEYS; i++) {
		keys[i] = fixture_key("t", NULL);
	}
	refuses(1, NULL); /* the active one */
	rotate(2);
	refuses(1, "kek_in_use");
	for (int step = 0; step < 2; step++) {
		run(pdb_keyring_rewrap, &progress, 1);
		refuses(1, "kek_in_use");
		reopen();
		refuses(1, "kek_in_use");
	}
	run(pdb_keyring_rewrap, &progress, 1);
	cr_assert_eq(progress.finished, 1);
	refuses(1, "not_verified");
	run_all(pdb_keyring_verify);
	reopen();
	retires(1);
	for (int i = 0; i < KEYS; i++) {
		cr_assert_eq(fixture_unwrap(keys[i].id, 0, NULL), PDB_OK);
	}
}

Test(retire, a_file_that_could_not_be_removed_is_not_forgotten)
{
	char file[512];
	size_t len = 0;
	uint8_t *kek;
	pdb_err err = {0};

	fixture_open();
	rotate(2);
	run_all(pdb_keyring_verify);
	kek = fixture_read("keks/kek-000001", &len);
	fixture_remove("keks/kek-000001");
	(void)snprintf(file, sizeof(file), "%s/keks/kek-000001", fixture_directory);
	cr_assert_eq(mkdir(file, 0700), 0);
	cr_assert_eq(pdb_keyring_retire(fixture, "tester", 1, &err), PDB_EBACKEND);
	cr_assert_eq(rmdir(file), 0);
	fixture_write("keks/kek-000001", kek, len);
	free(kek);
	retires(1);
}

Test(retire, every_version_of_a_key_counts)
{
	pdb_kms_key key;
	pdb_kms_key newer = {.size = sizeof(newer)};
	pdb_err err = {0};

	fixture_open();
	key = fixture_key("t", NULL);
	rotate(2);
	cr_assert_eq(pdb_keyring_add_version(
			     fixture,
			     &(pdb_keyring_which){.who = "tester", .id = key.id, .version = 1},
			     &newer, &err),
		     PDB_OK, "%s", err.text);
	run_all(pdb_keyring_verify);
	refuses(1, "kek_in_use");
	run_all(pdb_keyring_rewrap);
	run_all(pdb_keyring_verify);
	retires(1);
	cr_assert_eq(fixture_unwrap(key.id, 1, NULL), PDB_OK);
	cr_assert_eq(fixture_unwrap(key.id, 2, NULL), PDB_OK);
}

Test(retire, half_a_verify_pass_proves_nothing)
{
	pdb_kms_progress progress = {.size = sizeof(progress)};

	fixture_open();
	for (int i = 0; i < KEYS; i++) {
		(void)fixture_key("t", NULL);
	}
	rotate(2);
	run_all(pdb_keyring_rewrap);
	run(pdb_keyring_verify, &progress, 2);
	refuses(1, "not_verified");
	reopen(); /* what the first half has seen is forgotten */
	run(pdb_keyring_verify, &progress, 1);
	cr_assert_eq(progress.finished, 1);
	refuses(1, "not_verified");
	run_all(pdb_keyring_verify);
	/* what was wrapped anew since needs a pass of its own */
	rotate(3);
	run_all(pdb_keyring_rewrap);
	refuses(1, "not_verified");
	refuses(2, "not_verified");
	run_all(pdb_keyring_verify);
	retires(1);
	retires(2);
}

Test(retire, a_pass_that_found_a_key_that_does_not_open_proves_nothing)
{
	pdb_kms_progress progress = {.size = sizeof(progress)};
	pdb_err err = {0};

	fixture_open();
	rotate(2);
	(void)fixture_key("t", NULL);
	rotate(3);
	fixture_close();
	fixture_remove("keks/kek-000002");
	fixture_open();
	cr_assert_eq(pdb_keyring_verify(fixture, "tester", 0, &progress, &err), PDB_OK);
	cr_assert_eq(progress.failed, 1);
	refuses(1, "not_verified");
}
