/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: turns the credentials of a request into an identity. */
#include <sodium.h>

#include "auth_private.h"

/* Seconds that the clocks of those who sign may be ahead. */
#define CLOCK_SKEW 60

static bool is_scheme_bearer(pdb_slice value)
{
	static const char scheme[] = "bearer ";

	if (value.len < sizeof(scheme) - 1) {
		return false;
	}
	for (size_t i = 0; i < sizeof(scheme) - 1; i++) {
		uint8_t c = value.ptr[i];

		if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != (uint8_t)scheme[i]) {
			return false;
		}
	}
	return true;
}

static pdb_slice bearer_key(pdb_slice value)
{
	pdb_slice rest = pdb_slice_skip(value, sizeof("bearer ") - 1);

	while (rest.len > 0 && rest.ptr[0] == ' ') {
		rest = pdb_slice_skip(rest, 1);
	}
	return rest;
}

static bool same_secret(pdb_slice a, pdb_slice b)
{
	return a.len == b.len && (a.len == 0 || sodium_memcmp(a.ptr, b.ptr, a.len) == 0);
}

pdb_status auth_presented_key(const pdb_host *host, const pdb_request *request, pdb_slice *key_out,
			      pdb_err *err)
{
	pdb_slice authorization = {0};
	pdb_slice header = {0};
	bool has_header = host->request_header(request, "X-API-Key", &header);

	*key_out = header;
	if (!host->request_header(request, "Authorization", &authorization)) {
		return PDB_OK;
	}
	if (!is_scheme_bearer(authorization)) {
		return pdb_err_set(err, PDB_EUNAUTHENTICATED, "invalid_key",
				   "The Authorization header must use the Bearer scheme.");
	}
	*key_out = bearer_key(authorization);
	if (has_header && !same_secret(*key_out, header)) {
		return pdb_err_set(err, PDB_EINVAL, "key_conflict",
				   "Authorization and X-API-Key name two different keys.");
	}
	return PDB_OK;
}

bool auth_user_plausible(pdb_slice user)
{
	if (user.len == 0 || user.len > AUTH_USER_MAX) {
		return false;
	}
	for (size_t i = 0; i < user.len; i++) {
		if (user.ptr[i] < 0x20 || user.ptr[i] == 0x7f) {
			return false;
		}
	}
	return true;
}

static pdb_status refuse_signature(pdb_err *err, const char *code, const char *text)
{
	return pdb_err_set(err, PDB_EUNAUTHENTICATED, code, "%s", text);
}

static pdb_status check_token(auth *self, const keyring *ring, pdb_slice user, pdb_slice text,
			      pdb_err *err)
{
	keyring_claim claim = auth_claim(self, user);
	int64_t now = auth_now(self);
	int64_t most = keyring_max_age(ring);
	token given;

	if (!token_read(&given, text) || !keyring_verify_claim(ring, now, &given, &claim)) {
		return refuse_signature(err, "bad_signature",
					"X-User-Signature does not sign this X-User-ID.");
	}
	if (given.expires <= now) {
		return refuse_signature(err, "signature_expired", "X-User-Signature has expired.");
	}
	if (most > 0 && given.expires - now > most + CLOCK_SKEW) {
		return refuse_signature(err, "signature_too_long",
					"X-User-Signature lives longer than this server allows.");
	}
	return PDB_OK;
}

/* One that is bare says nothing of when it was made: a revoked user has none. */
static pdb_status check_bare(auth *self, const keyring *ring, pdb_slice user, pdb_slice text,
			     pdb_err *err)
{
	bool valid = keyring_verify(ring, auth_now(self), user, text);

	if (valid && keyring_legacy(ring) && revocations_mark(self->revoked, user) == 0) {
		return PDB_OK;
	}
	return refuse_signature(err, "bad_signature",
				"X-User-Signature does not sign this X-User-ID.");
}

static pdb_status check_signature(auth *self, const keyring *ring, pdb_slice user, pdb_slice text,
				  pdb_err *err)
{
	return token_looks(text) ? check_token(self, ring, user, text, err)
				 : check_bare(self, ring, user, text, err);
}

/* `user_out` stays empty when the request carries no signature: an unsigned id proves nothing. */
static pdb_status signed_user(auth *self, const keyring *ring, const pdb_request *request,
			      pdb_slice *user_out, pdb_err *err)
{
	pdb_slice signature = {0};
	pdb_slice user = {0};
	pdb_status status;

	if (!self->host->request_header(request, "X-User-Signature", &signature)) {
		return PDB_OK;
	}
	if (!self->host->request_header(request, "X-User-ID", &user) ||
	    !auth_user_plausible(user)) {
		return refuse_signature(err, "bad_signature",
					"X-User-Signature does not sign this X-User-ID.");
	}
	status = check_signature(self, ring, user, signature, err);
	if (status == PDB_OK) {
		*user_out = user;
	}
	return status;
}

bool auth_find_key(const keyring *ring, const auth *self, const pdb_request *request, pdb_slice key,
		   keyring_entry *entry_out)
{
	const keyring_visit visit = {.now = auth_now(self),
				     .peer = self->host->request_peer(request)};

	return keyring_find(ring, key, &visit, entry_out);
}

static pdb_status identify(auth *self, const keyring *ring, const pdb_request *request,
			   pdb_slice key, keyring_entry *entry, pdb_slice *user, pdb_err *err)
{
	pdb_status status = signed_user(self, ring, request, user, err);

	if (status == PDB_OK && key.len > 0 && !auth_find_key(ring, self, request, key, entry)) {
		return pdb_err_set(err, PDB_EUNAUTHENTICATED, "invalid_key",
				   "The API key is not known here.");
	}
	return status;
}

static pdb_status enter(void *state, pdb_request *request, pdb_err *err)
{
	auth *self = state;
	keyring_entry entry = {.role = PDB_ROLE_FRONTEND, .label = "signed"};
	pdb_slice key = {0};
	pdb_slice user = {0};
	pdb_status status = auth_presented_key(self->host, request, &key, err);

	if (status == PDB_OK) {
		status = identify(self, auth_lock(self), request, key, &entry, &user, err);
		auth_unlock(self);
	}
	if (status != PDB_OK || (key.len == 0 && user.len == 0)) {
		return status;
	}
	status = self->host->request_set_identity(request, entry.role, entry.label, user);
	return status == PDB_OK ? PDB_OK : pdb_err_set(err, status, NULL, "no memory");
}

const pdb_gate auth_gate = {
	.size = sizeof(pdb_gate),
	.phase = PDB_PHASE_IDENTITY,
	.name = "auth",
	.enter = enter,
};
