/* SPDX-License-Identifier: Apache-2.0 */
/* The store: a validated storage backend with tickets, group commit and a watch on the disk. */
#ifndef PDB_STORE_STORE_H
#define PDB_STORE_STORE_H

#include <pdb/option.h>
#include <pdb/storage.h>

#include "store/keys.h"

/*
 * Model. A transaction that commits gets a ticket, a number that rises. One flusher thread calls
 * the backend's sync whenever a ticket waits, and publishes the highest ticket that is on disk: the
 * more commits arrive during a sync, the more the next one covers, and no timer is waited for.
 * Nobody may tell a client of a write before its ticket is published.
 */
typedef struct pdb_store pdb_store;

typedef enum pdb_store_sync {
	PDB_STORE_SYNC_ALWAYS = 0,  /* a ticket is published after it is on disk */
	PDB_STORE_SYNC_INTERVAL = 1 /* at once; the disk follows within `sync_interval` */
} pdb_store_sync;

typedef struct pdb_store_settings {
	const char *directory; /* absolute */
	pdb_store_sync sync;
	int64_t sync_interval; /* nanoseconds */
	int64_t reserve_bytes; /* below this much free disk, writes are refused with PDB_EFULL */
} pdb_store_settings;

/* The on-disk format that this program writes: "meta:format". */
#define PDB_STORE_FORMAT 2u

/*
 * pdb_store_open - checks the ops table, creates and locks the directory, opens the backend, checks
 * or writes the format version and the database id, starts flusher and disk watch.
 *
 * A directory is refused when others may write to it or another process has it.
 * Errors: PDB_EABI, PDB_EDENIED, PDB_EBUSY (locked), PDB_ENOTSUP (newer format), PDB_EBACKEND, …
 * Owns: *out until close.  Threads: main.
 */
pdb_status pdb_store_open(pdb_store **out, const pdb_storage_ops *ops,
			  const pdb_storage_params *params, const pdb_store_settings *settings,
			  pdb_err *err);
/* Syncs, stops the threads, closes; accepts NULL. No transaction may be open. */
void pdb_store_close(pdb_store **store);

/* A transaction; caller's memory, zero-initialised by begin. Threads: one at a time. */
typedef struct pdb_txn {
	pdb_store *store;
	void *backend;
	bool write;
	size_t bytes; /* written so far */
} pdb_txn;

/* The most that one transaction may write, keys and values together. */
#define PDB_TXN_MAX (10u * 1024u * 1024u)

/* Begins. For `write`: PDB_EFULL when the disk is nearly full. Other errors: of the backend. */
pdb_status pdb_store_begin(pdb_store *store, bool write, pdb_txn *txn, pdb_err *err);
/* The ops of pdb/storage.h, same results. Besides: PDB_ETOOLARGE for what is above PDB_KEY_MAX,
 * PDB_VALUE_MAX or PDB_TXN_MAX, PDB_EINTERNAL for a transaction that has ended or may not write. */
pdb_status pdb_txn_get(pdb_txn *txn, const pdb_key *key, pdb_slice *value_out, pdb_err *err);
pdb_status pdb_txn_put(pdb_txn *txn, const pdb_key *key, pdb_slice value, pdb_err *err);
pdb_status pdb_txn_insert(pdb_txn *txn, const pdb_key *key, pdb_slice value, pdb_err *err);
pdb_status pdb_txn_remove(pdb_txn *txn, const pdb_key *key, pdb_err *err);
pdb_status pdb_txn_scan(pdb_txn *txn, const pdb_range *range, pdb_row_fn row, void *arg,
			pdb_err *err);
/* Ends the transaction in every case. *ticket_out (may be NULL): see "Model"; also set for
 * PDB_EUNCERTAIN, as the write may be there; 0 for other failures and for a read. */
pdb_status pdb_txn_commit(pdb_txn *txn, uint64_t *ticket_out, pdb_err *err);
/* Accepts a transaction that has ended, or a zeroed one. */
void pdb_txn_abort(pdb_txn *txn);

/* The highest published ticket. Threads: any. */
uint64_t pdb_store_durable(const pdb_store *store);
/* Commits that are not on disk yet. Threads: any. */
uint64_t pdb_store_unsynced(const pdb_store *store);
/* Waits until `ticket` is published. Threads: any but a loop thread. */
void pdb_store_wait(pdb_store *store, uint64_t ticket);

/* Called with the highest published ticket after each sync. At most 8; add before requests come.
 * Threads: called on the flusher (on the committing thread with SYNC_INTERVAL); must not block. */
typedef void (*pdb_durable_fn)(void *arg, uint64_t ticket);
pdb_status pdb_store_on_durable(pdb_store *store, pdb_durable_fn told, void *arg, pdb_err *err);

/* False while the disk is nearly full. Threads: any. */
bool pdb_store_writable(const pdb_store *store);
uint32_t pdb_store_capabilities(const pdb_store *store);
/* 32 lower-case hex digits, made once per database. */
const char *pdb_store_database_id(const pdb_store *store);
/* 32 bytes, made once per database, never shown: the key of derived ids. */
const uint8_t *pdb_store_secret(const pdb_store *store);

/* Declares what the store counts, in the list of the process; once, before others use the store.
 * Errors: those of pdb_measure_add. Threads: main. */
pdb_status pdb_store_measure(pdb_store *store, pdb_err *err);

/* Commits, syncs, sync time and the backend's own numbers. */
pdb_status pdb_store_stats(pdb_store *store, pdb_stat_fn stat, void *arg);
pdb_status pdb_store_backup(pdb_store *store, const char *directory, pdb_err *err);
/* As the op `files`; PDB_ENOTSUP without it. */
pdb_status pdb_store_files(pdb_store *store, pdb_storage_file_fn file, void *arg, pdb_err *err);
pdb_status pdb_store_check(pdb_store *store, pdb_err *err);

/* The option table of the store: storage.backend, storage.inner, storage.sync, … */
extern const pdb_option_table pdb_store_options;
typedef struct pdb_store_options_settings {
	const char *backend;
	const char *inner;
	int64_t sync;
	int64_t sync_interval;
	int64_t reserve;
} pdb_store_options_settings;

#endif
