/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share. */
#ifndef PDB_RATELIMIT_PRIVATE_H
#define PDB_RATELIMIT_PRIVATE_H

#include <pdb/host.h>
#include <pthread.h>
#include <stdatomic.h>

#include "bucket.h"
#include "crowd.h"
#include "known.h"
#include "limits.h"
#include "who.h"

/* Why requests are refused, as a metric tells it. */
typedef enum refusal {
	REFUSAL_CALLER = 0,
	REFUSAL_KEY,
	REFUSAL_ADDRESS,
	REFUSAL_FAILED,
	REFUSAL_CROWD,
	REFUSAL_OVERLOAD,
	REFUSALS
} refusal;

/* `now` is swapped by a reload: read it only between ratelimit_lock() and ratelimit_unlock(). */
typedef struct ratelimit {
	const pdb_host *host;
	pthread_rwlock_t lock;
	limits *now;
	who_secret secret;
	buckets *rates;  /* callers, keys, addresses */
	buckets *failed; /* addresses that failed to identify */
	crowd *crowd;
	known *known;
	_Atomic int64_t told_at; /* when the log was last told of failures */
	pdb_series *refused[REFUSALS];
} ratelimit;

const limits *ratelimit_lock(ratelimit *self);
void ratelimit_unlock(ratelimit *self);

/*
 * What the guard found out about the request that this thread has in work. The gates of a request
 * run one behind the other, so the second one of this plugin finds what the first has left.
 */
typedef struct visit {
	const pdb_request *request;
	uint64_t address;
	int64_t cost;
	uint64_t credentials; /* 0 = it shows none */
	bool known;           /* they were good before */
	bool charged;         /* a failed try was charged in advance */
	bucket_rate failed;
	/* of the limits looked at so far, as the answer tells them */
	size_t policy_len;
	size_t state_len;
	char policy[LIMITS * LIMIT_TEXT];
	char state[LIMITS * LIMIT_TEXT];
} visit;

extern _Thread_local visit ratelimit_visit;

/* Probes must be answered whatever else goes on. */
bool ratelimit_is_probe(const ratelimit *self, const pdb_request *request);

/* Takes down the state of a limit. */
void ratelimit_note(visit *here, const limit *told, const bucket_answer *answer);
/* Puts what was taken down into the fields of the answer. */
void ratelimit_tell(const ratelimit *self, pdb_request *request, const visit *here);
/* Sets Retry-After, counts, and returns the status of the refusal. */
pdb_status ratelimit_refuse(ratelimit *self, pdb_request *request, refusal why, int64_t wait,
			    pdb_err *err);

extern const pdb_gate ratelimit_guard; /* self: a ratelimit */
extern const pdb_gate ratelimit_gate;  /* self: a ratelimit */

#endif
