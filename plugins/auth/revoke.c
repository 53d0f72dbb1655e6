/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/_revoke: ends every signature that a user has. */
#include "auth_private.h"
#include "calls.h"

static pdb_status handle(void *state, pdb_request *request, pdb_err *err)
{
	auth *self = state;
	pdb_slice user = {0};
	json_t *body = NULL;
	int64_t mark = 0;
	pdb_status status = call_body(self->host, request, false, &body, err);

	if (status == PDB_OK) {
		status = auth_read_user(body, &user, err);
	}
	if (status == PDB_OK) {
		status = revocations_add(self->revoked, user, auth_now(self), &mark, err);
	}
	if (status == PDB_OK) {
		self->host->log(PDB_LOG_INFO, "auth", "the signatures of a user were revoked by %s",
				self->host->request_key(request));
		status =
			call_reply(self->host, request, 200,
				   json_pack("{s:O,s:I}", "userId", json_object_get(body, "userId"),
					     "not_before", (json_int_t)mark),
				   err);
	}
	json_decref(body);
	return status;
}

const pdb_route auth_revoke_route = {
	.size = sizeof(pdb_route),
	.method = PDB_METHOD_POST,
	.pattern = "/v1/_revoke",
	.roles = PDB_ROLE_BACKEND | PDB_ROLE_ADMIN,
	.flags = PDB_ROUTE_BLOCKING,
	.handle = handle,
};
