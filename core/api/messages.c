/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of single messages: read, edit, delete, restore, versions. */
#include "api/messages.h"

#include "base/json.h"

PDB__HANDLER(pdb__message_get)
{
	pdb__call call;
	pdb_message_ref ref;
	bool with_deleted = false;
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	ref = pdb__call_message(&call);
	status = pdb__caller_resolve(&call, PDB__NOBODY);
	if (status == PDB_OK) {
		status = pdb__query_include_deleted(&call, &with_deleted);
	}
	if (status == PDB_OK) {
		status = pdb_chat_message_get(call.chat, &call.caller, &ref, with_deleted, call.out,
					      &call.outcome, err);
	}
	return status == PDB_OK ? pdb__reply_message(&call) : status;
}

/* What an edit takes from the body: the thread, the id and the time of a message do not change. */
static pdb_status read_edit(pdb__call *call, pdb_message_input *input)
{
	pdb__message_body body = {0};
	pdb_slice object;
	pdb_status status = pdb__input_object(call, true, &object);

	if (status == PDB_OK) {
		status = pdb__input_read(call, object, "", &pdb__message_shape, &body);
	}
	if (status != PDB_OK) {
		return status;
	}
	input->role = body.role;
	input->body = body.body;
	input->reply_to = body.reply_to;
	return pdb__caller_resolve(call, body.author);
}

PDB__HANDLER(pdb__message_edit)
{
	pdb__call call;
	pdb_message_ref ref;
	pdb_message_input input = {0};
	uint32_t if_match = 0;
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	ref = pdb__call_message(&call);
	status = read_edit(&call, &input);
	if (status == PDB_OK) {
		status = pdb__precondition_version(&call, &ref, &if_match);
	}
	if (status == PDB_OK) {
		status = pdb_chat_message_edit(call.chat, &call.caller, &ref, &input, if_match,
					       call.out, &call.outcome, err);
	}
	return status == PDB_OK ? pdb__reply_message(&call) : status;
}

PDB__HANDLER(pdb__message_delete)
{
	pdb__call call;
	pdb_message_ref ref;
	uint32_t if_match = 0;
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	ref = pdb__call_message(&call);
	status = pdb__caller_resolve(&call, PDB__NOBODY);
	if (status == PDB_OK) {
		status = pdb__precondition_version(&call, &ref, &if_match);
	}
	if (status == PDB_OK) {
		status = pdb_chat_message_delete(call.chat, &call.caller, &ref, if_match,
						 &call.outcome, err);
	}
	return status == PDB_OK ? pdb__reply_empty(&call, 204) : status;
}

typedef struct restore_body {
	pdb_slice author;
	uint32_t version;
} restore_body;

static const pdb__field restore_fields[] = {
	{"author", PDB__TEXT, offsetof(restore_body, author)},
	{"version", PDB__VERSION, offsetof(restore_body, version)},
};
static const pdb__shape restore_shape = PDB__SHAPE(restore_fields);

PDB__HANDLER(pdb__message_restore)
{
	pdb__call call;
	pdb_message_ref ref;
	restore_body body = {0};
	pdb_slice object;
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	ref = pdb__call_message(&call);
	status = pdb__input_object(&call, false, &object);
	if (status == PDB_OK) {
		status = pdb__input_read(&call, object, "", &restore_shape, &body);
	}
	if (status == PDB_OK) {
		status = pdb__caller_resolve(&call, body.author);
	}
	if (status == PDB_OK) {
		status = pdb_chat_message_restore(call.chat, &call.caller, &ref, body.version,
						  call.out, &call.outcome, err);
	}
	return status == PDB_OK ? pdb__reply_message(&call) : status;
}

PDB__HANDLER(pdb__message_versions)
{
	pdb__call call;
	pdb_message_ref ref;
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	ref = pdb__call_message(&call);
	status = pdb__caller_resolve(&call, PDB__NOBODY);
	if (status == PDB_OK) {
		pdb_buf_add_text(call.out, "{\"id\":");
		pdb_json_add_string(call.out, ref.message);
		pdb_buf_add_text(call.out, ",\"versions\":[");
		status = pdb_chat_message_versions(call.chat, &call.caller, &ref, call.out,
						   &call.outcome, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	pdb_buf_add_text(call.out, "]}");
	return pdb__reply(&call);
}
