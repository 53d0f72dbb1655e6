/* SPDX-License-Identifier: Apache-2.0 */
/* Writing all that a thread has, as lines that an import puts back exactly. */
#include "base/text.h"
#include "tools/export_private.h"
#include "tools/full.h"

#define CURSOR_END "end"
#define PAGE_MAX   1000u

static pdb_status write_text(pdb_export *run, pdb_buf *text, pdb_err *err)
{
	pdb_status status = pdb_buf_status(text, err);

	return status == PDB_OK ? pdb__export_line(run, pdb_buf_slice(text), err) : status;
}

pdb_status pdb__export_head(pdb_export *run, pdb_err *err)
{
	pdb_buf text = {0};
	pdb_status status;

	if (run->state.offset > 0) {
		return PDB_OK;
	}
	pdb_buf_printf(&text, PDB_FULL_HEAD, PDB_FULL_VERSION);
	status = write_text(run, &text, err);
	pdb_buf_fini(&text);
	return status;
}

pdb_status pdb__export_end(pdb_export *run, pdb_err *err)
{
	pdb_buf text = {0};
	pdb_status status;

	pdb_buf_printf(&text, "{\"type\":\"end\",\"lines\":%llu}",
		       (unsigned long long)run->state.count);
	status = write_text(run, &text, err);
	pdb_buf_fini(&text);
	return status;
}

static pdb_status write_page(pdb_export *run, pdb_slice page, pdb_err *err)
{
	pdb_slice list = {0};
	pdb_slice pagination = {0};
	pdb_slice key;
	pdb_slice value;
	pdb_buf text = {0};
	size_t cursor = 0;
	pdb_status status = PDB_OK;

	if (!pdb_json_member(page, "lines", &list) || pdb_json_type_of(list) != PDB_JSON_ARRAY ||
	    !pdb_json_member(page, "pagination", &pagination) ||
	    pdb_json_type_of(pagination) != PDB_JSON_OBJECT) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "the server's answer has no lines");
	}
	while (status == PDB_OK && pdb_json_next(list, &cursor, &key, &value)) {
		pdb_buf_clear(&text);
		pdb_full_write(value, &text);
		status = write_text(run, &text, err);
		run->state.count++;
	}
	pdb_buf_fini(&text);
	if (!pdb__export_text(pagination, "cursor", run->state.cursor, sizeof(run->state.cursor))) {
		(void)snprintf(run->state.cursor, sizeof(run->state.cursor), CURSOR_END);
	}
	return status;
}

static pdb_status next_page(pdb_export *run, pdb_err *err)
{
	uint64_t limit = run->settings->page < PAGE_MAX ? run->settings->page : PAGE_MAX;
	pdb_buf path = {0};
	pdb_slice page = {0};
	pdb_status status;

	pdb_buf_add_text(&path, "/admin/threads/");
	pdb_percent_encode(&path, pdb_slice_text(run->state.thread));
	pdb_buf_printf(&path, "/export?limit=%llu", (unsigned long long)limit);
	if (run->state.cursor[0] != '\0') {
		pdb_buf_add_text(&path, "&cursor=");
		pdb_percent_encode(&path, pdb_slice_text(run->state.cursor));
	}
	status = pdb__export_get(run, &path, &page, err);
	if (status == PDB_ENOTFOUND && run->state.cursor[0] != '\0') {
		return pdb_err_set(err, PDB_ECORRUPT, NULL,
				   "thread %s was removed while it was written; use --restart",
				   run->state.thread);
	}
	return status == PDB_OK ? write_page(run, page, err) : status;
}

pdb_status pdb__export_thread_full(pdb_export *run, const char *thread, pdb_err *err)
{
	pdb_status status = PDB_OK;

	if (strcmp(run->state.thread, thread) != 0) {
		run->state.cursor[0] = '\0';
		(void)snprintf(run->state.thread, sizeof(run->state.thread), "%s", thread);
	}
	while (status == PDB_OK && strcmp(run->state.cursor, CURSOR_END) != 0) {
		status = next_page(run, err);
		if (status == PDB_OK) {
			status = pdb__export_note(run, false, err);
		}
		if (status == PDB_OK && pdb_interrupted()) {
			status = pdb_err_set(err, PDB_ESTOP, NULL, "interrupted");
		}
	}
	return status;
}
