/* SPDX-License-Identifier: Apache-2.0 */
/* A swarm of keep-alive connections, each with one request on its way at a time. */
#ifndef PDB_BENCH_SWARM_H
#define PDB_BENCH_SWARM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "histogram.h"

/*
 * What is asked. In the paths "{t}" becomes a thread number below `threads`, "{s}" a number from 51
 * to `seqs`, both drawn anew for each request. So is the piece of `text` that stands for the "{x}"
 * of a body: what is stored compresses as what people write does, not as one line said again.
 */
typedef struct pdb_swarm_plan {
	const char *host; /* an IPv4 address */
	uint16_t port;
	const char *key;
	const char *get_path;
	const char *post_path;
	const char *body;
	const char *text; /* nothing in it needs an escape in JSON */
	size_t text_len;
	size_t piece; /* bytes of it in a body, at most its length */
	unsigned post_percent;
	uint64_t threads;
	uint64_t seqs;
} pdb_swarm_plan;

/* Zero-initialise but for the first three. Filled by pdb_swarm_run. */
typedef struct pdb_swarm {
	const pdb_swarm_plan *plan;
	size_t connections;
	uint64_t seed;
	const atomic_bool *counting; /* answers count while it is true */
	const atomic_bool *stop;
	pdb_histogram latencies; /* nanoseconds */
	uint64_t errors;         /* answers other than 2xx, and broken connections */
	uint64_t answer_bytes;   /* of counted answers, bodies only */
	char first_error[160];
	bool failed; /* could not connect */
} pdb_swarm;

/* Runs until *stop. Threads: one swarm each. */
void pdb_swarm_run(pdb_swarm *swarm);

#endif
