/* SPDX-License-Identifier: Apache-2.0 */
/* The storage provider: an ordered key-value store with transactions. */
#ifndef PDB_STORAGE_H
#define PDB_STORAGE_H

#include <pdb/slice.h>
#include <pdb/status.h>

struct pdb_host;

/*
 * Model. One ordered table of byte keys and values. A key belongs to a partition, named by a slice
 * that is part of every call: an engine that spreads data over machines places by it; a local
 * engine may ignore it. The key alone is unique and gives the order.
 *
 * Promised inside one partition: order, atomicity, a snapshot from begin, detection of conflicting
 * writes. Promised across partitions: atomic commit, no more. A backend must not promise by luck
 * what it does not declare: the host relies only on this page.
 *
 * Limits the host keeps to: key with partition at most PDB_KEY_MAX bytes, value at most
 * PDB_VALUE_MAX, a transaction at most 10 MiB and 5 s, one thread per transaction at a time.
 *
 * Durability. commit makes a transaction visible, not durable. sync makes every transaction whose
 * commit returned before sync was called durable. The host calls sync from one thread and answers
 * clients only afterwards.
 *
 * Results: PDB_OK; PDB_ECONFLICT: rolled back by somebody else's write, abort and try again;
 * PDB_EUNCERTAIN: may have happened; PDB_EFULL; PDB_ECORRUPT; PDB_EBACKEND; PDB_ENOMEM. After any
 * failed put, insert, remove or commit the transaction can only be aborted.
 *
 * An engine that can no longer promise anything (a failed sync, say) must call host->fatal, which
 * ends the process, rather than return.
 */
#define PDB_KEY_MAX   1024u
#define PDB_VALUE_MAX 4194304u /* 4 MiB */

typedef struct pdb_key {
	pdb_slice partition;
	pdb_slice bytes;
} pdb_key;

/*
 * Rows with from <= key < to, in rising order, or falling when `reverse`. An empty `to` has no
 * upper bound. `limit` 0 = no limit. `partition` empty = all partitions (needs
 * PDB_STORAGE_GLOBAL_SCAN).
 */
typedef struct pdb_range {
	pdb_slice partition;
	pdb_slice from;
	pdb_slice to;
	size_t limit;
	bool reverse;
} pdb_range;

/* Called for each row; the slices live during the call. PDB_ESTOP ends the scan without error.
 * Must not call into the same transaction. */
typedef pdb_status (*pdb_row_fn)(void *arg, pdb_slice key, pdb_slice value);

/* Capability bits. A backend that wraps another has the other's besides its own. */
#define PDB_STORAGE_BLOCKING    0x1u /* operations may wait for a network: run on workers */
#define PDB_STORAGE_GLOBAL_SCAN 0x2u /* scans with an empty partition */
#define PDB_STORAGE_VOLATILE    0x4u /* nothing survives close: for tests */
#define PDB_STORAGE_DIRECTORY   0x8u /* lives in `directory`: the host locks and watches it */

/* What open is given. All borrowed for the call, but `settings`, which lives until close. */
typedef struct pdb_storage_params {
	uint32_t size;
	const struct pdb_host *host;
	const char *directory; /* absolute path; exists, ours, locked by the host */
	const void *settings;  /* filled from the option table of the manifest */
	/* the next backend below, for one that wraps another; NULL unless options name one */
	const struct pdb_storage_ops *inner;
	const void *inner_settings;
} pdb_storage_params;

/* One number to show; `name` is snake_case and constant. */
typedef void (*pdb_stat_fn)(void *arg, const char *name, double value);

/*
 * One file of a consistent state. `name` has letters, digits, '.', '_' and '-', and does not begin
 * with '.'. `fd` is open for reading, at its start, and belongs to the backend; it is a regular
 * file that may grow meanwhile, but whose first `bytes` bytes are what counts. `total` is about how
 * many bytes all files have together.
 */
typedef struct pdb_storage_file {
	uint32_t size;
	int fd;
	const char *name;
	uint64_t bytes;
	uint64_t total;
} pdb_storage_file;

/* Anything but PDB_OK ends the walk. */
typedef pdb_status (*pdb_storage_file_fn)(void *arg, const pdb_storage_file *file, pdb_err *err);

/*
 * The table. All ops are mandatory but backup, stats, check and files (NULL = not supported).
 * Unless said: Threads: any, several at once, each with its own transaction. May block only with
 * PDB_STORAGE_BLOCKING, sync, backup, check and files excepted, which always may.  Since: 1.0
 */
typedef struct pdb_storage_ops {
	uint32_t size;
	uint32_t capabilities;

	/* Opens or creates. Owns: *db_out until close. Threads: main, once. */
	pdb_status (*open)(const pdb_storage_params *params, void **db_out, pdb_err *err);

	/* Makes everything durable and closes; no transaction is open. *db becomes NULL; NULL is
	 * accepted. Threads: main, once. */
	void (*close)(void **db);

	/* Begins; `write` false promises no put, insert or remove. Owns: *txn_out until commit or
	 * abort. */
	pdb_status (*begin)(void *db, bool write, void **txn_out, pdb_err *err);

	/* Reads one value; PDB_ENOTFOUND. *value_out is borrowed until the next call on `txn`. */
	pdb_status (*get)(void *txn, const pdb_key *key, pdb_slice *value_out, pdb_err *err);

	/* Writes, replacing. */
	pdb_status (*put)(void *txn, const pdb_key *key, pdb_slice value, pdb_err *err);

	/* Writes unless the key exists: PDB_EEXISTS, and the transaction stays usable. */
	pdb_status (*insert)(void *txn, const pdb_key *key, pdb_slice value, pdb_err *err);

	/* Removes; PDB_ENOTFOUND, and the transaction stays usable. */
	pdb_status (*remove)(void *txn, const pdb_key *key, pdb_err *err);

	/* Calls `row` for each row of `range`; returns PDB_OK also when `row` said PDB_ESTOP, and
	 * what `row` returned when that was another failure. Sees the transaction's own writes. */
	pdb_status (*scan)(void *txn, const pdb_range *range, pdb_row_fn row, void *arg,
			   pdb_err *err);

	/* Ends the transaction, whatever is returned; *txn becomes NULL. */
	pdb_status (*commit)(void **txn, pdb_err *err);

	/* Ends it without effect; *txn becomes NULL; NULL is accepted. */
	void (*abort)(void **txn);

	/* See "Durability". Threads: one at a time. */
	pdb_status (*sync)(void *db, pdb_err *err);

	/* Copies a consistent state, no older than the call, into the empty directory. */
	pdb_status (*backup)(void *db, const char *directory, pdb_err *err);

	/* Reports cheap numbers of its own. "unwritten_bytes" is known: what it will still write to
	 * the disk besides its log; the host stops writes while there is room for it. */
	pdb_status (*stats)(void *db, pdb_stat_fn stat, void *arg);

	/* Verifies the engine's own files; PDB_ECORRUPT with the reason. */
	pdb_status (*check)(void *db, pdb_err *err);

	/* Shows the files of a consistent state, no older than the call: copied into one directory
	 * they are a database to open. Returns what `file` returned when that was a failure.
	 * PDB_EBUSY while another backup runs. Since: 1.1 */
	pdb_status (*files)(void *db, pdb_storage_file_fn file, void *arg, pdb_err *err);
} pdb_storage_ops;

#endif
