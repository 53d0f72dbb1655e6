/* SPDX-License-Identifier: Apache-2.0 */
/* What a database says of itself: made once, kept, and refused when it is not understood. */
#include "fake_backend.h"

TestSuite(format, .init = fake_init, .fini = fake_clean);

static void open_and_close(void)
{
	pdb_store *store = fake_open();

	pdb_store_close(&store);
}

Test(format, identity_is_made_once_and_kept)
{
	pdb_store *store = fake_open();
	char id[PDB__ID_LEN + 1];
	uint8_t secret[PDB__SECRET_LEN];
	uint8_t zero[PDB__SECRET_LEN] = {0};

	(void)snprintf(id, sizeof(id), "%s", pdb_store_database_id(store));
	memcpy(secret, pdb_store_secret(store), sizeof(secret));
	cr_expect_eq(strlen(id), 32);
	cr_expect_eq(strspn(id, "0123456789abcdef"), 32);
	cr_expect_neq(memcmp(secret, zero, sizeof(secret)), 0);
	cr_expect_geq(fake.syncs_ended, 1, "it is on disk before anybody is told");
	pdb_store_close(&store);
	store = fake_open();
	cr_expect_str_eq(pdb_store_database_id(store), id);
	cr_expect_eq(memcmp(pdb_store_secret(store), secret, sizeof(secret)), 0);
	pdb_store_close(&store);
}

Test(format, a_newer_one_is_refused_with_both_numbers)
{
	pdb_err err = {0};

	open_and_close();
	fake_write_meta("format", "4711");
	fake_refused(PDB_ENOTSUP, &err);
	cr_expect_not_null(strstr(err.text, "format 4711"), "%s", err.text);
	cr_expect_not_null(strstr(err.text, "format 2;"), "%s", err.text);
	cr_expect_eq(fake.opened, fake.closed, "the engine was closed again");
}

static pdb_status read_meta(pdb_store *store, const char *name, char out[16])
{
	pdb_txn txn = {0};
	pdb_keybuf key;
	pdb_slice value;
	pdb_status status;

	cr_assert_eq(pdb_store_begin(store, false, &txn, NULL), PDB_OK);
	pdb_key_meta(&key, name);
	status = pdb_txn_get(&txn, &key.key, &value, NULL);
	if (status == PDB_OK) {
		(void)snprintf(out, 16, "%.*s", PDB_SLICE_ARGS(value));
	}
	pdb_txn_abort(&txn);
	return status;
}

Test(format, an_older_one_is_told_what_it_lacks)
{
	pdb_store *store = fake_open();
	char value[16] = "x";

	cr_expect_eq(read_meta(store, PDB_META_UNTRACED, value), PDB_ENOTFOUND);
	pdb_store_close(&store);
	fake_write_meta("format", "1");
	store = fake_open();
	cr_expect_eq(read_meta(store, PDB_META_UNTRACED, value), PDB_OK);
	cr_expect_str_empty(value);
	cr_expect_eq(read_meta(store, "format", value), PDB_OK);
	cr_expect_str_eq(value, "2");
	pdb_store_close(&store);
}

Test(format, nonsense_is_corrupt)
{
	static const char *const rows[][2] = {
		{"format", ""},
		{"format", "0"},
		{"format", "-1"},
		{"format", "1 "},
		{"database_id", ""},
		{"database_id", "x"},
		{"secret", "00"},
		{"secret", "zz00000000000000000000000000000000000000000000000000000000000000"}};
	pdb_err err = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_clean();
		fake_init();
		open_and_close();
		fake_write_meta(rows[i][0], rows[i][1]);
		fake_refused(PDB_ECORRUPT, &err);
		cr_expect_not_null(strstr(err.text, rows[i][0]), "%s", err.text);
	}
}

Test(format, rows_without_a_format_are_somebody_elses)
{
	pdb_err err = {0};
	void *db = NULL;
	pdb_storage_params params = fake.params;

	params.directory = fake.directory;
	cr_assert_eq(fake.ops.open(&params, &db, NULL), PDB_OK);
	fake_write_meta("else", "1");
	fake_refused(PDB_ECORRUPT, &err);
	cr_expect_not_null(strstr(err.text, "no format"), "%s", err.text);
}

Test(format, a_failed_first_commit_leaves_nothing)
{
	pdb_err err = {0};

	fake.commit_result = PDB_EFULL;
	fake_refused(PDB_EFULL, &err);
	fake.commit_result = PDB_OK;
	open_and_close();
}

Test(format, a_short_ops_table_is_refused)
{
	pdb_err err = {0};

	fake.ops.scan = NULL;
	fake_refused(PDB_EABI, &err);
	cr_expect_not_null(strstr(err.text, "scan"), "%s", err.text);
	fake.ops.size = offsetof(pdb_storage_ops, begin);
	fake_refused(PDB_EABI, &err);
	cr_expect_not_null(strstr(err.text, "begin"), "%s", err.text);
}
