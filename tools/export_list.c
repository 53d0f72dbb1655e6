/* SPDX-License-Identifier: Apache-2.0 */
/* Which threads an export is about, and how it asks for pages. */
#include "base/json.h"
#include "base/text.h"
#include "tools/export_private.h"

/* Pages wrap messages, which may each be as deep and as rich as the API lets them. */
#define PAGE_DEPTH_MAX (PDB_JSON_DEPTH_MAX + 8)
#define PAGE_NODES_MAX UINT32_MAX

pdb_status pdb__export_get(pdb_export *run, pdb_buf *path, pdb_slice *object_out, pdb_err *err)
{
	pdb_call *call = NULL;
	char reason[512];
	pdb_status status;

	pdb_buf_add_byte(path, 0);
	status = pdb_buf_status(path, err);
	if (status == PDB_OK) {
		status = pdb_client_get(run->client, (const char *)path->data, run->settings->retry,
					&call, err);
	}
	pdb_buf_fini(path);
	if (status != PDB_OK) {
		return status;
	}
	if (call->status != 200) {
		pdb_call_explain(call, reason, sizeof(reason));
		return pdb_err_set(err, call->status == 404 ? PDB_ENOTFOUND : PDB_EDENIED, NULL,
				   "%s", reason);
	}
	status = pdb_json_check_within(pdb_buf_slice(&call->answer), PAGE_DEPTH_MAX, PAGE_NODES_MAX,
				       object_out, err);
	if (status != PDB_OK || pdb_json_type_of(*object_out) != PDB_JSON_OBJECT) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "the server's answer is not JSON");
	}
	return PDB_OK;
}

bool pdb__export_text(pdb_slice object, const char *name, char *out, size_t size)
{
	pdb_slice value;

	if (!pdb_json_member(object, name, &value) || pdb_json_type_of(value) != PDB_JSON_STRING ||
	    value.len > size) {
		return false;
	}
	out[pdb_json_unescape(value, out)] = '\0';
	return true;
}

static pdb_status add_threads(pdb_export *run, pdb_slice page, pdb_err *err)
{
	pdb_slice list = {0};
	pdb_slice key;
	pdb_slice thread;
	size_t cursor = 0;
	pdb_status status = PDB_OK;

	if (!pdb_json_member(page, "threads", &list) || pdb_json_type_of(list) != PDB_JSON_ARRAY) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "the server's answer has no threads");
	}
	while (status == PDB_OK && pdb_json_next(list, &cursor, &key, &thread)) {
		char id[1024];

		if (pdb__export_text(thread, "id", id, sizeof(id))) {
			status = pdb_names_add(&run->threads, id, err);
		}
	}
	return status;
}

/* One walk through the list of all threads. */
static pdb_status walk_threads(pdb_export *run, pdb_err *err)
{
	char next[1024] = "";
	pdb_status status;

	do {
		pdb_buf path = {0};
		pdb_slice page = {0};
		pdb_slice pagination = {0};

		pdb_buf_add_text(&path, "/v1/threads?limit=1000");
		if (run->settings->with_deleted || run->settings->full) {
			pdb_buf_add_text(&path, "&include_deleted=true");
		}
		if (next[0] != '\0') {
			pdb_buf_add_text(&path, "&cursor=");
			pdb_percent_encode(&path, pdb_slice_text(next));
		}
		next[0] = '\0';
		status = pdb__export_get(run, &path, &page, err);
		if (status == PDB_OK) {
			status = add_threads(run, page, err);
		}
		if (status == PDB_OK && pdb_json_member(page, "pagination", &pagination) &&
		    pdb_json_type_of(pagination) == PDB_JSON_OBJECT) {
			(void)pdb__export_text(pagination, "cursor", next, sizeof(next));
		}
	} while (status == PDB_OK && next[0] != '\0');
	return status;
}

/* The list moves while it is read: a thread that is written to jumps to its head, behind our back.
 * Walk again until a walk finds nothing new. */
pdb_status pdb__export_list(pdb_export *run, pdb_err *err)
{
	pdb_status status = PDB_OK;
	size_t before;

	for (size_t i = 0; i < run->settings->threads.count && status == PDB_OK; i++) {
		status = pdb_names_add(&run->threads, run->settings->threads.items[i], err);
	}
	if (status == PDB_OK && run->settings->threads.count > 0) {
		pdb_names_settle(&run->threads);
		return PDB_OK;
	}
	do {
		before = run->threads.count;
		status = walk_threads(run, err);
		pdb_names_settle(&run->threads);
	} while (status == PDB_OK && run->threads.count > before);
	return status;
}
