/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's own numbers, and the check of its files. */
#include <errno.h>

#include "wiredtiger_private.h"

/* An operator watches that nothing is in the lookaside table or in overflow items. */
static const struct {
	const char *name;
	int key;
} NUMBERS[] = {
	{"wiredtiger_cache_bytes", WT_STAT_CONN_CACHE_BYTES_INUSE},
	{"wiredtiger_cache_dirty_bytes", WT_STAT_CONN_CACHE_BYTES_DIRTY},
	{"unwritten_bytes", WT_STAT_CONN_CACHE_BYTES_DIRTY},
	{"wiredtiger_cache_max_bytes", WT_STAT_CONN_CACHE_BYTES_MAX},
	{"wiredtiger_lookaside_rows", WT_STAT_CONN_CACHE_LOOKASIDE_ENTRIES},
	{"wiredtiger_overflow_reads", WT_STAT_CONN_CACHE_READ_OVERFLOW},
	{"wiredtiger_log_bytes", WT_STAT_CONN_LOG_BYTES_WRITTEN},
	{"wiredtiger_log_syncs", WT_STAT_CONN_LOG_SYNC},
	{"wiredtiger_checkpoints", WT_STAT_CONN_TXN_CHECKPOINT},
	{"wiredtiger_rollbacks", WT_STAT_CONN_TXN_ROLLBACK},
};

static int read_number(WT_CURSOR *cursor, int key, int64_t *out)
{
	const char *description = NULL;
	const char *text = NULL;
	int code;

	cursor->set_key(cursor, key);
	code = cursor->search(cursor);
	return code == 0 ? cursor->get_value(cursor, &description, &text, out) : code;
}

static int show_numbers(WT_SESSION *session, pdb_stat_fn stat, void *arg)
{
	WT_CURSOR *cursor = NULL;
	int code = session->open_cursor(session, "statistics:", NULL, "statistics=(fast)", &cursor);

	for (size_t i = 0; code == 0 && i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
		int64_t number = 0;

		code = read_number(cursor, NUMBERS[i].key, &number);
		if (code == 0) {
			stat(arg, NUMBERS[i].name, (double)number);
		}
	}
	if (cursor != NULL) {
		(void)cursor->close(cursor);
	}
	return code;
}

pdb_status pdb__wiredtiger_stats(void *db_, pdb_stat_fn stat, void *arg)
{
	pdb__wiredtiger *db = db_;
	pdb__wiredtiger_txn *txn = NULL;
	pdb_status status = pdb__wiredtiger_txn_take(db, &txn, NULL);
	int code;

	if (status != PDB_OK) {
		return status;
	}
	code = show_numbers(txn->session, stat, arg);
	if (code != 0) {
		status = pdb__wiredtiger_error(db, code, "statistics", NULL);
	}
	pdb__wiredtiger_txn_give(txn);
	return status;
}

/* How many rows one snapshot is held for. */
#define ROWS_AT_ONCE 1000u

typedef struct check_walk {
	uint8_t last[PDB_KEY_MAX];
	size_t last_len;
	size_t rows;
} check_walk;

static pdb_status walk_row(void *arg, pdb_slice key, pdb_slice value)
{
	check_walk *walk = arg;

	(void)value;
	if (key.len > sizeof(walk->last) || key.len == 0) {
		return PDB_ECORRUPT;
	}
	memcpy(walk->last, key.ptr, key.len);
	walk->last_len = key.len;
	walk->rows++;
	return PDB_OK;
}

/* One short transaction; the rows behind the last one seen. */
static pdb_status walk_step(pdb__wiredtiger *db, check_walk *walk, pdb_err *err)
{
	uint8_t from[PDB_KEY_MAX + 1];
	pdb_range range = {.limit = ROWS_AT_ONCE};
	void *txn = NULL;
	pdb_status status = pdb__wiredtiger_begin(db, false, &txn, err);

	if (status != PDB_OK) {
		return status;
	}
	if (walk->last_len > 0) {
		/* The least key above another is that key and a zero byte. */
		memcpy(from, walk->last, walk->last_len);
		from[walk->last_len] = 0;
		range.from = pdb_slice_of(from, walk->last_len + 1);
	}
	walk->rows = 0;
	status = pdb__wiredtiger_scan(txn, &range, walk_row, walk, err);
	pdb__wiredtiger_abort(&txn);
	return status;
}

/* Reads every row, and with it the checksum of every page in use. */
static pdb_status walk_all(pdb__wiredtiger *db, pdb_err *err)
{
	check_walk walk = {.last_len = 0};
	pdb_status status;

	do {
		status = walk_step(db, &walk, err);
	} while (status == PDB_OK && walk.rows == ROWS_AT_ONCE);
	return status;
}

static int verify(pdb__wiredtiger *db)
{
	WT_CONNECTION *connection = db->connection;
	WT_SESSION *session = NULL;
	int code;

	/* The engine verifies only what nobody has open. */
	pdb__wiredtiger_pool_drain(db);
	code = connection->open_session(connection, NULL, NULL, &session);
	if (code != 0) {
		return code;
	}
	code = session->checkpoint(session, NULL);
	if (code == 0) {
		code = session->verify(session, PDB__WIREDTIGER_TABLE, NULL);
	}
	(void)session->close(session, NULL);
	return code;
}

pdb_status pdb__wiredtiger_check(void *db_, pdb_err *err)
{
	pdb__wiredtiger *db = db_;
	int code = verify(db);

	if (code == 0) {
		return PDB_OK;
	}
	if (code == EBUSY) {
		return walk_all(db, err);
	}
	if (code == WT_ERROR) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "The table fails its verification.");
	}
	return pdb__wiredtiger_error(db, code, "verify", err);
}
