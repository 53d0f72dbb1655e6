/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of opening, writing, reading and closing may fail, and is then said to. */
#include "fake_backend.h"
#include "nth_alloc.h"

TestSuite(allocation, .init = fake_init, .fini = fake_clean);

static pdb_status count_row(void *arg, pdb_slice key, pdb_slice value)
{
	(void)key;
	(void)value;
	(*(size_t *)arg)++;
	return PDB_OK;
}

static pdb_status write_some(pdb_txn *txn, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (uint64_t i = 0; status == PDB_OK && i < 20; i++) {
		pdb_keybuf key;

		pdb_key_timeline(&key, PDB_SLICE("t"), i * 7 % 20, i);
		status = i % 2 == 0 ? pdb_txn_put(txn, &key.key, PDB_SLICE("v"), err)
				    : pdb_txn_insert(txn, &key.key, PDB_SLICE("v"), err);
		if (status == PDB_OK && i % 4 == 0) {
			status = pdb_txn_remove(txn, &key.key, err);
		}
	}
	return status;
}

static pdb_status write_and_read(pdb_store *store, pdb_err *err)
{
	pdb_range range = {.limit = 0};
	size_t rows = 0;
	pdb_txn txn;
	pdb_status status = pdb_store_begin(store, true, &txn, err);

	if (status != PDB_OK) {
		return status;
	}
	status = write_some(&txn, err);
	if (status == PDB_OK) {
		status = pdb_txn_scan(&txn, &range, count_row, &rows, err);
	}
	if (status == PDB_OK) {
		cr_expect_eq(rows, 15 + 3, "rows, and those of meta:");
		status = pdb_txn_commit(&txn, NULL, err);
	}
	pdb_txn_abort(&txn);
	return status;
}

static pdb_status whole_life(void *arg, pdb_err *err)
{
	pdb_store *store = NULL;
	pdb_status status = pdb_store_open(&store, &fake.ops, &fake.params, &fake.settings, err);

	(void)arg;
	if (status == PDB_OK) {
		status = write_and_read(store, err);
	}
	pdb_store_close(&store);
	fake_forget();
	return status;
}

Test(allocation, each_failure_is_an_ordinary_error)
{
	cr_expect_gt(nth_alloc_each(whole_life, NULL, false), 100);
}

Test(allocation, memory_that_stays_away_is_an_ordinary_error)
{
	cr_expect_gt(nth_alloc_each(whole_life, NULL, true), 100);
}
