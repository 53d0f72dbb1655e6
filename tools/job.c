/* SPDX-License-Identifier: Apache-2.0 */
/* A job of a server, as its API shows it, and waiting for its end. */
#include "tools/job.h"

#include <stdio.h>
#include <time.h>

#include "base/json.h"
#include "base/text.h"

#define LOOK_EVERY 200000000 /* nanoseconds */

static void read_text(pdb_slice object, const char *name, char *out, size_t size)
{
	pdb_slice value;
	char text[4096] = "";
	size_t len = 0;

	if (pdb_json_member(object, name, &value) && pdb_json_type_of(value) == PDB_JSON_STRING &&
	    value.len < sizeof(text)) {
		len = pdb_json_unescape(value, text);
	}
	(void)snprintf(out, size, "%.*s", (int)len, text);
	for (char *at = out; *at != '\0'; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f) {
			*at = '?';
		}
	}
}

static uint64_t read_number(pdb_slice object, const char *name)
{
	pdb_slice value;
	int64_t number = 0;

	return pdb_json_member(object, name, &value) && pdb_json_to_int(value, &number) &&
			       number > 0
		       ? (uint64_t)number
		       : 0;
}

void pdb_job_report_read(pdb_slice object, pdb_job_report *out)
{
	pdb_slice result;

	*out = (pdb_job_report){.done = read_number(object, "done"),
				.total = read_number(object, "total")};
	read_text(object, "id", out->id, sizeof(out->id));
	read_text(object, "name", out->name, sizeof(out->name));
	read_text(object, "state", out->state, sizeof(out->state));
	read_text(object, "error", out->error, sizeof(out->error));
	if (pdb_json_member(object, "result", &result) && result.len < sizeof(out->result)) {
		(void)snprintf(out->result, sizeof(out->result), "%.*s", PDB_SLICE_ARGS(result));
	}
}

pdb_exit pdb_job_ask(pdb_client *client, const char *path, uint64_t retry, pdb_call **call_out)
{
	char reason[1024];
	pdb_err err = {0};

	if (pdb_client_get(client, path, retry, call_out, &err) != PDB_OK) {
		pdb_complain("%s", err.text);
		return pdb_interrupted() ? PDB_EXIT_INTERRUPTED : PDB_EXIT_UNREACHABLE;
	}
	pdb_call_error_member(*call_out, "code", reason, sizeof(reason));
	if (strcmp(reason, "not_found") == 0) {
		pdb_complain("the server has no plugin admin, which shows jobs");
		return PDB_EXIT_NO;
	}
	if ((*call_out)->status != 200) {
		pdb_call_explain(*call_out, reason, sizeof(reason));
		pdb_complain("%s", reason);
		return PDB_EXIT_NO;
	}
	return PDB_EXIT_OK;
}

static pdb_exit look(pdb_client *client, const char *path, uint64_t retry, pdb_job_report *out)
{
	pdb_call *call = NULL;
	pdb_slice object;
	pdb_exit code = pdb_job_ask(client, path, retry, &call);

	if (code == PDB_EXIT_OK &&
	    pdb_json_check(pdb_buf_slice(&call->answer), &object, NULL) != PDB_OK) {
		pdb_complain("the server's answer is not a job");
		return PDB_EXIT_NO;
	}
	if (code == PDB_EXIT_OK) {
		pdb_job_report_read(object, out);
	}
	return code;
}

static bool goes_on(const pdb_job_report *job)
{
	return strcmp(job->state, "queued") == 0 || strcmp(job->state, "running") == 0;
}

static void pause_a_little(void)
{
	const struct timespec little = {.tv_nsec = LOOK_EVERY};

	(void)nanosleep(&little, NULL);
}

pdb_exit pdb_job_follow(pdb_client *client, const char *id, uint64_t retry, pdb_progress *progress,
			pdb_job_report *out)
{
	uint8_t text[512];
	pdb_buf path = {.data = text, .cap = sizeof(text)};
	pdb_exit code;

	if (3 * strlen(id) + 32 > sizeof(text)) {
		pdb_complain("that is not the id of a job");
		return PDB_EXIT_USAGE;
	}
	pdb_buf_add_text(&path, "/admin/jobs/");
	pdb_percent_encode(&path, pdb_slice_text(id));
	pdb_buf_add_byte(&path, '\0');
	code = look(client, (const char *)path.data, retry, out);
	while (code == PDB_EXIT_OK && progress != NULL && goes_on(out)) {
		pdb_progress_show(progress, out->done, out->total, out->done);
		pause_a_little();
		code = pdb_interrupted() ? PDB_EXIT_INTERRUPTED
					 : look(client, (const char *)path.data, retry, out);
	}
	if (progress != NULL) {
		pdb_progress_end(progress);
	}
	return code;
}

pdb_exit pdb_job_verdict(const pdb_job_report *job)
{
	return strcmp(job->state, "failed") == 0 || strcmp(job->state, "cancelled") == 0
		       ? PDB_EXIT_NO
		       : PDB_EXIT_OK;
}
