/* SPDX-License-Identifier: Apache-2.0 */
/* Submitted runs: taken in, shown, cancelled, taken up again after a restart, forgotten at last. */
#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "jobs/jobs_private.h"

static pdb_status not_up(pdb_err *err)
{
	return pdb_err_set(err, PDB_EUNAVAILABLE, "not_ready", "The server is not ready.");
}

static pdb_status no_such_job(const char *id, pdb_err *err)
{
	return pdb_err_set(err, PDB_ENOTFOUND, "job_not_found", "There is no job \"%s\".", id);
}

/* -- ends ------------------------------------------------------------------------------------- */

/* The oldest run that has ended and that nobody works on. Under the lock. */
static pdb_job_run *oldest_ended(const pdb_jobs *jobs, size_t *count)
{
	pdb_job_run *oldest = NULL;

	*count = 0;
	for (size_t i = 0; i < jobs->submitted.count; i++) {
		pdb_job_run *run = jobs->submitted.runs[i];

		if (pdb__run_ended(run)) {
			(*count)++;
			oldest = oldest == NULL && !run->active ? run : oldest;
		}
	}
	return oldest;
}

static void forget_old(pdb_jobs *jobs)
{
	pdb_job_run *run;
	pdb_err err = {0};
	size_t count;

	(void)pthread_mutex_lock(&jobs->lock);
	run = oldest_ended(jobs, &count);
	if (count <= PDB_JOB_KEPT_MAX) {
		run = NULL;
	}
	if (run != NULL) {
		pdb__run_forget(&jobs->submitted, run);
	}
	(void)pthread_mutex_unlock(&jobs->lock);
	if (run != NULL && pdb__run_erase(run, &err) != PDB_OK) {
		/* It is read again at the next start, and then forgotten. */
		pdb_log(PDB_LOG_WARN, "jobs", "the ended job %s stays for now: %s", run->id,
			err.text);
	}
	pdb__run_destroy(&run);
}

/* What ended counts for the job of that name too, which is what operators watch. */
static void count_end(pdb_job_run *run, pdb_job_state state)
{
	for (size_t i = 0; i < run->jobs->named.count; i++) {
		pdb_job_run *named = run->jobs->named.runs[i];

		if (named->job == run->job) {
			named->runs++;
			named->failures += state == PDB_JOB_FAILED;
		}
	}
}

pdb_status pdb__submitted_end(pdb_job_run *run, pdb_job_state state, pdb_err *err)
{
	pdb_jobs *jobs = run->jobs;
	pdb_job_state before;
	pdb_status status;

	(void)pthread_mutex_lock(&jobs->lock);
	before = run->state;
	run->state = state;
	run->ended_ts = pdb_clock_now();
	(void)pthread_mutex_unlock(&jobs->lock);
	status = pdb__run_store(run, pdb_slice_of(NULL, 0), err);
	(void)pthread_mutex_lock(&jobs->lock);
	if (status == PDB_OK) {
		count_end(run, state);
	} else {
		run->state = before;
		run->ended_ts = 0;
	}
	(void)pthread_mutex_unlock(&jobs->lock);
	if (status == PDB_OK) {
		forget_old(jobs);
	}
	return status;
}

/* -- the start -------------------------------------------------------------------------------- */

static pdb_status take_row(void *arg, pdb_slice key, pdb_slice value)
{
	pdb_jobs *jobs = arg;
	pdb_slice id = pdb_slice_skip(key, strlen("meta:job:"));
	pdb__job_row row;
	pdb_job_run *run;
	char name[192];

	if (!pdb_job_row_valid(key, value) || !pdb__job_row_decode(value, &row) ||
	    row.name.len >= sizeof(name)) {
		pdb_log(PDB_LOG_ERROR, "jobs", "the row %.*s cannot be read and is left alone",
			PDB_SLICE_ARGS(key));
		return PDB_OK;
	}
	(void)snprintf(name, sizeof(name), "%.*s", PDB_SLICE_ARGS(row.name));
	run = pdb__run_create(jobs, &jobs->submitted, name);
	if (run == NULL) {
		return PDB_ENOMEM;
	}
	(void)snprintf(run->id, sizeof(run->id), "%.*s", PDB_SLICE_ARGS(id));
	pdb__run_fill(run, &row);
	pdb__run_attach(run);
	run->due = 0;
	if (run->job == NULL && !pdb__run_ended(run)) {
		(void)snprintf(run->error, sizeof(run->error), "no plugin offers this job");
	}
	return run->params.failed || run->result.failed ? PDB_ENOMEM : PDB_OK;
}

pdb_status pdb__submitted_load(pdb_jobs *jobs, pdb_err *err)
{
	pdb_txn txn = {0};
	pdb_keybuf from;
	pdb_keybuf to;
	pdb_range range = {0};
	pdb_status status = pdb_store_begin(jobs->store, false, &txn, err);

	if (status != PDB_OK) {
		return status;
	}
	pdb_key_meta(&from, "job:" PDB__JOB_ID_PREFIX);
	pdb_key_prefix_end(&to, &from);
	range.partition = from.key.partition;
	range.from = from.key.bytes;
	range.to = to.key.bytes;
	status = pdb_txn_scan(&txn, &range, take_row, jobs, err);
	pdb_txn_abort(&txn);
	return status;
}

/* -- submit ----------------------------------------------------------------------------------- */

/* In rising order from submit to submit, also over restarts. */
static void make_id(char out[PDB_JOB_ID_SIZE])
{
	uint32_t salt;

	pdb_random(&salt, sizeof(salt));
	(void)snprintf(out, PDB_JOB_ID_SIZE, PDB__JOB_ID_PREFIX "%016llx%08x",
		       (unsigned long long)pdb_clock_now(), salt);
}

static size_t count_live(const pdb_jobs *jobs)
{
	size_t count = 0;

	for (size_t i = 0; i < jobs->submitted.count; i++) {
		count += !pdb__run_ended(jobs->submitted.runs[i]);
	}
	return count;
}

/* A run that nobody else touches until `active` is taken off. Under the lock. */
static pdb_status take_in(pdb_jobs *jobs, const char *name, pdb_slice params, pdb_job_run **out,
			  pdb_err *err)
{
	pdb_job_run *run;

	if (count_live(jobs) >= PDB_JOB_LIVE_MAX) {
		return pdb_err_set(err, PDB_ETOOMANY, "too_many_jobs",
				   "%u jobs have not ended yet.", PDB_JOB_LIVE_MAX);
	}
	run = pdb__run_create(jobs, &jobs->submitted, name);
	if (run == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the job");
	}
	run->active = true;
	pdb__run_attach(run);
	pdb_buf_add_slice(&run->params, params);
	run->state = PDB_JOB_QUEUED;
	run->created_ts = pdb_clock_now();
	run->due = 0;
	make_id(run->id);
	*out = run;
	if (run->job == NULL) {
		return pdb_err_set(err, PDB_ENOTFOUND, "job_unknown",
				   "There is no job named \"%s\".", name);
	}
	return pdb_buf_status(&run->params, err);
}

static pdb_status submit_to(pdb_jobs *jobs, const char *name, pdb_slice params,
			    char id_out[PDB_JOB_ID_SIZE], pdb_err *err)
{
	pdb_job_run *run = NULL;
	pdb_status status;

	(void)pthread_mutex_lock(&jobs->lock);
	status = take_in(jobs, name, params, &run, err);
	(void)pthread_mutex_unlock(&jobs->lock);
	if (status == PDB_OK) {
		status = pdb__run_store(run, pdb_slice_of(NULL, 0), err);
	}
	(void)pthread_mutex_lock(&jobs->lock);
	if (run != NULL && status == PDB_OK) {
		memcpy(id_out, run->id, PDB_JOB_ID_SIZE);
		run->active = false;
		run = NULL;
		(void)pthread_cond_broadcast(&jobs->wake);
	} else if (run != NULL) {
		pdb__run_forget(&jobs->submitted, run);
	}
	(void)pthread_mutex_unlock(&jobs->lock);
	pdb__run_destroy(&run);
	return status;
}

static pdb_status judge(pdb_slice *params, pdb_err *err)
{
	if (params->len == 0) {
		*params = PDB_SLICE("{}");
	}
	if (params->len > PDB_JOB_STATE_MAX || pdb_json_check(*params, params, NULL) != PDB_OK) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "the parameters of a job are JSON of at most %u bytes",
				   PDB_JOB_STATE_MAX);
	}
	return PDB_OK;
}

static pdb_status submit(const char *name, pdb_slice params, char id_out[PDB_JOB_ID_SIZE],
			 pdb_err *err)
{
	pdb_status status = judge(&params, err);
	pdb_jobs *jobs;

	if (status != PDB_OK) {
		return status;
	}
	jobs = pdb__jobs_take();
	status = jobs != NULL ? submit_to(jobs, name, params, id_out, err) : not_up(err);
	pdb__jobs_give();
	return status;
}

/* -- cancel ----------------------------------------------------------------------------------- */

static pdb_job_run *find(const pdb__job_list *list, const char *id)
{
	for (size_t i = 0; i < list->count; i++) {
		const pdb_job_run *run = list->runs[i];

		if (strcmp(run->id[0] != '\0' ? run->id : run->name, id) == 0) {
			return list->runs[i];
		}
	}
	return NULL;
}

static pdb_status cancel_in(pdb_jobs *jobs, const char *id, pdb_err *err)
{
	pdb_job_run *run;
	bool mine = false;
	pdb_status status = PDB_OK;

	(void)pthread_mutex_lock(&jobs->lock);
	run = find(&jobs->submitted, id);
	if (run == NULL) {
		status = no_such_job(id, err);
	} else if (pdb__run_ended(run)) {
		status = pdb_err_set(err, PDB_EEXISTS, "job_ended", "The job has ended.");
	} else {
		run->cancel = true;
		run->due = 0;
		mine = !run->active && !run->begun;
		run->active = run->active || mine;
		(void)pthread_cond_broadcast(&jobs->wake);
	}
	(void)pthread_mutex_unlock(&jobs->lock);
	if (mine) {
		status = pdb__submitted_end(run, PDB_JOB_CANCELLED, err);
		(void)pthread_mutex_lock(&jobs->lock);
		run->active = false;
		(void)pthread_cond_broadcast(&jobs->wake);
		(void)pthread_mutex_unlock(&jobs->lock);
	}
	return status;
}

static pdb_status cancel(const char *id, pdb_err *err)
{
	pdb_jobs *jobs = pdb__jobs_take();
	pdb_status status = jobs != NULL ? cancel_in(jobs, id, err) : not_up(err);

	pdb__jobs_give();
	return status;
}

/* -- views ------------------------------------------------------------------------------------ */

static pdb_status show(const pdb_job_run *run, pdb_job_view_fn fn, void *arg)
{
	const pdb_job_view view = {
		.size = sizeof(view),
		.state = run->state,
		.id = run->id[0] != '\0' ? run->id : run->name,
		.name = run->name,
		.params = pdb_buf_slice(&run->params),
		.result = pdb_buf_slice(&run->result),
		.error = run->error,
		.done = run->done,
		.total = run->total,
		.created_ts = run->created_ts,
		.started_ts = run->started_ts,
		.ended_ts = run->ended_ts,
		.runs = run->runs,
		.failures = run->failures,
		.period = run->id[0] == '\0' ? run->job->period : 0,
	};

	return fn(arg, &view);
}

static pdb_status view_in(pdb_jobs *jobs, const char *id, pdb_job_view_fn fn, void *arg,
			  pdb_err *err)
{
	pdb_job_run *run;
	pdb_status status;

	(void)pthread_mutex_lock(&jobs->lock);
	run = find(&jobs->submitted, id);
	run = run != NULL ? run : find(&jobs->named, id);
	status = run != NULL ? show(run, fn, arg) : no_such_job(id, err);
	(void)pthread_mutex_unlock(&jobs->lock);
	return status;
}

static pdb_status view(const char *id, pdb_job_view_fn fn, void *arg, pdb_err *err)
{
	pdb_jobs *jobs = pdb__jobs_take();
	pdb_status status = jobs != NULL ? view_in(jobs, id, fn, arg, err) : not_up(err);

	pdb__jobs_give();
	return status;
}

static pdb_status each_of(const pdb__job_list *list, pdb_job_view_fn fn, void *arg)
{
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < list->count && status == PDB_OK; i++) {
		status = show(list->runs[i], fn, arg);
	}
	return status;
}

static pdb_status each_in(pdb_jobs *jobs, pdb_job_view_fn fn, void *arg)
{
	pdb_status status;

	(void)pthread_mutex_lock(&jobs->lock);
	status = each_of(&jobs->named, fn, arg);
	if (status == PDB_OK) {
		status = each_of(&jobs->submitted, fn, arg);
	}
	(void)pthread_mutex_unlock(&jobs->lock);
	return status;
}

static pdb_status each(pdb_job_view_fn fn, void *arg, pdb_err *err)
{
	pdb_jobs *jobs = pdb__jobs_take();
	pdb_status status = jobs != NULL ? each_in(jobs, fn, arg) : not_up(err);

	pdb__jobs_give();
	return status == PDB_ESTOP ? PDB_OK : status;
}

const pdb_host_jobs pdb_jobs_table = {
	.size = sizeof(pdb_host_jobs),
	.submit = submit,
	.cancel = cancel,
	.view = view,
	.each = each,
	.id = pdb__job_id,
	.params = pdb__job_params,
	.stopping = pdb__job_stopping,
	.set_result = pdb__job_set_result,
	.rest = pdb__job_rest,
	.pace = pdb__job_pace,
};
