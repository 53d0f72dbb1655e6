/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of keys: what was altered, cut, replaced or torn is seen when it is opened. */
#include <stdlib.h>

#include "fixture.h"
#include "record.h"

TestSuite(journal, .init = fixture_make, .fini = fixture_clean);

/* Three keys, and a clean end. */
static void fill(void)
{
	fixture_open();
	(void)fixture_key("t1", NULL);
	(void)fixture_key("t2", NULL);
	(void)fixture_key("t3", NULL);
	fixture_close();
}

static pdb_status try_with(const char *name, const uint8_t *bytes, size_t len)
{
	pdb_err err = {0};
	pdb_status status;

	fixture_write(name, bytes, len);
	status = fixture_try(&err);
	pdb_keyring_close(&fixture);
	return status;
}

Test(journal, every_altered_byte_is_found)
{
	unsigned long step = fixture_count("PDB_KMS_FLIP_STEP", 7);
	size_t len = 0;
	uint8_t *whole;

	fill();
	whole = fixture_read("journal", &len);
	for (size_t i = 0; i < len; i += step) {
		whole[i] ^= (uint8_t)(1u << (i % 8));
		cr_assert_eq(try_with("journal", whole, len), PDB_ECORRUPT, "byte %zu", i);
		whole[i] ^= (uint8_t)(1u << (i % 8));
	}
	cr_assert_eq(try_with("journal", whole, len), PDB_OK);
	free(whole);
}

Test(journal, a_cut_at_any_byte_is_found)
{
	unsigned long step = fixture_count("PDB_KMS_FLIP_STEP", 11);
	size_t len = 0;
	uint8_t *whole;

	fill();
	whole = fixture_read("journal", &len);
	for (size_t cut = 0; cut < len; cut += step) {
		cr_assert_eq(try_with("journal", whole, cut), PDB_ECORRUPT, "cut at %zu", cut);
	}
	cr_assert_eq(try_with("journal", whole, len), PDB_OK);
	free(whole);
}

/* By its own head, too, without what the audit log knows. */
Test(journal, a_cut_between_records_is_found_by_the_head)
{
	size_t len = 0;
	uint8_t *whole;
	size_t at = 0;
	pdb_err err = {0};

	fill();
	whole = fixture_read("journal", &len);
	while (at < len) {
		fixture_write("audit.reset", "", 0);
		cr_assert_eq(try_with("journal", whole, at), PDB_ECORRUPT, "cut at %zu", at);
		at += 4 + 32 + ((size_t)whole[at] | ((size_t)whole[at + 1] << 8));
	}
	cr_assert_eq(at, len);
	fixture_write("journal", whole, len);
	cr_assert_eq(fixture_try(&err), PDB_OK, "%s", err.text);
	free(whole);
}

/* The newer slot of the head; see schemas/kms-store.md. */
static uint64_t synced_size(void)
{
	size_t len = 0;
	uint8_t *head = fixture_read("journal.head", &len);
	uint64_t slots[2] = {0};
	uint64_t sizes[2] = {0};

	for (size_t i = 0; i < 2 && len >= 512 * i + 28; i++) {
		memcpy(&slots[i], head + 512 * i + 4, 8);
		memcpy(&sizes[i], head + 512 * i + 20, 8);
	}
	free(head);
	return sizes[slots[1] > slots[0] ? 1 : 0];
}

Test(journal, what_was_answered_was_synced)
{
	size_t len = 0;

	fixture_open();
	for (unsigned i = 0; i < 5; i++) {
		(void)fixture_key("t", NULL);
		free(fixture_read("journal", &len));
		cr_assert_eq(synced_size(), len, "the head is written behind the sync");
	}
}

Test(journal, an_older_copy_is_found)
{
	size_t len[4] = {0};
	const char *names[4] = {"journal", "journal.head", "audit.log", "audit.head"};
	uint8_t *old[4];
	uint8_t *now;
	size_t now_len = 0;
	pdb_err err = {0};

	fill();
	for (size_t i = 0; i < 4; i++) {
		old[i] = fixture_read(names[i], &len[i]);
	}
	fixture_open();
	(void)fixture_key("t4", NULL);
	fixture_close();
	now = fixture_read("journal", &now_len);
	cr_assert_eq(try_with("journal", old[0], len[0]), PDB_ECORRUPT);
	/* with its head it holds by itself; the audit log knows better */
	fixture_write("journal.head", old[1], len[1]);
	cr_assert_eq(fixture_try(&err), PDB_ECORRUPT);
	cr_assert_not_null(strstr(err.text, "older copy"), "%s", err.text);
	fixture_write("journal", now, now_len);
	free(now);
	for (size_t i = 0; i < 4; i++) {
		free(old[i]);
	}
}

Test(journal, what_a_crash_tore_is_set_aside)
{
	size_t len = 0;
	uint8_t *whole;
	uint8_t *more;
	pdb_kms_key key;

	fill();
	whole = fixture_read("journal", &len);
	more = malloc(len + 40);
	memcpy(more, whole, len);
	memset(more + len, 0x21, 40);
	fixture_write("journal", more, len + 40);
	fixture_open();
	key = fixture_key("t4", NULL);
	fixture_close();
	fixture_open();
	cr_assert_eq(fixture_unwrap(key.id, 0, NULL), PDB_OK);
	free(whole);
	free(more);
}

Test(journal, a_missing_file_is_not_a_new_start)
{
	static const char *const names[] = {"journal", "identity", "audit.head", "audit.log",
					    "keks/kek-000001"};
	pdb_err err = {0};

	fill();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = 0;
		uint8_t *bytes = fixture_read(names[i], &len);

		fixture_remove(names[i]);
		cr_assert_neq(fixture_try(&err), PDB_OK, "without %s", names[i]);
		fixture_write(names[i], bytes, len);
		free(bytes);
	}
	fixture_open();
}

Test(journal, both_files_gone_is_not_a_new_start)
{
	pdb_err err = {0};

	fill();
	fixture_remove("journal");
	fixture_remove("journal.head");
	cr_assert_neq(fixture_try(&err), PDB_OK, "the identity is there");
}

Test(journal, a_cut_one_does_not_pass_for_new_without_head_and_log)
{
	size_t len = 0;
	uint8_t *journal;
	pdb_kms_key key;
	pdb_err err = {0};

	fixture_open();
	key = fixture_key("t", NULL);
	journal = fixture_read("journal", &len);
	cr_assert_eq(pdb_keyring_destroy(fixture, "tester", key.id, &err), PDB_OK);
	fixture_close();
	fixture_write("journal", journal, len);
	free(journal);
	fixture_remove("journal.head");
	fixture_remove("audit.head");
	fixture_remove("audit.log");
	cr_assert_eq(fixture_try(&err), PDB_ECORRUPT, "a destroyed key would be back");
	cr_assert_not_null(strstr(err.text, "its head is gone"), "%s", err.text);
}

Test(journal, a_long_one_is_compacted_and_loses_nothing)
{
	char ids[50][PDB_KMS_ID_SIZE];
	uint8_t deks[50][PDB_KMS_DEK_SIZE];
	uint8_t again[PDB_KMS_DEK_SIZE];
	size_t len = 0;
	uint32_t version = 0;
	pdb_err err = {0};

	fixture_open();
	for (size_t i = 0; i < 50; i++) {
		memcpy(ids[i], fixture_key("t", deks[i]).id, sizeof(ids[i]));
	}
	cr_assert_eq(pdb_keyring_hold(fixture, "tester", ids[1], true, &err), PDB_OK);
	cr_assert_eq(pdb_keyring_destroy(fixture, "tester", ids[0], &err), PDB_OK);
	for (unsigned round = 0; round < 500; round++) {
		pdb_kms_progress progress = {.size = sizeof(progress)};

		if (round % 4 == 0 && round < 100) {
			cr_assert_eq(pdb_keyring_rotate_kek(fixture, "tester", &version, &err),
				     PDB_OK, "%s", err.text);
		}
		cr_assert_eq(pdb_keyring_rewrap(fixture, "tester", 0, &progress, &err), PDB_OK);
	}
	free(fixture_read("journal", &len));
	fixture_close();
	fixture_open();
	for (size_t i = 1; i < 50; i++) {
		cr_assert_eq(fixture_unwrap(ids[i], 0, again), PDB_OK);
		cr_assert_arr_eq(again, deks[i], sizeof(again));
	}
	cr_assert_eq(fixture_unwrap(ids[0], 0, again), PDB_ENOTFOUND);
	cr_assert_eq(pdb_keyring_destroy(fixture, "tester", ids[1], &err), PDB_EDENIED);
}

Test(journal, records_come_back_as_they_were)
{
	uint8_t blob[PDB__WRAP_SIZE];
	uint8_t bytes[PDB__RECORD_MAX];
	pdb__record record = {.type = PDB__RECORD_KEY,
			      .version = 3,
			      .kek_version = 9,
			      .kek_first = 2,
			      .created = 77,
			      .thread = PDB_SLICE("thread-1"),
			      .blob = pdb_slice_of(blob, sizeof(blob))};
	pdb__record again;
	size_t len;

	memset(blob, 7, sizeof(blob));
	memset(record.id, 5, sizeof(record.id));
	len = pdb__journal_encode(&record, bytes);
	cr_assert(pdb__journal_decode(pdb_slice_of(bytes, len), &again));
	cr_assert_eq(again.kek_version, 9);
	cr_assert(pdb_slice_is(again.thread, "thread-1"));
	for (size_t cut = 0; cut < len; cut++) {
		cr_assert_not(pdb__journal_decode(pdb_slice_of(bytes, cut), &again), "%zu", cut);
	}
	cr_assert_not(pdb__journal_decode(pdb_slice_of(bytes, len + 1), &again));
}
