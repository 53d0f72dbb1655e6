/* SPDX-License-Identifier: Apache-2.0 */
/* The memory backend: the executable specification of pdb/storage.h. */
#include "rows.h"

#include <pthread.h>

/*
 * A transaction reads the tree that was current when it began, and changes a private one made from
 * it. Commit compares, for every key written, the row of then with the row of now: unequal means
 * that somebody else committed in between, and this one has lost.
 */
typedef struct memory_db {
	const pdb_host *host;
	uint64_t seed;
	pthread_mutex_t lock; /* around `tree` */
	pdb_memory_tree *tree;
} memory_db;

/* One change of a transaction, in the order made. `row` holds the key, also of a removal. */
typedef struct memory_change {
	pdb_memory_row *row;
	bool removed;
} memory_change;

typedef struct memory_txn {
	memory_db *db;
	pdb_memory_tree *snapshot;
	pdb_memory_tree *tree;
	memory_change *changes;
	size_t count;
	size_t capacity;
} memory_txn;

static pdb_status no_memory(pdb_err *err)
{
	return pdb_err_set(err, PDB_ENOMEM, NULL, "The memory backend is out of memory.");
}

static pdb_status memory_open(const pdb_storage_params *params, void **db_out, pdb_err *err)
{
	memory_db *db = params->host->alloc(sizeof(*db));

	if (db == NULL) {
		return no_memory(err);
	}
	*db = (memory_db){.host = params->host};
	if (pthread_mutex_init(&db->lock, NULL) != 0) {
		params->host->free(db);
		return no_memory(err);
	}
	params->host->random(&db->seed, sizeof(db->seed));
	*db_out = db;
	return PDB_OK;
}

static void memory_close(void **db_)
{
	memory_db *db = *db_;

	*db_ = NULL;
	if (db == NULL) {
		return;
	}
	pdb__memory_tree_unref(db->host, db->tree);
	(void)pthread_mutex_destroy(&db->lock);
	db->host->free(db);
}

static pdb_status memory_begin(void *db_, bool write, void **txn_out, pdb_err *err)
{
	memory_db *db = db_;
	memory_txn *txn = db->host->alloc(sizeof(*txn));

	(void)write;
	if (txn == NULL) {
		return no_memory(err);
	}
	*txn = (memory_txn){.db = db};
	(void)pthread_mutex_lock(&db->lock);
	txn->snapshot = pdb__memory_tree_ref(db->tree);
	(void)pthread_mutex_unlock(&db->lock);
	txn->tree = pdb__memory_tree_ref(txn->snapshot);
	*txn_out = txn;
	return PDB_OK;
}

static void memory_abort(void **txn_)
{
	memory_txn *txn = *txn_;
	const pdb_host *host;

	*txn_ = NULL;
	if (txn == NULL) {
		return;
	}
	host = txn->db->host;
	for (size_t i = 0; i < txn->count; i++) {
		pdb__memory_row_unref(host, txn->changes[i].row);
	}
	host->free(txn->changes);
	pdb__memory_tree_unref(host, txn->tree);
	pdb__memory_tree_unref(host, txn->snapshot);
	host->free(txn);
}

static pdb_status memory_get(void *txn_, const pdb_key *key, pdb_slice *value_out, pdb_err *err)
{
	const memory_txn *txn = txn_;
	const pdb_memory_row *row = pdb__memory_tree_find(txn->tree, key->bytes);

	if (row == NULL) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "There is no such key.");
	}
	*value_out = pdb__memory_row_value(row);
	return PDB_OK;
}

static bool tree_apply(const pdb_host *host, pdb_memory_tree *tree, const memory_change *change,
		       pdb_memory_tree **out)
{
	return change->removed
		       ? pdb__memory_tree_remove(host, tree, pdb__memory_row_key(change->row), out)
		       : pdb__memory_tree_put(host, tree, change->row, out);
}

/* Replaces *tree by itself with the change; leaves it alone when memory runs out. */
static bool tree_advance(const pdb_host *host, pdb_memory_tree **tree, const memory_change *change)
{
	pdb_memory_tree *changed = NULL;

	if (!tree_apply(host, *tree, change, &changed)) {
		return false;
	}
	pdb__memory_tree_unref(host, *tree);
	*tree = changed;
	return true;
}

static bool reserve_change(memory_txn *txn)
{
	size_t capacity = txn->capacity == 0 ? 8 : txn->capacity * 2;
	memory_change *changes;

	if (txn->count < txn->capacity) {
		return true;
	}
	changes = txn->db->host->realloc(txn->changes, capacity * sizeof(*changes));
	if (changes == NULL) {
		return false;
	}
	txn->changes = changes;
	txn->capacity = capacity;
	return true;
}

static pdb_status change(memory_txn *txn, pdb_slice key, pdb_slice value, bool removed,
			 pdb_err *err)
{
	const pdb_host *host = txn->db->host;
	memory_change made = {NULL, removed};

	made.row = pdb__memory_row_create(host, txn->db->seed, key, value);
	if (made.row == NULL || !reserve_change(txn) || !tree_advance(host, &txn->tree, &made)) {
		pdb__memory_row_unref(host, made.row);
		return no_memory(err);
	}
	txn->changes[txn->count++] = made;
	return PDB_OK;
}

static pdb_status memory_put(void *txn, const pdb_key *key, pdb_slice value, pdb_err *err)
{
	return change(txn, key->bytes, value, false, err);
}

static pdb_status memory_insert(void *txn_, const pdb_key *key, pdb_slice value, pdb_err *err)
{
	memory_txn *txn = txn_;

	if (pdb__memory_tree_find(txn->tree, key->bytes) != NULL) {
		return pdb_err_set(err, PDB_EEXISTS, NULL, "The key exists.");
	}
	return change(txn, key->bytes, value, false, err);
}

static pdb_status memory_remove(void *txn_, const pdb_key *key, pdb_err *err)
{
	memory_txn *txn = txn_;

	if (pdb__memory_tree_find(txn->tree, key->bytes) == NULL) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "There is no such key.");
	}
	return change(txn, key->bytes, pdb_slice_of(NULL, 0), true, err);
}

static pdb_status memory_scan(void *txn_, const pdb_range *range, pdb_row_fn row, void *arg,
			      pdb_err *err)
{
	const memory_txn *txn = txn_;
	size_t left = range->limit == 0 ? SIZE_MAX : range->limit;
	pdb_status status = pdb__memory_tree_scan(txn->tree, range, &left, row, arg);

	(void)err;
	return status == PDB_ESTOP ? PDB_OK : status;
}

static bool has_conflict(const memory_txn *txn, const pdb_memory_tree *now)
{
	for (size_t i = 0; i < txn->count; i++) {
		pdb_slice key = pdb__memory_row_key(txn->changes[i].row);

		if (pdb__memory_tree_find(txn->snapshot, key) != pdb__memory_tree_find(now, key)) {
			return true;
		}
	}
	return false;
}

/* Makes the changes of `txn` on the current tree. Holds the lock. */
static pdb_status publish(memory_txn *txn, pdb_err *err)
{
	memory_db *db = txn->db;
	pdb_memory_tree *tree = NULL;

	if (has_conflict(txn, db->tree)) {
		return pdb_err_set(err, PDB_ECONFLICT, NULL,
				   "Another transaction wrote the same key.");
	}
	if (db->tree == txn->snapshot) {
		tree = pdb__memory_tree_ref(txn->tree);
	} else {
		tree = pdb__memory_tree_ref(db->tree);
		for (size_t i = 0; i < txn->count; i++) {
			if (!tree_advance(db->host, &tree, &txn->changes[i])) {
				pdb__memory_tree_unref(db->host, tree);
				return no_memory(err);
			}
		}
	}
	pdb__memory_tree_unref(db->host, db->tree);
	db->tree = tree;
	return PDB_OK;
}

static pdb_status memory_commit(void **txn_, pdb_err *err)
{
	memory_txn *txn = *txn_;
	pdb_status status = PDB_OK;

	if (txn->count > 0) {
		(void)pthread_mutex_lock(&txn->db->lock);
		status = publish(txn, err);
		(void)pthread_mutex_unlock(&txn->db->lock);
	}
	memory_abort(txn_);
	return status;
}

/* Nothing is kept, so everything that can be durable is. */
static pdb_status memory_sync(void *db, pdb_err *err)
{
	(void)db;
	(void)err;
	return PDB_OK;
}

static pdb_status memory_stats(void *db_, pdb_stat_fn stat, void *arg)
{
	memory_db *db = db_;
	size_t rows;

	(void)pthread_mutex_lock(&db->lock);
	rows = pdb__memory_tree_count(db->tree);
	(void)pthread_mutex_unlock(&db->lock);
	stat(arg, "rows", (double)rows);
	return PDB_OK;
}

static const pdb_storage_ops memory_ops = {
	.size = sizeof(pdb_storage_ops),
	.capabilities = PDB_STORAGE_GLOBAL_SCAN | PDB_STORAGE_VOLATILE,
	.open = memory_open,
	.close = memory_close,
	.begin = memory_begin,
	.get = memory_get,
	.put = memory_put,
	.insert = memory_insert,
	.remove = memory_remove,
	.scan = memory_scan,
	.commit = memory_commit,
	.abort = memory_abort,
	.sync = memory_sync,
	.stats = memory_stats,
};

PDB_PLUGIN(memory, STORAGE, "0.1.0", "Apache-2.0", "Rows in memory: the specification, for tests.",
	   .ops = &memory_ops);
