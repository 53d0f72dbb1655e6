/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/_sign: signs a user id for a client that holds a backend key. */
#include "auth_private.h"
#include "calls.h"

#define LIFE_MAX INT64_C(31622400) /* seconds: a year */

/* What is asked for. */
typedef struct wish {
	pdb_slice user;
	int64_t life; /* seconds; 0 = a bare signature, which has no end */
} wish;

static pdb_status read_life(const keyring *ring, const json_t *body, wish *out, pdb_err *err)
{
	const json_t *life = json_object_get(body, "expires_in");
	int64_t most = keyring_max_age(ring);

	most = most > 0 && most < LIFE_MAX ? most : LIFE_MAX;
	out->life = json_integer_value(life);
	if (life == NULL || (json_is_integer(life) && out->life >= 1 && out->life <= most)) {
		return PDB_OK;
	}
	(void)pdb_err_set(err, PDB_EINVAL, "invalid_expires_in",
			  "expires_in is a number of seconds from 1 to %lld.", (long long)most);
	return pdb_err_at(err, "/expires_in");
}

/* A bare signature of a revoked user would hold for ever, or not at all. */
static pdb_status need_life(const keyring *ring, const wish *w, int64_t mark, pdb_err *err)
{
	if (w->life > 0 || (keyring_legacy(ring) && mark == 0)) {
		return PDB_OK;
	}
	(void)pdb_err_set(err, PDB_EINVAL, "expires_in_required",
			  mark != 0 ? "The user has been revoked: only a signature with an "
				      "expires_in can follow."
				    : "This server takes no signatures without an end.");
	return pdb_err_at(err, "/expires_in");
}

static pdb_status sign(auth *self, const keyring *ring, const keyring_entry *entry, const wish *w,
		       char signature[TOKEN_MAX], pdb_err *err)
{
	keyring_claim claim = auth_claim(self, w->user);
	int64_t now = auth_now(self);
	bool done;
	pdb_status status = need_life(ring, w, claim.mark, err);

	if (status != PDB_OK) {
		return status;
	}
	done = w->life > 0 ? keyring_sign_claim(ring, entry->signer, now, now + w->life, &claim,
						signature)
			   : keyring_sign(ring, entry->signer, now, w->user, signature);
	if (!done) {
		return pdb_err_set(err, PDB_EDENIED, "signing_key_missing",
				   "This API key cannot sign: it is configured as a digest and no "
				   "signing key is in force.");
	}
	return PDB_OK;
}

static pdb_status sign_locked(auth *self, const keyring *ring, const pdb_request *request,
			      const json_t *body, char signature[TOKEN_MAX], pdb_err *err)
{
	keyring_entry entry = {.signer = KEYRING_NO_SIGNER};
	wish w = {0};
	pdb_slice key = {0};
	pdb_status status = auth_read_user(body, &w.user, err);

	if (status == PDB_OK) {
		status = read_life(ring, body, &w, err);
	}
	if (status == PDB_OK) {
		status = auth_presented_key(self->host, request, &key, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	/* Without its key, which a reload may just have taken away, it finds no signer. */
	(void)auth_find_key(ring, self, request, key, &entry);
	return sign(self, ring, &entry, &w, signature, err);
}

static pdb_status handle(void *state, pdb_request *request, pdb_err *err)
{
	auth *self = state;
	char signature[TOKEN_MAX] = "";
	json_t *body = NULL;
	pdb_status status = call_body(self->host, request, false, &body, err);

	if (status == PDB_OK) {
		status = sign_locked(self, auth_lock(self), request, body, signature, err);
		auth_unlock(self);
	}
	if (status == PDB_OK) {
		status =
			call_reply(self->host, request, 200,
				   json_pack("{s:O,s:s}", "userId", json_object_get(body, "userId"),
					     "signature", signature),
				   err);
	}
	json_decref(body);
	return status;
}

const pdb_route auth_sign_route = {
	.size = sizeof(pdb_route),
	.method = PDB_METHOD_POST,
	.pattern = "/v1/_sign",
	.roles = PDB_ROLE_BACKEND,
	.handle = handle,
};
