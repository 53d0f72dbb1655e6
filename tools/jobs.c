/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl jobs: what jobs a server has, and one of them until it ends. */
#include <stdio.h>
#include <time.h>

#include "base/json.h"
#include "base/text.h"
#include "tools/client.h"
#include "tools/progress.h"

typedef struct jobs_settings {
	bool wait;
	uint64_t retry;
} jobs_settings;

static const pdb_arg jobs_args[] = {
	{"wait", 'w', PDB_ARG_FLAG, offsetof(jobs_settings, wait), NULL, NULL, 0, NULL,
	 "stay until the job has ended"},
	{"retry", 0, PDB_ARG_UINT, offsetof(jobs_settings, retry), "SECONDS", "30", 0, NULL,
	 "how long to go on while the server is busy or away"},
	{0},
};

typedef struct job {
	char id[64];
	char name[64];
	char state[16];
	char error[512];
	char result[2048];
	int64_t done;
	int64_t total;
} job;

static void read_text(pdb_slice object, const char *name, char *out, size_t size)
{
	pdb_slice value;
	char text[4096] = "";
	size_t len = 0;

	if (pdb_json_member(object, name, &value) && value.len > 1 && value.len < sizeof(text)) {
		len = pdb_json_unescape(value, text);
	}
	(void)snprintf(out, size, "%.*s", (int)len, text);
	for (char *at = out; *at != '\0'; at++) {
		/* what a terminal would take for orders */
		if ((unsigned char)*at < ' ' || *at == 0x7f) {
			*at = '?';
		}
	}
}

static int64_t read_number(pdb_slice object, const char *name)
{
	pdb_slice value;
	int64_t number = 0;

	return pdb_json_member(object, name, &value) && pdb_json_to_int(value, &number) ? number
											: 0;
}

static void read_job(pdb_slice object, job *out)
{
	pdb_slice result;

	*out = (job){.done = read_number(object, "done"), .total = read_number(object, "total")};
	read_text(object, "id", out->id, sizeof(out->id));
	read_text(object, "name", out->name, sizeof(out->name));
	read_text(object, "state", out->state, sizeof(out->state));
	read_text(object, "error", out->error, sizeof(out->error));
	if (pdb_json_member(object, "result", &result) && result.len < sizeof(out->result)) {
		(void)snprintf(out->result, sizeof(out->result), "%.*s", PDB_SLICE_ARGS(result));
	}
}

/* One GET; PDB_EXIT_OK when it was answered with 200. */
static pdb_exit ask(pdb_client *client, const char *path, uint64_t retry, pdb_call **call_out)
{
	char reason[1024];
	pdb_err err = {0};

	if (pdb_client_get(client, path, retry, call_out, &err) != PDB_OK) {
		pdb_complain("%s", err.text);
		return pdb_interrupted() ? PDB_EXIT_INTERRUPTED : PDB_EXIT_UNREACHABLE;
	}
	if ((*call_out)->status != 200) {
		pdb_call_explain(*call_out, reason, sizeof(reason));
		pdb_complain("%s", reason);
		return PDB_EXIT_NO;
	}
	return PDB_EXIT_OK;
}

/* -- all of them ------------------------------------------------------------------------------- */

static void print_job(const job *one)
{
	char amount[64];

	if (one->total > 0) {
		(void)snprintf(amount, sizeof(amount), "%lld of %lld", (long long)one->done,
			       (long long)one->total);
	} else {
		(void)snprintf(amount, sizeof(amount), "%lld", (long long)one->done);
	}
	(void)printf("%-30s %-16s %-10s %s%s%s\n", one->id, one->name, one->state, amount,
		     one->error[0] != '\0' ? "  " : "", one->error);
}

static pdb_exit list(pdb_client *client, const jobs_settings *chosen)
{
	pdb_call *call = NULL;
	pdb_slice jobs;
	pdb_slice key;
	pdb_slice entry;
	size_t cursor = 0;
	pdb_exit code = ask(client, "/admin/jobs", chosen->retry, &call);

	if (code != PDB_EXIT_OK) {
		return code;
	}
	if (pdb_json_check(pdb_buf_slice(&call->answer), &jobs, NULL) != PDB_OK ||
	    !pdb_json_member(jobs, "jobs", &jobs)) {
		pdb_complain("the server's answer is not a list of jobs");
		return PDB_EXIT_NO;
	}
	while (pdb_json_next(jobs, &cursor, &key, &entry)) {
		job one;

		read_job(entry, &one);
		print_job(&one);
	}
	return PDB_EXIT_OK;
}

/* -- one of them ------------------------------------------------------------------------------- */

static pdb_exit look(pdb_client *client, const char *path, uint64_t retry, job *out)
{
	pdb_call *call = NULL;
	pdb_slice object;
	pdb_exit code = ask(client, path, retry, &call);

	if (code == PDB_EXIT_OK &&
	    pdb_json_check(pdb_buf_slice(&call->answer), &object, NULL) != PDB_OK) {
		pdb_complain("the server's answer is not a job");
		return PDB_EXIT_NO;
	}
	if (code == PDB_EXIT_OK) {
		read_job(object, out);
	}
	return code;
}

static bool goes_on(const job *one)
{
	return strcmp(one->state, "queued") == 0 || strcmp(one->state, "running") == 0;
}

static void pause_a_little(void)
{
	const struct timespec little = {.tv_nsec = 200000000};

	(void)nanosleep(&little, NULL);
}

static pdb_exit verdict(const job *one)
{
	print_job(one);
	if (one->result[0] != '\0') {
		(void)printf("%s\n", one->result);
	}
	return strcmp(one->state, "failed") == 0 || strcmp(one->state, "cancelled") == 0
		       ? PDB_EXIT_NO
		       : PDB_EXIT_OK;
}

static pdb_exit follow(pdb_client *client, const pdb_globals *globals, const jobs_settings *chosen,
		       const char *id)
{
	pdb_progress progress = {.quiet = globals->quiet, .verb = "did", .unit = "units"};
	uint8_t text[512];
	pdb_buf path = {.data = text, .cap = sizeof(text)};
	job one = {0};
	pdb_exit code;

	if (3 * strlen(id) + 32 > sizeof(text)) {
		pdb_complain("that is not the id of a job");
		return PDB_EXIT_USAGE;
	}
	pdb_buf_add_text(&path, "/admin/jobs/");
	pdb_percent_encode(&path, pdb_slice_text(id));
	pdb_buf_add_byte(&path, '\0');
	code = look(client, (const char *)path.data, chosen->retry, &one);
	while (code == PDB_EXIT_OK && chosen->wait && goes_on(&one)) {
		pdb_progress_show(&progress, (uint64_t)one.done, (uint64_t)one.total,
				  (uint64_t)one.done);
		pause_a_little();
		code = pdb_interrupted()
			       ? PDB_EXIT_INTERRUPTED
			       : look(client, (const char *)path.data, chosen->retry, &one);
	}
	pdb_progress_end(&progress);
	return code == PDB_EXIT_OK ? verdict(&one) : code;
}

static pdb_exit jobs_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	const jobs_settings *chosen = settings;
	pdb_client *client = NULL;
	pdb_err err = {0};
	pdb_exit code;

	(void)pdb_interrupted();
	if (pdb_client_create(&client, globals, 1, &err) != PDB_OK) {
		pdb_complain("%s", err.text);
		return PDB_EXIT_USAGE;
	}
	code = operands[0] == NULL ? list(client, chosen)
				   : follow(client, globals, chosen, operands[0]);
	pdb_client_destroy(&client);
	return code;
}

const pdb_command pdb_command_jobs = {
	.name = "jobs",
	.summary = "show the jobs of a server, or one until it ends",
	.operands = "[JOB]",
	.most = 1,
	.args = jobs_args,
	.settings_size = sizeof(jobs_settings),
	.text = "Lists jobs: those that run of themselves, then submitted ones from the oldest "
		"on.\n"
		"With a JOB, its state and its result; with --wait, its progress until it ends.\n"
		"Needs an admin key. Exit status: 0 done; 1 refused, failed or cancelled;\n"
		"3 not reached.",
	.examples = "  pdbctl jobs --key-file admin.key\n"
		    "  pdbctl jobs --key-file admin.key --wait job-18eb73ecd9ad25bc8d87b2ae\n",
	.run = jobs_run,
};
