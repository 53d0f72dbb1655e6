/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets: one number each, in sets that never grow. */
#include "bucket.h"

#include <pthread.h>

#define LOCKS 256u

typedef struct bucket {
	uint64_t key; /* 0 = never used */
	int64_t full_at;
} bucket;

typedef struct set {
	bucket ways[BUCKET_WAYS];
} set;

struct buckets {
	const pdb_host *host;
	set *sets;
	uint64_t mask;
	pthread_mutex_t locks[LOCKS]; /* a set is guarded by the one of its number */
};

pdb_status buckets_create(buckets **out, const pdb_host *host, unsigned bits, pdb_err *err)
{
	size_t count = ((size_t)1 << bits) / BUCKET_WAYS;
	buckets *table = host->alloc(sizeof(*table));
	set *sets = host->alloc(count * sizeof(*sets));

	*out = NULL;
	if (table == NULL || sets == NULL) {
		host->free(table);
		host->free(sets);
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the buckets");
	}
	memset(sets, 0, count * sizeof(*sets));
	table->host = host;
	table->sets = sets;
	table->mask = count - 1;
	for (size_t i = 0; i < LOCKS; i++) {
		(void)pthread_mutex_init(&table->locks[i], NULL);
	}
	*out = table;
	return PDB_OK;
}

void buckets_destroy(buckets **table)
{
	buckets *gone = *table;

	if (gone == NULL) {
		return;
	}
	for (size_t i = 0; i < LOCKS; i++) {
		(void)pthread_mutex_destroy(&gone->locks[i]);
	}
	gone->host->free(gone->sets);
	gone->host->free(gone);
	*table = NULL;
}

static bucket *find(set *in, uint64_t key)
{
	for (size_t i = 0; i < BUCKET_WAYS; i++) {
		if (in->ways[i].key == key) {
			return &in->ways[i];
		}
	}
	return NULL;
}

static bucket *fullest(set *in)
{
	bucket *best = &in->ways[0];

	for (size_t i = 1; i < BUCKET_WAYS; i++) {
		if (in->ways[i].full_at < best->full_at) {
			best = &in->ways[i];
		}
	}
	return best;
}

/* Of the caller's key afterwards, and not before `now`. A whole bucket is the most that can be
 * missing, also after a reload that made it smaller. */
static bucket *settle(set *in, uint64_t key, const bucket_rate *rate, int64_t now)
{
	bucket *own = find(in, key);
	int64_t empty = now + rate->burst * rate->interval;

	if (own == NULL) {
		own = fullest(in);
		own->key = key;
	}
	if (own->full_at < now) {
		own->full_at = now;
	} else if (own->full_at > empty) {
		own->full_at = empty;
	}
	return own;
}

static bucket_answer take(bucket *own, const bucket_rate *rate, int64_t cost, int64_t now)
{
	int64_t depth = rate->burst * rate->interval;
	int64_t wanted = (cost < rate->burst ? cost : rate->burst) * rate->interval;
	int64_t missing = own->full_at - now;
	bucket_answer answer = {.admitted = missing + wanted <= depth};

	if (answer.admitted) {
		missing += wanted;
		own->full_at = now + missing;
	} else {
		answer.wait = missing + wanted - depth;
	}
	answer.left = (depth - missing) / rate->interval;
	answer.full = missing;
	return answer;
}

static pthread_mutex_t *lock_of(buckets *table, uint64_t key)
{
	return &table->locks[(key & table->mask) % LOCKS];
}

bucket_answer buckets_take(buckets *table, uint64_t key, const bucket_rate *rate, int64_t cost,
			   int64_t now)
{
	pthread_mutex_t *lock = lock_of(table, key);
	bucket_answer answer;

	(void)pthread_mutex_lock(lock);
	answer = take(settle(&table->sets[key & table->mask], key, rate, now), rate, cost, now);
	(void)pthread_mutex_unlock(lock);
	return answer;
}

void buckets_return(buckets *table, uint64_t key, const bucket_rate *rate, int64_t cost)
{
	pthread_mutex_t *lock = lock_of(table, key);
	bucket *own;

	(void)pthread_mutex_lock(lock);
	own = find(&table->sets[key & table->mask], key);
	if (own != NULL) {
		own->full_at -= (cost < rate->burst ? cost : rate->burst) * rate->interval;
	}
	(void)pthread_mutex_unlock(lock);
}
