/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: a line before every act and one after it, chained and signed. */
#ifndef PDB_KEYRING_AUDIT_H
#define PDB_KEYRING_AUDIT_H

#include <pdb/host.h>
#include <pthread.h>

#include "audit_check.h"

#define PDB__AUDIT_FILE   "audit.log"
#define PDB__AUDIT_HEAD   "audit.head"
#define PDB__AUDIT_RESET  "audit.reset"
#define PDB__AUDIT_PUBKEY "audit.pub"

/*
 * begin() writes the line that says what will be tried. When it cannot be written nothing may be
 * done: that is what "fails closed" means. end() writes what came of it; when it cannot be written
 * no key may be handed out. Space for the ends of what has begun is kept in reserve.
 *
 * sync() makes what was written durable, and the head with it. A checkpoint (a signed line) comes
 * every PDB__AUDIT_EVERY lines, with tick() after ten seconds, and at the end.
 */
#define PDB__AUDIT_EVERY 1000u

/* What a line tells. Texts are made printable; "" or 0 leaves a member out. */
typedef struct pdb__audit_event {
	const char *op;
	const char *who;
	const char *key; /* id of a key */
	uint32_t version;
	uint32_t kek;
	uint64_t count;
	uint64_t seq; /* of the begin line; set by begin */
} pdb__audit_event;

typedef struct pdb__audit {
	const pdb_host *host;
	const uint8_t *sign_key; /* 64 bytes, locked memory of the caller */
	const uint8_t *mac_key;  /* 32 bytes, there too */
	int directory;
	int fd;
	int head_fd;
	uint64_t file_max; /* a longer file is followed by a new one */
	pthread_mutex_t lock;
	pthread_mutex_t sync_lock; /* taken before `lock` */
	uint64_t seq;
	uint64_t size;
	uint64_t reserved; /* bytes of the file that the disk has promised */
	uint64_t unsigned_lines;
	uint64_t synced_seq;
	uint64_t store_generation;
	uint64_t store_size;
	int64_t checked; /* when the last checkpoint was made */
	uint8_t hash[PDB__AUDIT_HASH];
	bool fresh;  /* an operator has begun a new chain */
	bool broken; /* a sync failed, or the file is in an unknown state */
} pdb__audit;

typedef struct pdb__audit_params {
	const pdb_host *host;
	int directory;
	const uint8_t *sign_key;
	const uint8_t *mac_key;
	const uint8_t *public_key;
	uint64_t file_max;  /* 0 = 64 MiB */
	uint64_t least_seq; /* the log is known to have had so many lines */
} pdb__audit_params;

/* Opens, and continues the chain. *audit is zeroed before; fini is owed whatever is returned.
 * Errors: PDB_ECORRUPT when the log is not what it was, PDB_EFULL, PDB_EBACKEND, PDB_EDENIED. */
pdb_status pdb__audit_log_open(pdb__audit *audit, const pdb__audit_params *params, pdb_err *err);
/* Writes a checkpoint and closes. */
void pdb__audit_log_fini(pdb__audit *audit);

/* Errors: PDB_EUNAVAILABLE.  Threads: any. */
pdb_status pdb__audit_begin(pdb__audit *audit, pdb__audit_event *event, pdb_err *err);
/* Whether an act could begin now.  Threads: any. */
bool pdb__audit_takes(pdb__audit *audit);
/* `result` is what came of it. Returns it, or PDB_EUNAVAILABLE when a success cannot be told. */
pdb_status pdb__audit_end(pdb__audit *audit, const pdb__audit_event *event, pdb_status result,
			  pdb_err *err);
/* Errors: PDB_EUNAVAILABLE, for ever from the first failure on.  Threads: any. */
pdb_status pdb__audit_sync(pdb__audit *audit, pdb_err *err);
/* A checkpoint when one is due, and sync. */
void pdb__audit_tick(pdb__audit *audit);

/* How many lines are on disk. Threads: any. */
uint64_t pdb__audit_durable(pdb__audit *audit);
/* What the next head says of the journal of keys. Threads: any. */
void pdb__audit_note_store(pdb__audit *audit, uint64_t generation, uint64_t size);

#endif
