/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl export: writes conversations as NDJSON. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/export_private.h"

static const pdb_arg export_args[] = {
	{"thread", 't', PDB_ARG_LIST, offsetof(pdb_export_settings, threads), "ID", NULL, 0, NULL,
	 "only this thread; may be given several times"},
	{"output", 'o', PDB_ARG_TEXT, offsetof(pdb_export_settings, output), "FILE", "-", 0, NULL,
	 "where to write; - is standard output"},
	{"include-deleted", 0, PDB_ARG_FLAG, offsetof(pdb_export_settings, with_deleted), NULL,
	 NULL, 0, NULL, "tombstones of deleted messages, and deleted threads, too"},
	{"full", 0, PDB_ARG_FLAG, offsetof(pdb_export_settings, full), NULL, NULL, 0, NULL,
	 "all there is: threads, every version, reactions, what is deleted, times"},
	{"page", 0, PDB_ARG_UINT, offsetof(pdb_export_settings, page), "N", "500", 1, NULL,
	 "messages in a request, at most; 1,000 with --full"},
	{"retry", 0, PDB_ARG_UINT, offsetof(pdb_export_settings, retry), "SECONDS", "60", 0, NULL,
	 "how long to try while the server is busy or away"},
	{"state", 0, PDB_ARG_TEXT, offsetof(pdb_export_settings, state), "FILE", NULL, 0, NULL,
	 "where to note how far it is; <output>.export-state when not given"},
	{"restart", 0, PDB_ARG_FLAG, offsetof(pdb_export_settings, restart), NULL, NULL, 0, NULL,
	 "begin anew, whatever the state file says"},
	{0},
};

static pdb_status export_threads(pdb_export *run, pdb_err *err)
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
		status = run->settings->full ? pdb__export_thread_full(run, thread, err)
					     : pdb__export_thread(run, thread, err);
		if (status == PDB_ENOTFOUND && run->settings->threads.count == 0) {
			run->gone++;
			status = PDB_OK;
		}
		pdb_progress_show(&run->progress, i + 1, run->threads.count, run->state.count);
	}
	return status;
}

static pdb_status read_state(pdb_export *run, pdb_err *err)
{
	const pdb_export_settings *settings = run->settings;
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
	(void)snprintf(what, sizeof(what), "export from %s to %s%s%s%s", run->globals->url,
		       settings->output, settings->full ? ", full" : "",
		       settings->with_deleted ? ", with deleted" : "",
		       settings->threads.count > 0 ? ", some threads" : "");
	if (!settings->restart) {
		status = pdb_state_read(&run->state, run->state_path, what, err);
	}
	(void)snprintf(run->state.what, sizeof(run->state.what), "%s", what);
	return status == PDB_ENOTFOUND ? PDB_OK : status;
}

/* Opens the output and cuts off what was written after the state was noted. */
static pdb_status open_output(pdb_export *run, pdb_err *err)
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

static pdb_status export_all(pdb_export *run, pdb_err *err)
{
	pdb_status status = read_state(run, err);

	if (status == PDB_OK) {
		status = open_output(run, err);
	}
	if (status == PDB_OK && run->settings->full) {
		status = pdb__export_head(run, err);
	}
	if (status == PDB_OK) {
		status = pdb_client_create(&run->client, run->globals, 1, err);
	}
	if (status == PDB_OK) {
		pdb_progress_show(&run->progress, 0, 0, run->state.count);
		status = pdb__export_list(run, err);
	}
	if (status == PDB_OK) {
		status = export_threads(run, err);
	}
	if (status == PDB_OK && run->settings->full) {
		status = pdb__export_end(run, err);
	}
	return status;
}

/* What was written is kept, whatever came: the state says how much of it counts. */
static pdb_status close_output(pdb_export *run, pdb_status status, pdb_err *err)
{
	pdb_err second = {0};
	pdb_status kept = PDB_OK;

	if (run->out == NULL) {
		return status;
	}
	if (run->state.count > 0 || status == PDB_OK) {
		kept = pdb__export_note(run, true, &second);
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

static void summarise(pdb_export *run)
{
	pdb_progress_end(&run->progress);
	if (!run->globals->quiet && run->progress.started != 0) {
		(void)fprintf(stderr,
			      "exported %llu %s in %zu threads (%llu deleted meanwhile) in "
			      "%.1f s\n",
			      (unsigned long long)run->state.count,
			      run->settings->full ? "lines" : "messages", run->threads.count,
			      (unsigned long long)run->gone, pdb_progress_seconds(&run->progress));
	}
}

static pdb_exit export_run_all(const pdb_globals *globals, const void *settings,
			       char *const *operands)
{
	pdb_export run = {.settings = settings, .globals = globals};
	pdb_err err = {0};
	pdb_status status;

	(void)operands;
	(void)pdb_interrupted();
	run.progress.quiet = globals->quiet;
	run.progress.verb = "exported";
	run.progress.unit = "threads";
	run.progress.item = run.settings->full ? "lines" : "messages";
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
	.settings_size = sizeof(pdb_export_settings),
	.text = "Writes messages, one JSON object on a line, thread by thread, each in its order. "
		"A\n"
		"body is the bytes that were stored; line ends between its tokens become spaces. "
		"With\n"
		"an admin key and no --thread: all threads. An interrupted export to a file is "
		"taken\n"
		"up where it was by the same command. What it writes, \"pdbctl import\" reads.\n"
		"With --full it writes everything, to be put back exactly: ids, seq, all versions "
		"with\n"
		"their times, reactions, what is deleted, and the threads themselves. That needs "
		"an\n"
		"admin key.",
	.examples = "  pdbctl export --key-file admin.key -o chats.ndjson\n"
		    "  pdbctl export --key-file admin.key --full -o everything.ndjson\n"
		    "  pdbctl export --key-file admin.key --thread thread-1 | jq .body\n",
	.run = export_run_all,
};
