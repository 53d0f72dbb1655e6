/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl jobs: what jobs a server has, and one of them until it ends. */
#include <stdio.h>

#include "base/json.h"
#include "tools/job.h"

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

/* -- all of them ------------------------------------------------------------------------------- */

static void print_job(const pdb_job_report *one)
{
	char amount[64];

	if (one->total > 0) {
		(void)snprintf(amount, sizeof(amount), "%llu of %llu",
			       (unsigned long long)one->done, (unsigned long long)one->total);
	} else {
		(void)snprintf(amount, sizeof(amount), "%llu", (unsigned long long)one->done);
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
	pdb_exit code = pdb_job_ask(client, "/admin/jobs", chosen->retry, &call);

	if (code != PDB_EXIT_OK) {
		return code;
	}
	if (pdb_json_check(pdb_buf_slice(&call->answer), &jobs, NULL) != PDB_OK ||
	    !pdb_json_member(jobs, "jobs", &jobs)) {
		pdb_complain("the server's answer is not a list of jobs");
		return PDB_EXIT_NO;
	}
	while (pdb_json_next(jobs, &cursor, &key, &entry)) {
		pdb_job_report one;

		pdb_job_report_read(entry, &one);
		print_job(&one);
	}
	return PDB_EXIT_OK;
}

/* -- one of them ------------------------------------------------------------------------------- */

static pdb_exit show(pdb_client *client, const pdb_globals *globals, const jobs_settings *chosen,
		     const char *id)
{
	pdb_progress progress = {.quiet = globals->quiet, .verb = "did", .unit = "units"};
	pdb_job_report job;
	pdb_exit code =
		pdb_job_follow(client, id, chosen->retry, chosen->wait ? &progress : NULL, &job);

	if (code != PDB_EXIT_OK) {
		return code;
	}
	print_job(&job);
	if (job.result[0] != '\0') {
		(void)printf("%s\n", job.result);
	}
	return pdb_job_verdict(&job);
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
				   : show(client, globals, chosen, operands[0]);
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
