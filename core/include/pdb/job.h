/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: work that runs beside the requests, in steps that can be stopped and taken up again. */
#ifndef PDB_JOB_H
#define PDB_JOB_H

#include <pdb/slice.h>
#include <pdb/status.h>

/*
 * Model. A plugin registers a job by name (add_job). It runs in two ways:
 *
 * - of itself, when `period` is not 0, and when somebody calls job_start(): one run at a time,
 *   whose state is kept under the name from run to run;
 * - submitted (pdb_host_jobs): a run of its own with parameters, an id, and an end. It is kept in
 *   the database as "meta:job:<id>" from the moment submit() returns, so that a crash forgets
 *   nothing: after a restart it goes on from the state saved last. Runs of one job are done one
 *   after the other, in the order in which they came.
 *
 * A few threads do the steps of all runs in turn. A step must therefore be short, and a run that
 * wants to go slowly says rest() or pace() rather than sleep.
 *
 * A step may be done twice: when the process dies before its state is saved, the next one starts
 * from the state before. What a step does must bear that.
 */

/* A running job. Opaque; accessors in the host table; lives during step(). */
typedef struct pdb_job_run pdb_job_run;

/*
 * name     unique, not beginning with "job-"; also the name of its saved state
 * period   nanoseconds between the end of one run and the start of the next; 0 = only on demand
 * step     mandatory. Does one bounded piece of work (aim: under 100 ms) and returns PDB_OK; it is
 *          called again until it says job_done(). Another status ends the run, is logged,
 *          and the next run starts from the state last saved. A submitted run is tried again for a
 *          while when the status says that this may help (busy, full, unavailable, out of memory,
 *          conflict, uncertain), and is `failed` after any other.
 * Threads: a worker thread; never two steps of one job at once. May block.
 */
typedef struct pdb_job {
	uint32_t size;
	const char *name;
	int64_t period;
	pdb_status (*step)(void *self, pdb_job_run *run, pdb_err *err);
} pdb_job;

/* Where a run stands. */
typedef enum pdb_job_state {
	PDB_JOB_IDLE = 0, /* a periodic job between two runs */
	PDB_JOB_QUEUED = 1,
	PDB_JOB_RUNNING = 2,
	PDB_JOB_DONE = 3,
	PDB_JOB_FAILED = 4,
	PDB_JOB_CANCELLED = 5
} pdb_job_state;

/*
 * What there is to say about a run. Borrowed for the call that shows it.
 *
 * id        of a submitted run; the name of the job otherwise
 * params    JSON as submitted; empty for a periodic job
 * result    JSON that the run gave (set_result); empty when it gave none
 * error     why it failed, or why it is being tried again; "" otherwise
 * done total  progress; total 0 = not known
 * …_ts      wall clock, nanoseconds; 0 = not yet
 * runs failures  of a periodic job, since the process started
 * period    of a periodic job, nanoseconds; 0 = runs when asked, and for submitted runs
 */
typedef struct pdb_job_view {
	uint32_t size;
	pdb_job_state state;
	const char *id;
	const char *name;
	pdb_slice params;
	pdb_slice result;
	const char *error;
	uint64_t done;
	uint64_t total;
	int64_t created_ts;
	int64_t started_ts;
	int64_t ended_ts;
	uint64_t runs;
	uint64_t failures;
	int64_t period;
} pdb_job_view;

/* Must not call into the table below. PDB_ESTOP ends a walk without error. */
typedef pdb_status (*pdb_job_view_fn)(void *arg, const pdb_job_view *view);

/* Room for the id of a submitted run, NUL included. */
#define PDB_JOB_ID_SIZE 32u
/* Limits: parameters and a saved state, a result, runs that have not ended, ended ones kept. */
#define PDB_JOB_STATE_MAX  (64u * 1024u)
#define PDB_JOB_RESULT_MAX 4096u
#define PDB_JOB_LIVE_MAX   1000u
#define PDB_JOB_KEPT_MAX   200u

/*
 * Submitted runs. The functions that take a run are for step() only and do not block; submit and
 * cancel may block: call them from jobs and from routes with PDB_ROUTE_BLOCKING.
 * Errors of all: PDB_EUNAVAILABLE before the server is up.  Since: 1.1
 */
typedef struct pdb_host_jobs {
	uint32_t size;

	/* Queues a run of the job `name`; `params` is JSON of at most PDB_JOB_STATE_MAX bytes, or
	 * empty for "{}". It is on disk when this returns. Errors: PDB_ENOTFOUND, PDB_EINVAL,
	 * PDB_ETOOMANY (PDB_JOB_LIVE_MAX have not ended), and those of a storage commit. */
	pdb_status (*submit)(const char *name, pdb_slice params, char id_out[PDB_JOB_ID_SIZE],
			     pdb_err *err);

	/* Ends a run that has not ended: a queued one at once, a running one after its present
	 * step. Errors: PDB_ENOTFOUND, PDB_EEXISTS (has ended, code job_ended). */
	pdb_status (*cancel)(const char *id, pdb_err *err);

	/* Shows one run, or a periodic job by its name. PDB_ENOTFOUND. Threads: any. */
	pdb_status (*view)(const char *id, pdb_job_view_fn fn, void *arg, pdb_err *err);
	/* Shows periodic jobs, then submitted runs from the oldest on. Threads: any. */
	pdb_status (*each)(pdb_job_view_fn fn, void *arg, pdb_err *err);

	/* "" for a run that was not submitted. */
	const char *(*id)(const pdb_job_run *run);
	/* The JSON given to submit(), checked; "{}" for a run that was not submitted. */
	pdb_slice (*params)(const pdb_job_run *run);
	/* True when somebody wants the run to end, or the server does: a long step should return.
	 */
	bool (*stopping)(const pdb_job_run *run);
	/* JSON for people, at most PDB_JOB_RESULT_MAX bytes; kept with the next save and at the
	 * end. Errors: PDB_EINVAL, PDB_ENOMEM. */
	pdb_status (*set_result)(pdb_job_run *run, pdb_slice result, pdb_err *err);
	/* The next step is not begun before so many nanoseconds have passed. */
	void (*rest)(pdb_job_run *run, int64_t ns);
	/* Tells that this step did `units` of work: the next one is begun so late that no more than
	 * `per_second` are done; 0 = no limit. */
	void (*pace)(pdb_job_run *run, uint64_t units, uint64_t per_second);
} pdb_host_jobs;

#endif
