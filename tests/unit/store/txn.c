/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: limits, and ends that are accepted twice. */
#include "fake_backend.h"

TestSuite(txn, .init = fake_init, .fini = fake_clean);

static pdb_key big_key(size_t len)
{
	static uint8_t bytes[PDB_KEY_MAX + 1];
	pdb_key key = {PDB_SLICE("p"), pdb_slice_of(bytes, len)};

	return key;
}

Test(txn, limits_are_kept)
{
	static uint8_t bytes[PDB_VALUE_MAX + 1];
	pdb_store *store = fake_open();
	pdb_slice largest = pdb_slice_of(bytes, PDB_VALUE_MAX);
	pdb_slice above = pdb_slice_of(bytes, sizeof(bytes));
	pdb_key key = big_key(PDB_KEY_MAX - 1);
	pdb_txn txn;

	cr_assert_eq(pdb_store_begin(store, true, &txn, NULL), PDB_OK);
	cr_expect_eq(pdb_txn_put(&txn, &key, above, NULL), PDB_ETOOLARGE);
	cr_expect_eq(pdb_txn_put(&txn, &key, largest, NULL), PDB_OK);
	cr_expect_eq(pdb_txn_put(&txn, &key, largest, NULL), PDB_OK);
	cr_expect_eq(pdb_txn_put(&txn, &key, largest, NULL), PDB_ETOOLARGE, "12 MiB in all");
	key = big_key(PDB_KEY_MAX);
	cr_expect_eq(pdb_txn_put(&txn, &key, PDB_SLICE("v"), NULL), PDB_ETOOLARGE);
	cr_expect_eq(pdb_txn_insert(&txn, &key, PDB_SLICE("v"), NULL), PDB_ETOOLARGE);
	key = big_key(0);
	cr_expect_eq(pdb_txn_put(&txn, &key, PDB_SLICE("v"), NULL), PDB_ETOOLARGE);
	cr_expect_eq(pdb_txn_remove(&txn, &key, NULL), PDB_ETOOLARGE);
	pdb_txn_abort(&txn);
	pdb_store_close(&store);
}

Test(txn, a_reader_may_not_write)
{
	pdb_store *store = fake_open();
	pdb_key key = big_key(1);
	pdb_txn txn;

	cr_assert_eq(pdb_store_begin(store, false, &txn, NULL), PDB_OK);
	cr_expect_eq(pdb_txn_put(&txn, &key, PDB_SLICE("v"), NULL), PDB_EINTERNAL);
	cr_expect_eq(pdb_txn_insert(&txn, &key, PDB_SLICE("v"), NULL), PDB_EINTERNAL);
	cr_expect_eq(pdb_txn_remove(&txn, &key, NULL), PDB_EINTERNAL);
	pdb_txn_abort(&txn);
	pdb_store_close(&store);
}

Test(txn, ends_are_accepted_twice)
{
	pdb_store *store = fake_open();
	pdb_txn txn = {0};
	pdb_key key = big_key(1);
	pdb_range range = {.limit = 1};
	pdb_slice value;

	pdb_txn_abort(&txn);
	cr_assert_eq(pdb_store_begin(store, true, &txn, NULL), PDB_OK);
	cr_expect_eq(pdb_txn_commit(&txn, NULL, NULL), PDB_OK);
	cr_expect_eq(pdb_txn_commit(&txn, NULL, NULL), PDB_EINTERNAL);
	pdb_txn_abort(&txn);
	cr_expect_eq(pdb_txn_get(&txn, &key, &value, NULL), PDB_EINTERNAL);
	cr_expect_eq(pdb_txn_put(&txn, &key, PDB_SLICE("v"), NULL), PDB_EINTERNAL);
	cr_expect_eq(pdb_txn_scan(&txn, &range, NULL, NULL, NULL), PDB_EINTERNAL);
	pdb_store_close(&store);
}
