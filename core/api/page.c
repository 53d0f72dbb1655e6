/* SPDX-License-Identifier: Apache-2.0 */
/* Handler of a page of messages. */
#include "api/api_private.h"
#include "base/json.h"

static const struct {
	const char *name;
	pdb_anchor anchor;
} anchors[] = {
	{"before", PDB_ANCHOR_BEFORE},
	{"after", PDB_ANCHOR_AFTER},
	{"around", PDB_ANCHOR_AROUND},
};

static pdb_status read_anchor(pdb__call *call, pdb_message_query *query)
{
	pdb_slice value;

	for (size_t i = 0; i < sizeof(anchors) / sizeof(anchors[0]); i++) {
		if (!pdb_request_query(call->request, anchors[i].name, &value)) {
			continue;
		}
		if (query->anchor != PDB_ANCHOR_NEWEST) {
			return pdb_err_set(call->err, PDB_EINVAL, "anchor_conflict",
					   "Only one of before, after and around may be given.");
		}
		query->anchor = anchors[i].anchor;
		query->at = value;
	}
	return PDB_OK;
}

static pdb_status read_thread(pdb__call *call, pdb_message_query *query)
{
	query->thread = pdb_request_param(call->request, "thread");
	if (query->thread.len == 0) {
		query->thread = pdb__query_text(call, "thread");
	}
	if (query->thread.len == 0) {
		return pdb_err_set(call->err, PDB_EINVAL, "thread_required",
				   "The parameter thread is needed.");
	}
	return PDB_OK;
}

static pdb_status read_query(pdb__call *call, pdb_message_query *query)
{
	pdb_status status = read_thread(call, query);

	if (status == PDB_OK) {
		status = read_anchor(call, query);
	}
	if (status == PDB_OK) {
		status = pdb__query_limit(call, &query->limit);
	}
	return status == PDB_OK ? pdb__query_include_deleted(call, &query->with_deleted) : status;
}

/* `text` is a cursor made by the server. */
static void add_cursor(pdb_buf *out, const char *name, const char *text)
{
	pdb_json_add_key(out, name);
	if (text[0] == '\0') {
		pdb_buf_add_text(out, "null");
		return;
	}
	pdb_json_add_string(out, pdb_slice_text(text));
}

static void add_flag(pdb_buf *out, const char *name, bool value)
{
	pdb_json_add_key(out, name);
	pdb_buf_add_text(out, value ? "true" : "false");
}

static void add_page_end(pdb_buf *out, const pdb_message_page *page)
{
	pdb_buf_add_text(out, "],\"pagination\":{");
	add_cursor(out, "before", page->before);
	add_cursor(out, "after", page->after);
	add_flag(out, "has_before", page->has_before);
	add_flag(out, "has_after", page->has_after);
	pdb_json_add_key(out, "last_seq");
	pdb_buf_add_uint(out, page->last_seq);
	pdb_buf_add_text(out, "}}");
}

static void add_page_begin(pdb_buf *out, pdb_slice thread)
{
	pdb_buf_add_text(out, "{\"thread\":");
	pdb_json_add_string(out, thread);
	pdb_buf_add_text(out, ",\"messages\":[");
}

PDB__HANDLER(pdb__message_page)
{
	pdb__call call;
	pdb_message_query query = {0};
	pdb_message_page page = {0};
	pdb_status status;

	pdb__call_begin(&call, self, request, err);
	status = pdb__caller_resolve(&call, PDB__NOBODY);
	if (status == PDB_OK) {
		status = read_query(&call, &query);
	}
	if (status == PDB_OK) {
		add_page_begin(call.out, query.thread);
		status = pdb_chat_message_page(call.chat, &call.caller, &query, call.out, &page,
					       &call.outcome, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	add_page_end(call.out, &page);
	return pdb__reply(&call);
}
