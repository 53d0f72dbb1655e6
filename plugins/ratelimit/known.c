/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that were good: sets of a few places, the longest unused of which gives way. */
#include "known.h"

#include <pthread.h>

#define WAYS  8u
#define SETS  8192u /* 1 MiB in all */
#define LOCKS 64u

typedef struct place {
	uint64_t credentials; /* 0 = none */
	int64_t used;
} place;

struct known {
	const pdb_host *host;
	pthread_mutex_t locks[LOCKS];
	place sets[SETS][WAYS];
};

pdb_status known_create(known **out, const pdb_host *host, pdb_err *err)
{
	known *table = host->alloc(sizeof(*table));

	*out = table;
	if (table == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for known credentials");
	}
	memset(table, 0, sizeof(*table));
	table->host = host;
	for (size_t i = 0; i < LOCKS; i++) {
		(void)pthread_mutex_init(&table->locks[i], NULL);
	}
	return PDB_OK;
}

void known_destroy(known **table)
{
	known *gone = *table;

	if (gone == NULL) {
		return;
	}
	for (size_t i = 0; i < LOCKS; i++) {
		(void)pthread_mutex_destroy(&gone->locks[i]);
	}
	gone->host->free(gone);
	*table = NULL;
}

static pthread_mutex_t *lock_of(known *table, uint64_t credentials)
{
	return &table->locks[(credentials % SETS) % LOCKS];
}

/* NULL when it is not there. */
static place *find(known *table, uint64_t credentials)
{
	place *set = table->sets[credentials % SETS];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].credentials == credentials) {
			return &set[i];
		}
	}
	return NULL;
}

static place *oldest(known *table, uint64_t credentials)
{
	place *set = table->sets[credentials % SETS];
	place *found = &set[0];

	for (size_t i = 1; i < WAYS; i++) {
		if (set[i].used < found->used) {
			found = &set[i];
		}
	}
	return found;
}

bool known_has(known *table, uint64_t credentials, int64_t now)
{
	pthread_mutex_t *lock = lock_of(table, credentials);
	place *found;

	(void)pthread_mutex_lock(lock);
	found = find(table, credentials);
	if (found != NULL) {
		found->used = now;
	}
	(void)pthread_mutex_unlock(lock);
	return found != NULL;
}

void known_add(known *table, uint64_t credentials, int64_t now)
{
	pthread_mutex_t *lock = lock_of(table, credentials);
	place *taken;

	(void)pthread_mutex_lock(lock);
	taken = find(table, credentials);
	if (taken == NULL) {
		taken = oldest(table, credentials);
	}
	*taken = (place){credentials, now};
	(void)pthread_mutex_unlock(lock);
}

void known_remove(known *table, uint64_t credentials)
{
	pthread_mutex_t *lock = lock_of(table, credentials);
	place *found;

	(void)pthread_mutex_lock(lock);
	found = find(table, credentials);
	if (found != NULL) {
		*found = (place){0, 0};
	}
	(void)pthread_mutex_unlock(lock);
}
