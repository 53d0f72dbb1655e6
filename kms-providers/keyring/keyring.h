/* SPDX-License-Identifier: Apache-2.0 */
/* The keyring: KEK versions, wrapped DEKs and the audit log of one directory. */
#ifndef PDB_KEYRING_KEYRING_H
#define PDB_KEYRING_KEYRING_H

#include <pdb/host.h>
#include <pdb/kms.h>

/*
 * Model. One process has a keyring open. What each call means is told in <pdb/kms.h>; here every
 * call also says who asks (`who`), for the audit log: a line before the act and one after it. When
 * the audit log cannot be written, nothing is done.
 *
 * Threads: any, several at once. Calls that change something return when it is on disk.
 */
typedef struct pdb_keyring pdb_keyring;

typedef struct pdb_keyring_params {
	const pdb_host *host;
	const char *directory;
	const char *kek_directory; /* NULL = "keks" in the directory */
	const char *master_key_file;
	const char *master_key_hex;
	const char *credentials; /* NULL = $CREDENTIALS_DIRECTORY */
	uint64_t audit_file_max; /* 0 = 64 MiB */
	bool must_lock;          /* refuse to open without locked memory, instead of a warning */
} pdb_keyring_params;

/* Opens or creates. Errors: PDB_EDENIED (owner, mode, link: the text names the remedy), PDB_EINVAL
 * (master key), PDB_ECORRUPT, PDB_EBUSY (open elsewhere), PDB_EFULL, PDB_EBACKEND, PDB_ENOMEM. */
pdb_status pdb_keyring_open(pdb_keyring **out, const pdb_keyring_params *params, pdb_err *err);
/* Wipes, checkpoints and closes; accepts NULL and nulls the pointer. */
void pdb_keyring_close(pdb_keyring **keyring);

/* As the ops of the same name. */
pdb_status pdb_keyring_create(pdb_keyring *keyring, const char *who, pdb_slice thread,
			      pdb_kms_key *key, pdb_err *err);
pdb_status pdb_keyring_prepare(pdb_keyring *keyring, const char *who, pdb_kms_key *keys,
			       size_t count, pdb_err *err);
/* Which key, and of whom, in calls that have more to say than five words. */
typedef struct pdb_keyring_which {
	const char *who;
	const char *id;
	pdb_slice thread; /* claim */
	uint32_t version; /* unwrap: 0 = newest; add_version: after which */
} pdb_keyring_which;

pdb_status pdb_keyring_claim(pdb_keyring *keyring, const pdb_keyring_which *which, pdb_kms_key *key,
			     pdb_err *err);
pdb_status pdb_keyring_unwrap(pdb_keyring *keyring, const pdb_keyring_which *which,
			      pdb_kms_key *key, pdb_err *err);
pdb_status pdb_keyring_add_version(pdb_keyring *keyring, const pdb_keyring_which *which,
				   pdb_kms_key *key, pdb_err *err);
pdb_status pdb_keyring_describe(pdb_keyring *keyring, const char *id, pdb_kms_key *key,
				pdb_err *err);
pdb_status pdb_keyring_destroy(pdb_keyring *keyring, const char *who, const char *id, pdb_err *err);
/* A key under a hold is not destroyed. */
pdb_status pdb_keyring_hold(pdb_keyring *keyring, const char *who, const char *id, bool on,
			    pdb_err *err);
/* A version as it is stored, wrapped: opaque bytes for restore. */
pdb_status pdb_keyring_wrapped(pdb_keyring *keyring, const pdb_keyring_which *which,
			       pdb_kms_text_fn text, void *arg, pdb_err *err);
/* Puts such a version back, if it opens under a KEK version of this keyring. A key's versions come
 * in their order. *stored_out is false when it was there already. Errors: PDB_EINVAL, PDB_ECORRUPT
 * (damaged, or of another keyring), PDB_ENOTFOUND (code key_destroyed: the key was destroyed here
 * and stays so; else its KEK version is unknown or destroyed), PDB_EDENIED (of another thread here,
 * or the KEK version is disabled), PDB_EEXISTS (another one is here). */
pdb_status pdb_keyring_restore(pdb_keyring *keyring, const char *who, pdb_slice bytes,
			       bool *stored_out, pdb_err *err);

/* Bytes under the newest version of a key, which never leaves: for callers that hold no DEK. The
 * result is PDB_KEYRING_SEALED bytes longer. `aad` binds it. Owns: *out of host->alloc. */
#define PDB_KEYRING_SEALED 76u
typedef struct pdb_keyring_text {
	pdb_slice aad;
	pdb_slice bytes;
	uint8_t *out;
	size_t out_len;
} pdb_keyring_text;

pdb_status pdb_keyring_encrypt(pdb_keyring *keyring, const pdb_keyring_which *which,
			       pdb_keyring_text *text, pdb_err *err);
pdb_status pdb_keyring_decrypt(pdb_keyring *keyring, const pdb_keyring_which *which,
			       pdb_keyring_text *text, pdb_err *err);

pdb_status pdb_keyring_rotate_kek(pdb_keyring *keyring, const char *who, uint32_t *version_out,
				  pdb_err *err);
pdb_status pdb_keyring_add_kek(pdb_keyring *keyring, const char *who, uint32_t *version_out,
			       pdb_err *err);
pdb_status pdb_keyring_set_kek(pdb_keyring *keyring, const char *who, uint32_t version,
			       uint32_t state, pdb_err *err);
pdb_status pdb_keyring_retire(pdb_keyring *keyring, const char *who, uint32_t version,
			      pdb_err *err);
pdb_status pdb_keyring_rewrap_key(pdb_keyring *keyring, const char *who, const char *id,
				  pdb_err *err);
pdb_status pdb_keyring_rewrap(pdb_keyring *keyring, const char *who, uint32_t limit,
			      pdb_kms_progress *progress, pdb_err *err);
pdb_status pdb_keyring_verify(pdb_keyring *keyring, const char *who, uint32_t limit,
			      pdb_kms_progress *progress, pdb_err *err);

pdb_status pdb_keyring_shred_status(pdb_keyring *keyring, const char *id, pdb_kms_shred *out,
				    pdb_err *err);
pdb_status pdb_keyring_receipt(pdb_keyring *keyring, const pdb_keyring_which *which,
			       pdb_kms_text_fn text, void *arg, pdb_err *err);
/* At most `limit` keys (0 = all). */
pdb_status pdb_keyring_each(pdb_keyring *keyring, const char *after, size_t limit,
			    pdb_kms_key_fn row, void *arg);
pdb_status pdb_keyring_keks(pdb_keyring *keyring, pdb_kms_kek_fn row, void *arg, pdb_err *err);
void pdb_keyring_health(pdb_keyring *keyring, pdb_kms_health *out);
void pdb_keyring_stats(pdb_keyring *keyring, pdb_kms_stat_fn stat, void *arg);

/* A refusal that somebody else decided on (a caller that is not known), for the audit log. */
void pdb_keyring_refused(pdb_keyring *keyring, const char *who, const char *op);

/* The key that verifies audit logs and receipts, as hex of 64 digits and NUL. */
const char *pdb_keyring_public_key(const pdb_keyring *keyring);

/* True when the text is a receipt that this key (hex) has signed. */
bool pdb_keyring_receipt_good(pdb_slice receipt, const char *public_key);

#endif
