/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: the backend's ops behind the limits that the host keeps to. */
#include "base/clock.h"
#include "store/store_private.h"

static const pdb_storage_ops *ops_of(const pdb_txn *txn)
{
	return txn->store->ops;
}

static pdb_status ended(pdb_err *err)
{
	return pdb_err_set(err, PDB_EINTERNAL, NULL, "The transaction has ended.");
}

pdb_status pdb_store_begin(pdb_store *store, bool write, pdb_txn *txn, pdb_err *err)
{
	pdb_status status;

	*txn = (pdb_txn){.store = store, .write = write};
	if (write && !pdb_store_writable(store)) {
		return pdb_err_set(err, PDB_EFULL, NULL, "The disk is nearly full.");
	}
	status = store->ops->begin(store->db, write, &txn->backend, err);
	if (status != PDB_OK) {
		txn->backend = NULL;
	}
	return status;
}

pdb_status pdb_txn_get(pdb_txn *txn, const pdb_key *key, pdb_slice *value_out, pdb_err *err)
{
	return txn->backend != NULL ? ops_of(txn)->get(txn->backend, key, value_out, err)
				    : ended(err);
}

pdb_status pdb_txn_scan(pdb_txn *txn, const pdb_range *range, pdb_row_fn row, void *arg,
			pdb_err *err)
{
	return txn->backend != NULL ? ops_of(txn)->scan(txn->backend, range, row, arg, err)
				    : ended(err);
}

/* May this key and value still be written? */
static pdb_status admit(pdb_txn *txn, const pdb_key *key, size_t value, pdb_err *err)
{
	if (txn->backend == NULL) {
		return ended(err);
	}
	if (!txn->write) {
		return pdb_err_set(err, PDB_EINTERNAL, NULL, "The transaction is for reading.");
	}
	if (key->bytes.len == 0 || key->bytes.len + key->partition.len > PDB_KEY_MAX) {
		return pdb_err_set(err, PDB_ETOOLARGE, NULL, "A key of %zu bytes is not possible.",
				   key->bytes.len);
	}
	if (value > PDB_VALUE_MAX || txn->bytes + key->bytes.len + value > PDB_TXN_MAX) {
		return pdb_err_set(err, PDB_ETOOLARGE, NULL, "Too much for one transaction.");
	}
	txn->bytes += key->bytes.len + value;
	return PDB_OK;
}

pdb_status pdb_txn_put(pdb_txn *txn, const pdb_key *key, pdb_slice value, pdb_err *err)
{
	pdb_status status = admit(txn, key, value.len, err);

	return status == PDB_OK ? ops_of(txn)->put(txn->backend, key, value, err) : status;
}

pdb_status pdb_txn_insert(pdb_txn *txn, const pdb_key *key, pdb_slice value, pdb_err *err)
{
	pdb_status status = admit(txn, key, value.len, err);

	return status == PDB_OK ? ops_of(txn)->insert(txn->backend, key, value, err) : status;
}

pdb_status pdb_txn_remove(pdb_txn *txn, const pdb_key *key, pdb_err *err)
{
	pdb_status status = admit(txn, key, 0, err);

	return status == PDB_OK ? ops_of(txn)->remove(txn->backend, key, err) : status;
}

pdb_status pdb_txn_commit(pdb_txn *txn, uint64_t *ticket_out, pdb_err *err)
{
	uint64_t ticket = 0;
	pdb_status status = PDB_OK;

	if (txn->backend == NULL) {
		status = ended(err);
	} else {
		int64_t start = pdb_clock_monotonic();

		status = ops_of(txn)->commit(&txn->backend, err);
		txn->backend = NULL;
		if (txn->write) {
			pdb__count_commit(txn, status, pdb_clock_monotonic() - start);
			pdb__watch_spend(&txn->store->watch, txn->bytes);
		}
		if (txn->write && (status == PDB_OK || status == PDB_EUNCERTAIN)) {
			ticket = pdb__flusher_ticket(&txn->store->flusher);
		}
	}
	if (ticket_out != NULL) {
		*ticket_out = ticket;
	}
	return status;
}

void pdb_txn_abort(pdb_txn *txn)
{
	if (txn->backend != NULL) {
		ops_of(txn)->abort(&txn->backend);
		txn->backend = NULL;
	}
}
