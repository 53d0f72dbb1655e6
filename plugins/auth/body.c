/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of this plugin's routes: small JSON objects about one user. */
#include <strings.h>

#include "auth_private.h"

/* An id of 128 bytes and a number; more is not worth a parser's time. */
#define BODY_MAX 4096u

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

pdb_status auth_read_body(const pdb_host *host, const pdb_request *request, json_t **out,
			  pdb_err *err)
{
	pdb_slice body = host->request_body(request);
	json_error_t reason;

	*out = NULL;
	if (!is_json(host, request)) {
		return pdb_err_set(err, PDB_EMEDIA, NULL, "The body must be application/json.");
	}
	if (body.len == 0) {
		return pdb_err_set(err, PDB_EINVAL, "body_required", "The request needs a body.");
	}
	if (body.len > BODY_MAX) {
		return pdb_err_set(err, PDB_ETOOLARGE, NULL, "The body has at most 4 KiB.");
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

pdb_status auth_read_user(const json_t *body, pdb_slice *user_out, pdb_err *err)
{
	const json_t *user = json_object_get(body, "userId");

	*user_out = pdb_slice_of(json_string_value(user), json_string_length(user));
	if (!json_is_string(user) || !auth_user_plausible(*user_out)) {
		(void)pdb_err_set(err, PDB_EINVAL, "invalid_user_id",
				  "userId must be 1 to 128 bytes without control characters.");
		return pdb_err_at(err, "/userId");
	}
	return PDB_OK;
}

pdb_status auth_reply(const auth *self, pdb_request *request, json_t *object, pdb_err *err)
{
	/* a user id at six characters a byte, a signature, and the rest */
	char text[6 * AUTH_USER_MAX + TOKEN_MAX + 128];
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
