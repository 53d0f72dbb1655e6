/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: turns the credentials of a request into an identity. */
#include <sodium.h>

#include "auth_private.h"

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

/* `user_out` stays empty when the request carries no signature: an unsigned id proves nothing. */
static pdb_status signed_user(auth *self, const pdb_request *request, pdb_slice *user_out,
			      pdb_err *err)
{
	const pdb_host *host = self->host;
	pdb_slice signature = {0};
	pdb_slice user = {0};
	bool valid = false;

	if (!host->request_header(request, "X-User-Signature", &signature)) {
		return PDB_OK;
	}
	if (host->request_header(request, "X-User-ID", &user) && auth_user_plausible(user)) {
		valid = keyring_verify(auth_lock(self), user, signature);
		auth_unlock(self);
	}
	if (!valid) {
		return pdb_err_set(err, PDB_EUNAUTHENTICATED, "bad_signature",
				   "X-User-Signature does not sign this X-User-ID.");
	}
	*user_out = user;
	return PDB_OK;
}

static bool find_key(auth *self, pdb_slice key, keyring_entry *entry_out)
{
	bool found = keyring_find(auth_lock(self), key, entry_out);

	auth_unlock(self);
	return found;
}

static pdb_status enter(void *self, pdb_request *request, pdb_err *err)
{
	auth *state = self;
	const pdb_host *host = state->host;
	keyring_entry entry = {.role = PDB_ROLE_FRONTEND, .label = "signed"};
	pdb_slice key = {0};
	pdb_slice user = {0};
	pdb_status status = auth_presented_key(host, request, &key, err);

	if (status == PDB_OK) {
		status = signed_user(state, request, &user, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	if (key.len > 0 && !find_key(state, key, &entry)) {
		return pdb_err_set(err, PDB_EUNAUTHENTICATED, "invalid_key",
				   "The API key is not known here.");
	}
	if (key.len == 0 && user.len == 0) {
		return PDB_OK;
	}
	status = host->request_set_identity(request, entry.role, entry.label, user);
	return status == PDB_OK ? PDB_OK : pdb_err_set(err, status, NULL, "no memory");
}

const pdb_gate auth_gate = {
	.size = sizeof(pdb_gate),
	.phase = PDB_PHASE_IDENTITY,
	.name = "auth",
	.enter = enter,
};
