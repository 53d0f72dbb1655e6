/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of threads. */
#include "api/api_private.h"
#include "base/json.h"

typedef struct thread_body {
	pdb_slice id;
	pdb_slice title;
	pdb_slice author;
	pdb_slice attributes;
	pdb__texts participants;
} thread_body;

static const pdb__field thread_fields[] = {
	{"id", PDB__TEXT, offsetof(thread_body, id)},
	{"title", PDB__TEXT, offsetof(thread_body, title)},
	{"author", PDB__TEXT, offsetof(thread_body, author)},
	{"attributes", PDB__OBJECT, offsetof(thread_body, attributes)},
	{"participants", PDB__TEXTS, offsetof(thread_body, participants)},
};
static const pdb__shape thread_shape = PDB__SHAPE(thread_fields);

/* Reads the body and resolves the caller. */
static pdb_status read_body(pdb__call *call, bool required, pdb_thread_input *input)
{
	thread_body body = {0};
	pdb_slice object;
	pdb_status status = pdb__input_object(call, required, &object);

	if (status == PDB_OK) {
		status = pdb__input_read(call, object, "", &thread_shape, &body);
	}
	if (status != PDB_OK) {
		return status;
	}
	input->id = body.id;
	input->title = body.title;
	input->attributes = body.attributes;
	input->participants = body.participants.items;
	input->participant_count = body.participants.count;
	return pdb__caller_resolve(call, body.author);
}

static pdb_slice path_thread(const pdb__call *call)
{
	return pdb_request_param(call->request, "thread");
}

PDB__HANDLER(pdb__thread_create)
{
	pdb__call call;
	pdb_thread_input input = {0};
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	status = read_body(&call, false, &input);
	if (status == PDB_OK) {
		status = pdb__input_idempotency_key(&call, &input.idempotency_key);
	}
	if (status == PDB_OK) {
		status = pdb_chat_thread_create(call.chat, &call.caller, &input, call.out,
						&call.outcome, err);
	}
	return status == PDB_OK ? pdb__reply_created(&call) : status;
}

static pdb_status read_query(pdb__call *call, pdb_thread_query *query)
{
	pdb_status status = pdb__query_limit(call, &query->limit);

	if (status != PDB_OK) {
		return status;
	}
	query->title = pdb__query_text(call, "title");
	query->slug = pdb__query_text(call, "slug");
	query->cursor = pdb__query_text(call, "cursor");
	return pdb__query_include_deleted(call, &query->with_deleted);
}

static void add_list_end(pdb_buf *out, const pdb_thread_page *page)
{
	pdb_buf_add_text(out, "],\"pagination\":{");
	if (page->cursor[0] != '\0') {
		pdb_json_add_key(out, "cursor");
		pdb_json_add_string(out, pdb_slice_text(page->cursor));
	}
	pdb_json_add_key(out, "has_more");
	pdb_buf_add_text(out, page->cursor[0] != '\0' ? "true}}" : "false}}");
}

PDB__HANDLER(pdb__thread_list)
{
	pdb__call call;
	pdb_thread_query query = {0};
	pdb_thread_page page = {0};
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	status = pdb__caller_resolve(&call, PDB__NOBODY);
	if (status == PDB_OK) {
		status = read_query(&call, &query);
	}
	if (status == PDB_OK) {
		pdb_buf_add_text(call.out, "{\"threads\":[");
		status = pdb_chat_thread_list(call.chat, &call.caller, &query, call.out, &page,
					      &call.outcome, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	add_list_end(call.out, &page);
	return pdb__reply(&call);
}

PDB__HANDLER(pdb__thread_get)
{
	pdb__call call;
	bool with_deleted = false;
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	status = pdb__caller_resolve(&call, PDB__NOBODY);
	if (status == PDB_OK) {
		status = pdb__query_include_deleted(&call, &with_deleted);
	}
	if (status == PDB_OK) {
		status = pdb_chat_thread_get(call.chat, &call.caller, path_thread(&call),
					     with_deleted, call.out, &call.outcome, err);
	}
	return status == PDB_OK ? pdb__reply(&call) : status;
}

PDB__HANDLER(pdb__thread_update)
{
	pdb__call call;
	pdb_thread_input input = {0};
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	status = read_body(&call, true, &input);
	if (status == PDB_OK) {
		status = pdb_chat_thread_update(call.chat, &call.caller, path_thread(&call), &input,
						call.out, &call.outcome, err);
	}
	return status == PDB_OK ? pdb__reply(&call) : status;
}

PDB__HANDLER(pdb__thread_delete)
{
	pdb__call call;
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	status = pdb__caller_resolve(&call, PDB__NOBODY);
	if (status == PDB_OK) {
		status = pdb_chat_thread_delete(call.chat, &call.caller, path_thread(&call),
						&call.outcome, err);
	}
	return status == PDB_OK ? pdb__reply_empty(&call, 204) : status;
}

PDB__HANDLER(pdb__thread_restore)
{
	pdb__call call;
	pdb_thread_input ignored = {0};
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	status = read_body(&call, false, &ignored);
	if (status == PDB_OK) {
		status = pdb_chat_thread_restore(call.chat, &call.caller, path_thread(&call),
						 call.out, &call.outcome, err);
	}
	return status == PDB_OK ? pdb__reply(&call) : status;
}
