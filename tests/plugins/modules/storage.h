/* SPDX-License-Identifier: Apache-2.0 */
/* The ops of a storage backend that does nothing, for tables that lack one of them. */
#ifndef PDB_TEST_STORAGE_H
#define PDB_TEST_STORAGE_H

#include <pdb/storage.h>

static inline pdb_status storage_open(const pdb_storage_params *params, void **db_out, pdb_err *err)
{
	(void)params;
	(void)db_out;
	return pdb_err_set(err, PDB_ENOTSUP, NULL, "it stores nothing");
}

static inline void storage_end(void **thing)
{
	*thing = NULL;
}

static inline pdb_status storage_begin(void *db, bool write, void **txn_out, pdb_err *err)
{
	(void)db;
	(void)write;
	(void)txn_out;
	return pdb_err_set(err, PDB_ENOTSUP, NULL, "it stores nothing");
}

static inline pdb_status storage_get(void *txn, const pdb_key *key, pdb_slice *value_out,
				     pdb_err *err)
{
	(void)txn;
	(void)key;
	(void)value_out;
	return pdb_err_set(err, PDB_ENOTFOUND, NULL, "it stores nothing");
}

static inline pdb_status storage_put(void *txn, const pdb_key *key, pdb_slice value, pdb_err *err)
{
	(void)txn;
	(void)key;
	(void)value;
	return pdb_err_set(err, PDB_ENOTSUP, NULL, "it stores nothing");
}

static inline pdb_status storage_remove(void *txn, const pdb_key *key, pdb_err *err)
{
	(void)txn;
	(void)key;
	return pdb_err_set(err, PDB_ENOTFOUND, NULL, "it stores nothing");
}

static inline pdb_status storage_scan(void *txn, const pdb_range *range, pdb_row_fn row, void *arg,
				      pdb_err *err)
{
	(void)txn;
	(void)range;
	(void)row;
	(void)arg;
	(void)err;
	return PDB_OK;
}

static inline pdb_status storage_commit(void **txn, pdb_err *err)
{
	(void)err;
	*txn = NULL;
	return PDB_OK;
}

static inline pdb_status storage_sync(void *db, pdb_err *err)
{
	(void)db;
	(void)err;
	return PDB_OK;
}

#define STORAGE_OPS_BUT_SYNC                                                                       \
	.open = storage_open, .close = storage_end, .begin = storage_begin, .get = storage_get,    \
	.put = storage_put, .insert = storage_put, .remove = storage_remove, .scan = storage_scan, \
	.commit = storage_commit, .abort = storage_end

#endif
