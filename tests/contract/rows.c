/* SPDX-License-Identifier: Apache-2.0 */
/* Single rows: get, put, insert, remove, and the transaction that does them. */
#include "backend.h"

CONTRACT(rows, absent_is_not_found)
{
	backend *b = backend_open(param);

	expect_stored(b, "a", NULL);
	backend_close(b);
}

CONTRACT(rows, put_writes_and_replaces)
{
	backend *b = backend_open(param);

	store(b, "a", "1");
	expect_stored(b, "a", "1");
	store(b, "a", "22");
	expect_stored(b, "a", "22");
	store(b, "a", "");
	expect_stored(b, "a", "");
	backend_close(b);
}

CONTRACT(rows, own_writes_are_seen)
{
	backend *b = backend_open(param);
	void *txn = begin(b, true);
	pdb_key a = KEY("a");

	put(b, txn, "a", "1");
	expect_in(b, txn, "a", "1");
	put(b, txn, "a", "2");
	expect_in(b, txn, "a", "2");
	cr_expect_eq(b->ops->remove(txn, &a, NULL), PDB_OK);
	expect_in(b, txn, "a", NULL);
	put(b, txn, "a", "3");
	commit(b, &txn);
	expect_stored(b, "a", "3");
	backend_close(b);
}

CONTRACT(rows, insert_refuses_what_exists_and_goes_on)
{
	backend *b = backend_open(param);
	pdb_key a = KEY("a");
	pdb_key c = KEY("c");
	void *txn;

	store(b, "a", "old");
	txn = begin(b, true);
	put(b, txn, "b", "1");
	cr_expect_eq(b->ops->insert(txn, &a, PDB_SLICE("new"), NULL), PDB_EEXISTS);
	expect_in(b, txn, "a", "old");
	cr_expect_eq(b->ops->insert(txn, &c, PDB_SLICE("2"), NULL), PDB_OK);
	cr_expect_eq(b->ops->insert(txn, &c, PDB_SLICE("3"), NULL), PDB_EEXISTS, "own insert");
	commit(b, &txn);
	expect_stored(b, "a", "old");
	expect_stored(b, "b", "1");
	expect_stored(b, "c", "2");
	backend_close(b);
}

CONTRACT(rows, insert_after_own_remove)
{
	backend *b = backend_open(param);
	pdb_key a = KEY("a");
	void *txn;

	store(b, "a", "old");
	txn = begin(b, true);
	cr_expect_eq(b->ops->remove(txn, &a, NULL), PDB_OK);
	cr_expect_eq(b->ops->insert(txn, &a, PDB_SLICE("new"), NULL), PDB_OK);
	commit(b, &txn);
	expect_stored(b, "a", "new");
	backend_close(b);
}

CONTRACT(rows, remove_of_nothing_is_not_found_and_goes_on)
{
	backend *b = backend_open(param);
	pdb_key a = KEY("a");
	void *txn;

	store(b, "b", "1");
	txn = begin(b, true);
	cr_expect_eq(b->ops->remove(txn, &a, NULL), PDB_ENOTFOUND);
	put(b, txn, "a", "1");
	cr_expect_eq(b->ops->remove(txn, &a, NULL), PDB_OK);
	cr_expect_eq(b->ops->remove(txn, &a, NULL), PDB_ENOTFOUND, "removed twice");
	put(b, txn, "c", "2");
	commit(b, &txn);
	expect_stored(b, "a", NULL);
	expect_stored(b, "b", "1");
	expect_stored(b, "c", "2");
	backend_close(b);
}

CONTRACT(rows, abort_leaves_no_trace)
{
	backend *b = backend_open(param);
	pdb_key a = KEY("a");
	void *txn;

	store(b, "a", "old");
	txn = begin(b, true);
	put(b, txn, "a", "new");
	put(b, txn, "b", "new");
	b->ops->abort(&txn);
	cr_expect_null(txn, "abort nulls the pointer");
	b->ops->abort(&txn);
	expect_stored(b, "a", "old");
	expect_stored(b, "b", NULL);
	txn = begin(b, true);
	cr_expect_eq(b->ops->remove(txn, &a, NULL), PDB_OK);
	b->ops->abort(&txn);
	expect_stored(b, "a", "old");
	backend_close(b);
}

CONTRACT(rows, empty_transactions_end_well)
{
	backend *b = backend_open(param);
	void *txn = begin(b, true);

	commit(b, &txn);
	txn = begin(b, false);
	commit(b, &txn);
	txn = begin(b, false);
	b->ops->abort(&txn);
	backend_close(b);
}

CONTRACT(rows, value_is_borrowed_until_the_next_call)
{
	backend *b = backend_open(param);
	pdb_key a = KEY("a");
	pdb_slice value;
	void *reader;

	store(b, "a", "before");
	reader = begin(b, false);
	cr_assert_eq(b->ops->get(reader, &a, &value, NULL), PDB_OK);
	for (int i = 0; i < 100; i++) {
		store(b, "a", i % 2 == 0 ? "even" : "odd");
	}
	cr_expect(pdb_slice_is(value, "before"), "others' writes do not touch it");
	b->ops->abort(&reader);
	backend_close(b);
}

/* Every byte, at both ends and in the middle, in keys and values. */
CONTRACT(rows, keys_and_values_are_bytes)
{
	backend *b = backend_open(param);
	void *txn = begin(b, true);
	pdb_slice value;

	for (unsigned i = 0; i < 256; i++) {
		uint8_t bytes[3] = {(uint8_t)i, 0, (uint8_t)i};
		pdb_key key = key_of(pdb_slice_of(bytes, sizeof(bytes)));

		cr_assert_eq(b->ops->put(txn, &key, key.bytes, NULL), PDB_OK);
	}
	commit(b, &txn);
	txn = begin(b, false);
	for (unsigned i = 0; i < 256; i++) {
		uint8_t bytes[3] = {(uint8_t)i, 0, (uint8_t)i};
		pdb_key key = key_of(pdb_slice_of(bytes, sizeof(bytes)));

		cr_assert_eq(b->ops->get(txn, &key, &value, NULL), PDB_OK, "byte %u", i);
		cr_expect(pdb_slice_equal(value, key.bytes));
		key.bytes.len = 2;
		cr_expect_eq(b->ops->get(txn, &key, &value, NULL), PDB_ENOTFOUND);
	}
	b->ops->abort(&txn);
	backend_close(b);
}

CONTRACT(rows, close_accepts_null)
{
	backend *b = backend_open(param);
	void *nothing = NULL;

	b->ops->close(&nothing);
	cr_expect_null(nothing);
	backend_close(b);
}
