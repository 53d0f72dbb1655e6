/* SPDX-License-Identifier: Apache-2.0 */
/* The keyring: API keys by digest, and the keys that sign user ids. */
#ifndef PDB_AUTH_KEYRING_H
#define PDB_AUTH_KEYRING_H

#include <pdb/option.h>
#include <pdb/request.h>
#include <pdb/slice.h>
#include <pdb/status.h>

/*
 * Model. Built once from the settings and never changed afterwards; a reload builds another. API
 * keys are kept as SHA-256 digests, signing keys as prepared HMAC states, all in one locked slab
 * that is wiped when freed: the keys themselves are not kept.
 *
 * A key spelled "sha256:<64 hex digits>" in the configuration is a digest already. It identifies a
 * caller, but cannot sign; `signing_keys` can.
 * Threads: any, once built.
 */
typedef struct keyring keyring;

#define KEYRING_KEY_MIN       8u  /* shorter ones are refused */
#define KEYRING_KEY_COMFORT   16u /* shorter ones deserve a warning */
#define KEYRING_KEY_MAX       512u
#define KEYRING_LABEL_SIZE    9u  /* 8 hex digits of the digest and a NUL */
#define KEYRING_SIGNATURE_LEN 64u /* hex digits */

/* What the keyring is built from; borrowed. */
typedef struct keyring_lists {
	pdb_option_list frontend;
	pdb_option_list backend;
	pdb_option_list admin;
	pdb_option_list signing;
} keyring_lists;

/* Whose key was presented. `signer` is for keyring_sign(). */
typedef struct keyring_entry {
	pdb_role role;
	char label[KEYRING_LABEL_SIZE]; /* names the key in logs */
	size_t signer;                  /* KEYRING_NO_SIGNER when the ring cannot sign for it */
} keyring_entry;

#define KEYRING_NO_SIGNER SIZE_MAX

/* Errors: PDB_EINVAL for a key that keyring_judge() refuses, PDB_ENOMEM. */
pdb_status keyring_create(keyring **out, const keyring_lists *lists, pdb_err *err);
void keyring_destroy(keyring **ring);

/* The reason why a configured key is not acceptable, or NULL. Never holds the key. */
const char *keyring_judge(const char *key);
/* True when two configured keys, plain or hashed, are the same key. */
bool keyring_same(const char *a, const char *b);
/* True for a plain key that is acceptable and yet short. */
bool keyring_is_short(const char *key);

/* Finds a presented key. All keys are compared, whichever matches. */
bool keyring_find(const keyring *ring, pdb_slice presented, keyring_entry *entry_out);

/* Writes the signature of `user` and a NUL; false for KEYRING_NO_SIGNER. */
bool keyring_sign(const keyring *ring, size_t signer, pdb_slice user,
		  char out[KEYRING_SIGNATURE_LEN + 1]);
/* True when any signing key made this signature (hex, either case). */
bool keyring_verify(const keyring *ring, pdb_slice user, pdb_slice signature);

/* True when the memory of the keys could be locked. */
bool keyring_locked(const keyring *ring);

#endif
