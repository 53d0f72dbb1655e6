/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl backup: asks a server for a backup, and waits until it is complete. */
#include <stdio.h>

#include "base/json.h"
#include "tools/job.h"

typedef struct backup_settings {
	bool full;
	bool detach;
	uint64_t retry;
} backup_settings;

static const pdb_arg backup_args[] = {
	{"full", 0, PDB_ARG_FLAG, offsetof(backup_settings, full), NULL, NULL, 0, NULL,
	 "write every byte, also what an earlier set has"},
	{"detach", 0, PDB_ARG_FLAG, offsetof(backup_settings, detach), NULL, NULL, 0, NULL,
	 "print the job's id and do not wait for its end"},
	{"retry", 0, PDB_ARG_UINT, offsetof(backup_settings, retry), "SECONDS", "60", 0, NULL,
	 "how long to go on asking a server that does not answer"},
	{0},
};

static pdb_exit refused(const pdb_call *call)
{
	char reason[1024];

	if (call->status == 404) {
		pdb_complain("the server has no plugin backup");
		return PDB_EXIT_NO;
	}
	pdb_call_explain(call, reason, sizeof(reason));
	pdb_complain("%s", reason);
	return call->status == 0 ? PDB_EXIT_UNREACHABLE : PDB_EXIT_NO;
}

/* Asked once: whether a request that got no answer was taken cannot be known. */
static pdb_exit submit(pdb_client *client, bool full, pdb_job_report *job)
{
	pdb_slice body = full ? PDB_SLICE("{\"full\":true}") : PDB_SLICE("{}");
	pdb_call *call = pdb_client_idle(client);
	pdb_call *done = NULL;
	pdb_slice answer;
	pdb_err err = {0};

	if (pdb_client_start(client, call, "/admin/backup", body, &err) != PDB_OK) {
		pdb_complain("%s", err.text);
		return PDB_EXIT_UNREACHABLE;
	}
	while (done == NULL && !pdb_interrupted()) {
		done = pdb_client_finished(client, 200);
	}
	if (done == NULL) {
		return PDB_EXIT_INTERRUPTED;
	}
	if (done->status != 202) {
		return refused(done);
	}
	if (pdb_json_check(pdb_buf_slice(&done->answer), &answer, NULL) == PDB_OK) {
		pdb_job_report_read(answer, job);
	}
	if (job->id[0] == '\0') {
		pdb_complain("the server's answer names no job");
		return PDB_EXIT_NO;
	}
	return PDB_EXIT_OK;
}

static uint64_t number_of(pdb_slice object, const char *name)
{
	pdb_slice member;
	int64_t number = 0;

	return pdb_json_member(object, name, &member) && pdb_json_to_int(member, &number)
		       ? (uint64_t)number
		       : 0;
}

static pdb_exit tell_end(const pdb_job_report *job, bool quiet)
{
	pdb_slice result = pdb_slice_text(job->result);
	pdb_slice set;

	if (pdb_job_verdict(job) != PDB_EXIT_OK) {
		pdb_complain("the backup has %s%s%s",
			     strcmp(job->state, "failed") == 0 ? "failed" : "been cancelled",
			     job->error[0] != '\0' ? ": " : "", job->error);
		return PDB_EXIT_NO;
	}
	if (!quiet && pdb_json_member(result, "set", &set) && set.len > 2) {
		(void)printf("%.*s is complete: %llu bytes, %llu written\n", (int)set.len - 2,
			     (const char *)set.ptr + 1,
			     (unsigned long long)number_of(result, "bytes"),
			     (unsigned long long)number_of(result, "written"));
	}
	return PDB_EXIT_OK;
}

static pdb_exit wait_for_end(pdb_client *client, const pdb_globals *globals, uint64_t retry,
			     pdb_job_report *job)
{
	pdb_progress progress = {
		.quiet = globals->quiet, .verb = "backed up", .unit = "bytes", .plain = true};
	char id[sizeof(job->id)];
	pdb_exit code;

	memcpy(id, job->id, sizeof(id));
	code = pdb_job_follow(client, id, retry, &progress, job);
	return code == PDB_EXIT_OK ? tell_end(job, globals->quiet) : code;
}

static pdb_exit backup_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	const backup_settings *chosen = settings;
	pdb_client *client = NULL;
	pdb_job_report job = {0};
	pdb_err err = {0};
	pdb_exit code;

	(void)operands;
	(void)pdb_interrupted();
	if (pdb_client_create(&client, globals, 1, &err) != PDB_OK) {
		pdb_complain("%s", err.text);
		return PDB_EXIT_USAGE;
	}
	code = submit(client, chosen->full, &job);
	if (code == PDB_EXIT_OK && chosen->detach) {
		(void)printf("%s\n", job.id);
	} else if (code == PDB_EXIT_OK) {
		code = wait_for_end(client, globals, chosen->retry, &job);
	}
	pdb_client_destroy(&client);
	return code;
}

const pdb_command pdb_command_backup = {
	.name = "backup",
	.summary = "have a server make a backup, and wait for it",
	.operands = "",
	.args = backup_args,
	.settings_size = sizeof(backup_settings),
	.text = "The server makes a set in its backup.directory while it goes on serving; the key\n"
		"must be an admin's. Interrupting this program does not end the backup. A server "
		"that\n"
		"is restarted meanwhile makes it anew. Exit status: 0 the set is complete; 1 "
		"refused\n"
		"or failed; 3 the server did not answer.",
	.examples = "  PROGRESSDB_KEY=ak_… pdbctl backup --url http://127.0.0.1:8080\n"
		    "  pdbctl backup --full --key-file admin.key\n",
	.run = backup_run,
};
