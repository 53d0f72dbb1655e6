/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: what runs, how far it is, and its end before its time. */
#include "admin_private.h"

/* In lists, parameters that are longer are left out. */
#define PARAMS_LISTED 1024u

/* Order of pdb_job_state. */
static const char *const states[] = {"idle", "queued", "running", "done", "failed", "cancelled"};

#define STATES (sizeof(states) / sizeof(states[0]))

static void set_json(json_t *object, const char *name, pdb_slice text)
{
	if (text.len > 0) {
		(void)json_object_set_new(
			object, name,
			json_loadb((const char *)text.ptr, text.len, JSON_DECODE_ANY, NULL));
	}
}

static void set_time(json_t *object, const char *name, int64_t time)
{
	if (time > 0) {
		(void)json_object_set_new(object, name, json_integer(time));
	}
}

static json_t *job_of(const pdb_job_view *view, size_t params_max)
{
	json_t *job = json_object();

	(void)json_object_set_new(job, "id", json_string(view->id));
	(void)json_object_set_new(job, "name", json_string(view->name));
	(void)json_object_set_new(
		job, "state",
		json_string((size_t)view->state < STATES ? states[view->state] : "idle"));
	(void)json_object_set_new(job, "done", json_integer((json_int_t)view->done));
	if (view->total > 0) {
		(void)json_object_set_new(job, "total", json_integer((json_int_t)view->total));
	}
	if (view->params.len <= params_max) {
		set_json(job, "params", view->params);
	}
	set_json(job, "result", view->result);
	if (view->error[0] != '\0') {
		(void)json_object_set_new(job, "error", call_text(pdb_slice_text(view->error)));
	}
	set_time(job, "created_ts", view->created_ts);
	set_time(job, "started_ts", view->started_ts);
	set_time(job, "ended_ts", view->ended_ts);
	if (strcmp(view->id, view->name) == 0) {
		(void)json_object_set_new(job, "runs", json_integer((json_int_t)view->runs));
		(void)json_object_set_new(job, "failures",
					  json_integer((json_int_t)view->failures));
		(void)json_object_set_new(job, "period_seconds",
					  json_real((double)view->period / 1e9));
	}
	return job;
}

static pdb_status take_job(void *arg, const pdb_job_view *view)
{
	return json_array_append_new(arg, job_of(view, PARAMS_LISTED)) == 0 ? PDB_OK : PDB_ENOMEM;
}

pdb_status admin_jobs(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	json_t *jobs = json_array();
	pdb_status status = self->host->jobs->each(take_job, jobs, err);

	if (status != PDB_OK) {
		json_decref(jobs);
		return status;
	}
	return call_reply(self->host, request, 200, json_pack("{s:o}", "jobs", jobs), err);
}

/* The id in the path, as the table wants it. */
static pdb_status read_id(const admin *self, const pdb_request *request, char id[256], pdb_err *err)
{
	pdb_slice text = self->host->request_param(request, "job");

	if (text.len == 0 || text.len >= 256 || memchr(text.ptr, '\0', text.len) != NULL) {
		return pdb_err_set(err, PDB_ENOTFOUND, "job_not_found", "There is no such job.");
	}
	memcpy(id, text.ptr, text.len);
	id[text.len] = '\0';
	return PDB_OK;
}

static pdb_status take_one(void *arg, const pdb_job_view *view)
{
	*(json_t **)arg = job_of(view, PDB_JOB_STATE_MAX);
	return PDB_OK;
}

static pdb_status show(const admin *self, pdb_request *request, const char *id, pdb_err *err)
{
	json_t *job = NULL;
	pdb_status status = self->host->jobs->view(id, take_one, &job, err);

	return status == PDB_OK ? call_reply(self->host, request, 200, job, err) : status;
}

pdb_status admin_job(void *state, pdb_request *request, pdb_err *err)
{
	char id[256];
	pdb_status status = read_id(state, request, id, err);

	return status == PDB_OK ? show(state, request, id, err) : status;
}

pdb_status admin_cancel_job(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	char id[256];
	pdb_status status = read_id(self, request, id, err);

	if (status == PDB_OK) {
		status = self->host->jobs->cancel(id, err);
	}
	return status == PDB_OK ? show(self, request, id, err) : status;
}
