/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that works ahead: keys for threads to come, claims, and the care of the cache. */
#include "keeper.h"

#include <pthread.h>
#include <sodium.h>
#include <time.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define PAUSE         (NS_PER_SECOND / 2)
#define DESTROY_TIME  (2 * NS_PER_SECOND)
#define CLAIMS_MAX    1024u
/* Keys that are asked for at once. */
#define BATCH 32u
/* Keys handed out lately that are remembered. */
#define TAKEN_MAX 256u

typedef struct claim {
	char id[PDB_KMS_ID_SIZE];
	char thread[PDB_KMS_THREAD_SIZE];
} claim;

struct keeper {
	const pdb_host *host;
	const pdb_kms_ops *ops;
	void *kms;
	keycache *cache;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool started;
	bool ending;
	bool asked;      /* somebody took a key or has a claim */
	int64_t resting; /* after a failure: not before this time */
	size_t room;
	size_t ready;
	pdb_kms_key *keys; /* without DEKs */
	uint8_t *deks;     /* locked; BATCH more for those on their way */
	claim *claims;
	size_t claim_count;
	pdb_kms_key *taken; /* a ring; without DEKs */
	size_t taken_next;
};

static pdb_status deks_make(keeper *k, bool must_lock, pdb_err *err)
{
	size_t size = (k->room + BATCH) * PDB_KMS_DEK_SIZE;

	k->deks = sodium_malloc(size);
	if (k->deks == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for prepared keys");
	}
	if (sodium_mlock(k->deks, size) != 0 && must_lock) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, NULL,
				   "the memory of prepared keys cannot be locked; raise "
				   "LimitMEMLOCK (ulimit -l)");
	}
	return PDB_OK;
}

static pdb_status rooms_make(keeper *k, pdb_err *err)
{
	k->keys = k->host->alloc((k->room + 1) * sizeof(*k->keys));
	k->claims = k->host->alloc(CLAIMS_MAX * sizeof(*k->claims));
	k->taken = k->host->alloc(TAKEN_MAX * sizeof(*k->taken));
	if (k->keys == NULL || k->claims == NULL || k->taken == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for prepared keys");
	}
	memset(k->taken, 0, TAKEN_MAX * sizeof(*k->taken));
	return PDB_OK;
}

/* Waits by a clock that nobody sets. */
static void condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(condition, &attributes);
	(void)pthread_condattr_destroy(&attributes);
}

pdb_status keeper_create(keeper **out, const pdb_host *host, keycache *cache, size_t prepared,
			 bool must_lock, pdb_err *err)
{
	keeper *k = host->alloc(sizeof(*k));
	pdb_status status;

	if (k == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for prepared keys");
	}
	memset(k, 0, sizeof(*k));
	k->host = host;
	k->cache = cache;
	k->room = prepared;
	(void)pthread_mutex_init(&k->lock, NULL);
	condition_init(&k->wake);
	status = deks_make(k, must_lock, err);
	if (status == PDB_OK) {
		status = rooms_make(k, err);
	}
	if (status != PDB_OK) {
		keeper_destroy(&k);
	}
	*out = k;
	return status;
}

void keeper_destroy(keeper **k)
{
	keeper *old = k != NULL ? *k : NULL;

	if (old == NULL) {
		return;
	}
	keeper_stop(old);
	sodium_free(old->deks);
	old->host->free(old->keys);
	old->host->free(old->claims);
	old->host->free(old->taken);
	(void)pthread_cond_destroy(&old->wake);
	(void)pthread_mutex_destroy(&old->lock);
	old->host->free(old);
	*k = NULL;
}

/* -- prepared keys ---------------------------------------------------------------------------- */

static uint8_t *dek_at(const keeper *k, size_t index)
{
	return k->deks + index * PDB_KMS_DEK_SIZE;
}

static pdb_kms_key *taken_for(keeper *k, pdb_slice thread)
{
	for (size_t i = 0; i < TAKEN_MAX; i++) {
		if (k->taken[i].id[0] != '\0' && pdb_slice_is(thread, k->taken[i].thread)) {
			return &k->taken[i];
		}
	}
	return NULL;
}

static void remember(keeper *k, pdb_slice thread, const pdb_kms_key *key)
{
	pdb_kms_key *place = &k->taken[k->taken_next];

	k->taken_next = (k->taken_next + 1) % TAKEN_MAX;
	*place = *key;
	place->dek = NULL;
	(void)snprintf(place->thread, sizeof(place->thread), "%.*s", PDB_SLICE_ARGS(thread));
}

/* Moves the last of those that lie ready into the cache. */
static void hand_out(keeper *k, pdb_slice thread, pdb_kms_key *key)
{
	size_t i = --k->ready;

	*key = k->keys[i];
	key->dek = dek_at(k, i);
	keycache_put(k->cache, key);
	key->dek = NULL;
	sodium_memzero(dek_at(k, i), PDB_KMS_DEK_SIZE);
	remember(k, thread, key);
}

bool keeper_take(keeper *k, pdb_slice thread, pdb_kms_key *key)
{
	const pdb_kms_key *before;
	bool taken = true;

	(void)pthread_mutex_lock(&k->lock);
	before = taken_for(k, thread);
	if (before != NULL) {
		*key = *before;
	} else if (k->ready > 0) {
		hand_out(k, thread, key);
	} else {
		taken = false;
	}
	if (k->ready < (k->room + 1) / 2 && !k->asked) {
		k->asked = true;
		(void)pthread_cond_signal(&k->wake);
	}
	(void)pthread_mutex_unlock(&k->lock);
	return taken;
}

void keeper_remember(keeper *k, pdb_slice thread, const pdb_kms_key *key)
{
	(void)pthread_mutex_lock(&k->lock);
	remember(k, thread, key);
	(void)pthread_mutex_unlock(&k->lock);
}

void keeper_forget(keeper *k, const char *id)
{
	(void)pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < TAKEN_MAX; i++) {
		if (strcmp(k->taken[i].id, id) == 0) {
			memset(&k->taken[i], 0, sizeof(k->taken[i]));
		}
	}
	(void)pthread_mutex_unlock(&k->lock);
}

size_t keeper_ready(keeper *k)
{
	size_t ready;

	(void)pthread_mutex_lock(&k->lock);
	ready = k->ready;
	(void)pthread_mutex_unlock(&k->lock);
	return ready;
}

static bool key_good(const pdb_kms_key *key)
{
	return key->dek_version == 1 && key->state == PDB_KMS_KEY_PREPARED && keycache_good(key);
}

/* Keeps those of a batch that are what they should be. */
static void keep(keeper *k, pdb_kms_key *keys, size_t count)
{
	(void)pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < count && k->ready < k->room; i++) {
		if (key_good(&keys[i])) {
			memcpy(dek_at(k, k->ready), keys[i].dek, PDB_KMS_DEK_SIZE);
			k->keys[k->ready] = keys[i];
			k->keys[k->ready].dek = NULL;
			k->ready++;
		}
	}
	(void)pthread_mutex_unlock(&k->lock);
}

static pdb_status fill_some(keeper *k, size_t count, pdb_err *err)
{
	pdb_kms_key keys[BATCH];
	uint8_t *deks = dek_at(k, k->room);
	pdb_status status;

	memset(keys, 0, sizeof(keys));
	for (size_t i = 0; i < count; i++) {
		keys[i].size = sizeof(keys[i]);
		keys[i].dek = deks + i * PDB_KMS_DEK_SIZE;
	}
	status = k->ops->prepare(k->kms, keys, count, err);
	crypt_wipe_stack();
	if (status == PDB_OK) {
		keep(k, keys, count);
	}
	sodium_memzero(deks, (size_t)BATCH * PDB_KMS_DEK_SIZE);
	return status;
}

/* What a provider that does not answer is asked last, for a while. */
static void note_silence(keeper *k, pdb_status status)
{
	if (status == PDB_EUNAVAILABLE) {
		keycache_lost(k->cache);
	}
}

/* Fills the room; a provider that says no is left alone for a second. */
static void fill(keeper *k)
{
	pdb_status status = PDB_OK;
	pdb_err err = {0};
	size_t ready = keeper_ready(k);

	if (keycache_is_lost(k->cache) || k->host->monotonic() < k->resting) {
		return;
	}
	while (status == PDB_OK && ready < k->room) {
		size_t want = k->room - ready < BATCH ? k->room - ready : BATCH;
		size_t before = ready;

		status = fill_some(k, want, &err);
		ready = keeper_ready(k);
		if (status == PDB_OK && ready <= before) {
			break;
		}
	}
	if (status != PDB_OK) {
		k->resting = k->host->monotonic() + NS_PER_SECOND;
		note_silence(k, status);
		k->host->log(PDB_LOG_WARN, "encryption", "keys cannot be prepared: %s", err.text);
	}
}

/* -- claims ----------------------------------------------------------------------------------- */

void keeper_claim(keeper *k, const char *id, pdb_slice thread)
{
	bool known = thread.len >= PDB_KMS_THREAD_SIZE;

	(void)pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < k->claim_count && !known; i++) {
		known = strcmp(k->claims[i].id, id) == 0;
	}
	/* One that finds no room is met again when its key is used again. */
	if (!known && k->claim_count < CLAIMS_MAX) {
		claim *c = &k->claims[k->claim_count++];

		(void)snprintf(c->id, sizeof(c->id), "%s", id);
		(void)snprintf(c->thread, sizeof(c->thread), "%.*s", PDB_SLICE_ARGS(thread));
		if (!k->asked) {
			k->asked = true;
			(void)pthread_cond_signal(&k->wake);
		}
	}
	(void)pthread_mutex_unlock(&k->lock);
}

static bool next_claim(keeper *k, claim *out)
{
	bool found;

	(void)pthread_mutex_lock(&k->lock);
	found = k->claim_count > 0;
	if (found) {
		*out = k->claims[k->claim_count - 1];
	}
	(void)pthread_mutex_unlock(&k->lock);
	return found;
}

static void claim_done(keeper *k, const char *id)
{
	(void)pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < k->claim_count; i++) {
		if (strcmp(k->claims[i].id, id) == 0) {
			k->claims[i] = k->claims[--k->claim_count];
			break;
		}
	}
	(void)pthread_mutex_unlock(&k->lock);
}

/* A key that is another thread's, or gone, must not be used a moment longer. */
static void claim_refused(keeper *k, const claim *c, const pdb_err *err)
{
	keycache_purge(k->cache, c->id);
	k->host->log(PDB_LOG_ERROR, "encryption", "the key %s of thread %s was refused: %s", c->id,
		     c->thread, err->text);
}

static void claim_all(keeper *k)
{
	pdb_status status = PDB_OK;
	claim c;

	while (!keycache_is_lost(k->cache) && status != PDB_EUNAVAILABLE && next_claim(k, &c)) {
		pdb_kms_key key = {.size = sizeof(key)};
		pdb_err err = {0};

		status = k->ops->claim(k->kms, c.id, pdb_slice_text(c.thread), &key, &err);
		if (status == PDB_OK) {
			keycache_bound(k->cache, c.id);
		} else if (status == PDB_EDENIED || status == PDB_ENOTFOUND) {
			claim_refused(k, &c, &err);
		} else {
			note_silence(k, status);
			status = PDB_EUNAVAILABLE;
			continue;
		}
		claim_done(k, c.id);
	}
}

/* -- the thread ------------------------------------------------------------------------------- */

static struct timespec pause_end(const keeper *k)
{
	int64_t at = k->host->monotonic() + PAUSE;

	return (struct timespec){.tv_sec = (time_t)(at / NS_PER_SECOND),
				 .tv_nsec = (long)(at % NS_PER_SECOND)};
}

/* Waits until there is something to do, and no longer than a moment; false at the end. */
static bool wait_for_work(keeper *k)
{
	struct timespec end = pause_end(k);
	bool going_on;
	int waited = 0;

	(void)pthread_mutex_lock(&k->lock);
	while (!k->ending && !k->asked && waited == 0) {
		waited = pthread_cond_timedwait(&k->wake, &k->lock, &end);
	}
	k->asked = false;
	going_on = !k->ending;
	(void)pthread_mutex_unlock(&k->lock);
	return going_on;
}

static void *run(void *arg)
{
	keeper *k = arg;

	do {
		fill(k);
		claim_all(k);
		keycache_tend(k->cache);
	} while (wait_for_work(k));
	claim_all(k);
	return NULL;
}

pdb_status keeper_start(keeper *k, const pdb_kms_ops *ops, void *kms, pdb_err *err)
{
	k->ops = ops;
	k->kms = kms;
	k->ending = false;
	if (pthread_create(&k->thread, NULL, run, k) != 0) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, NULL, "cannot start a thread");
	}
	k->started = true;
	return PDB_OK;
}

/* Nobody else knows these keys. What cannot be destroyed soon stays there; it protects nothing. */
static void destroy_ready(keeper *k)
{
	int64_t until = k->host->monotonic() + DESTROY_TIME;
	bool going_on = !keycache_is_lost(k->cache);

	while (k->ready > 0) {
		pdb_err err = {0};

		k->ready--;
		sodium_memzero(dek_at(k, k->ready), PDB_KMS_DEK_SIZE);
		going_on = going_on && k->host->monotonic() < until &&
			   k->ops->destroy(k->kms, k->keys[k->ready].id, NULL, &err) == PDB_OK;
	}
}

void keeper_stop(keeper *k)
{
	if (!k->started) {
		return;
	}
	(void)pthread_mutex_lock(&k->lock);
	k->ending = true;
	(void)pthread_cond_signal(&k->wake);
	(void)pthread_mutex_unlock(&k->lock);
	(void)pthread_join(k->thread, NULL);
	k->started = false;
	destroy_ready(k);
}
