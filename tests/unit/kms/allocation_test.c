/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation of the keyring fails once. */
#include "fixture.h"
#include "nth_alloc.h"

TestSuite(keyring_allocation, .init = fixture_make, .fini = fixture_clean);

static pdb_status live(void *arg, pdb_err *err)
{
	uint8_t dek[PDB_KMS_DEK_SIZE];
	pdb_kms_key key = {.size = sizeof(key), .dek = dek};
	pdb_keyring_which which = {.who = "tester"};
	pdb_status status;

	(void)arg;
	/* what an earlier run left would ask for memory too */
	fixture_clean();
	fixture_make();
	status = fixture_try(err);
	if (status == PDB_OK) {
		status = pdb_keyring_create(fixture, "tester", PDB_SLICE("t"), &key, err);
	}
	if (status == PDB_OK) {
		which.id = key.id;
		which.version = 1;
		status = pdb_keyring_add_version(fixture, &which, &key, err);
	}
	if (status == PDB_OK) {
		status = pdb_keyring_destroy(fixture, "tester", which.id, err);
	}
	pdb_keyring_close(&fixture);
	return status;
}

Test(keyring_allocation, a_failure_is_an_ordinary_error)
{
	cr_assert_gt(nth_alloc_each(live, NULL, false), 3);
	cr_assert_gt(nth_alloc_each(live, NULL, true), 3);
}
