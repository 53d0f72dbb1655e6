/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl export: writes conversations as NDJSON. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "tools/client.h"
#include "tools/names.h"
#include "tools/progress.h"
#include "tools/state.h"

/* Pages wrap messages, which may each be as deep and as rich as the API lets them. */
#define PAGE_DEPTH_MAX (PDB_JSON_DEPTH_MAX + 8)
#define PAGE_NODES_MAX UINT32_MAX

typedef struct export_settings {
	pdb_arg_list threads;
	const char *output;
	const char *state;
	uint64_t page;
	uint64_t retry;
	bool with_deleted;
	bool restart;
} export_settings;

static const pdb_arg export_args[] = {
	{"thread", 't', PDB_ARG_LIST, offsetof(export_settings, threads), "ID", NULL, 0, NULL,
	 "only this thread; may be given several times"},
	{"output", 'o', PDB_ARG_TEXT, offsetof(export_settings, output), "FILE", "-", 0, NULL,
	 "where to write; - is standard output"},
	{"include-deleted", 0, PDB_ARG_FLAG, offsetof(export_settings, with_deleted), NULL, NULL, 0,
	 NULL, "tombstones of deleted messages, and deleted threads, too"},
	{"page", 0, PDB_ARG_UINT, offsetof(export_settings, page), "N", "500", 1, NULL,
	 "messages in a request, at most"},
	{"retry", 0, PDB_ARG_UINT, offsetof(export_settings, retry), "SECONDS", "60", 0, NULL,
	 "how long to try while the server is busy or away"},
	{"state", 0, PDB_ARG_TEXT, offsetof(export_settings, state), "FILE", NULL, 0, NULL,
	 "where to note how far it is; <output>.export-state when not given"},
	{"restart", 0, PDB_ARG_FLAG, offsetof(export_settings, restart), NULL, NULL, 0, NULL,
	 "begin anew, whatever the state file says"},
	{0},
};

typedef struct export_run {
	const export_settings *settings;
	const pdb_globals *globals;
	pdb_client *client;
	pdb_names threads;
	FILE *out;
	char state_path[4096]; /* "" = nothing is noted */
	pdb_state state;       /* offset, count, thread and seq are where we are */
	pdb_progress progress;
	int64_t noted;
	uint64_t gone; /* threads deleted since they were listed */
} export_run;

/* -- asking ----------------------------------------------------------------------------------- */

/* Gets `path` (and frees it) and judges the answer. PDB_ENOTFOUND for 404, PDB_EDENIED for another
 * refusal, PDB_EUNAVAILABLE without an answer. */
static pdb_status get(export_run *run, pdb_buf *path, pdb_slice *object_out, pdb_err *err)
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

/* A string member, decoded; false when absent or longer than `size` allows. */
static bool text_member(pdb_slice object, const char *name, char *out, size_t size)
{
	pdb_slice value;

	if (!pdb_json_member(object, name, &value) || pdb_json_type_of(value) != PDB_JSON_STRING ||
	    value.len > size) {
		return false;
	}
	out[pdb_json_unescape(value, out)] = '\0';
	return true;
}

/* -- which threads ---------------------------------------------------------------------------- */

static pdb_status add_threads(export_run *run, pdb_slice page, pdb_err *err)
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

		if (text_member(thread, "id", id, sizeof(id))) {
			status = pdb_names_add(&run->threads, id, err);
		}
	}
	return status;
}

/* One walk through the list of all threads. */
static pdb_status walk_threads(export_run *run, pdb_err *err)
{
	char next[1024] = "";
	pdb_status status;

	do {
		pdb_buf path = {0};
		pdb_slice page = {0};
		pdb_slice pagination = {0};

		pdb_buf_add_text(&path, "/v1/threads?limit=1000");
		if (run->settings->with_deleted) {
			pdb_buf_add_text(&path, "&include_deleted=true");
		}
		if (next[0] != '\0') {
			pdb_buf_add_text(&path, "&cursor=");
			pdb_percent_encode(&path, pdb_slice_text(next));
		}
		next[0] = '\0';
		status = get(run, &path, &page, err);
		if (status == PDB_OK) {
			status = add_threads(run, page, err);
		}
		if (status == PDB_OK && pdb_json_member(page, "pagination", &pagination) &&
		    pdb_json_type_of(pagination) == PDB_JSON_OBJECT) {
			(void)text_member(pagination, "cursor", next, sizeof(next));
		}
	} while (status == PDB_OK && next[0] != '\0');
	return status;
}

/* The list moves while it is read: a thread that is written to jumps to its head, behind our back.
 * Walk again until a walk finds nothing new. */
static pdb_status list_threads(export_run *run, pdb_err *err)
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

/* -- noting how far it is -----------------------------------------------------------------------
 */

static pdb_status note(export_run *run, bool now, pdb_err *err)
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

/* -- writing ---------------------------------------------------------------------------------- */

/* The object as it came, on one line: a line end can only stand between two tokens. */
static pdb_status write_line(export_run *run, pdb_slice object, pdb_err *err)
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

static pdb_status write_page(export_run *run, pdb_slice page, bool *more_out, pdb_err *err)
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

		status = write_line(run, value, err);
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

/* Writes the messages of a thread behind state.seq. */
static pdb_status export_thread(export_run *run, const char *thread, pdb_err *err)
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
		status = get(run, &path, &page, err);
		if (status == PDB_OK) {
			status = write_page(run, page, &more, err);
		}
		if (status == PDB_OK) {
			status = note(run, false, err);
		}
		if (status == PDB_OK && pdb_interrupted()) {
			status = pdb_err_set(err, PDB_ESTOP, NULL, "interrupted");
		}
	}
	return status;
}

static pdb_status export_threads(export_run *run, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < run->threads.count && status == PDB_OK; i++) {
		const char *thread = run->threads.items[i];
		int order = strcmp(thread, run->state.thread);

		/* A run before wrote the threads below that of the state. */
		if (order < 0) {
			continue;
		}
		run->state.seq = order > 0 ? 0 : run->state.seq;
		status = export_thread(run, thread, err);
		if (status == PDB_ENOTFOUND && run->settings->threads.count == 0) {
			run->gone++;
			status = PDB_OK;
		}
		pdb_progress_show(&run->progress, i + 1, run->threads.count, run->state.count);
	}
	return status;
}

/* -- the whole -------------------------------------------------------------------------------- */

static pdb_status read_state(export_run *run, pdb_err *err)
{
	const export_settings *settings = run->settings;
	char what[sizeof(run->state.what)];
	pdb_status status = PDB_ENOTFOUND;
	int len;

	if (strcmp(settings->output, "-") == 0) {
		return PDB_OK;
	}
	len = settings->state != NULL
		      ? snprintf(run->state_path, sizeof(run->state_path), "%s", settings->state)
		      : snprintf(run->state_path, sizeof(run->state_path), "%s.export-state",
				 settings->output);
	if (len < 0 || (size_t)len >= sizeof(run->state_path)) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "the path of the state file is too long");
	}
	(void)snprintf(what, sizeof(what), "export from %s to %s", run->globals->url,
		       settings->output);
	if (!settings->restart) {
		status = pdb_state_read(&run->state, run->state_path, what, err);
	}
	(void)snprintf(run->state.what, sizeof(run->state.what), "%s", what);
	return status == PDB_ENOTFOUND ? PDB_OK : status;
}

/* Opens the output and cuts off what was written after the state was noted. */
static pdb_status open_output(export_run *run, pdb_err *err)
{
	const char *path = run->settings->output;
	struct stat about = {0};
	int fd;

	if (strcmp(path, "-") == 0) {
		run->out = stdout;
		return PDB_OK;
	}
	/* Conversations are private: nobody else may read a new file. */
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && fstat(fd, &about) == 0 && (uint64_t)about.st_size < run->state.offset) {
		(void)close(fd);
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "%s is shorter than %s says; use --restart to begin anew", path,
				   run->state_path);
	}
	if (fd < 0 || ftruncate(fd, (off_t)run->state.offset) != 0 || lseek(fd, 0, SEEK_END) < 0 ||
	    (run->out = fdopen(fd, "w")) == NULL) {
		pdb_status status = pdb_err_set(err, PDB_EINVAL, NULL, "%s cannot be written: %s",
						path, strerror(errno));

		if (fd >= 0) {
			(void)close(fd);
		}
		return status;
	}
	return PDB_OK;
}

static pdb_status export_all(export_run *run, pdb_err *err)
{
	pdb_status status = read_state(run, err);

	if (status == PDB_OK) {
		status = open_output(run, err);
	}
	if (status == PDB_OK) {
		status = pdb_client_create(&run->client, run->globals, 1, err);
	}
	if (status == PDB_OK) {
		pdb_progress_show(&run->progress, 0, 0, run->state.count);
		status = list_threads(run, err);
	}
	if (status == PDB_OK) {
		status = export_threads(run, err);
	}
	return status;
}

/* What was written is kept, whatever came: the state says how much of it counts. */
static pdb_status close_output(export_run *run, pdb_status status, pdb_err *err)
{
	pdb_err second = {0};
	pdb_status kept = PDB_OK;

	if (run->out == NULL) {
		return status;
	}
	if (run->state.count > 0 || status == PDB_OK) {
		kept = note(run, true, &second);
	}
	if ((run->out == stdout ? fflush(stdout) : fclose(run->out)) != 0 && kept == PDB_OK) {
		kept = pdb_err_set(&second, PDB_EBACKEND, NULL, "%s cannot be written: %s",
				   run->settings->output, strerror(errno));
	}
	if (status == PDB_OK && kept != PDB_OK) {
		*err = second;
		return kept;
	}
	if (status == PDB_OK && run->state_path[0] != '\0') {
		pdb_state_remove(run->state_path);
	}
	return status;
}

static pdb_exit code_of(pdb_status status)
{
	switch (status) {
	case PDB_OK:
		return PDB_EXIT_OK;
	case PDB_ESTOP:
		return PDB_EXIT_INTERRUPTED;
	case PDB_EUNAVAILABLE:
		return PDB_EXIT_UNREACHABLE;
	case PDB_EDENIED:
	case PDB_ENOTFOUND:
		return PDB_EXIT_NO;
	default:
		return PDB_EXIT_USAGE;
	}
}

static void summarise(export_run *run)
{
	pdb_progress_end(&run->progress);
	if (!run->globals->quiet && run->progress.started != 0) {
		(void)fprintf(stderr,
			      "exported %llu messages in %zu threads (%llu deleted meanwhile) in "
			      "%.1f s\n",
			      (unsigned long long)run->state.count, run->threads.count,
			      (unsigned long long)run->gone, pdb_progress_seconds(&run->progress));
	}
}

static pdb_exit export_run_all(const pdb_globals *globals, const void *settings,
			       char *const *operands)
{
	export_run run = {.settings = settings, .globals = globals};
	pdb_err err = {0};
	pdb_status status;

	(void)operands;
	(void)pdb_interrupted();
	run.progress.quiet = globals->quiet;
	run.progress.verb = "exported";
	run.progress.unit = "threads";
	status = export_all(&run, &err);
	status = close_output(&run, status, &err);
	summarise(&run);
	if (status != PDB_OK) {
		pdb_complain("%s", err.text);
	}
	pdb_client_destroy(&run.client);
	pdb_names_fini(&run.threads);
	return code_of(status);
}

const pdb_command pdb_command_export = {
	.name = "export",
	.summary = "write messages to a file of NDJSON",
	.operands = "",
	.args = export_args,
	.settings_size = sizeof(export_settings),
	.text = "Writes messages, one JSON object on a line, thread by thread, each in its order. "
		"A\n"
		"body is the bytes that were stored; line ends between its tokens become spaces. "
		"With\n"
		"an admin key and no --thread: all threads. An interrupted export to a file is "
		"taken\n"
		"up where it was by the same command. What it writes, \"pdbctl import\" reads.",
	.examples = "  pdbctl export --key-file admin.key -o chats.ndjson\n"
		    "  pdbctl export --key-file admin.key --thread thread-1 | jq .body\n",
	.run = export_run_all,
};
