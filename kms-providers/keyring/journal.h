/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: an append-only file of records, each chained to the one before by its MAC. */
#ifndef PDB_KEYRING_JOURNAL_H
#define PDB_KEYRING_JOURNAL_H

#include <pdb/host.h>
#include <pthread.h>

#include "record.h"

/*
 * Frame: length 4 | payload (type first) | MAC 32, where MAC is BLAKE2b-256 under the store key of
 * the MAC before, the length and the payload. A record that was changed, moved, dropped or put in
 * breaks the chain.
 *
 * The head file says how far the journal was when it was last made durable, under a MAC of its own.
 * A journal that ends before it was cut or replaced. Behind it, a tail that does not hold is what a
 * crash left: it is set aside and named in the log.
 *
 * Use: append() any number of records, then flush(): they are in the file, or none of them is.
 * sync() makes durable what was flushed; many callers share one fdatasync. The caller's lock covers
 * append and flush, not sync.
 */
typedef struct pdb__journal_place {
	uint64_t generation; /* of the file; a compaction begins the next */
	uint64_t size;
	uint64_t records;
	uint64_t audit_seq; /* the audit log had at least this many lines */
	uint8_t mac[PDB__RECORD_MAC];
} pdb__journal_place;

typedef struct pdb__journal {
	const pdb_host *host;
	const uint8_t *key;      /* the store key; locked memory of the caller */
	const uint8_t *instance; /* PDB__WRAP_ID bytes */
	int directory;
	int fd;
	int head_fd;
	uint8_t *pending; /* framed, not yet in the file */
	size_t pending_len, pending_cap;
	uint64_t pending_records;
	pdb__journal_place at;        /* in the file, with what is pending not counted */
	uint8_t mac[PDB__RECORD_MAC]; /* behind what is pending */
	pthread_mutex_t lock;         /* what follows, and `at` while it is published */
	pthread_cond_t synced_changed;
	pdb__journal_place durable; /* what a sync has reached */
	uint64_t flushes;
	uint64_t synced;
	uint64_t head_slot;
	bool syncing;
	bool failed; /* a sync failed: nothing can be promised any more */
} pdb__journal;

typedef struct pdb__journal_params {
	const pdb_host *host;
	const uint8_t *key;
	const uint8_t *instance;
	int directory;
	/* Called for each record but BEGIN, in order. Another status than PDB_OK ends the opening.
	 */
	pdb_status (*replay)(void *arg, const pdb__record *record, pdb_err *err);
	void *arg;
} pdb__journal_params;

/* Opens, or begins one in a directory that has neither journal nor head. *journal is zeroed before;
 * fini is owed whatever is returned. Errors: PDB_ECORRUPT with the place, PDB_EBACKEND, PDB_EFULL,
 * PDB_ENOMEM. */
pdb_status pdb__journal_open(pdb__journal *journal, const pdb__journal_params *params,
			     pdb_err *err);
void pdb__journal_fini(pdb__journal *journal);

/* Errors: PDB_ENOMEM, and nothing was appended then. */
pdb_status pdb__journal_append(pdb__journal *journal, const pdb__record *record, pdb_err *err);
/* Errors: PDB_EFULL, PDB_EBACKEND; the records are forgotten then. *ticket_out is for sync. */
pdb_status pdb__journal_flush(pdb__journal *journal, uint64_t *ticket_out, pdb_err *err);
/* Forgets what was appended and not flushed. */
void pdb__journal_forget(pdb__journal *journal);
/* Errors: PDB_EBACKEND, for ever from the first failure on.  Threads: any. */
pdb_status pdb__journal_sync(pdb__journal *journal, uint64_t ticket, pdb_err *err);

/*
 * Begins a new file: `write` appends what is to stay, in order. The old file is replaced at once.
 * Nothing may be pending. Errors: PDB_EFULL, PDB_EBACKEND, PDB_ENOMEM; the old file stays then.
 */
pdb_status pdb__journal_compact(pdb__journal *journal,
				pdb_status (*write)(void *arg, pdb__journal *journal, pdb_err *err),
				void *arg, pdb_err *err);

/* How far the journal is known to be on disk, for the audit log. Threads: any. */
pdb__journal_place pdb__journal_where(pdb__journal *journal);
/* Remembers how long the audit log is, for the next head. Threads: any. */
void pdb__journal_note_audit(pdb__journal *journal, uint64_t seq);
/* A new audit log begins: writes a head that knows of no line. Errors: PDB_EBACKEND. */
pdb_status pdb__journal_forget_audit(pdb__journal *journal, pdb_err *err);

#endif
