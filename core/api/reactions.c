/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of reactions. */
#include "api/api_private.h"
#include "base/json.h"

static void add_list_begin(pdb_buf *out, pdb_slice message)
{
	pdb_buf_add_text(out, "{\"id\":");
	pdb_json_add_string(out, message);
	pdb_buf_add_text(out, ",\"reactions\":[");
}

static pdb_status reply_list(pdb__call *call)
{
	pdb_buf_add_text(call->out, "]}");
	return pdb__reply(call);
}

PDB__HANDLER(pdb__reaction_list)
{
	pdb__call call;
	pdb_message_ref ref;
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	ref = pdb__call_message(&call);
	status = pdb__caller_resolve(&call, PDB__NOBODY);
	if (status == PDB_OK) {
		add_list_begin(call.out, ref.message);
		status = pdb_chat_reaction_list(call.chat, &call.caller, &ref, call.out,
						&call.outcome, err);
	}
	return status == PDB_OK ? reply_list(&call) : status;
}

typedef struct reaction_body {
	pdb_slice author;
	pdb_slice id; /* whose reaction; the caller's when absent */
	pdb_slice reaction;
} reaction_body;

static const pdb__field reaction_fields[] = {
	{"author", PDB__TEXT, offsetof(reaction_body, author)},
	{"id", PDB__TEXT, offsetof(reaction_body, id)},
	{"reaction", PDB__TEXT, offsetof(reaction_body, reaction)},
};
static const pdb__shape reaction_shape = PDB__SHAPE(reaction_fields);

static pdb_status missing(pdb__call *call, const char *name)
{
	(void)pdb_err_set(call->err, PDB_EINVAL, "field_required", "A reaction needs %s.", name);
	return pdb_err_at(call->err, "/%s", name);
}

static pdb_status read_reaction(pdb__call *call, reaction_body *body)
{
	pdb_slice object;
	pdb_status status = pdb__input_object(call, true, &object);

	if (status == PDB_OK) {
		status = pdb__input_read(call, object, "", &reaction_shape, body);
	}
	if (status == PDB_OK) {
		status = pdb__caller_resolve(call, body->author);
	}
	if (status != PDB_OK) {
		return status;
	}
	if (body->id.ptr == NULL) {
		body->id = call->caller.author;
	}
	if (body->id.ptr == NULL) {
		return missing(call, "id");
	}
	return body->reaction.ptr != NULL ? PDB_OK : missing(call, "reaction");
}

PDB__HANDLER(pdb__reaction_set)
{
	pdb__call call;
	pdb_message_ref ref;
	reaction_body body = {0};
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	ref = pdb__call_message(&call);
	status = read_reaction(&call, &body);
	if (status == PDB_OK) {
		add_list_begin(call.out, ref.message);
		status = pdb_chat_reaction_set(call.chat, &call.caller, &ref, body.id,
					       body.reaction, call.out, &call.outcome, err);
	}
	return status == PDB_OK ? reply_list(&call) : status;
}

PDB__HANDLER(pdb__reaction_remove)
{
	pdb__call call;
	pdb_message_ref ref;
	pdb_slice identity;
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	ref = pdb__call_message(&call);
	identity = pdb_request_param(request, "identity");
	status = pdb__caller_resolve(&call, PDB__NOBODY);
	if (status == PDB_OK) {
		status = pdb_chat_reaction_remove(call.chat, &call.caller, &ref, identity,
						  &call.outcome, err);
	}
	return status == PDB_OK ? pdb__reply_empty(&call, 204) : status;
}
