/* SPDX-License-Identifier: Apache-2.0 */
/* The runner: which run has its turn, and what comes of a step. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/worker.h"
#include "jobs/jobs_private.h"

/* A run that stumbles is tried again after 100 ms, 200 ms, … at most 30 s; for about an hour. */
#define STUMBLE_FIRST (100 * PDB_NS_PER_MS)
#define STUMBLE_LAST  (30 * PDB_NS_PER_SECOND)
#define STUMBLES_MAX  120u

/* The one runner; a job is started by name, without a handle. */
static pdb_jobs *the_runner;
static pthread_rwlock_t the_runner_lock = PTHREAD_RWLOCK_INITIALIZER;

pdb_jobs *pdb__jobs_take(void)
{
	(void)pthread_rwlock_rdlock(&the_runner_lock);
	return the_runner;
}

void pdb__jobs_give(void)
{
	(void)pthread_rwlock_unlock(&the_runner_lock);
}

static void the_runner_set(pdb_jobs *jobs)
{
	(void)pthread_rwlock_wrlock(&the_runner_lock);
	the_runner = jobs;
	(void)pthread_rwlock_unlock(&the_runner_lock);
}

/* -- whose turn it is ------------------------------------------------------------------------ */

/* Never two steps of one job at once, and no second submitted run before the first has ended. */
static bool blocked(const pdb__job_list *list, const pdb_job_run *run)
{
	for (size_t i = 0; i < list->count; i++) {
		const pdb_job_run *other = list->runs[i];

		if (other != run && other->job == run->job &&
		    (other->active ||
		     (other->begun && other->id[0] != '\0' && run->id[0] != '\0'))) {
			return true;
		}
	}
	return false;
}

/* The run of the list that has waited longest; *next is lowered to when another will be due. */
static pdb_job_run *pick_from(const pdb_jobs *jobs, const pdb__job_list *list, int64_t now,
			      pdb_job_run *best, int64_t *next)
{
	for (size_t i = 0; i < list->count; i++) {
		pdb_job_run *run = list->runs[i];
		int64_t due = run->demanded ? 0 : run->due;

		if (run->active || run->job == NULL || pdb__run_ended(run) ||
		    due == PDB__JOB_NEVER) {
			continue;
		}
		if (due > now) {
			*next = due < *next ? due : *next;
		} else if ((best == NULL || due < best->due) && !blocked(&jobs->named, run) &&
			   !blocked(&jobs->submitted, run)) {
			best = run;
		}
	}
	return best;
}

/* Waits for a run to be due and claims it; NULL when the runner stops. Under the lock. */
static pdb_job_run *claim(pdb_jobs *jobs)
{
	while (!jobs->stopping) {
		int64_t next = PDB__JOB_NEVER;
		int64_t now = pdb_clock_monotonic();
		pdb_job_run *run = pick_from(jobs, &jobs->named, now, NULL, &next);

		run = pick_from(jobs, &jobs->submitted, now, run, &next);
		if (run != NULL) {
			run->active = true;
			run->demanded = false;
			return run;
		}
		if (next == PDB__JOB_NEVER) {
			(void)pthread_cond_wait(&jobs->wake, &jobs->lock);
		} else {
			const struct timespec until = {.tv_sec = (time_t)(next / PDB_NS_PER_SECOND),
						       .tv_nsec = (long)(next % PDB_NS_PER_SECOND)};

			(void)pthread_cond_timedwait(&jobs->wake, &jobs->lock, &until);
		}
	}
	return NULL;
}

/* -- one step -------------------------------------------------------------------------------- */

static bool may_pass(pdb_status status)
{
	switch (status) {
	case PDB_EBUSY:
	case PDB_ECONFLICT:
	case PDB_EFULL:
	case PDB_ENOMEM:
	case PDB_ETIMEOUT:
	case PDB_ETOOMANY:
	case PDB_EUNAVAILABLE:
	case PDB_EUNCERTAIN:
		return true;
	default:
		return false;
	}
}

static void set_error(pdb_job_run *run, const char *text)
{
	(void)pthread_mutex_lock(&run->jobs->lock);
	(void)snprintf(run->error, sizeof(run->error), "%s", text);
	(void)pthread_mutex_unlock(&run->jobs->lock);
}

/* Puts the run back for a later try, which begins from what is stored. */
static void stumble(pdb_job_run *run, const pdb_err *err)
{
	unsigned doublings = run->stumbles < 16 ? run->stumbles : 16;
	int64_t wait = STUMBLE_FIRST << doublings;

	if (run->stumbles == 0) {
		pdb_log(PDB_LOG_WARN, "jobs", "job %s (%s) is tried again: %s", run->id, run->name,
			err->text);
	}
	run->stumbles++;
	run->loaded = false;
	run->rest = wait < STUMBLE_LAST ? wait : STUMBLE_LAST;
	set_error(run, err->text);
}

static void end_submitted(pdb_job_run *run, pdb_job_state state)
{
	pdb_err err = {0};

	if (pdb__submitted_end(run, state, &err) != PDB_OK) {
		/* It has ended and cannot be put on disk: try that again, not the job. */
		run->ending = state;
		stumble(run, &err);
		return;
	}
	pdb_log(state == PDB_JOB_FAILED ? PDB_LOG_ERROR : PDB_LOG_INFO, "jobs",
		"job %s (%s) is %s%s%s", run->id, run->name,
		state == PDB_JOB_DONE ? "done" : (state == PDB_JOB_FAILED ? "failed" : "cancelled"),
		run->error[0] != '\0' ? ": " : "", run->error);
}

static bool cancel_asked(pdb_job_run *run)
{
	bool asked;

	(void)pthread_mutex_lock(&run->jobs->lock);
	asked = run->cancel;
	(void)pthread_mutex_unlock(&run->jobs->lock);
	return asked;
}

static void step_submitted(pdb_job_run *run)
{
	pdb_err err = {0};
	pdb_status status = PDB_OK;

	if (run->ending != PDB_JOB_IDLE) {
		end_submitted(run, run->ending);
		return;
	}
	if (cancel_asked(run)) {
		end_submitted(run, PDB_JOB_CANCELLED);
		return;
	}
	if (!run->loaded) {
		status = pdb__run_load(run, &err);
	}
	if (status == PDB_OK) {
		status = run->job->step(run->self, run, &err);
	}
	if (status == PDB_OK) {
		if (run->stumbles > 0) {
			set_error(run, "");
		}
		run->stumbles = 0;
		if (run->finished) {
			end_submitted(run, PDB_JOB_DONE);
		}
		return;
	}
	run->finished = false;
	if (may_pass(status) && run->stumbles < STUMBLES_MAX) {
		stumble(run, &err);
		return;
	}
	set_error(run, err.text[0] != '\0' ? err.text : "no reason was given");
	end_submitted(run, PDB_JOB_FAILED);
}

/* True when the run goes on. */
static bool step_named(pdb_job_run *run, bool begins)
{
	pdb_err err = {0};
	pdb_status status = PDB_OK;

	if (begins) {
		run->finished = false;
		status = pdb__run_load(run, &err);
	}
	if (status == PDB_OK) {
		status = run->job->step(run->self, run, &err);
	}
	if (status == PDB_OK && !run->finished) {
		return true;
	}
	(void)pthread_mutex_lock(&run->jobs->lock);
	run->runs++;
	run->failures += status != PDB_OK;
	(void)snprintf(run->error, sizeof(run->error), "%s", status != PDB_OK ? err.text : "");
	(void)pthread_mutex_unlock(&run->jobs->lock);
	if (status != PDB_OK) {
		pdb_log(PDB_LOG_WARN, "jobs", "job %s stopped early: %s", run->name, err.text);
	}
	return false;
}

/* One step of a claimed run, and when the next one is due. Without the lock; ends with it. */
static void step(pdb_jobs *jobs, pdb_job_run *run)
{
	bool begins = !run->begun;
	bool goes_on = true;
	int64_t now;

	run->rest = 0;
	if (run->id[0] != '\0') {
		step_submitted(run);
	} else {
		goes_on = step_named(run, begins);
	}
	now = pdb_clock_monotonic();
	(void)pthread_mutex_lock(&jobs->lock);
	run->begun = goes_on && !pdb__run_ended(run);
	if (goes_on) {
		run->due = now + run->rest;
	} else {
		run->due = run->job->period > 0 ? now + run->job->period : PDB__JOB_NEVER;
		run->state = PDB_JOB_IDLE;
	}
}

static void *run_steps(void *arg)
{
	pdb_jobs *jobs = arg;
	pdb_job_run *run;

	(void)pthread_mutex_lock(&jobs->lock);
	while ((run = claim(jobs)) != NULL) {
		if (!run->begun) {
			run->state = PDB_JOB_RUNNING;
			run->started_ts = run->started_ts != 0 && run->id[0] != '\0'
						  ? run->started_ts
						  : pdb_clock_now();
		}
		(void)pthread_mutex_unlock(&jobs->lock);
		step(jobs, run);
		run->active = false;
		/* Others may have been blocked by this run, or wait for its end. */
		(void)pthread_cond_broadcast(&jobs->wake);
	}
	(void)pthread_mutex_unlock(&jobs->lock);
	return NULL;
}

pdb_status pdb_job_start(const char *name, pdb_err *err)
{
	pdb_jobs *jobs = pdb__jobs_take();
	pdb_status status = PDB_ENOTFOUND;

	for (size_t i = 0; jobs != NULL && i < jobs->named.count; i++) {
		if (strcmp(jobs->named.runs[i]->name, name) == 0) {
			(void)pthread_mutex_lock(&jobs->lock);
			jobs->named.runs[i]->demanded = true;
			(void)pthread_cond_broadcast(&jobs->wake);
			(void)pthread_mutex_unlock(&jobs->lock);
			status = PDB_OK;
		}
	}
	pdb__jobs_give();
	if (status != PDB_OK) {
		return pdb_err_set(err, status, NULL, "There is no job named \"%s\".", name);
	}
	return status;
}

/* -- life ------------------------------------------------------------------------------------ */

static pdb_status add_named(pdb_jobs *jobs, pdb_err *err)
{
	const pdb_socket_list *list = &jobs->sockets->lists[PDB_SOCKET_JOB];
	int64_t now = pdb_clock_monotonic();

	for (size_t i = 0; i < list->count; i++) {
		const pdb_job *job = list->entries[i].ops;
		pdb_job_run *run = pdb__run_create(jobs, &jobs->named, job->name);

		if (run == NULL) {
			return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for %zu jobs",
					   list->count);
		}
		pdb__run_attach(run);
		run->due = job->period > 0 ? now + job->period : PDB__JOB_NEVER;
	}
	return PDB_OK;
}

static pdb_status start_threads(pdb_jobs *jobs, pdb_err *err)
{
	while (jobs->thread_count < PDB__JOB_RUNNERS) {
		if (pthread_create(&jobs->threads[jobs->thread_count], NULL, run_steps, jobs) !=
		    0) {
			return pdb_err_set(err, PDB_EUNAVAILABLE, NULL, "cannot start a thread");
		}
		jobs->thread_count++;
	}
	return PDB_OK;
}

pdb_status pdb_jobs_create(pdb_jobs **out, const pdb_sockets *sockets, pdb_store *store,
			   pdb_err *err)
{
	pdb_jobs *jobs = pdb_mem_zalloc(sizeof(*jobs));
	pdb_status status;

	*out = NULL;
	if (jobs == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for jobs");
	}
	(void)pthread_mutex_init(&jobs->lock, NULL);
	(void)pdb_condition_init(&jobs->wake);
	jobs->store = store;
	jobs->sockets = sockets;
	status = add_named(jobs, err);
	if (status == PDB_OK) {
		status = pdb__submitted_load(jobs, err);
	}
	if (status == PDB_OK) {
		/* Before the threads: a first step may submit. */
		the_runner_set(jobs);
		status = start_threads(jobs, err);
	}
	if (status != PDB_OK) {
		pdb_jobs_destroy(&jobs);
	}
	*out = jobs;
	return status;
}

static void list_fini(pdb__job_list *list)
{
	while (list->count > 0) {
		pdb__run_destroy(&list->runs[--list->count]);
	}
	pdb_mem_free(list->runs);
}

void pdb_jobs_destroy(pdb_jobs **jobs_ptr)
{
	pdb_jobs *jobs = *jobs_ptr;

	if (jobs == NULL) {
		return;
	}
	(void)pthread_mutex_lock(&jobs->lock);
	jobs->stopping = true;
	(void)pthread_cond_broadcast(&jobs->wake);
	(void)pthread_mutex_unlock(&jobs->lock);
	for (size_t i = 0; i < jobs->thread_count; i++) {
		(void)pthread_join(jobs->threads[i], NULL);
	}
	/* After the threads, whose steps may call; it waits for whoever is in a call. */
	the_runner_set(NULL);
	list_fini(&jobs->named);
	list_fini(&jobs->submitted);
	(void)pthread_cond_destroy(&jobs->wake);
	(void)pthread_mutex_destroy(&jobs->lock);
	pdb_mem_free(jobs);
	*jobs_ptr = NULL;
}
