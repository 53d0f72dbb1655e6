/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/_sign: signs a user id for a client that holds a backend key. */
#include <jansson.h>
#include <strings.h>

#include "auth_private.h"

/* A sign request holds an id of 128 bytes; more is not worth a parser's time. */
#define SIGN_BODY_MAX 4096u

/* An absent type is tolerated, as everywhere. */
static bool is_json(const pdb_host *host, const pdb_request *request)
{
	static const char wanted[] = "application/json";
	const size_t len = sizeof(wanted) - 1;
	pdb_slice type = {0};

	if (!host->request_header(request, "Content-Type", &type)) {
		return true;
	}
	return type.len >= len && strncasecmp((const char *)type.ptr, wanted, len) == 0 &&
	       (type.len == len || type.ptr[len] == ';' || type.ptr[len] == ' ');
}

static pdb_status parse_body(pdb_slice body, json_t **out, pdb_err *err)
{
	json_error_t reason;

	if (body.len == 0) {
		return pdb_err_set(err, PDB_EINVAL, "body_required", "The request needs a body.");
	}
	if (body.len > SIGN_BODY_MAX) {
		return pdb_err_set(err, PDB_ETOOLARGE, NULL, "A sign request has at most 4 KiB.");
	}
	*out = json_loadb((const char *)body.ptr, body.len, JSON_REJECT_DUPLICATES, &reason);
	if (*out == NULL) {
		return pdb_err_set(err, PDB_EINVAL, "invalid_json",
				   "The body is not valid JSON (byte %d).", reason.position);
	}
	if (!json_is_object(*out)) {
		return pdb_err_set(err, PDB_EINVAL, "invalid_type",
				   "The body must be a JSON object.");
	}
	return PDB_OK;
}

static pdb_status read_user(const json_t *body, pdb_slice *user_out, pdb_err *err)
{
	const json_t *user = json_object_get(body, "userId");

	if (json_object_get(body, "expires_in") != NULL) {
		(void)pdb_err_set(err, PDB_EINVAL, "expires_in_unsupported",
				  "Signatures that expire are not offered by this server.");
		return pdb_err_at(err, "/expires_in");
	}
	*user_out = pdb_slice_of(json_string_value(user), json_string_length(user));
	if (!json_is_string(user) || !auth_user_plausible(*user_out)) {
		(void)pdb_err_set(err, PDB_EINVAL, "invalid_user_id",
				  "userId must be 1 to 128 bytes without control characters.");
		return pdb_err_at(err, "/userId");
	}
	return PDB_OK;
}

static pdb_status sign_user(auth *self, const pdb_request *request, pdb_slice user,
			    char signature[KEYRING_SIGNATURE_LEN + 1], pdb_err *err)
{
	keyring_entry entry = {.signer = KEYRING_NO_SIGNER};
	pdb_slice key = {0};
	const keyring *ring;
	bool done = false;
	pdb_status status = auth_presented_key(self->host, request, &key, err);

	if (status != PDB_OK) {
		return status;
	}
	ring = auth_lock(self);
	if (keyring_find(ring, key, &entry)) {
		done = keyring_sign(ring, entry.signer, user, signature);
	}
	auth_unlock(self);
	if (!done) {
		return pdb_err_set(err, PDB_EDENIED, "signing_key_missing",
				   "This API key cannot sign: it is configured as a digest and "
				   "security.signing_keys is empty.");
	}
	return PDB_OK;
}

static pdb_status answer(auth *self, pdb_request *request, json_t *user, const char *signature,
			 pdb_err *err)
{
	char text[8 * AUTH_USER_MAX];
	json_t *object = json_pack("{s:O,s:s}", "userId", user, "signature", signature);
	size_t len = 0;

	if (object != NULL) {
		len = json_dumpb(object, text, sizeof(text), JSON_COMPACT);
		json_decref(object);
	}
	if (len == 0 || len > sizeof(text)) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the answer");
	}
	return self->host->request_reply(request, 200, NULL, pdb_slice_of(text, len));
}

static pdb_status handle(void *self, pdb_request *request, pdb_err *err)
{
	auth *state = self;
	char signature[KEYRING_SIGNATURE_LEN + 1];
	json_t *body = NULL;
	pdb_slice user = {0};
	pdb_status status;

	if (!is_json(state->host, request)) {
		return pdb_err_set(err, PDB_EMEDIA, NULL, "The body must be application/json.");
	}
	status = parse_body(state->host->request_body(request), &body, err);
	if (status == PDB_OK) {
		status = read_user(body, &user, err);
	}
	if (status == PDB_OK) {
		status = sign_user(state, request, user, signature, err);
	}
	if (status == PDB_OK) {
		status = answer(state, request, json_object_get(body, "userId"), signature, err);
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
