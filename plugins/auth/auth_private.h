/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share. */
#ifndef PDB_AUTH_PRIVATE_H
#define PDB_AUTH_PRIVATE_H

#include <jansson.h>
#include <pdb/host.h>
#include <pthread.h>

#include "keyring.h"
#include "revocation.h"

#define AUTH_USER_MAX 128u /* bytes of a user id */

/* `ring` is swapped by a reload: read it only between auth_lock() and auth_unlock(). */
typedef struct auth {
	const pdb_host *host;
	pthread_rwlock_t lock;
	keyring *ring;
	revocations *revoked;
} auth;

const keyring *auth_lock(auth *self);
void auth_unlock(auth *self);
/* Seconds since 1970. */
int64_t auth_now(const auth *self);
/* What a signature of `user` is about, now. */
keyring_claim auth_claim(auth *self, pdb_slice user);

/*
 * The API key of a request, empty when none was given. Errors: PDB_EINVAL when the two headers
 * contradict, PDB_EUNAUTHENTICATED for another scheme than Bearer.
 */
pdb_status auth_presented_key(const pdb_host *host, const pdb_request *request, pdb_slice *key_out,
			      pdb_err *err);
/* Finds it, from where and when the request comes. */
bool auth_find_key(const keyring *ring, const auth *self, const pdb_request *request, pdb_slice key,
		   keyring_entry *entry_out);

/* True for 1 to 128 bytes without ASCII control characters. */
bool auth_user_plausible(pdb_slice user);

/* The member "userId" of a body; borrowed from it. */
pdb_status auth_read_user(const json_t *body, pdb_slice *user_out, pdb_err *err);

/* self of each: an auth */
extern const pdb_gate auth_gate;
extern const pdb_route auth_sign_route;
extern const pdb_route auth_revoke_route;

#endif
