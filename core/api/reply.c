/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: held until what they tell of is on disk. */
#include "api/api_private.h"

static pdb_status add_header(pdb__call *call, const char *name, const char *value)
{
	pdb_status status = pdb_request_add_header(call->request, name, value);

	return status == PDB_OK ? PDB_OK
				: pdb_err_set(call->err, status, NULL, "cannot add %s", name);
}

/* A cache on the way does not know that X-API-Key makes an answer private. */
static pdb_status add_privacy(pdb__call *call)
{
	pdb_method method = pdb_request_method(call->request);

	if (method != PDB_METHOD_GET && method != PDB_METHOD_HEAD) {
		return PDB_OK;
	}
	return add_header(call, "Cache-Control", "private, no-cache");
}

pdb_status pdb__reply(pdb__call *call)
{
	pdb_status status = pdb_buf_status(call->out, call->err);

	if (status == PDB_OK) {
		status = add_privacy(call);
	}
	if (status != PDB_OK) {
		return status;
	}
	pdb_request_hold(call->request, call->outcome.ticket);
	return pdb_request_reply_buf(call->request, 200, NULL, call->out);
}

pdb_status pdb__reply_empty(pdb__call *call, int status)
{
	pdb_request_hold(call->request, call->outcome.ticket);
	return pdb_request_reply(call->request, status, NULL, pdb_slice_of(NULL, 0));
}

static pdb_status add_etag(pdb__call *call)
{
	char etag[16];

	(void)snprintf(etag, sizeof(etag), "\"%u\"", call->outcome.version);
	return add_header(call, "ETag", etag);
}

pdb_status pdb__reply_message(pdb__call *call)
{
	pdb_status status = add_etag(call);

	if (status != PDB_OK) {
		return status;
	}
	if (pdb__precondition_unchanged(call, call->outcome.version)) {
		return pdb__reply_empty(call, 304);
	}
	return pdb__reply(call);
}

/* Ids hold nothing that a path would have to encode. */
static pdb_status add_location(pdb__call *call)
{
	const pdb_outcome *made = &call->outcome;
	char location[sizeof(made->thread) + sizeof(made->message) + 32];

	if (made->message[0] == '\0') {
		(void)snprintf(location, sizeof(location), "/v1/threads/%s", made->thread);
	} else {
		(void)snprintf(location, sizeof(location), "/v1/threads/%s/messages/%s",
			       made->thread, made->message);
	}
	return add_header(call, "Location", location);
}

pdb_status pdb__reply_batch(pdb__call *call)
{
	pdb_status status = PDB_OK;

	if (call->outcome.replayed) {
		status = add_header(call, "Idempotent-Replayed", "true");
	}
	return status == PDB_OK ? pdb__reply(call) : status;
}

pdb_status pdb__reply_created(pdb__call *call)
{
	pdb_status status = add_location(call);

	if (status == PDB_OK && call->outcome.message[0] != '\0') {
		status = add_etag(call);
	}
	return status == PDB_OK ? pdb__reply_batch(call) : status;
}
