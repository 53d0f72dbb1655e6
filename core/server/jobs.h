/* SPDX-License-Identifier: Apache-2.0 */
/* The job runner: gives each plugged-in job a thread and keeps its state in the database. */
#ifndef PDB_SERVER_JOBS_H
#define PDB_SERVER_JOBS_H

#include "plugin/sockets.h"
#include "store/store.h"

typedef struct pdb_jobs pdb_jobs;

/* What a job does just now, for people. */
typedef struct pdb_job_view {
	const char *name;
	bool running;
	uint64_t done;
	uint64_t total; /* 0 = not known */
	uint64_t runs;
	uint64_t failures;
} pdb_job_view;

/*
 * Starts a thread for each job in `sockets`; all borrowed until destroy. There is one runner in a
 * process, because a job is named by its name alone. Errors: PDB_ENOMEM, PDB_EUNAVAILABLE.
 */
pdb_status pdb_jobs_create(pdb_jobs **out, const pdb_sockets *sockets, pdb_store *store,
			   pdb_err *err);
/* Lets running steps end, starts no other; accepts NULL. */
void pdb_jobs_destroy(pdb_jobs **jobs);

/* Calls `view` for each job. Threads: any. */
void pdb_jobs_each(pdb_jobs *jobs, void (*view)(void *arg, const pdb_job_view *job), void *arg);

/* The job functions of the host table. */
pdb_slice pdb_job_state(const pdb_job_run *run);
pdb_status pdb_job_save(pdb_job_run *run, pdb_slice state, pdb_err *err);
void pdb_job_progress(pdb_job_run *run, uint64_t done, uint64_t total);
void pdb_job_done(pdb_job_run *run);
pdb_status pdb_job_start(const char *name, pdb_err *err);

#endif
