/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: work that runs beside the requests, in steps that can be stopped and taken up again. */
#ifndef PDB_JOB_H
#define PDB_JOB_H

#include <pdb/slice.h>
#include <pdb/status.h>

/* A running job. Opaque; accessors in the host table; lives during step(). */
typedef struct pdb_job_run pdb_job_run;

/*
 * name     unique; also the name of its saved state
 * period   nanoseconds between the end of one run and the start of the next; 0 = only on demand
 * step     mandatory. Does one bounded piece of work (aim: under 100 ms) and returns PDB_OK; it is
 *          called again at once until it says job_done(). Another status ends the run, is logged,
 *          and the next run starts from the state last saved.
 * Threads: a worker thread; never two steps of one job at once. May block.
 */
typedef struct pdb_job {
	uint32_t size;
	const char *name;
	int64_t period;
	pdb_status (*step)(void *self, pdb_job_run *run, pdb_err *err);
} pdb_job;

#endif
