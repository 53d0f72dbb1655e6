/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room, and its tests, share. */
#ifndef PDB_STORE_STORE_PRIVATE_H
#define PDB_STORE_STORE_PRIVATE_H

#include <pdb/abi.h>
#include <pdb/metric.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/statvfs.h>

#include "base/worker.h"
#include "store/store.h"

#define PDB__SECRET_LEN 32u
#define PDB__ID_LEN     32u /* hex digits */

/* -- directory: made, judged and locked -------------------------------------------------------- */

/* Zero-initialise with fds -1: PDB__DIRECTORY_CLOSED. */
typedef struct pdb__directory {
	int fd;
	int lock_fd;
} pdb__directory;
#define PDB__DIRECTORY_CLOSED                                                                      \
	{                                                                                          \
		-1, -1                                                                             \
	}

#define PDB__LOCK_NAME     "progressdb.lock"
#define PDB__BALLAST_NAME  "reserve"
#define PDB__BALLAST_BYTES (8 * 1024 * 1024)

/* Makes the directory and its parents when missing, refuses one that others may write, locks it.
 * Errors: PDB_EINVAL (not absolute), PDB_EDENIED, PDB_EBUSY (with the owner's pid), PDB_EBACKEND.
 */
pdb_status pdb__directory_open(pdb__directory *directory, const char *path, pdb_err *err);
void pdb__directory_close(pdb__directory *directory);
/* Preallocates the ballast, a file an operator may delete when the disk is full. Only logs. */
void pdb__directory_add_ballast(const pdb__directory *directory);
/* Makes an empty directory for a backup. Errors: PDB_EEXISTS when it has entries, PDB_EBACKEND. */
pdb_status pdb__directory_make_empty(const char *path, pdb_err *err);

/* -- watch: is there room on the disk? --------------------------------------------------------- */

typedef struct pdb__watch {
	int fd;               /* of the directory, borrowed; -1 = nothing to watch */
	uint64_t reserve;     /* bytes; 0 = nothing to watch */
	atomic_bool writable; /* what the last look said */
	atomic_ullong free;   /* bytes, at the last look */
	/* What the engine has yet to write besides its log (pages that are dirty), as it says
	 * itself each second, and what was committed since. */
	atomic_ullong owed;
	atomic_ullong spent;        /* bytes committed since the last look */
	const pdb_storage_ops *ops; /* NULL = nobody to ask; under worker.lock, as the next */
	void *db;
	pthread_mutex_t looking;
	pdb_worker worker;
} pdb__watch;

/* What asks the system; tests put their own here before a store is opened. */
extern int (*pdb__watch_statvfs)(int fd, struct statvfs *out);

/* Looks once, then each second on its own thread. Errors: PDB_EUNAVAILABLE. */
pdb_status pdb__watch_start(pdb__watch *watch, int fd, int64_t reserve, pdb_err *err);
void pdb__watch_stop(pdb__watch *watch);
/* The engine to ask from now on; NULL to ask none, before it is closed. */
void pdb__watch_ask(pdb__watch *watch, const pdb_storage_ops *ops, void *db);
/* A commit has written so many bytes: a fast writer must not outrun the second.  Threads: any. */
void pdb__watch_spend(pdb__watch *watch, size_t bytes);
/* Looks now. Refuses when the reserve would not be left after what the engine owes; allows again
 * only at a quarter above it. */
void pdb__watch_look(pdb__watch *watch);

/* -- flusher: tickets and group commit --------------------------------------------------------- */

#define PDB__TOLD_MAX 8u

typedef struct pdb__told {
	pdb_durable_fn fn;
	void *arg;
} pdb__told;

typedef struct pdb__flusher {
	const pdb_storage_ops *ops;
	void *db;
	pdb_store_sync sync;
	int64_t interval;

	atomic_uint_fast64_t committed; /* tickets given */
	atomic_uint_fast64_t synced;    /* tickets on disk */
	atomic_uint_fast64_t published; /* tickets that clients may be told of */
	atomic_uint_fast64_t syncs;
	atomic_uint_fast64_t sync_ns;
	atomic_bool sleeping; /* the thread waits for work */
	atomic_uint waiters;  /* threads in pdb__flusher_wait */

	pdb_worker worker;
	pthread_cond_t done; /* with worker.lock */

	pdb__told told[PDB__TOLD_MAX];
	atomic_uint told_count;

	/* NULL until they are declared */
	_Atomic(pdb_series *) sync_time;
	_Atomic(pdb_series *) sync_batch;
} pdb__flusher;

/* Starts the thread. `ops` and `db` are borrowed until stop. Errors: PDB_EUNAVAILABLE. */
pdb_status pdb__flusher_start(pdb__flusher *flusher, const pdb_storage_ops *ops, void *db,
			      const pdb_store_settings *settings, pdb_err *err);
/* Syncs what is left and ends the thread; accepts a zeroed one. */
void pdb__flusher_stop(pdb__flusher *flusher);
/* A ticket for a commit that has returned. Threads: any. */
uint64_t pdb__flusher_ticket(pdb__flusher *flusher);
void pdb__flusher_wait(pdb__flusher *flusher, uint64_t ticket);
pdb_status pdb__flusher_tell(pdb__flusher *flusher, pdb_durable_fn told, void *arg, pdb_err *err);

/* -- the store --------------------------------------------------------------------------------- */

/* What is counted; all NULL until pdb_store_measure(). */
typedef struct pdb__store_measures {
	pdb_measure *commits;
	pdb_measure *commit_time;
	pdb_measure *commit_size;
	pdb_measure *sync_time;
	pdb_measure *sync_batch;
} pdb__store_measures;

struct pdb_store {
	const pdb_storage_ops *ops;
	uint32_t capabilities; /* with those of a wrapped backend */
	void *db;
	pdb__directory directory;
	pdb__watch watch;
	pdb__flusher flusher;
	pdb__store_measures measures;
	char id[PDB__ID_LEN + 1];
	uint8_t secret[PDB__SECRET_LEN];
};

/* A write transaction has ended in a commit, which took nanoseconds. */
void pdb__count_commit(const pdb_txn *txn, pdb_status status, int64_t took);

/* Every mandatory op is there. Errors: PDB_EABI. */
pdb_status pdb__ops_check(const pdb_storage_ops *ops, pdb_err *err);

/* Reads the format version, id and secret, or writes them into a new database.
 * Errors: PDB_ENOTSUP (newer), PDB_ECORRUPT, and of the backend. */
pdb_status pdb__format_open(pdb_store *store, pdb_err *err);

#endif
