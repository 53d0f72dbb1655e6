/* SPDX-License-Identifier: Apache-2.0 */
/* The job runner: a few threads that do the steps of all jobs in turn, and the runs kept on disk.
 */
#ifndef PDB_JOBS_JOBS_H
#define PDB_JOBS_JOBS_H

#include "plugin/sockets.h"
#include "store/store.h"

typedef struct pdb_jobs pdb_jobs;

/*
 * Starts the threads, and takes up the submitted runs that the database holds. `sockets` and
 * `store` are borrowed until destroy. There is one runner in a process, because the functions below
 * are given no handle. Errors: PDB_ENOMEM, PDB_EUNAVAILABLE, and of the storage.
 */
pdb_status pdb_jobs_create(pdb_jobs **out, const pdb_sockets *sockets, pdb_store *store,
			   pdb_err *err);
/* Lets running steps end, starts no other; accepts NULL. */
void pdb_jobs_destroy(pdb_jobs **jobs);

/* The job functions of the host table. */
extern const pdb_host_jobs pdb_jobs_table;
pdb_slice pdb_job_saved(const pdb_job_run *run);
pdb_status pdb_job_save(pdb_job_run *run, pdb_slice state, pdb_err *err);
void pdb_job_progress(pdb_job_run *run, uint64_t done, uint64_t total);
void pdb_job_done(pdb_job_run *run);
pdb_status pdb_job_start(const char *name, pdb_err *err);

/*
 * The state as part of somebody's own transaction: what the step wrote and how far it came are
 * then one. Call adopt after the commit. A commit that failed or is uncertain needs no undoing: a
 * step that returns an error is begun again from what is stored.
 */
pdb_status pdb_job_put_state(pdb_job_run *run, pdb_txn *txn, pdb_slice state, pdb_err *err);
pdb_status pdb_job_adopt(pdb_job_run *run, pdb_slice state, pdb_err *err);

/* Whether a row "meta:job:job-…" is well-formed; for the check. */
bool pdb_job_row_valid(pdb_slice key, pdb_slice row);

#endif
