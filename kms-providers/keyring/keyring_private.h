/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the keyring share. */
#ifndef PDB_KEYRING_KEYRING_PRIVATE_H
#define PDB_KEYRING_KEYRING_PRIVATE_H

#include "audit.h"
#include "journal.h"
#include "keyring.h"
#include "source.h"

#define PDB__KEK_LIVE_MAX  256u /* KEK versions that are not destroyed */
#define PDB__BUCKETS       65536u
#define PDB__BATCH_MAX     10000u
#define PDB__IDENTITY_FILE "identity"

/* All secret bytes of the keyring: one piece of locked memory. */
typedef struct pdb__secrets {
	pdb__wrap_keys root;
	pdb__wrap_keys keks[PDB__KEK_LIVE_MAX];
	uint8_t store_key[32];
	uint8_t sign_key[64];
	uint8_t audit_key[32];
	pdb__wrap_keys text;               /* with the lock held */
	uint8_t scratch[PDB_KMS_DEK_SIZE]; /* with the keyring's lock held */
	uint8_t other[PDB_KMS_DEK_SIZE];   /* with the keyring's lock held */
	uint8_t master[PDB__MASTER_SIZE];  /* wiped when the keyring is open */
} pdb__secrets;

typedef struct pdb__kek {
	uint32_t state;
	int32_t slot; /* in secrets; -1 = its file is not there */
	int64_t created;
	int64_t changed;
	uint64_t keys; /* wrapped versions of keys that live */
	uint8_t id[PDB__WRAP_ID];
} pdb__kek;

typedef struct pdb__wrapped {
	uint32_t kek;
	uint8_t blob[PDB__WRAP_SIZE];
} pdb__wrapped;

typedef struct pdb__key {
	struct pdb__key *next; /* in its bucket, in the order of ids */
	uint8_t id[PDB__WRAP_ID];
	uint32_t newest;
	uint32_t cap;
	uint32_t kek_first;
	uint32_t kek_last;
	int64_t created;
	int64_t destroyed;      /* 0 = it lives */
	pdb__wrapped *versions; /* version v at v - 1 */
	uint8_t thread_len;
	bool held; /* may not be destroyed */
	char thread[PDB__RECORD_THREAD_MAX];
} pdb__key;

struct pdb_keyring {
	const pdb_host *host;
	int directory;
	int kek_directory;
	int lock_fd;
	bool locked;
	pdb__secrets *secrets;
	uint8_t instance[PDB__WRAP_ID];
	uint8_t public_key[PDB__AUDIT_PUBLIC];
	char public_hex[2 * PDB__AUDIT_PUBLIC + 1];
	pdb__journal journal;
	pdb__audit audit;

	pthread_mutex_t lock; /* all below, and the journal's append and flush */
	pdb__kek *keks;       /* version v at v - 1 */
	uint32_t kek_count;
	uint32_t kek_cap;
	uint32_t active;
	uint32_t verified; /* the version that was active during the last good verify pass */
	pdb__key **buckets;
	pdb__key *spares; /* made before the journal is written, so that applying cannot fail */
	uint64_t key_count;
	uint64_t destroyed_count;
	uint64_t wrapped_count;
	/* the verify pass that may be remembered */
	uint8_t verify_cursor[PDB__WRAP_ID];
	uint32_t verify_active;
	bool verify_clean;
	uint64_t opens; /* unwraps that were asked for */
	uint64_t opens_failed;

	pthread_t thread;
	pthread_mutex_t wake_lock; /* the two flags below */
	pthread_cond_t wake;
	bool stop;
	bool running;
};

/* -- ids -------------------------------------------------------------------------------------- */

/* 32 lower-case hex digits. Errors: PDB_EINVAL. */
pdb_status pdb__id_parse(const char *text, uint8_t out[PDB__WRAP_ID], pdb_err *err);
void pdb__id_print(const uint8_t id[PDB__WRAP_ID], char out[PDB_KMS_ID_SIZE]);
int pdb__id_compare(const uint8_t *a, const uint8_t *b);

/* -- the index of keys; with the lock held ------------------------------------------------------
 */

pdb__key *pdb__key_find(const pdb_keyring *keyring, const uint8_t id[PDB__WRAP_ID]);
/* The first key behind `id`, or NULL; `id` NULL = the first of all. */
pdb__key *pdb__key_after(const pdb_keyring *keyring, const uint8_t *id);
/* Errors: PDB_ENOTFOUND, also for a destroyed key. */
pdb_status pdb__key_live(const pdb_keyring *keyring, const char *text, pdb__key **out,
			 pdb_err *err);
/* Judges a version; 0 becomes the newest. Errors: PDB_ENOTFOUND. */
pdb_status pdb__key_version(const pdb__key *key, uint32_t *version, pdb_err *err);
/* Makes sure that `count` new keys can be put in. Errors: PDB_ENOMEM. */
pdb_status pdb__key_spare(pdb_keyring *keyring, size_t count, pdb_err *err);
/* Makes sure that the key can have that many versions. Errors: PDB_ENOMEM. */
pdb_status pdb__key_room(const pdb_keyring *keyring, pdb__key *key, uint32_t versions,
			 pdb_err *err);
/* Takes a spare and puts it in. */
pdb__key *pdb__key_insert(pdb_keyring *keyring, const uint8_t id[PDB__WRAP_ID]);
void pdb__key_forget_versions(pdb_keyring *keyring, pdb__key *key);
void pdb__keys_fini(pdb_keyring *keyring);
/* What callers see. */
void pdb__key_show(const pdb_keyring *keyring, const pdb__key *key, uint32_t version,
		   pdb_kms_key *out);

/* -- the state, from records; with the lock held -------------------------------------------------
 */

/* Makes room for what the record brings, so that apply cannot fail. Errors: PDB_ENOMEM,
 * PDB_ECORRUPT. */
pdb_status pdb__state_reserve(pdb_keyring *keyring, const pdb__record *record, pdb_err *err);
void pdb__state_apply(pdb_keyring *keyring, const pdb__record *record);
/* Reserves, appends, flushes and applies one record. Errors: those of the journal. */
pdb_status pdb__state_commit(pdb_keyring *keyring, const pdb__record *record, uint64_t *ticket_out,
			     pdb_err *err);
/* Flushes what was appended, and applies it; room was made for it before. */
pdb_status pdb__state_flush(pdb_keyring *keyring, uint64_t *ticket_out, pdb_err *err);
/* Begins a new journal when the present one holds much that is over. */
void pdb__state_compact(pdb_keyring *keyring);
/* For pdb__journal_open: reserves and applies. */
pdb_status pdb__state_replay(void *keyring, const pdb__record *record, pdb_err *err);

/* -- wrapping; with the lock held ---------------------------------------------------------------
 */

/* The KEK, when it may unwrap. Errors: PDB_EDENIED, PDB_ENOTFOUND, PDB_ECORRUPT. */
pdb_status pdb__kek_usable(const pdb_keyring *keyring, uint32_t version, const pdb__wrap_keys **out,
			   pdb_err *err);
/* Opens a version of a key into `out`. */
pdb_status pdb__key_open(const pdb_keyring *keyring, const pdb__key *key, uint32_t version,
			 uint8_t out[PDB_KMS_DEK_SIZE], pdb_err *err);
/* Opens what a record of a key holds; its KEK version must be one of the keyring. */
pdb_status pdb__key_record_open(const pdb_keyring *keyring, const pdb__record *record,
				uint8_t out[PDB_KMS_DEK_SIZE], pdb_err *err);
/* Wraps under the active KEK version into `record`, whose id, version and thread are set. */
pdb_status pdb__key_wrap(const pdb_keyring *keyring, const uint8_t dek[PDB_KMS_DEK_SIZE],
			 pdb__record *record, uint8_t blob[PDB__WRAP_SIZE], pdb_err *err);

/* -- KEK files -------------------------------------------------------------------------------- */

/* Makes a KEK, its file, and its record. With the lock held. */
pdb_status pdb__kek_make(pdb_keyring *keyring, uint32_t *version_out, uint64_t *ticket_out,
			 pdb_err *err);
pdb_status pdb__kek_activate(pdb_keyring *keyring, uint32_t version, uint64_t *ticket_out,
			     pdb_err *err);
/* Reads the files of all KEKs that are not destroyed, and removes those of the others. */
pdb_status pdb__keks_load(pdb_keyring *keyring, pdb_err *err);
pdb_status pdb__kek_shred(pdb_keyring *keyring, uint32_t version, pdb_err *err);
/* Reads or makes the file with the keyring's own keys. */
pdb_status pdb__identity_load(pdb_keyring *keyring, pdb_err *err);

/* -- acts ------------------------------------------------------------------------------------- */

/* One call: audited, then run with the lock held, then made durable. */
typedef struct pdb__act {
	pdb__audit_event event;
	bool changes; /* something: the begin line is on disk before it */
	pdb_status (*run)(pdb_keyring *keyring, struct pdb__act *act, pdb_err *err);
	const pdb_keyring_which *which;
	pdb_slice thread;
	pdb_kms_key *keys;
	size_t count;
	void *more; /* what only this call has */
	uint32_t number;
	uint64_t ticket; /* set by run: what has to be synced */
	char id[PDB_KMS_ID_SIZE];
} pdb__act;

/* Wipes the DEKs of act->keys unless PDB_OK. */
pdb_status pdb__act_run(pdb_keyring *keyring, pdb__act *act, pdb_err *err);

#endif
