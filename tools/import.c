/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl import: loads conversations through the API. */
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tools/import_private.h"

static const pdb_arg import_args[] = {
	{"connections", 'c', PDB_ARG_UINT, offsetof(pdb_import_settings, connections), "N", "8", 1,
	 NULL, "requests at once, each of another thread"},
	{"batch", 'b', PDB_ARG_UINT, offsetof(pdb_import_settings, batch), "N", "500", 1, NULL,
	 "messages in a request, at most"},
	{"batch-bytes", 0, PDB_ARG_UINT, offsetof(pdb_import_settings, batch_bytes), "N", "262144",
	 1, NULL, "bytes in a request, at most, unless one message is larger"},
	{"retry", 0, PDB_ARG_UINT, offsetof(pdb_import_settings, retry), "SECONDS", "60", 0, NULL,
	 "how long to try while the server is busy or away"},
	{"state", 0, PDB_ARG_TEXT, offsetof(pdb_import_settings, state), "FILE", NULL, 0, NULL,
	 "where to note how far it is; <input>.import-state when not given"},
	{"restart", 0, PDB_ARG_FLAG, offsetof(pdb_import_settings, restart), NULL, NULL, 0, NULL,
	 "begin anew, whatever the state file says"},
	{0},
};

/* -- noting how far it is --------------------------------------------------------------- */

static void note(pdb_import *run, bool now)
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

static bool prepare_state(pdb_import *run, const pdb_globals *globals)
{
	const pdb_import_settings *settings = run->settings;
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

static bool more_to_do(const pdb_import *run)
{
	if (run->stopping) {
		return run->in_flight > 0;
	}
	return run->in_flight > 0 || run->plan.first != NULL || !run->input_ended;
}

/* Bytes of the file, packed or not, whose lines are stored: of those read, the share of the text
 * that is confirmed. */
static uint64_t stored_bytes(const pdb_import *run)
{
	uint64_t read = pdb_input_offset(run->input);
	uint64_t confirmed = pdb_plan_confirmed(&run->plan, read);
	double share = read > 0 ? (double)confirmed / (double)read : 0;

	return (uint64_t)((double)pdb_input_raw_done(run->input) * share);
}

static void turn(pdb_import *run)
{
	pdb_call *call;

	pdb__import_fill(run);
	pdb__import_send(run);
	call = pdb_client_finished(run->client, run->plan.first != NULL ? 50 : 0);
	while (call != NULL) {
		pdb__import_settle(run, call);
		call = pdb_client_finished(run->client, 0);
	}
	pdb_progress_show(&run->progress, stored_bytes(run), pdb_input_raw_total(run->input),
			  run->state.count + run->stored);
	note(run, false);
	if (pdb_interrupted() && !run->stopping) {
		pdb__import_fail(run, PDB_EXIT_INTERRUPTED,
				 "interrupted; the same command goes on from here");
	}
}

static void summarise(pdb_import *run, const pdb_globals *globals)
{
	pdb_progress_end(&run->progress);
	if (!globals->quiet) {
		(void)fprintf(stderr,
			      "imported %llu %s in %zu threads (%llu replayed, %llu deleted ones "
			      "left out) in %.1f s\n",
			      (unsigned long long)run->stored, run->full ? "lines" : "messages",
			      run->plan.thread_count, (unsigned long long)run->replayed,
			      (unsigned long long)run->skipped,
			      pdb_progress_seconds(&run->progress));
	}
}

static pdb_status open_all(pdb_import *run, const pdb_globals *globals, pdb_err *err)
{
	pdb_status status = pdb_input_open(&run->input, run->path, err);

	if (status == PDB_OK) {
		status = pdb_client_create(&run->client, globals, run->settings->connections, err);
	}
	return status;
}

static pdb_exit import_all(pdb_import *run, const pdb_globals *globals)
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
	const pdb_import_settings *chosen = settings;
	pdb_import *run = pdb_mem_zalloc(sizeof(*run));
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
	pdb_buf_fini(&run->line.json);
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
	.settings_size = sizeof(pdb_import_settings),
	.text = "Loads messages, one JSON object on a line:\n"
		"  {\"thread\", \"author\", \"role\"?, \"ts\"?, \"body\", \"id\"?, \"reply_to\"?}\n"
		"The file may be compressed with zstd. Bodies are sent byte for byte. The messages "
		"of\n"
		"a thread keep their order. A message without id gets one made of its place and "
		"its\n"
		"bytes, so that importing a file again stores nothing twice. An interrupted import "
		"is\n"
		"taken up where it was by the same command. The key must be a backend or admin "
		"key.\n"
		"A file of \"pdbctl export --full\" is put back exactly, every version of it; that "
		"needs\n"
		"an admin key. A thread that the server has with other content is refused.",
	.examples = "  pdbctl import --key-file admin.key chats.ndjson.zst\n"
		    "  pdbctl import --key-file admin.key everything.ndjson\n"
		    "  zcat old.ndjson.gz | pdbctl import --state old.state -\n",
	.run = import_run_all,
};
