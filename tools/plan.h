/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of an import: lines gathered into batches, each thread's in order. */
#ifndef PDB_TOOLS_PLAN_H
#define PDB_TOOLS_PLAN_H

#include "tools/ndjson.h"

/* A thread of the file. */
typedef struct pdb_plan_thread {
	struct pdb_plan_thread *next; /* in its bucket */
	struct pdb_batch *tail;       /* the batch that may still grow; NULL = none */
	uint64_t ordinal;             /* messages seen */
	struct pdb_batch *busy_with;  /* on its way, or waiting to be tried again */
	char name[PDB_ID_MAX + 1];
} pdb_plan_thread;

typedef struct pdb_plan_bucket {
	pdb_plan_thread *first;
} pdb_plan_bucket;

/* Messages of one thread that are sent in one request. */
typedef struct pdb_batch {
	struct pdb_batch *next; /* in order of their first lines */
	struct pdb_batch *previous;
	pdb_plan_thread *thread;
	uint64_t offset; /* of the first line, in the text */
	pdb_buf lines;   /* uint64_t line numbers */
	pdb_buf json;
	size_t count;
	bool in_flight;
	unsigned attempts;
	int64_t not_before; /* monotonic; after a failure */
	int64_t failing_since;
} pdb_batch;

/* Zero-initialise but for the limits of a batch. */
typedef struct pdb_plan {
	uint64_t batch_messages;
	uint64_t batch_bytes;
	const char *list; /* what a batch calls them; NULL = "messages" */
	pdb_batch *first;
	pdb_batch *last;
	uint64_t bytes; /* waiting or on their way */
	uint64_t messages;
	size_t thread_count;
	pdb_plan_bucket *buckets;
	size_t bucket_count;
} pdb_plan;

void pdb_plan_fini(pdb_plan *plan);

/* The thread of that name, new if need be; NULL without memory. Lives until fini. */
pdb_plan_thread *pdb_plan_thread_get(pdb_plan *plan, const char *name);

/* Adds a message to its thread's batch; `offset` and `number` are of its line. Errors: PDB_ENOMEM.
 */
pdb_status pdb_plan_add(pdb_plan *plan, pdb_plan_thread *thread, const pdb_line *line,
			uint64_t offset, uint64_t number, pdb_err *err);

/* The same for what is JSON of one line already. */
pdb_status pdb_plan_add_json(pdb_plan *plan, pdb_plan_thread *thread, pdb_slice json,
			     uint64_t offset, uint64_t number, pdb_err *err);

/* The oldest batch that may be sent now, closed and marked as in flight; NULL when there is none.
 */
pdb_batch *pdb_plan_take(pdb_plan *plan, int64_t now);
/* To be tried again, not before that time; its thread waits for it. */
void pdb_plan_return(pdb_batch *batch, int64_t not_before);
/* It is stored; frees it. */
void pdb_plan_done(pdb_plan *plan, pdb_batch *batch);

/* The offset below which every line is stored, given where the reader is. */
uint64_t pdb_plan_confirmed(const pdb_plan *plan, uint64_t reader);
/* The number of the line of message `index`. */
uint64_t pdb_batch_line(const pdb_batch *batch, size_t index);

#endif
