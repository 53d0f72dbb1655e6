/* SPDX-License-Identifier: Apache-2.0 */
/* The worker pool: threads that may block. */
#ifndef PDB_SERVER_POOL_H
#define PDB_SERVER_POOL_H

#include <pdb/status.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pdb_pool pdb_pool;

/* Starts `workers` threads with a queue of at most `queue_max` tasks, which takes no more when its
 * oldest has waited for `patience` nanoseconds (0 = any time). Errors: PDB_ENOMEM,
 * PDB_EUNAVAILABLE (no threads). Owns: *out until destroy. */
pdb_status pdb_pool_create(pdb_pool **out, size_t workers, size_t queue_max, int64_t patience,
			   pdb_err *err);

/* Finishes what is queued and ends the threads; accepts NULL. */
void pdb_pool_destroy(pdb_pool **pool);

typedef struct pdb_pool_view {
	size_t queued;
	size_t queue_max;
	size_t busy; /* workers */
	size_t workers;
} pdb_pool_view;

/* How it is just now; zeroes for a NULL pool.  Threads: any. */
void pdb_pool_look(pdb_pool *pool, pdb_pool_view *out);

/* Queues `run(arg)`; fits pdb_offload_fn. Errors: PDB_EBUSY (queue full or slow). Threads: any.
 */
pdb_status pdb_pool_post(void *pool, void (*run)(void *arg), void *arg);

#endif
