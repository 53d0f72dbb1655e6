/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share. */
#ifndef PDB_AUTH_PRIVATE_H
#define PDB_AUTH_PRIVATE_H

#include <pdb/host.h>
#include <pthread.h>

#include "keyring.h"

#define AUTH_USER_MAX 128u /* bytes of a user id */

/* `ring` is swapped by a reload: read it only between auth_lock() and auth_unlock(). */
typedef struct auth {
	const pdb_host *host;
	pthread_rwlock_t lock;
	keyring *ring;
} auth;

const keyring *auth_lock(auth *self);
void auth_unlock(auth *self);

/*
 * The API key of a request, empty when none was given. Errors: PDB_EINVAL when the two headers
 * contradict, PDB_EUNAUTHENTICATED for another scheme than Bearer.
 */
pdb_status auth_presented_key(const pdb_host *host, const pdb_request *request, pdb_slice *key_out,
			      pdb_err *err);

/* True for 1 to 128 bytes without ASCII control characters. */
bool auth_user_plausible(pdb_slice user);

extern const pdb_gate auth_gate;        /* self: an auth */
extern const pdb_route auth_sign_route; /* self: an auth */

#endif
