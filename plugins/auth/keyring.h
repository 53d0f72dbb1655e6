/* SPDX-License-Identifier: Apache-2.0 */
/* The keyring: API keys by digest, and the keys that sign user ids. */
#ifndef PDB_AUTH_KEYRING_H
#define PDB_AUTH_KEYRING_H

#include <pdb/status.h>

#include "keys.h"
#include "token.h"

/*
 * Model. Built once from the settings and never changed afterwards; a reload builds another. API
 * keys are kept as SHA-256 digests, signing keys as prepared HMAC states, all in one locked slab
 * that is wiped when freed: the keys themselves are not kept.
 *
 * A key has a life: outside of it, or from another network than its own, it is as good as unknown.
 * Threads: any, once built.
 */
typedef struct keyring keyring;

#define KEYRING_SIGNATURE_LEN 64u /* hex digits of a bare one */

/* Who presents a key, and when (seconds since 1970). */
typedef struct keyring_visit {
	int64_t now;
	const char *peer; /* an address; "unix" is from everywhere */
} keyring_visit;

/* Whose key was presented. `signer` is for keyring_sign(). */
typedef struct keyring_entry {
	pdb_role role;
	char label[KEY_ID_SIZE]; /* names the key in logs */
	size_t signer;           /* KEYRING_NO_SIGNER when the ring cannot sign for it */
} keyring_entry;

#define KEYRING_NO_SIGNER SIZE_MAX

/* What is signed. `mark` is the user's last revocation, 0 for none: what was signed before it does
 * not hold after it. */
typedef struct keyring_claim {
	const char *database;
	pdb_slice user;
	int64_t mark;
} keyring_claim;

/* Errors: PDB_EINVAL for keys that keys_read() refuses, PDB_ENOMEM. */
pdb_status keyring_create(keyring **out, const key_settings *settings, pdb_err *err);
void keyring_destroy(keyring **ring);

/* Finds a presented key. All keys are compared, whichever matches. */
bool keyring_find(const keyring *ring, pdb_slice presented, const keyring_visit *visit,
		  keyring_entry *entry_out);

/* Writes the bare signature of `user` and a NUL; false when `signer` cannot sign at `now`. */
bool keyring_sign(const keyring *ring, size_t signer, int64_t now, pdb_slice user,
		  char out[KEYRING_SIGNATURE_LEN + 1]);
/* True when any signing key made this bare signature (hex, either case). */
bool keyring_verify(const keyring *ring, int64_t now, pdb_slice user, pdb_slice signature);

/* Writes a signature of version 2 that ends at `expires`; false as keyring_sign(). */
bool keyring_sign_claim(const keyring *ring, size_t signer, int64_t now, int64_t expires,
			const keyring_claim *claim, char out[TOKEN_MAX]);
/* True when the key that `given` names made it; whether it has ended is not looked at. */
bool keyring_verify_claim(const keyring *ring, int64_t now, const token *given,
			  const keyring_claim *claim);

/* True when bare signatures are taken. */
bool keyring_legacy(const keyring *ring);
/* Seconds that a signature may live; 0 = any. */
int64_t keyring_max_age(const keyring *ring);
/* How many plain keys are acceptable and yet short. */
size_t keyring_brief(const keyring *ring);
/* True when the memory of the keys could be locked. */
bool keyring_locked(const keyring *ring);

#endif
