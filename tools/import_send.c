/* SPDX-License-Identifier: Apache-2.0 */
/* Sending the batches of an import, and judging the answers. */
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "tools/import_private.h"

void pdb__import_fail(pdb_import *run, pdb_exit code, const char *text)
{
	pdb_progress_end(&run->progress);
	pdb_complain("%s", text);
	run->stopping = true;
	run->code = code;
}

static bool send_one(pdb_import *run, pdb_call *call)
{
	pdb_batch *batch = pdb_plan_take(&run->plan, pdb_clock_monotonic());
	pdb_err err = {0};
	pdb_buf path = {0};
	pdb_status status;

	if (batch == NULL) {
		return false;
	}
	call->user = batch;
	pdb_buf_add_text(&path, run->full ? "/admin/threads/" : "/v1/threads/");
	pdb_percent_encode(&path, pdb_slice_text(batch->thread->name));
	pdb_buf_add_text(&path, run->full ? "/import" : "/messages:batch");
	pdb_buf_add_byte(&path, 0);
	status = pdb_buf_status(&path, &err);
	if (status == PDB_OK) {
		status = pdb_buf_status(&batch->json, &err);
	}
	if (status == PDB_OK) {
		status = pdb_client_start(run->client, call, (const char *)path.data,
					  pdb_buf_slice(&batch->json), &err);
	}
	if (status != PDB_OK) {
		pdb__import_fail(run, PDB_EXIT_USAGE, err.text);
	} else {
		run->in_flight++;
	}
	pdb_buf_fini(&path);
	return status == PDB_OK;
}

void pdb__import_send(pdb_import *run)
{
	pdb_call *call;

	while (!run->stopping && (call = pdb_client_idle(run->client)) != NULL) {
		if (!send_one(run, call)) {
			return;
		}
	}
}

/* The line that the answer complains of, or the first one of the batch. */
static uint64_t line_of(const pdb_import *run, const pdb_call *call, const pdb_batch *batch)
{
	const char *before = run->full ? "/lines/" : "/messages/";
	char field[256];
	uint64_t index = 0;

	pdb_call_error_member(call, "field", field, sizeof(field));
	if (strncmp(field, before, strlen(before)) == 0) {
		const char *digits = field + strlen(before);

		(void)pdb_text_to_uint(pdb_slice_of(digits, strcspn(digits, "/")), &index);
	}
	return pdb_batch_line(batch, index < batch->count ? (size_t)index : 0);
}

static void refused(pdb_import *run, const pdb_call *call, const pdb_batch *batch)
{
	char reason[1024];
	char text[1536];

	pdb_call_explain(call, reason, sizeof(reason));
	(void)snprintf(text, sizeof(text), "%s:%llu (thread %s, %zu %s): %s", run->path,
		       (unsigned long long)line_of(run, call, batch), batch->thread->name,
		       batch->count, run->full ? "lines" : "messages", reason);
	pdb__import_fail(run, PDB_EXIT_NO, text);
}

static void try_again(pdb_import *run, const pdb_call *call, pdb_batch *batch)
{
	int64_t now = pdb_clock_monotonic();
	char reason[1024];

	if (batch->failing_since == 0) {
		batch->failing_since = now;
	}
	pdb_plan_return(batch, now + pdb_call_backoff(call, batch->attempts) * PDB_NS_PER_MS);
	if (!run->stopping &&
	    (now - batch->failing_since) / PDB_NS_PER_SECOND >= (int64_t)run->settings->retry) {
		pdb_call_explain(call, reason, sizeof(reason));
		pdb__import_fail(run, PDB_EXIT_UNREACHABLE, reason);
	}
}

void pdb__import_settle(pdb_import *run, pdb_call *call)
{
	pdb_batch *batch = call->user;

	run->in_flight--;
	if (call->status >= 200 && call->status < 300) {
		run->stored += batch->count;
		run->replayed += call->replayed ? batch->count : 0;
		pdb_plan_done(&run->plan, batch);
	} else if (pdb_call_retryable(call)) {
		try_again(run, call, batch);
	} else {
		refused(run, call, batch);
	}
}
