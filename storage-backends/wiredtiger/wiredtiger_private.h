/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the WiredTiger backend share. */
#ifndef PDB_WIREDTIGER_PRIVATE_H
#define PDB_WIREDTIGER_PRIVATE_H

#include <pdb/pdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <wiredtiger.h>

#define PDB__WIREDTIGER_TABLE "table:progressdb"

typedef struct pdb__wiredtiger_settings {
	int64_t cache_size;
	int64_t log_file_max;
	int64_t checkpoint_log_size;
	int64_t checkpoint_wait;
	int64_t compressor; /* 0 = snappy, 1 = none */
	int64_t session_max;
} pdb__wiredtiger_settings;

typedef struct pdb__wiredtiger_txn pdb__wiredtiger_txn;

typedef struct pdb__wiredtiger {
	WT_EVENT_HANDLER handler; /* first: the engine hands its address back */
	const pdb_host *host;
	const pdb__wiredtiger_settings *settings;
	WT_CONNECTION *connection;
	WT_SESSION *sync_session; /* of the thread that syncs */
	atomic_bool opening;      /* failures are still ordinary errors */
	char *directory;
	pthread_mutex_t backup_lock; /* the engine allows one backup at a time */
	pthread_mutex_t pool_lock;   /* around `idle` */
	pdb__wiredtiger_txn *idle;
} pdb__wiredtiger;

/*
 * A session with its two cursors is a transaction while one runs, and is kept for the next.
 * `failed` is what an operation said after which only abort is possible: the engine would let such
 * a transaction commit.
 */
struct pdb__wiredtiger_txn {
	pdb__wiredtiger *db;
	pdb__wiredtiger_txn *next;
	WT_SESSION *session;
	WT_CURSOR *cursor; /* reads, and writes whatever was there */
	WT_CURSOR *strict; /* writes only over the absent, removes only the present */
	pdb_status failed;
};

/* Turns the engine's code into a status with the engine's words; does not return from a panic. */
pdb_status pdb__wiredtiger_error(const pdb__wiredtiger *db, int code, const char *what,
				 pdb_err *err);

/* Lends a session with cursors; returns it to the pool. */
pdb_status pdb__wiredtiger_txn_take(pdb__wiredtiger *db, pdb__wiredtiger_txn **out, pdb_err *err);
void pdb__wiredtiger_txn_give(pdb__wiredtiger_txn *txn);
/* Closes the idle ones. */
void pdb__wiredtiger_pool_drain(pdb__wiredtiger *db);

/* The ops on transactions. */
pdb_status pdb__wiredtiger_begin(void *db, bool write, void **txn_out, pdb_err *err);
pdb_status pdb__wiredtiger_get(void *txn, const pdb_key *key, pdb_slice *value_out, pdb_err *err);
pdb_status pdb__wiredtiger_put(void *txn, const pdb_key *key, pdb_slice value, pdb_err *err);
pdb_status pdb__wiredtiger_insert(void *txn, const pdb_key *key, pdb_slice value, pdb_err *err);
pdb_status pdb__wiredtiger_remove(void *txn, const pdb_key *key, pdb_err *err);
pdb_status pdb__wiredtiger_scan(void *txn, const pdb_range *range, pdb_row_fn row, void *arg,
				pdb_err *err);
pdb_status pdb__wiredtiger_commit(void **txn, pdb_err *err);
void pdb__wiredtiger_abort(void **txn);

/* The optional ops. */
pdb_status pdb__wiredtiger_backup(void *db, const char *directory, pdb_err *err);
pdb_status pdb__wiredtiger_files(void *db, pdb_storage_file_fn file, void *arg, pdb_err *err);
pdb_status pdb__wiredtiger_stats(void *db, pdb_stat_fn stat, void *arg);
pdb_status pdb__wiredtiger_check(void *db, pdb_err *err);

/* Copies the file `name` between two directories and syncs it. Errors: PDB_EFULL, PDB_EBACKEND. */
pdb_status pdb__wiredtiger_copy(int from, int to, const char *name, pdb_err *err);
/* Copies the engine's files into a new directory beside them, for a salvage to have a way back.
 * Errors: PDB_EFULL, when there is no room for it, PDB_EBACKEND. */
pdb_status pdb__wiredtiger_set_aside(const pdb__wiredtiger *db, pdb_err *err);

#endif
