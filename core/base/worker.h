/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that waits for work or for the time, until it is told to stop. */
#ifndef PDB_BASE_WORKER_H
#define PDB_BASE_WORKER_H

#include <pdb/status.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Zero-initialise. What the thread and others share is best kept under `lock` too. */
typedef struct pdb_worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake; /* signalled by whoever has work, and by stop */
	bool stop;           /* under `lock` */
	bool running;
} pdb_worker;

/* A condition whose timed waits go by the clock that never runs backwards. 0, or an errno value. */
int pdb_condition_init(pthread_cond_t *condition);

/* Starts `run(arg)`; `name` is for the error. Errors: PDB_EUNAVAILABLE.  Threads: one at a time. */
pdb_status pdb_worker_start(pdb_worker *worker, const char *name, void *(*run)(void *arg),
			    void *arg, pdb_err *err);
/* Raises `stop`, wakes the thread and waits for its end; nothing for one that does not run. */
void pdb_worker_stop(pdb_worker *worker);

/* Waits until `stop` or the time (pdb_clock_monotonic); false when it is `stop`. Holds the lock. */
bool pdb_worker_wait_until(pdb_worker *worker, int64_t time);

#endif
