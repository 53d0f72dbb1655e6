/* SPDX-License-Identifier: Apache-2.0 */
/* Purges: a thread by a job, a message at once. */
#include "admin_private.h"

#define PIECE 200u /* messages in one step */

/* -- a thread ---------------------------------------------------------------------------------- */

static pdb_status may_purge(void *arg, const pdb_thread_view *view, pdb_slice note)
{
	(void)note;
	if (view->held) {
		return pdb_err_set(arg, PDB_EDENIED, "legal_hold",
				   "The thread is under legal hold.");
	}
	return PDB_OK;
}

pdb_status admin_purge_thread(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	pdb_slice thread = self->host->request_param(request, "thread");
	pdb_status status = self->host->domain->thread(thread, "", may_purge, err, err);
	json_t *params;

	if (status != PDB_OK) {
		return status;
	}
	params = json_object();
	(void)json_object_set_new(params, "thread", call_text(thread));
	return call_reply_job(self->host, request, admin_purge_job.name, params, err);
}

/* The thread that a run is about; borrowed from *params_out, which the caller lets go of. */
static pdb_slice thread_of(const admin *self, const pdb_job_run *run, json_t **params_out)
{
	pdb_slice text = self->host->jobs->params(run);
	const json_t *thread;

	*params_out = json_loadb((const char *)text.ptr, text.len, 0, NULL);
	thread = json_object_get(*params_out, "thread");
	return pdb_slice_of(json_string_value(thread), json_string_length(thread));
}

static pdb_status purge_step(void *state, pdb_job_run *run, pdb_err *err)
{
	const admin *self = state;
	json_t *params;
	pdb_slice thread = thread_of(self, run, &params);
	bool more = false;
	pdb_status status = PDB_ENOTFOUND;

	if (thread.len > 0) {
		status = self->host->domain->purge_thread(thread, 0, PIECE, &more, err);
	}
	json_decref(params);
	/* gone: by somebody else, or by a step whose end was not seen */
	if ((status == PDB_OK && !more) || status == PDB_ENOTFOUND) {
		self->host->job_done(run);
		return PDB_OK;
	}
	return status;
}

const pdb_job admin_purge_job = {
	.size = sizeof(pdb_job),
	.name = "purge-thread",
	.step = purge_step,
};

/* -- a message --------------------------------------------------------------------------------- */

pdb_status admin_purge_message(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	const pdb_host *host = self->host;
	pdb_status status =
		host->domain->purge_message(host->request_param(request, "thread"),
					    host->request_param(request, "message"), 0, err);

	if (status != PDB_OK) {
		return status;
	}
	status = host->request_reply(request, 204, NULL, pdb_slice_of(NULL, 0));
	return status == PDB_OK ? PDB_OK
				: pdb_err_set(err, status, NULL, "no memory for the answer");
}
