/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: reads, writes and scans under the engine's snapshot isolation. */
#include <errno.h>

#include "wiredtiger_private.h"

/* Keeps the first failure, so that commit cannot pretend. */
static pdb_status fail(pdb__wiredtiger_txn *txn, int code, const char *what, pdb_err *err)
{
	pdb_status status = pdb__wiredtiger_error(txn->db, code, what, err);

	if (txn->failed == PDB_OK && status != PDB_ENOTFOUND && status != PDB_EEXISTS) {
		txn->failed = status;
	}
	return status;
}

static void set_key(WT_CURSOR *cursor, pdb_slice key)
{
	WT_ITEM item = {.data = key.ptr, .size = key.len};

	cursor->set_key(cursor, &item);
}

static void set_value(WT_CURSOR *cursor, pdb_slice value)
{
	WT_ITEM item = {.data = value.ptr, .size = value.len};

	cursor->set_value(cursor, &item);
}

pdb_status pdb__wiredtiger_begin(void *db, bool write, void **txn_out, pdb_err *err)
{
	pdb__wiredtiger_txn *txn = NULL;
	pdb_status status = pdb__wiredtiger_txn_take(db, &txn, err);
	int code;

	(void)write;
	if (status != PDB_OK) {
		return status;
	}
	/* The session was opened with snapshot isolation. */
	code = txn->session->begin_transaction(txn->session, NULL);
	if (code != 0) {
		status = pdb__wiredtiger_error(db, code, "begin_transaction", err);
		pdb__wiredtiger_txn_give(txn);
		return status;
	}
	*txn_out = txn;
	return PDB_OK;
}

pdb_status pdb__wiredtiger_get(void *txn_, const pdb_key *key, pdb_slice *value_out, pdb_err *err)
{
	pdb__wiredtiger_txn *txn = txn_;
	WT_CURSOR *cursor = txn->cursor;
	WT_ITEM value;
	int code;

	set_key(cursor, key->bytes);
	code = cursor->search(cursor);
	if (code == 0) {
		code = cursor->get_value(cursor, &value);
	}
	if (code != 0) {
		return fail(txn, code, "search", err);
	}
	/* The cursor stays where it is: the value is on its page. */
	*value_out = pdb_slice_of(value.data, value.size);
	return PDB_OK;
}

pdb_status pdb__wiredtiger_put(void *txn_, const pdb_key *key, pdb_slice value, pdb_err *err)
{
	pdb__wiredtiger_txn *txn = txn_;
	WT_CURSOR *cursor = txn->cursor;
	int code;

	set_key(cursor, key->bytes);
	set_value(cursor, value);
	code = cursor->insert(cursor);
	return code == 0 ? PDB_OK : fail(txn, code, "insert", err);
}

pdb_status pdb__wiredtiger_insert(void *txn_, const pdb_key *key, pdb_slice value, pdb_err *err)
{
	pdb__wiredtiger_txn *txn = txn_;
	WT_CURSOR *cursor = txn->strict;
	int code;

	set_key(cursor, key->bytes);
	set_value(cursor, value);
	code = cursor->insert(cursor);
	(void)cursor->reset(cursor);
	return code == 0 ? PDB_OK : fail(txn, code, "insert", err);
}

pdb_status pdb__wiredtiger_remove(void *txn_, const pdb_key *key, pdb_err *err)
{
	pdb__wiredtiger_txn *txn = txn_;
	WT_CURSOR *cursor = txn->strict;
	int code;

	set_key(cursor, key->bytes);
	code = cursor->remove(cursor);
	(void)cursor->reset(cursor);
	return code == 0 ? PDB_OK : fail(txn, code, "remove", err);
}

/* Puts the cursor on the first row at or behind `from`; WT_NOTFOUND when there is none. */
static int seek_forward(WT_CURSOR *cursor, const pdb_range *range)
{
	int side = 0;
	int code;

	if (range->from.len == 0) {
		return cursor->next(cursor);
	}
	set_key(cursor, range->from);
	code = cursor->search_near(cursor, &side);
	return code == 0 && side < 0 ? cursor->next(cursor) : code;
}

/* Puts the cursor on the last row before `to`. */
static int seek_backward(WT_CURSOR *cursor, const pdb_range *range)
{
	int side = 0;
	int code;

	if (range->to.len == 0) {
		return cursor->prev(cursor);
	}
	set_key(cursor, range->to);
	code = cursor->search_near(cursor, &side);
	return code == 0 && side >= 0 ? cursor->prev(cursor) : code;
}

/* Still inside the far end of the range? */
static bool in_range(const pdb_range *range, pdb_slice key)
{
	if (range->reverse) {
		return pdb_slice_compare(key, range->from) >= 0;
	}
	return range->to.len == 0 || pdb_slice_compare(key, range->to) < 0;
}

static int read_row(WT_CURSOR *cursor, pdb_slice *key, pdb_slice *value)
{
	WT_ITEM key_item;
	WT_ITEM value_item;
	int code = cursor->get_key(cursor, &key_item);

	if (code == 0) {
		code = cursor->get_value(cursor, &value_item);
	}
	if (code == 0) {
		*key = pdb_slice_of(key_item.data, key_item.size);
		*value = pdb_slice_of(value_item.data, value_item.size);
	}
	return code;
}

pdb_status pdb__wiredtiger_scan(void *txn_, const pdb_range *range, pdb_row_fn row, void *arg,
				pdb_err *err)
{
	pdb__wiredtiger_txn *txn = txn_;
	WT_CURSOR *cursor = txn->cursor;
	pdb_status status = PDB_OK;
	size_t shown = 0;
	int code = cursor->reset(cursor);

	if (code == 0) {
		code = range->reverse ? seek_backward(cursor, range) : seek_forward(cursor, range);
	}
	while (code == 0 && status == PDB_OK) {
		pdb_slice key;
		pdb_slice value;

		code = read_row(cursor, &key, &value);
		if (code != 0 || !in_range(range, key)) {
			break;
		}
		status = row(arg, key, value);
		if (++shown == range->limit) {
			break;
		}
		code = range->reverse ? cursor->prev(cursor) : cursor->next(cursor);
	}
	(void)cursor->reset(cursor);
	if (status != PDB_OK) {
		return status == PDB_ESTOP ? PDB_OK : status;
	}
	return code == 0 || code == WT_NOTFOUND ? PDB_OK : fail(txn, code, "scan", err);
}

pdb_status pdb__wiredtiger_commit(void **txn_, pdb_err *err)
{
	pdb__wiredtiger_txn *txn = *txn_;
	pdb_status status = txn->failed;
	int code;

	if (status != PDB_OK) {
		pdb__wiredtiger_abort(txn_);
		return pdb_err_set(err, status, NULL,
				   "An operation of the transaction failed; it was rolled back.");
	}
	*txn_ = NULL;
	/* Visible now; the host's sync makes it durable. */
	code = txn->session->commit_transaction(txn->session, NULL);
	if (code != 0) {
		status = pdb__wiredtiger_error(txn->db, code, "commit_transaction", err);
	}
	pdb__wiredtiger_txn_give(txn);
	return status;
}

void pdb__wiredtiger_abort(void **txn_)
{
	pdb__wiredtiger_txn *txn = *txn_;
	int code;

	*txn_ = NULL;
	if (txn == NULL) {
		return;
	}
	code = txn->session->rollback_transaction(txn->session, NULL);
	if (code != 0) {
		(void)pdb__wiredtiger_error(txn->db, code, "rollback_transaction", NULL);
		txn->db->host->log(PDB_LOG_WARN, "wiredtiger", "rollback_transaction: %s",
				   wiredtiger_strerror(code));
	}
	pdb__wiredtiger_txn_give(txn);
}
