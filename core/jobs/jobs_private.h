/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: a run, its row, and the runner. */
#ifndef PDB_JOBS_PRIVATE_H
#define PDB_JOBS_PRIVATE_H

#include <pthread.h>

#include "base/buf.h"
#include "jobs/jobs.h"

#define PDB__JOB_RUNNERS   4u
#define PDB__JOB_ID_PREFIX "job-"
#define PDB__JOB_NEVER     INT64_MAX

/* The stored form of a submitted run; see schemas/storage.md. Slices borrow. */
typedef struct pdb__job_row {
	pdb_job_state state;
	int64_t created_ts;
	int64_t started_ts;
	int64_t ended_ts;
	uint64_t done;
	uint64_t total;
	pdb_slice name;
	pdb_slice params;
	pdb_slice error;
	pdb_slice result;
	pdb_slice saved;
} pdb__job_row;

void pdb__job_row_encode(const pdb__job_row *row, pdb_buf *out);
/* False when it is not well-formed; never reads outside. */
bool pdb__job_row_decode(pdb_slice bytes, pdb__job_row *out);

/*
 * One run. A runner that does a step, or a caller that cancels, *claims* it (`active`, under the
 * lock of the runner); only who has the claim touches `saved` and writes the row. What views show
 * is changed under the lock.
 */
struct pdb_job_run {
	pdb_jobs *jobs;
	const pdb_job *job; /* NULL: a stored run of a job that nobody offers */
	void *self;
	char *name;               /* of its own: a stored run may outlive the plugin */
	char id[PDB_JOB_ID_SIZE]; /* "" = not submitted */
	/* under the lock */
	bool active;
	bool begun;
	bool demanded;
	bool cancel;
	int64_t due; /* monotonic; PDB__JOB_NEVER = when asked */
	pdb_job_state state;
	uint64_t done;
	uint64_t total;
	uint64_t runs;
	uint64_t failures;
	int64_t created_ts;
	int64_t started_ts;
	int64_t ended_ts;
	pdb_buf params;
	pdb_buf result;
	char error[sizeof(((pdb_err *)0)->text)];
	/* of the claim */
	bool loaded;       /* `saved` is what is stored */
	bool finished;     /* job_done() was said */
	unsigned stumbles; /* failures in a row that may pass */
	pdb_job_state ending;
	int64_t rest;  /* before the next step */
	int64_t paced; /* when the work told of so far may be done */
	pdb_buf saved;
};

typedef struct pdb__job_list {
	pdb_job_run **runs;
	size_t count;
	size_t cap;
} pdb__job_list;

struct pdb_jobs {
	const pdb_sockets *sockets;
	pdb_store *store;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;
	pdb__job_list named;     /* as plugged in */
	pdb__job_list submitted; /* in order of their ids */
	pthread_t threads[PDB__JOB_RUNNERS];
	size_t thread_count;
};

/* The runner of the process, held so that it is not destroyed meanwhile; NULL when there is none.
 * Each take is followed by a give, also of NULL. */
pdb_jobs *pdb__jobs_take(void);
void pdb__jobs_give(void);

/* -- runs (run.c) ---------------------------------------------------------------------------- */

/* Makes a run and puts it at the end of `list`. Under the lock, or before the threads. */
pdb_job_run *pdb__run_create(pdb_jobs *jobs, pdb__job_list *list, const char *name);
void pdb__run_destroy(pdb_job_run **run);
/* Takes it out of the list; the run stays. Under the lock. */
void pdb__run_forget(pdb__job_list *list, const pdb_job_run *run);
/* Finds what step it has among the plugged-in jobs. */
void pdb__run_attach(pdb_job_run *run);
void pdb__run_fill(pdb_job_run *run, const pdb__job_row *row);
bool pdb__run_ended(const pdb_job_run *run);

/* Reads the saved state anew. With the claim. */
pdb_status pdb__run_load(pdb_job_run *run, pdb_err *err);
/* Writes the row of a submitted run with `state` as its saved state. With the claim. */
pdb_status pdb__run_put(pdb_job_run *run, pdb_txn *txn, pdb_slice saved, pdb_err *err);
/* The same, and waits for the disk. */
pdb_status pdb__run_store(pdb_job_run *run, pdb_slice saved, pdb_err *err);
pdb_status pdb__run_erase(pdb_job_run *run, pdb_err *err);

/* Of pdb_host_jobs. */
const char *pdb__job_id(const pdb_job_run *run);
pdb_slice pdb__job_params(const pdb_job_run *run);
bool pdb__job_stopping(const pdb_job_run *run);
pdb_status pdb__job_set_result(pdb_job_run *run, pdb_slice result, pdb_err *err);
void pdb__job_rest(pdb_job_run *run, int64_t ns);
void pdb__job_pace(pdb_job_run *run, uint64_t units, uint64_t per_second);

/* -- submitted runs (submit.c) ----------------------------------------------------------------- */

/* Reads the stored runs. Before the threads. */
pdb_status pdb__submitted_load(pdb_jobs *jobs, pdb_err *err);
/* Writes that the run has ended as `state`; with the claim. */
pdb_status pdb__submitted_end(pdb_job_run *run, pdb_job_state state, pdb_err *err);

#endif
