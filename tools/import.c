/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl import: loads conversations through the API. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "tools/client.h"
#include "tools/input.h"
#include "tools/plan.h"
#include "tools/progress.h"
#include "tools/state.h"

/* What may wait in memory; enough that a thread's lines, which mostly stand together, meet. */
#define WINDOW_BYTES    (16u * 1024u * 1024u)
#define WINDOW_MESSAGES 16384u

typedef struct import_settings {
	uint64_t connections;
	uint64_t batch;
	uint64_t batch_bytes;
	uint64_t retry;
	const char *state;
	bool restart;
} import_settings;

static const pdb_arg import_args[] = {
	{"connections", 'c', PDB_ARG_UINT, offsetof(import_settings, connections), "N", "8", 1,
	 NULL, "requests at once, each of another thread"},
	{"batch", 'b', PDB_ARG_UINT, offsetof(import_settings, batch), "N", "500", 1, NULL,
	 "messages in a request, at most"},
	{"batch-bytes", 0, PDB_ARG_UINT, offsetof(import_settings, batch_bytes), "N", "262144", 1,
	 NULL, "bytes in a request, at most, unless one message is larger"},
	{"retry", 0, PDB_ARG_UINT, offsetof(import_settings, retry), "SECONDS", "60", 0, NULL,
	 "how long to try while the server is busy or away"},
	{"state", 0, PDB_ARG_TEXT, offsetof(import_settings, state), "FILE", NULL, 0, NULL,
	 "where to note how far it is; <input>.import-state when not given"},
	{"restart", 0, PDB_ARG_FLAG, offsetof(import_settings, restart), NULL, NULL, 0, NULL,
	 "begin anew, whatever the state file says"},
	{0},
};

typedef struct import_run {
	const import_settings *settings;
	const char *path;
	char state_path[4096]; /* "" = nothing is noted */
	pdb_state state;
	uint64_t skip_to; /* lines that begin before were stored by a run before */
	pdb_client *client;
	pdb_input *input;
	pdb_plan plan;
	pdb_progress progress;
	size_t in_flight;
	bool input_ended;
	bool stopping; /* what is on its way is waited for, nothing more is sent */
	pdb_exit code;
	int64_t noted; /* when the state was written last */
	uint64_t stored;
	uint64_t replayed;
	uint64_t skipped;
} import_run;

static void fail(import_run *run, pdb_exit code, const char *text)
{
	pdb_progress_end(&run->progress);
	pdb_complain("%s", text);
	run->stopping = true;
	run->code = code;
}

/* -- reading ---------------------------------------------------------------------------------- */

static pdb_status add_line(import_run *run, pdb_slice text, uint64_t offset, pdb_err *err)
{
	uint64_t number = pdb_input_line_number(run->input);
	pdb_plan_thread *thread = NULL;
	pdb_line line;
	pdb_status status = pdb_line_read(&line, text, err);

	if (status == PDB_OK) {
		thread = pdb_plan_thread_get(&run->plan, line.thread);
	}
	if (status == PDB_OK && thread == NULL) {
		status = pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for another thread");
	}
	if (status != PDB_OK) {
		return status;
	}
	thread->ordinal++;
	if (offset < run->skip_to || line.deleted) {
		run->skipped += line.deleted;
		return PDB_OK;
	}
	if (line.id[0] == '\0') {
		pdb_line_derive_id(&line, thread->ordinal, text);
	}
	return pdb_plan_add(&run->plan, thread, &line, offset, number, err);
}

static bool is_blank(pdb_slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != ' ' && text.ptr[i] != '\t') {
			return false;
		}
	}
	return true;
}

static void fill(import_run *run)
{
	pdb_status status = PDB_OK;
	pdb_err err = {0};

	while (!run->input_ended && !run->stopping && run->plan.bytes < WINDOW_BYTES &&
	       run->plan.messages < WINDOW_MESSAGES) {
		uint64_t offset = pdb_input_offset(run->input);
		pdb_slice text;

		status = pdb_input_line(run->input, &text, &err);
		if (status == PDB_ESTOP) {
			run->input_ended = true;
			return;
		}
		if (status == PDB_OK && !is_blank(text)) {
			status = add_line(run, text, offset, &err);
		}
		if (status != PDB_OK) {
			(void)pdb_err_wrap(&err, "%s:%llu", run->path,
					   (unsigned long long)pdb_input_line_number(run->input));
			fail(run, PDB_EXIT_USAGE, err.text);
		}
	}
}

/* -- sending ---------------------------------------------------------------------------------- */

static bool send_one(import_run *run, pdb_call *call)
{
	pdb_batch *batch = pdb_plan_take(&run->plan, pdb_clock_monotonic());
	pdb_err err = {0};
	pdb_buf path = {0};
	pdb_status status;

	if (batch == NULL) {
		return false;
	}
	call->user = batch;
	pdb_buf_add_text(&path, "/v1/threads/");
	pdb_percent_encode(&path, pdb_slice_text(batch->thread->name));
	pdb_buf_add_text(&path, "/messages:batch");
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
		fail(run, PDB_EXIT_USAGE, err.text);
	} else {
		run->in_flight++;
	}
	pdb_buf_fini(&path);
	return status == PDB_OK;
}

static void send_all(import_run *run)
{
	pdb_call *call;

	while (!run->stopping && (call = pdb_client_idle(run->client)) != NULL) {
		if (!send_one(run, call)) {
			return;
		}
	}
}

/* The line that the answer complains of, or the first one of the batch. */
static uint64_t line_of(const pdb_call *call, const pdb_batch *batch)
{
	static const char before[] = "/messages/";
	char field[256];
	uint64_t index = 0;

	pdb_call_error_member(call, "field", field, sizeof(field));
	if (strncmp(field, before, sizeof(before) - 1) == 0) {
		const char *digits = field + sizeof(before) - 1;

		(void)pdb_text_to_uint(pdb_slice_of(digits, strcspn(digits, "/")), &index);
	}
	return pdb_batch_line(batch, index < batch->count ? (size_t)index : 0);
}

static void refused(import_run *run, const pdb_call *call, const pdb_batch *batch)
{
	char reason[1024];
	char text[1536];

	pdb_call_explain(call, reason, sizeof(reason));
	(void)snprintf(text, sizeof(text), "%s:%llu (thread %s, %zu messages): %s", run->path,
		       (unsigned long long)line_of(call, batch), batch->thread->name, batch->count,
		       reason);
	fail(run, PDB_EXIT_NO, text);
}

static void try_again(import_run *run, const pdb_call *call, pdb_batch *batch)
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
		fail(run, PDB_EXIT_UNREACHABLE, reason);
	}
}

static void settle(import_run *run, pdb_call *call)
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

/* -- noting how far it is -----------------------------------------------------------------------
 */

static void note(import_run *run, bool now)
{
	int64_t clock = pdb_clock_monotonic();
	pdb_err err = {0};

	if (run->state_path[0] == '\0' || (!now && clock - run->noted < PDB_NS_PER_SECOND)) {
		return;
	}
	run->noted = clock;
	run->state.offset = pdb_plan_confirmed(&run->plan, pdb_input_offset(run->input));
	run->state.count += run->stored;
	if (run->state.offset < run->skip_to) {
		run->state.offset = run->skip_to;
	}
	if (pdb_state_write(&run->state, run->state_path, &err) != PDB_OK) {
		pdb_progress_end(&run->progress);
		pdb_complain("%s: an interrupted import will begin anew (nothing is stored twice); "
			     "name a better place with --state",
			     err.text);
		run->state_path[0] = '\0';
	}
	run->state.count -= run->stored;
}

static bool prepare_state(import_run *run, const pdb_globals *globals)
{
	const import_settings *settings = run->settings;
	char what[sizeof(run->state.what)];
	pdb_status status = PDB_ENOTFOUND;
	pdb_err err = {0};
	int len = 0;

	if (settings->state != NULL) {
		len = snprintf(run->state_path, sizeof(run->state_path), "%s", settings->state);
	} else if (strcmp(run->path, "-") != 0) {
		len = snprintf(run->state_path, sizeof(run->state_path), "%s.import-state",
			       run->path);
	}
	if (len < 0 || (size_t)len >= sizeof(run->state_path)) {
		pdb_complain("the path of the state file is too long");
		return false;
	}
	(void)snprintf(what, sizeof(what), "import of %s to %s", run->path, globals->url);
	if (len > 0 && !settings->restart) {
		status = pdb_state_read(&run->state, run->state_path, what, &err);
	}
	if (status != PDB_OK && status != PDB_ENOTFOUND) {
		pdb_complain("%s", err.text);
		return false;
	}
	run->skip_to = run->state.offset;
	(void)snprintf(run->state.what, sizeof(run->state.what), "%s", what);
	return true;
}

/* -- the whole -------------------------------------------------------------------------------- */

static bool more_to_do(const import_run *run)
{
	if (run->stopping) {
		return run->in_flight > 0;
	}
	return run->in_flight > 0 || run->plan.first != NULL || !run->input_ended;
}

/* Bytes of the file, packed or not, whose lines are stored: of those read, the share of the text
 * that is confirmed. */
static uint64_t stored_bytes(const import_run *run)
{
	uint64_t read = pdb_input_offset(run->input);
	uint64_t confirmed = pdb_plan_confirmed(&run->plan, read);
	double share = read > 0 ? (double)confirmed / (double)read : 0;

	return (uint64_t)((double)pdb_input_raw_done(run->input) * share);
}

static void turn(import_run *run)
{
	pdb_call *call;

	fill(run);
	send_all(run);
	call = pdb_client_finished(run->client, run->plan.first != NULL ? 50 : 0);
	while (call != NULL) {
		settle(run, call);
		call = pdb_client_finished(run->client, 0);
	}
	pdb_progress_show(&run->progress, stored_bytes(run), pdb_input_raw_total(run->input),
			  run->state.count + run->stored);
	note(run, false);
	if (pdb_interrupted() && !run->stopping) {
		fail(run, PDB_EXIT_INTERRUPTED, "interrupted; the same command goes on from here");
	}
}

static void summarise(import_run *run, const pdb_globals *globals)
{
	pdb_progress_end(&run->progress);
	if (!globals->quiet) {
		(void)fprintf(
			stderr,
			"imported %llu messages in %zu threads (%llu replayed, %llu deleted ones "
			"left out) in %.1f s\n",
			(unsigned long long)run->stored, run->plan.thread_count,
			(unsigned long long)run->replayed, (unsigned long long)run->skipped,
			pdb_progress_seconds(&run->progress));
	}
}

static pdb_status open_all(import_run *run, const pdb_globals *globals, pdb_err *err)
{
	pdb_status status = pdb_input_open(&run->input, run->path, err);

	if (status == PDB_OK) {
		status = pdb_client_create(&run->client, globals, run->settings->connections, err);
	}
	return status;
}

static pdb_exit import_all(import_run *run, const pdb_globals *globals)
{
	pdb_err err = {0};

	if (!prepare_state(run, globals)) {
		return PDB_EXIT_USAGE;
	}
	if (open_all(run, globals, &err) != PDB_OK) {
		pdb_complain("%s", err.text);
		return PDB_EXIT_USAGE;
	}
	(void)pdb_interrupted();
	pdb_progress_show(&run->progress, 0, 0, run->state.count);
	while (more_to_do(run)) {
		turn(run);
	}
	if (run->code == PDB_EXIT_OK && run->state_path[0] != '\0') {
		/* A complete import leaves none, so that the next one is not skipped. */
		pdb_state_remove(run->state_path);
	} else {
		note(run, true);
	}
	summarise(run, globals);
	return run->code;
}

static pdb_exit import_run_all(const pdb_globals *globals, const void *settings,
			       char *const *operands)
{
	const import_settings *chosen = settings;
	import_run *run = pdb_mem_zalloc(sizeof(*run));
	pdb_exit code;

	if (run == NULL) {
		pdb_complain("no memory");
		return PDB_EXIT_USAGE;
	}
	run->settings = chosen;
	run->path = operands[0];
	run->plan.batch_messages = chosen->batch;
	run->plan.batch_bytes = chosen->batch_bytes;
	run->progress.quiet = globals->quiet;
	run->progress.verb = "imported";
	run->progress.unit = "bytes";
	code = import_all(run, globals);
	/* The client first: it borrows the batches. */
	pdb_client_destroy(&run->client);
	pdb_plan_fini(&run->plan);
	pdb_input_close(&run->input);
	pdb_mem_free(run);
	return code;
}

const pdb_command pdb_command_import = {
	.name = "import",
	.summary = "load messages from a file of NDJSON",
	.operands = "FILE|-",
	.least = 1,
	.most = 1,
	.args = import_args,
	.settings_size = sizeof(import_settings),
	.text = "Loads messages, one JSON object on a line:\n"
		"  {\"thread\", \"author\", \"role\"?, \"ts\"?, \"body\", \"id\"?, \"reply_to\"?}\n"
		"The file may be compressed with zstd. Bodies are sent byte for byte. The messages "
		"of\n"
		"a thread keep their order. A message without id gets one made of its place and "
		"its\n"
		"bytes, so that importing a file again stores nothing twice. An interrupted import "
		"is\n"
		"taken up where it was by the same command. The key must be a backend or admin "
		"key.",
	.examples = "  pdbctl import --key-file admin.key chats.ndjson.zst\n"
		    "  zcat old.ndjson.gz | pdbctl import --state old.state -\n",
	.run = import_run_all,
};
