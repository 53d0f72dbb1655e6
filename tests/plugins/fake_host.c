/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of the fake host that the template calls. */
#include "fake_host.h"

#include "base/mem.h"

unsigned fake_host_lines;

static void copy(char *to, size_t size, pdb_slice bytes)
{
	(void)snprintf(to, size, "%.*s", PDB_SLICE_ARGS(bytes));
}

static void log_line(pdb_log_level level, const char *component, const char *format, ...)
{
	(void)level;
	(void)component;
	(void)format;
	fake_host_lines++;
}

static pdb_slice request_param(const pdb_request *request, const char *name)
{
	return pdb_slice_text(strcmp(name, "name") == 0 ? request->param : NULL);
}

static pdb_status request_add_header(pdb_request *request, const char *name, const char *value)
{
	(void)snprintf(request->header, sizeof(request->header), "%s: %s", name, value);
	return PDB_OK;
}

static pdb_status request_reply(pdb_request *request, int status, const char *type, pdb_slice body)
{
	request->status = status;
	copy(request->type, sizeof(request->type), pdb_slice_text(type));
	copy(request->reply, sizeof(request->reply), body);
	return PDB_OK;
}

static pdb_slice record_body(const pdb_record *record)
{
	return record->body;
}

static pdb_slice record_attachment(const pdb_record *record)
{
	return pdb_slice_text(record->attachment);
}

static pdb_status record_set_attachment(pdb_record *record, pdb_slice bytes)
{
	copy(record->attachment, sizeof(record->attachment), bytes);
	return PDB_OK;
}

static pdb_status job_save(pdb_job_run *run, pdb_slice state, pdb_err *err)
{
	(void)err;
	copy(run->state, sizeof(run->state), state);
	return PDB_OK;
}

static void job_done(pdb_job_run *run)
{
	run->done = true;
}

const pdb_host fake_host = {
	.size = sizeof(pdb_host),
	.alloc = pdb_mem_alloc,
	.realloc = pdb_mem_realloc,
	.free = pdb_mem_free,
	.log = log_line,
	.add_gate = pdb_host_add_gate,
	.add_route = pdb_host_add_route,
	.add_record_hook = pdb_host_add_record_hook,
	.add_listener = pdb_host_add_listener,
	.add_job = pdb_host_add_job,
	.request_param = request_param,
	.request_add_header = request_add_header,
	.request_reply = request_reply,
	.record_body = record_body,
	.record_attachment = record_attachment,
	.record_set_attachment = record_set_attachment,
	.job_save = job_save,
	.job_done = job_done,
};
