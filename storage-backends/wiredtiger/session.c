/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions with open cursors, kept from one transaction to the next. */
#include "wiredtiger_private.h"

static void txn_destroy(pdb__wiredtiger_txn *txn)
{
	const pdb_host *host = txn->db->host;
	int code = txn->session != NULL ? txn->session->close(txn->session, NULL) : 0;

	if (code != 0) {
		host->log(PDB_LOG_WARN, "wiredtiger", "closing a session: %s",
			  wiredtiger_strerror(code));
	}
	host->free(txn);
}

static int open_cursors(pdb__wiredtiger_txn *txn)
{
	WT_CONNECTION *connection = txn->db->connection;
	int code = connection->open_session(connection, NULL, "isolation=snapshot", &txn->session);

	if (code == 0) {
		code = txn->session->open_cursor(txn->session, PDB__WIREDTIGER_TABLE, NULL, NULL,
						 &txn->cursor);
	}
	if (code == 0) {
		code = txn->session->open_cursor(txn->session, PDB__WIREDTIGER_TABLE, NULL,
						 "overwrite=false", &txn->strict);
	}
	return code;
}

static pdb_status txn_create(pdb__wiredtiger *db, pdb__wiredtiger_txn **out, pdb_err *err)
{
	pdb__wiredtiger_txn *txn = db->host->alloc(sizeof(*txn));
	int code;

	if (txn == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "No memory for a session.");
	}
	*txn = (pdb__wiredtiger_txn){.db = db};
	code = open_cursors(txn);
	if (code != 0) {
		txn_destroy(txn);
		return pdb__wiredtiger_error(db, code, "open_session", err);
	}
	*out = txn;
	return PDB_OK;
}

pdb_status pdb__wiredtiger_txn_take(pdb__wiredtiger *db, pdb__wiredtiger_txn **out, pdb_err *err)
{
	pdb__wiredtiger_txn *txn;

	(void)pthread_mutex_lock(&db->pool_lock);
	txn = db->idle;
	if (txn != NULL) {
		db->idle = txn->next;
	}
	(void)pthread_mutex_unlock(&db->pool_lock);
	if (txn == NULL) {
		return txn_create(db, out, err);
	}
	txn->failed = PDB_OK;
	*out = txn;
	return PDB_OK;
}

void pdb__wiredtiger_txn_give(pdb__wiredtiger_txn *txn)
{
	pdb__wiredtiger *db = txn->db;

	(void)pthread_mutex_lock(&db->pool_lock);
	txn->next = db->idle;
	db->idle = txn;
	(void)pthread_mutex_unlock(&db->pool_lock);
}

void pdb__wiredtiger_pool_drain(pdb__wiredtiger *db)
{
	pdb__wiredtiger_txn *txn;

	(void)pthread_mutex_lock(&db->pool_lock);
	txn = db->idle;
	db->idle = NULL;
	(void)pthread_mutex_unlock(&db->pool_lock);
	while (txn != NULL) {
		pdb__wiredtiger_txn *next = txn->next;

		txn_destroy(txn);
		txn = next;
	}
}
