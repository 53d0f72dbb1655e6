/* SPDX-License-Identifier: Apache-2.0 */
/* The job runner. */
#include "server/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/worker.h"

#define JOB_STATE_MAX (64u * 1024u)

struct pdb_job_run {
	pdb_jobs *jobs;
	const pdb_job *job;
	void *self;
	pthread_t thread;
	bool started;
	/* under jobs->lock */
	bool demanded;
	bool running;
	uint64_t done;
	uint64_t total;
	uint64_t runs;
	uint64_t failures;
	/* of the job's own thread */
	bool finished;
	pdb_buf state;
};

struct pdb_jobs {
	pdb_store *store;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;
	size_t count;
	pdb_job_run runs[];
};

/* The one runner; a job is started by name, without a handle. */
static pdb_jobs *the_runner;
static pthread_mutex_t the_runner_lock = PTHREAD_MUTEX_INITIALIZER;

static void state_key(pdb_keybuf *key, const pdb_job *job)
{
	char name[128];

	(void)snprintf(name, sizeof(name), "job:%s", job->name);
	pdb_key_meta(key, name);
}

static pdb_status state_load(pdb_job_run *run, pdb_err *err)
{
	pdb_txn txn = {0};
	pdb_keybuf key;
	pdb_slice value;
	pdb_status status = pdb_store_begin(run->jobs->store, false, &txn, err);

	pdb_buf_clear(&run->state);
	if (status != PDB_OK) {
		return status;
	}
	state_key(&key, run->job);
	status = pdb_txn_get(&txn, &key.key, &value, err);
	if (status == PDB_OK) {
		pdb_buf_add_slice(&run->state, value);
		status = pdb_buf_status(&run->state, err);
	} else if (status == PDB_ENOTFOUND) {
		status = PDB_OK;
	}
	pdb_txn_abort(&txn);
	return status;
}

pdb_slice pdb_job_state(const pdb_job_run *run)
{
	return pdb_buf_slice(&run->state);
}

pdb_status pdb_job_save(pdb_job_run *run, pdb_slice state, pdb_err *err)
{
	pdb_txn txn = {0};
	pdb_keybuf key;
	uint64_t ticket = 0;
	pdb_status status;

	if (state.len > JOB_STATE_MAX) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "a job's state of %zu bytes is too long",
				   state.len);
	}
	status = pdb_store_begin(run->jobs->store, true, &txn, err);
	if (status != PDB_OK) {
		return status;
	}
	state_key(&key, run->job);
	status = pdb_txn_put(&txn, &key.key, state, err);
	if (status == PDB_OK) {
		status = pdb_txn_commit(&txn, &ticket, err);
	}
	pdb_txn_abort(&txn);
	if (status == PDB_OK) {
		pdb_store_wait(run->jobs->store, ticket);
		pdb_buf_clear(&run->state);
		pdb_buf_add_slice(&run->state, state);
		status = pdb_buf_status(&run->state, err);
	}
	return status;
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

pdb_status pdb_job_start(const char *name, pdb_err *err)
{
	pdb_status status = PDB_ENOTFOUND;

	(void)pthread_mutex_lock(&the_runner_lock);
	for (size_t i = 0; the_runner != NULL && i < the_runner->count; i++) {
		if (strcmp(the_runner->runs[i].job->name, name) == 0) {
			(void)pthread_mutex_lock(&the_runner->lock);
			the_runner->runs[i].demanded = true;
			(void)pthread_cond_broadcast(&the_runner->wake);
			(void)pthread_mutex_unlock(&the_runner->lock);
			status = PDB_OK;
		}
	}
	(void)pthread_mutex_unlock(&the_runner_lock);
	if (status != PDB_OK) {
		return pdb_err_set(err, status, NULL, "There is no job named \"%s\".", name);
	}
	return status;
}

static bool jobs_stopping(pdb_jobs *jobs)
{
	bool stopping;

	(void)pthread_mutex_lock(&jobs->lock);
	stopping = jobs->stopping;
	(void)pthread_mutex_unlock(&jobs->lock);
	return stopping;
}

/* One run: steps until the job is done, fails or the runner stops. */
static void job_run(pdb_job_run *run)
{
	pdb_err err = {0};
	pdb_status status = state_load(run, &err);

	run->finished = false;
	while (status == PDB_OK && !run->finished && !jobs_stopping(run->jobs)) {
		status = run->job->step(run->self, run, &err);
	}
	if (status != PDB_OK) {
		pdb_log(PDB_LOG_WARN, "jobs", "job %s stopped early: %s", run->job->name, err.text);
	}
	(void)pthread_mutex_lock(&run->jobs->lock);
	run->runs++;
	run->failures += status != PDB_OK;
	(void)pthread_mutex_unlock(&run->jobs->lock);
}

static struct timespec job_due(const pdb_job *job)
{
	int64_t at = pdb_clock_monotonic() + job->period;

	return (struct timespec){.tv_sec = (time_t)(at / PDB_NS_PER_SECOND),
				 .tv_nsec = (long)(at % PDB_NS_PER_SECOND)};
}

/* Waits until the job is due or asked for; false when the runner stops. Holds the lock. */
static bool job_wait(pdb_job_run *run)
{
	pdb_jobs *jobs = run->jobs;
	struct timespec due = job_due(run->job);
	int waited = 0;

	while (!jobs->stopping && !run->demanded && waited != ETIMEDOUT) {
		if (run->job->period > 0) {
			waited = pthread_cond_timedwait(&jobs->wake, &jobs->lock, &due);
		} else {
			(void)pthread_cond_wait(&jobs->wake, &jobs->lock);
		}
	}
	run->demanded = false;
	return !jobs->stopping;
}

static void *job_thread(void *arg)
{
	pdb_job_run *run = arg;

	(void)pthread_mutex_lock(&run->jobs->lock);
	while (job_wait(run)) {
		run->running = true;
		(void)pthread_mutex_unlock(&run->jobs->lock);
		job_run(run);
		(void)pthread_mutex_lock(&run->jobs->lock);
		run->running = false;
	}
	(void)pthread_mutex_unlock(&run->jobs->lock);
	return NULL;
}

static void the_runner_set(pdb_jobs *jobs)
{
	(void)pthread_mutex_lock(&the_runner_lock);
	the_runner = jobs;
	(void)pthread_mutex_unlock(&the_runner_lock);
}

pdb_status pdb_jobs_create(pdb_jobs **out, const pdb_sockets *sockets, pdb_store *store,
			   pdb_err *err)
{
	const pdb_socket_list *list = &sockets->lists[PDB_SOCKET_JOB];
	pdb_jobs *jobs = pdb_mem_zalloc(sizeof(*jobs) + list->count * sizeof(jobs->runs[0]));

	if (jobs == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for %zu jobs", list->count);
	}
	(void)pthread_mutex_init(&jobs->lock, NULL);
	(void)pdb_condition_init(&jobs->wake);
	jobs->store = store;
	*out = jobs;
	for (size_t i = 0; i < list->count; i++) {
		pdb_job_run *run = &jobs->runs[i];

		run->jobs = jobs;
		run->job = list->entries[i].ops;
		run->self = list->entries[i].self;
		jobs->count++;
		if (pthread_create(&run->thread, NULL, job_thread, run) != 0) {
			pdb_jobs_destroy(out);
			return pdb_err_set(err, PDB_EUNAVAILABLE, NULL, "cannot start a thread");
		}
		run->started = true;
	}
	the_runner_set(jobs);
	return PDB_OK;
}

void pdb_jobs_destroy(pdb_jobs **jobs_ptr)
{
	pdb_jobs *jobs = *jobs_ptr;

	if (jobs == NULL) {
		return;
	}
	the_runner_set(NULL);
	(void)pthread_mutex_lock(&jobs->lock);
	jobs->stopping = true;
	(void)pthread_cond_broadcast(&jobs->wake);
	(void)pthread_mutex_unlock(&jobs->lock);
	for (size_t i = 0; i < jobs->count; i++) {
		if (jobs->runs[i].started) {
			(void)pthread_join(jobs->runs[i].thread, NULL);
		}
		pdb_buf_fini(&jobs->runs[i].state);
	}
	(void)pthread_cond_destroy(&jobs->wake);
	(void)pthread_mutex_destroy(&jobs->lock);
	pdb_mem_free(jobs);
	*jobs_ptr = NULL;
}

void pdb_jobs_each(pdb_jobs *jobs, void (*view)(void *arg, const pdb_job_view *job), void *arg)
{
	for (size_t i = 0; i < jobs->count; i++) {
		const pdb_job_run *run = &jobs->runs[i];
		pdb_job_view shown;

		(void)pthread_mutex_lock(&jobs->lock);
		shown = (pdb_job_view){run->job->name, run->running, run->done,
				       run->total,     run->runs,    run->failures};
		(void)pthread_mutex_unlock(&jobs->lock);
		view(arg, &shown);
	}
}
