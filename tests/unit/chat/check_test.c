/* SPDX-License-Identifier: Apache-2.0 */
/* The check finds what is wrong: each kind of row taken away, added or changed. */
#include "world.h"

static world w;

static void open_world(void)
{
	world_open(&w);
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_OK);
	cr_assert_eq(post(&w, back("bob"), "t1", "m2", "2"), PDB_OK);
	cr_assert_eq(post(&w, back("bob"), "t1", "m3", "3"), PDB_OK);
	cr_assert_eq(edit(&w, front("ann"), "t1", "m1", "4"), PDB_OK);
	cr_assert_eq(edit(&w, front("ann"), "t1", "m1", "5"), PDB_OK);
	catch_up_all(&w);
	cr_assert_eq(check_all(&w), 0);
}

static void close_world(void)
{
	world_close(&w);
}

TestSuite(check, .init = open_world, .fini = close_world);

static void change(const pdb_keybuf *key, const char *value)
{
	pdb_txn txn;
	uint64_t ticket;

	cr_assert_eq(pdb_store_begin(w.store, true, &txn, &w.err), PDB_OK);
	if (value == NULL) {
		cr_assert_eq(pdb_txn_remove(&txn, &key->key, &w.err), PDB_OK);
	} else {
		cr_assert_eq(pdb_txn_put(&txn, &key->key, pdb_slice_text(value), &w.err), PDB_OK);
	}
	cr_assert_eq(pdb_txn_commit(&txn, &ticket, &w.err), PDB_OK);
}

static pdb__place place_of(const char *message, pdb__head *head)
{
	pdb__op op;
	pdb__place place;

	cr_assert_eq(pdb__op_init(&op, w.chat, &(pdb_caller){0}, PDB_SLICE("t1"), &w.err), PDB_OK);
	cr_assert_eq(pdb_store_begin(w.store, false, &op.txn, &w.err), PDB_OK);
	cr_assert_eq(
		pdb__thread_load(&op.txn, op.arena, op.thread, &op.meta, head, &op.found, &w.err),
		PDB_OK);
	cr_assert_eq(pdb__message_find(&op, pdb_slice_text(message), &place, &w.err), PDB_OK);
	pdb_txn_abort(&op.txn);
	pdb__op_fini(&op);
	return place;
}

static const pdb_slice t1 = {(const uint8_t *)"t1", 2};

Test(check, missing_message)
{
	pdb__head head;
	pdb__place place = place_of("m2", &head);
	pdb_keybuf key;

	pdb_key_timeline(&key, t1, place.ns, place.seq);
	change(&key, NULL);
	cr_assert_gt(check_all(&w), 0);
}

Test(check, damaged_message)
{
	pdb_message_page result;
	pdb__head head;
	pdb__place place = place_of("m2", &head);
	pdb_keybuf key;

	pdb_key_timeline(&key, t1, place.ns, place.seq);
	change(&key, "rubbish");
	cr_assert_gt(check_all(&w), 0);
	/* One damaged row does not take the page down. */
	cr_assert_eq(page(&w, front("ann"), "t1", PDB_ANCHOR_NEWEST, "", 0, &result), PDB_OK);
	cr_assert_eq(result.count, 2);
	cr_assert_eq(get(&w, front("ann"), "t1", "m2"), PDB_ECORRUPT);
}

Test(check, id_rows)
{
	pdb_keybuf key;

	pdb_key_message(&key, t1, PDB_SLICE("m9"));
	change(&key, "00000000000000000001-0000000001");
	cr_assert_eq(check_all(&w), 1);
	change(&key, NULL);
	pdb_key_message(&key, t1, PDB_SLICE("m2"));
	change(&key, "00000000000000000001-0000000001");
	cr_assert_eq(check_all(&w), 1);
	change(&key, NULL);
	cr_assert_eq(check_all(&w), 2);
}

Test(check, version_rows)
{
	pdb_keybuf key;

	pdb_key_version(&key, t1, PDB_SLICE("m1"), 1);
	change(&key, NULL);
	cr_assert_gt(check_all(&w), 0);
}

Test(check, stray_version)
{
	pdb_keybuf key;

	pdb_key_version(&key, t1, PDB_SLICE("m9"), 1);
	change(&key, "");
	cr_assert_eq(check_all(&w), 1);
}

Test(check, list_rows)
{
	pdb__head head;
	pdb_keybuf key;

	(void)place_of("m1", &head);
	pdb_key_author(&key, PDB_SLICE("bob"), head.list_ns, t1);
	change(&key, NULL);
	cr_assert_eq(check_all(&w), 1);
	change(&key, "");
	pdb_key_author(&key, PDB_SLICE("eve"), head.list_ns, t1);
	change(&key, "");
	cr_assert_eq(check_all(&w), 1);
	change(&key, NULL);
	pdb_key_all(&key, head.all_ns + 1, t1);
	change(&key, "");
	cr_assert_eq(check_all(&w), 1);
	change(&key, NULL);
	pdb_key_all(&key, head.all_ns, t1);
	change(&key, NULL);
	cr_assert_eq(check_all(&w), 1);
	change(&key, "");
	cr_assert_eq(check_all(&w), 0);
}

Test(check, lag_row)
{
	pdb_keybuf key;

	cr_assert_eq(post(&w, front("ann"), "t1", "m4", "1"), PDB_OK);
	cr_assert_eq(check_all(&w), 0);
	pdb_key_lag(&key, t1);
	change(&key, NULL);
	cr_assert_eq(check_all(&w), 1);
}

Test(check, counters)
{
	uint8_t row[PDB__HEAD_SIZE];
	pdb__head head;
	pdb_txn txn;
	uint64_t ticket;
	pdb_keybuf key;

	(void)place_of("m1", &head);
	head.message_count++;
	head.counted_messages++;
	pdb__head_encode(&head, row);
	pdb_key_thread_head(&key, t1);
	cr_assert_eq(pdb_store_begin(w.store, true, &txn, &w.err), PDB_OK);
	cr_assert_eq(pdb_txn_put(&txn, &key.key, pdb_slice_of(row, sizeof(row)), &w.err), PDB_OK);
	cr_assert_eq(pdb_txn_commit(&txn, &ticket, &w.err), PDB_OK);
	/* The thread against its timeline, and the database against its threads. */
	cr_assert_eq(check_all(&w), 2);
}

Test(check, thread_without_its_rows)
{
	pdb_keybuf key;

	pdb_key_thread_meta(&key, t1);
	change(&key, NULL);
	cr_assert_gt(check_all(&w), 0);
	change(&key, "rubbish");
	cr_assert_gt(check_all(&w), 0);
	cr_assert_eq(get_thread(&w, front("ann"), "t1"), PDB_ECORRUPT);
}
