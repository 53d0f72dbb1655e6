/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the messages of a thread, and noting how far that is. */
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "tools/export_private.h"

pdb_status pdb__export_note(pdb_export *run, bool now, pdb_err *err)
{
	int64_t clock = pdb_clock_monotonic();

	if (run->state_path[0] == '\0' || (!now && clock - run->noted < PDB_NS_PER_SECOND)) {
		return PDB_OK;
	}
	run->noted = clock;
	if (fflush(run->out) != 0 || fsync(fileno(run->out)) != 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "%s cannot be written: %s",
				   run->settings->output, strerror(errno));
	}
	return pdb_state_write(&run->state, run->state_path, err);
}

/* The object as it came, on one line: a line end can only stand between two tokens. */
pdb_status pdb__export_line(pdb_export *run, pdb_slice object, pdb_err *err)
{
	while (object.len > 0) {
		size_t len = 0;

		while (len < object.len && object.ptr[len] != '\n' && object.ptr[len] != '\r') {
			len++;
		}
		(void)fwrite(object.ptr, 1, len, run->out);
		run->state.offset += len;
		if (len < object.len) {
			(void)fputc(' ', run->out);
			run->state.offset++;
		}
		object = pdb_slice_skip(object, len + 1);
	}
	(void)fputc('\n', run->out);
	run->state.offset++;
	if (ferror(run->out) != 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "%s cannot be written: %s",
				   run->settings->output, strerror(errno));
	}
	return PDB_OK;
}

static pdb_status write_page(pdb_export *run, pdb_slice page, bool *more_out, pdb_err *err)
{
	pdb_slice list = {0};
	pdb_slice pagination = {0};
	pdb_slice key;
	pdb_slice value;
	size_t cursor = 0;
	pdb_status status = PDB_OK;
	uint64_t before = run->state.seq;

	if (!pdb_json_member(page, "messages", &list) || pdb_json_type_of(list) != PDB_JSON_ARRAY) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "the server's answer has no messages");
	}
	while (status == PDB_OK && pdb_json_next(list, &cursor, &key, &value)) {
		pdb_slice seq;
		int64_t number = 0;

		status = pdb__export_line(run, value, err);
		run->state.count++;
		if (pdb_json_type_of(value) == PDB_JSON_OBJECT &&
		    pdb_json_member(value, "seq", &seq) && pdb_json_to_int(seq, &number)) {
			run->state.seq = (uint64_t)number;
		}
	}
	*more_out = run->state.seq > before && pdb_json_member(page, "pagination", &pagination) &&
		    pdb_json_type_of(pagination) == PDB_JSON_OBJECT &&
		    pdb_json_member(pagination, "has_after", &value) &&
		    pdb_json_type_of(value) == PDB_JSON_TRUE;
	return status;
}

pdb_status pdb__export_thread(pdb_export *run, const char *thread, pdb_err *err)
{
	bool more = true;
	pdb_status status = PDB_OK;

	(void)snprintf(run->state.thread, sizeof(run->state.thread), "%s", thread);
	while (status == PDB_OK && more) {
		pdb_buf path = {0};
		pdb_slice page = {0};

		pdb_buf_add_text(&path, "/v1/threads/");
		pdb_percent_encode(&path, pdb_slice_text(thread));
		pdb_buf_printf(&path, "/messages?after=%llu&limit=%llu%s",
			       (unsigned long long)run->state.seq,
			       (unsigned long long)run->settings->page,
			       run->settings->with_deleted ? "&include_deleted=true" : "");
		status = pdb__export_get(run, &path, &page, err);
		if (status == PDB_OK) {
			status = write_page(run, page, &more, err);
		}
		if (status == PDB_OK) {
			status = pdb__export_note(run, false, err);
		}
		if (status == PDB_OK && pdb_interrupted()) {
			status = pdb_err_set(err, PDB_ESTOP, NULL, "interrupted");
		}
	}
	return status;
}
