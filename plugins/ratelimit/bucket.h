/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets in a table of fixed size. */
#ifndef PDB_RATELIMIT_BUCKET_H
#define PDB_RATELIMIT_BUCKET_H

#include <pdb/host.h>

/*
 * Model. A bucket is one number: the moment at which it will be full again. A full bucket is the
 * same as none, so a bucket is made by looking and ends by waiting.
 *
 * The table has BUCKET_WAYS places for each of its sets, and never grows. Which set a key falls
 * into depends on a secret (who.h). When all places of a set are taken, the fullest bucket gives
 * way, and what was still missing from it is charged to the newcomer: whoever makes the table
 * forget, by coming from many addresses, never gains more tries by it than those addresses have
 * anyway, and costs others as little as there is in the set.
 * Threads: any, several at once.
 */
typedef struct buckets buckets;

#define BUCKET_WAYS 8u

/* One token comes each `interval` ns, up to `burst` of them. interval 0 = no limit. */
typedef struct bucket_rate {
	int64_t interval;
	int64_t burst;
} bucket_rate;

typedef struct bucket_answer {
	bool admitted;
	int64_t wait; /* ns until it would be admitted; 0 when it is */
	int64_t left; /* whole tokens */
	int64_t full; /* ns until all are back */
} bucket_answer;

/* A table of 2^bits buckets, of 16 bytes each, touched at once. Owns: the caller.
 * Errors: PDB_ENOMEM. */
pdb_status buckets_create(buckets **out, const pdb_host *host, unsigned bits, pdb_err *err);
void buckets_destroy(buckets **table);

/* Takes `cost` tokens, or none when there are not as many; more than a whole bucket is never
 * asked for. `now` is the host's monotonic time. */
bucket_answer buckets_take(buckets *table, uint64_t key, const bucket_rate *rate, int64_t cost,
			   int64_t now);
/* Gives back what was taken. */
void buckets_return(buckets *table, uint64_t key, const bucket_rate *rate, int64_t cost);

#endif
