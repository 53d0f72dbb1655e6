/* SPDX-License-Identifier: Apache-2.0 */
/* One run: what its step may call, and its saved state. */
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "jobs/jobs_private.h"

/* -- lists ----------------------------------------------------------------------------------- */

static bool make_room(pdb__job_list *list)
{
	size_t cap = list->cap == 0 ? 16 : list->cap * 2;
	pdb_job_run **runs;

	if (list->count < list->cap) {
		return true;
	}
	runs = pdb_mem_realloc(list->runs, cap * sizeof(pdb_job_run *));
	if (runs == NULL) {
		return false;
	}
	list->runs = runs;
	list->cap = cap;
	return true;
}

pdb_job_run *pdb__run_create(pdb_jobs *jobs, pdb__job_list *list, const char *name)
{
	pdb_job_run *run = make_room(list) ? pdb_mem_zalloc(sizeof(*run)) : NULL;

	if (run == NULL) {
		return NULL;
	}
	run->jobs = jobs;
	run->due = PDB__JOB_NEVER;
	run->name = pdb_mem_text(name);
	if (run->name == NULL) {
		pdb__run_destroy(&run);
		return NULL;
	}
	list->runs[list->count++] = run;
	return run;
}

void pdb__run_destroy(pdb_job_run **run)
{
	pdb_job_run *old = *run;

	if (old != NULL) {
		pdb_buf_fini(&old->params);
		pdb_buf_fini(&old->result);
		pdb_buf_fini(&old->saved);
		pdb_mem_free(old->name);
		pdb_mem_free(old);
	}
	*run = NULL;
}

void pdb__run_forget(pdb__job_list *list, const pdb_job_run *run)
{
	size_t at = 0;

	while (at < list->count && list->runs[at] != run) {
		at++;
	}
	if (at < list->count) {
		list->count--;
		memmove(&list->runs[at], &list->runs[at + 1],
			(list->count - at) * sizeof(pdb_job_run *));
	}
}

void pdb__run_attach(pdb_job_run *run)
{
	const pdb_socket_list *offered = &run->jobs->sockets->lists[PDB_SOCKET_JOB];

	for (size_t i = 0; i < offered->count; i++) {
		const pdb_job *job = offered->entries[i].ops;

		if (strcmp(job->name, run->name) == 0) {
			run->job = job;
			run->self = offered->entries[i].self;
		}
	}
}

bool pdb__run_ended(const pdb_job_run *run)
{
	return run->state == PDB_JOB_DONE || run->state == PDB_JOB_FAILED ||
	       run->state == PDB_JOB_CANCELLED;
}

/* -- rows ------------------------------------------------------------------------------------ */

static bool submitted(const pdb_job_run *run)
{
	return run->id[0] != '\0';
}

static void key_of(const pdb_job_run *run, pdb_keybuf *key)
{
	char name[192];

	(void)snprintf(name, sizeof(name), "job:%s", submitted(run) ? run->id : run->name);
	pdb_key_meta(key, name);
}

void pdb__run_fill(pdb_job_run *run, const pdb__job_row *row)
{
	run->state = row->state;
	run->created_ts = row->created_ts;
	run->started_ts = row->started_ts;
	run->ended_ts = row->ended_ts;
	run->done = row->done;
	run->total = row->total;
	pdb_buf_add_slice(&run->params, row->params);
	pdb_buf_add_slice(&run->result, row->result);
	(void)snprintf(run->error, sizeof(run->error), "%.*s", PDB_SLICE_ARGS(row->error));
}

static pdb_status load_from(pdb_job_run *run, pdb_slice value, pdb_err *err)
{
	pdb__job_row row = {.saved = value};

	if (submitted(run) && !pdb__job_row_decode(value, &row)) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "the row of job %s cannot be read",
				   run->id);
	}
	pdb_buf_add_slice(&run->saved, row.saved);
	return pdb_buf_status(&run->saved, err);
}

pdb_status pdb__run_load(pdb_job_run *run, pdb_err *err)
{
	pdb_txn txn = {0};
	pdb_keybuf key;
	pdb_slice value;
	pdb_status status = pdb_store_begin(run->jobs->store, false, &txn, err);

	pdb_buf_clear(&run->saved);
	if (status != PDB_OK) {
		return status;
	}
	key_of(run, &key);
	status = pdb_txn_get(&txn, &key.key, &value, err);
	if (status == PDB_OK) {
		status = load_from(run, value, err);
	} else if (status == PDB_ENOTFOUND && !submitted(run)) {
		status = PDB_OK;
	}
	pdb_txn_abort(&txn);
	run->loaded = status == PDB_OK;
	return status;
}

static pdb_status put_submitted(pdb_job_run *run, pdb_txn *txn, const pdb_keybuf *key,
				pdb_slice saved, pdb_err *err)
{
	pdb__job_row row = {.name = pdb_slice_text(run->name), .saved = saved};
	pdb_buf bytes = {0};
	pdb_status status;

	(void)pthread_mutex_lock(&run->jobs->lock);
	row.state = run->state;
	row.created_ts = run->created_ts;
	row.started_ts = run->started_ts;
	row.ended_ts = run->ended_ts;
	row.done = run->done;
	row.total = run->total;
	row.params = pdb_buf_slice(&run->params);
	row.result = pdb_buf_slice(&run->result);
	row.error = pdb_slice_text(run->error);
	pdb__job_row_encode(&row, &bytes);
	(void)pthread_mutex_unlock(&run->jobs->lock);
	status = pdb_buf_status(&bytes, err);
	if (status == PDB_OK) {
		status = pdb_txn_put(txn, &key->key, pdb_buf_slice(&bytes), err);
	}
	pdb_buf_fini(&bytes);
	return status;
}

pdb_status pdb__run_put(pdb_job_run *run, pdb_txn *txn, pdb_slice saved, pdb_err *err)
{
	pdb_keybuf key;

	key_of(run, &key);
	return submitted(run) ? put_submitted(run, txn, &key, saved, err)
			      : pdb_txn_put(txn, &key.key, saved, err);
}

pdb_status pdb__run_store(pdb_job_run *run, pdb_slice saved, pdb_err *err)
{
	pdb_txn txn = {0};
	uint64_t ticket = 0;
	pdb_status status = pdb_store_begin(run->jobs->store, true, &txn, err);

	if (status == PDB_OK) {
		status = pdb__run_put(run, &txn, saved, err);
	}
	if (status == PDB_OK) {
		status = pdb_txn_commit(&txn, &ticket, err);
	}
	pdb_txn_abort(&txn);
	if (status == PDB_OK) {
		pdb_store_wait(run->jobs->store, ticket);
	}
	return status;
}

pdb_status pdb__run_erase(pdb_job_run *run, pdb_err *err)
{
	pdb_txn txn = {0};
	pdb_keybuf key;
	pdb_status status = pdb_store_begin(run->jobs->store, true, &txn, err);

	if (status == PDB_OK) {
		key_of(run, &key);
		status = pdb_txn_remove(&txn, &key.key, err);
	}
	if (status == PDB_OK) {
		status = pdb_txn_commit(&txn, NULL, err);
	}
	pdb_txn_abort(&txn);
	return status == PDB_ENOTFOUND ? PDB_OK : status;
}

/* -- what a step may call -------------------------------------------------------------------- */

pdb_slice pdb_job_saved(const pdb_job_run *run)
{
	return pdb_buf_slice(&run->saved);
}

static pdb_status too_long(pdb_slice state, pdb_err *err)
{
	return pdb_err_set(err, PDB_EINVAL, NULL, "a job's state of %zu bytes is too long",
			   state.len);
}

pdb_status pdb_job_put_state(pdb_job_run *run, pdb_txn *txn, pdb_slice state, pdb_err *err)
{
	return state.len > PDB_JOB_STATE_MAX ? too_long(state, err)
					     : pdb__run_put(run, txn, state, err);
}

pdb_status pdb_job_adopt(pdb_job_run *run, pdb_slice state, pdb_err *err)
{
	pdb_buf_clear(&run->saved);
	pdb_buf_add_slice(&run->saved, state);
	return pdb_buf_status(&run->saved, err);
}

pdb_status pdb_job_save(pdb_job_run *run, pdb_slice state, pdb_err *err)
{
	pdb_status status = state.len > PDB_JOB_STATE_MAX ? too_long(state, err)
							  : pdb__run_store(run, state, err);

	return status == PDB_OK ? pdb_job_adopt(run, state, err) : status;
}

void pdb_job_progress(pdb_job_run *run, uint64_t done, uint64_t total)
{
	(void)pthread_mutex_lock(&run->jobs->lock);
	run->done = done;
	run->total = total;
	(void)pthread_mutex_unlock(&run->jobs->lock);
}

void pdb_job_done(pdb_job_run *run)
{
	run->finished = true;
}

const char *pdb__job_id(const pdb_job_run *run)
{
	return run->id;
}

pdb_slice pdb__job_params(const pdb_job_run *run)
{
	return run->params.len > 0 ? pdb_buf_slice(&run->params) : PDB_SLICE("{}");
}

bool pdb__job_stopping(const pdb_job_run *run)
{
	bool stopping;

	(void)pthread_mutex_lock(&run->jobs->lock);
	stopping = run->cancel || run->jobs->stopping;
	(void)pthread_mutex_unlock(&run->jobs->lock);
	return stopping;
}

pdb_status pdb__job_set_result(pdb_job_run *run, pdb_slice result, pdb_err *err)
{
	pdb_status status;

	if (result.len > PDB_JOB_RESULT_MAX || pdb_json_check(result, &result, NULL) != PDB_OK) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "the result of a job is JSON of at most %u bytes",
				   PDB_JOB_RESULT_MAX);
	}
	(void)pthread_mutex_lock(&run->jobs->lock);
	pdb_buf_clear(&run->result);
	pdb_buf_add_slice(&run->result, result);
	status = pdb_buf_status(&run->result, err);
	(void)pthread_mutex_unlock(&run->jobs->lock);
	return status;
}

void pdb__job_rest(pdb_job_run *run, int64_t ns)
{
	run->rest = ns > run->rest ? ns : run->rest;
}

void pdb__job_pace(pdb_job_run *run, uint64_t units, uint64_t per_second)
{
	int64_t now = pdb_clock_monotonic();
	long double cost;

	if (per_second == 0) {
		return;
	}
	cost = (long double)units / (long double)per_second * (long double)PDB_NS_PER_SECOND;
	/* Bounded, so that an odd figure does not stop the job for good. */
	if (cost > (long double)(60 * PDB_NS_PER_SECOND)) {
		cost = (long double)(60 * PDB_NS_PER_SECOND);
	}
	run->paced = (run->paced > now ? run->paced : now) + (int64_t)cost;
	pdb__job_rest(run, run->paced - now);
}
