/* SPDX-License-Identifier: Apache-2.0 */
/* Unwrapped keys, for a while, in locked memory. */
#include "keycache.h"

#include <pthread.h>
#include <sodium.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define FAILURE_TIME  NS_PER_SECOND
#define LOOK_TIME     (5 * NS_PER_SECOND)
#define SHARDS        16u
#define SHARD_LEAST   64u /* entries that make shards worth while */
#define NONE          UINT32_MAX
#define PLACE_BITS    24u /* of a ticket */
/* Keys that one call of keycache_tend() unwraps again in each shard. */
#define DUE_MAX 64u

typedef enum entry_state {
	ENTRY_FREE = 0,
	ENTRY_LOADING,
	ENTRY_READY,
	ENTRY_FAILED
} entry_state;

typedef struct entry {
	entry_state state;
	uint32_t next; /* of the same bucket */
	uint32_t holds;
	uint32_t version; /* that was asked for */
	bool gone;        /* purged while it was held or loading; in no bucket any more */
	uint8_t check[CRYPT_CHECK_SIZE];
	uint64_t ticket; /* of the key that is or was ready */
	pdb_err failure;
	pdb_kms_key key; /* without the DEK */
} entry;

/* What is read without the lock, one an entry. */
typedef struct lease {
	_Atomic uint64_t ticket; /* the entry's while its key is ready and bound; else 0 */
	_Atomic int64_t refresh;
	_Atomic int64_t expires; /* 0 = free, or on its way */
	_Atomic bool used;       /* since the clock hand passed */
	_Atomic bool due;        /* used when it was time to unwrap it again */
} lease;

typedef struct shard {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint32_t count;
	uint32_t hand;
	uint32_t kept;
	uint32_t *buckets;
	entry *entries;
	lease *leases;
	crypt_keys *keys; /* in the slab, one an entry */
} shard;

struct keycache {
	const pdb_host *host;
	const pdb_kms_ops *ops;
	void *kms;
	int64_t ttl;
	bool locked;
	_Atomic bool lost; /* the provider could not be reached */
	int64_t next_look; /* of keycache_tend() */
	keycache_counts counts;
	_Atomic uint64_t unwrapped; /* keys that became ready */
	uint8_t seed[crypto_shorthash_KEYBYTES];
	crypt_keys *slab;  /* of all shards, and one more for keycache_tend() */
	crypt_keys *spare; /* that one */
	size_t shard_count;
	shard shards[SHARDS];
};

/* -- life ------------------------------------------------------------------------------------ */

static bool shard_init(keycache *cache, shard *s, uint32_t count, crypt_keys *keys)
{
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->changed, NULL);
	s->count = count;
	s->keys = keys;
	s->entries = cache->host->alloc(count * sizeof(*s->entries));
	s->leases = cache->host->alloc(count * sizeof(*s->leases));
	s->buckets = cache->host->alloc(count * sizeof(*s->buckets));
	if (s->entries == NULL || s->leases == NULL || s->buckets == NULL) {
		return false;
	}
	memset(s->entries, 0, count * sizeof(*s->entries));
	memset(s->leases, 0, count * sizeof(*s->leases));
	for (uint32_t i = 0; i < count; i++) {
		s->buckets[i] = NONE;
	}
	return true;
}

static void shard_fini(keycache *cache, shard *s)
{
	(void)pthread_cond_destroy(&s->changed);
	(void)pthread_mutex_destroy(&s->lock);
	cache->host->free(s->entries);
	cache->host->free(s->leases);
	cache->host->free(s->buckets);
}

/* sodium_malloc() locks what it can and does not tell: locking it again does. */
static pdb_status slab_make(keycache *cache, size_t slots, bool must_lock, pdb_err *err)
{
	cache->slab = sodium_allocarray(slots, sizeof(crypt_keys));
	if (cache->slab == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for %zu keys", slots);
	}
	cache->locked = sodium_mlock(cache->slab, slots * sizeof(crypt_keys)) == 0;
	cache->spare = &cache->slab[slots - 1];
	if (must_lock && !cache->locked) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, NULL,
				   "the memory of %zu keys cannot be locked; raise LimitMEMLOCK "
				   "(ulimit -l) or lower security.kms.cache.entries",
				   slots);
	}
	return PDB_OK;
}

pdb_status keycache_create(keycache **out, const pdb_host *host, const keycache_settings *settings,
			   pdb_err *err)
{
	keycache *cache = host->alloc(sizeof(*cache));
	size_t shards = settings->entries >= SHARDS * SHARD_LEAST ? SHARDS : 1;
	size_t each = settings->entries / shards;
	pdb_status status;

	if (cache == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the cache of keys");
	}
	memset(cache, 0, sizeof(*cache));
	cache->host = host;
	cache->ttl = settings->ttl;
	randombytes_buf(cache->seed, sizeof(cache->seed));
	status = slab_make(cache, shards * each + 1, settings->must_lock, err);
	while (status == PDB_OK && cache->shard_count < shards) {
		size_t i = cache->shard_count++;

		if (!shard_init(cache, &cache->shards[i], (uint32_t)each, cache->slab + i * each)) {
			status = pdb_err_set(err, PDB_ENOMEM, NULL,
					     "no memory for the cache of keys");
		}
	}
	if (status != PDB_OK) {
		keycache_destroy(&cache);
	}
	*out = cache;
	return status;
}

void keycache_destroy(keycache **cache)
{
	keycache *old = cache != NULL ? *cache : NULL;

	if (old == NULL) {
		return;
	}
	for (size_t i = 0; i < old->shard_count; i++) {
		shard_fini(old, &old->shards[i]);
	}
	sodium_free(old->slab); /* wipes it */
	old->host->free(old);
	*cache = NULL;
}

bool keycache_locked(const keycache *cache)
{
	return cache->locked;
}

void keycache_use(keycache *cache, const pdb_kms_ops *ops, void *kms)
{
	cache->ops = ops;
	cache->kms = kms;
}

/* What has become of the provider; whoever looks after the server is told, too. */
static void set_lost(keycache *cache, bool lost)
{
	const pdb_host *host = cache->host;

	if (atomic_exchange(&cache->lost, lost) == lost) {
		return;
	}
	if (PDB_HAS(host, kms) && PDB_HAS(host->kms, answers)) {
		host->kms->answers(!lost);
	}
	host->log(lost ? PDB_LOG_WARN : PDB_LOG_INFO, "encryption",
		  lost ? "the key service is not reachable" : "the key service is reachable again");
}

void keycache_lost(keycache *cache)
{
	set_lost(cache, true);
}

bool keycache_is_lost(const keycache *cache)
{
	return atomic_load(&cache->lost);
}

const keycache_counts *keycache_counted(const keycache *cache)
{
	return &cache->counts;
}

static void count(_Atomic uint64_t *counter)
{
	(void)atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* -- entries, under the lock of their shard --------------------------------------------------- */

static uint64_t hash_of(const keycache *cache, const char *id)
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint64_t number;

	(void)crypto_shorthash(hash, (const uint8_t *)id, strlen(id), cache->seed);
	memcpy(&number, hash, sizeof(number));
	return number;
}

static shard *shard_of(keycache *cache, uint64_t hash)
{
	return &cache->shards[(hash >> 32) % cache->shard_count];
}

/* Versions of a key share a bucket, so that a purge finds them all. */
static uint32_t *bucket_of(shard *s, uint64_t hash)
{
	return &s->buckets[(uint32_t)hash % s->count];
}

static entry *find(shard *s, uint64_t hash, const char *id, uint32_t version)
{
	for (uint32_t i = *bucket_of(s, hash); i != NONE; i = s->entries[i].next) {
		entry *e = &s->entries[i];

		if (e->version == version && strcmp(e->key.id, id) == 0) {
			return e;
		}
	}
	return NULL;
}

static uint32_t index_of(const shard *s, const entry *e)
{
	return (uint32_t)(e - s->entries);
}

static lease *lease_of(const shard *s, const entry *e)
{
	return &s->leases[index_of(s, e)];
}

static void unlink_entry(keycache *cache, shard *s, entry *e)
{
	uint32_t *at = bucket_of(s, hash_of(cache, e->key.id));

	while (*at != NONE && *at != index_of(s, e)) {
		at = &s->entries[*at].next;
	}
	if (*at != NONE) {
		*at = e->next;
	}
}

static void wipe(shard *s, entry *e)
{
	lease *l = lease_of(s, e);

	sodium_memzero(&s->keys[index_of(s, e)], sizeof(crypt_keys));
	s->kept -= e->state == ENTRY_READY;
	e->state = ENTRY_FREE;
	l->expires = 0;
	l->used = false;
	l->due = false;
}

/* Takes an entry out; what is held or loading is wiped when that ends. */
static void drop(keycache *cache, shard *s, entry *e)
{
	if (!e->gone) {
		unlink_entry(cache, s, e);
	}
	e->gone = true;
	lease_of(s, e)->ticket = 0;
	if (e->holds == 0 && e->state != ENTRY_LOADING) {
		wipe(s, e);
	}
}

/* A free entry, or one whose turn it is to leave; NULL when all are in use. */
static entry *make_room(keycache *cache, shard *s)
{
	for (uint32_t tries = 0; tries < 2 * s->count; tries++) {
		entry *e = &s->entries[s->hand];

		s->hand = (s->hand + 1) % s->count;
		if (e->state == ENTRY_FREE) {
			return e;
		}
		if (e->holds > 0 || e->state == ENTRY_LOADING || e->gone) {
			continue;
		}
		if (lease_of(s, e)->used) {
			lease_of(s, e)->used = false;
			continue;
		}
		count(&cache->counts.evictions);
		drop(cache, s, e);
		return e;
	}
	return NULL;
}

static entry *add(keycache *cache, shard *s, uint64_t hash, const char *id, uint32_t version)
{
	uint32_t *bucket = bucket_of(s, hash);
	entry *e = make_room(cache, s);

	if (e == NULL) {
		return NULL;
	}
	memset(e, 0, sizeof(*e));
	e->version = version;
	(void)snprintf(e->key.id, sizeof(e->key.id), "%s", id);
	e->next = *bucket;
	*bucket = index_of(s, e);
	return e;
}

/* Starts the time of a key that was just unwrapped. */
static void start_time(const keycache *cache, lease *l)
{
	int64_t now = cache->host->monotonic();
	/* 70 to 90 % of its time */
	int64_t share = 7000 + (int64_t)randombytes_uniform(2000);

	l->expires = now + cache->ttl;
	l->refresh = now + cache->ttl / 10000 * share;
	l->due = false;
}

/* Makes the ticket good, once the provider knows whose the key is. */
static void issue(const shard *s, const entry *e)
{
	if (e->state == ENTRY_READY && e->key.state == PDB_KMS_KEY_BOUND) {
		lease_of(s, e)->ticket = e->ticket;
	}
}

static void take_over(keycache *cache, shard *s, entry *e, const pdb_kms_key *key)
{
	uint64_t place = (uint64_t)(s - cache->shards) * s->count + index_of(s, e);

	e->key = *key;
	e->key.dek = NULL;
	crypt_keys_check(&s->keys[index_of(s, e)], e->check);
	e->state = ENTRY_READY;
	e->ticket = ++cache->unwrapped << PLACE_BITS | place;
	s->kept++;
	lease_of(s, e)->used = true;
	start_time(cache, lease_of(s, e));
	issue(s, e);
}

/* -- unwrapping ------------------------------------------------------------------------------- */

bool keycache_good(const pdb_kms_key *key)
{
	return key->dek_version > 0 && key->id[0] != '\0' &&
	       memchr(key->id, '\0', sizeof(key->id)) != NULL &&
	       memchr(key->thread, '\0', sizeof(key->thread)) != NULL &&
	       !sodium_is_zero(key->dek, PDB_KMS_DEK_SIZE);
}

/* Unwraps into `keys`; what the provider says must be about what was asked. */
static pdb_status unwrap(keycache *cache, const char *id, uint32_t version, crypt_keys *keys,
			 pdb_kms_key *key, pdb_err *err)
{
	pdb_status status;

	memset(key, 0, sizeof(*key));
	key->size = sizeof(*key);
	key->dek = keys->mark;
	if (cache->ops == NULL) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, "kms_unavailable",
				   "no key service is configured");
	}
	status = cache->ops->unwrap(cache->kms, id, version, key, err);
	crypt_wipe_stack();
	if (status == PDB_OK && (!keycache_good(key) || key->dek_version != version ||
				 strcmp(key->id, id) != 0 || key->dek != keys->mark)) {
		status = pdb_err_set(err, PDB_EUNAVAILABLE, "kms_unavailable",
				     "the key service answered with another key");
	}
	if (status == PDB_EUNAVAILABLE) {
		keycache_lost(cache);
	}
	if (status == PDB_OK) {
		crypt_keys_derive(keys, keys->mark);
	} else {
		sodium_memzero(keys, sizeof(*keys));
	}
	return status;
}

/* Loads an entry; the lock is let go meanwhile. */
static pdb_status load(keycache *cache, shard *s, entry *e, pdb_err *err)
{
	char id[PDB_KMS_ID_SIZE];
	pdb_kms_key key;
	pdb_err words = {0};
	pdb_status status;

	memcpy(id, e->key.id, sizeof(id));
	e->state = ENTRY_LOADING;
	count(&cache->counts.misses);
	(void)pthread_mutex_unlock(&s->lock);
	status = unwrap(cache, id, e->version, &s->keys[index_of(s, e)], &key, &words);
	(void)pthread_mutex_lock(&s->lock);
	if (status == PDB_EDENIED) {
		/* a KEK that is disabled, a role that was lost: not now, and nothing is damaged */
		status = PDB_EUNAVAILABLE;
		words.code = "kms_unavailable";
	}
	if (status == PDB_OK && e->gone) {
		status =
			pdb_err_set(&words, PDB_ENOTFOUND, "key_destroyed", "the key is destroyed");
	}
	if (status == PDB_OK) {
		take_over(cache, s, e, &key);
	} else {
		words.status = status;
		e->state = ENTRY_FAILED;
		e->failure = words;
		lease_of(s, e)->expires = cache->host->monotonic() + FAILURE_TIME;
		*err = words;
	}
	if (e->gone) {
		wipe(s, e);
	}
	(void)pthread_cond_broadcast(&s->changed);
	return status;
}

static bool inline_unwrap(const keycache *cache)
{
	return cache->ops == NULL || (cache->ops->capabilities & PDB_KMS_BLOCKING) == 0;
}

static void hold(const shard *s, entry *e, keycache_hold *out)
{
	e->holds++;
	out->keys = &s->keys[index_of(s, e)];
	out->check = e->check;
	out->thread = e->key.thread;
	out->ticket = e->ticket;
	out->version = e->key.dek_version;
	out->prepared = e->key.state == PDB_KMS_KEY_PREPARED;
	out->place = index_of(s, e);
}

/* Written only when it changes something: others read it all the time. */
static void note_use(lease *l, int64_t now)
{
	if (!atomic_load_explicit(&l->used, memory_order_relaxed)) {
		l->used = true;
	}
	if (now >= atomic_load_explicit(&l->refresh, memory_order_relaxed) &&
	    !atomic_load_explicit(&l->due, memory_order_relaxed)) {
		l->due = true;
	}
}

/* Finds a key that is ready, or makes it so. Errors: as keycache_take. */
static pdb_status get(keycache *cache, shard *s, const char *id, uint32_t version, bool may_block,
		      entry **out, pdb_err *err)
{
	uint64_t hash = hash_of(cache, id);
	int64_t now = cache->host->monotonic();
	entry *e = find(s, hash, id, version);

	while (e != NULL && e->state == ENTRY_LOADING) {
		if (!may_block) {
			return PDB_EOFFLOAD;
		}
		(void)pthread_cond_wait(&s->changed, &s->lock);
		now = cache->host->monotonic();
		e = find(s, hash, id, version);
	}
	if (e != NULL && now >= lease_of(s, e)->expires) {
		drop(cache, s, e);
		e = NULL;
	}
	if (e != NULL && e->state == ENTRY_FAILED) {
		*err = e->failure;
		return e->failure.status;
	}
	*out = e;
	if (e != NULL) {
		count(&cache->counts.hits);
		note_use(lease_of(s, e), now);
		return PDB_OK;
	}
	if (keycache_is_lost(cache)) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, "kms_unavailable",
				   "the key service is not reachable");
	}
	if (!may_block && !inline_unwrap(cache)) {
		return PDB_EOFFLOAD;
	}
	*out = add(cache, s, hash, id, version);
	if (*out == NULL) {
		return pdb_err_set(err, PDB_EBUSY, NULL, "every key of the cache is in use");
	}
	return load(cache, s, *out, err);
}

pdb_status keycache_take(keycache *cache, const char *id, uint32_t version, bool may_block,
			 keycache_hold *out, pdb_err *err)
{
	shard *s = shard_of(cache, hash_of(cache, id));
	entry *e = NULL;
	pdb_status status;

	(void)pthread_mutex_lock(&s->lock);
	status = get(cache, s, id, version, may_block, &e, err);
	if (status == PDB_OK && e != NULL) {
		hold(s, e, out);
		out->place += (uint32_t)((size_t)(s - cache->shards) * s->count);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return status;
}

void keycache_give(keycache *cache, const keycache_hold *held)
{
	shard *s = &cache->shards[held->place / cache->shards[0].count];
	entry *e = &s->entries[held->place % s->count];

	(void)pthread_mutex_lock(&s->lock);
	e->holds--;
	if (e->gone && e->holds == 0) {
		wipe(s, e);
	}
	(void)pthread_mutex_unlock(&s->lock);
}

bool keycache_valid(keycache *cache, uint64_t ticket)
{
	size_t place = ticket & (((uint64_t)1 << PLACE_BITS) - 1);
	const shard *s = &cache->shards[place / cache->shards[0].count];
	lease *l = &s->leases[place % s->count];
	int64_t now = cache->host->monotonic_coarse();
	/* Read before the ticket: what an older one left here is over sooner. */
	bool in_time = now < atomic_load_explicit(&l->expires, memory_order_acquire);

	if (ticket == 0 || atomic_load_explicit(&l->ticket, memory_order_acquire) != ticket ||
	    !in_time) {
		return false;
	}
	note_use(l, now);
	return true;
}

/* -- what others know ------------------------------------------------------------------------- */

void keycache_put(keycache *cache, const pdb_kms_key *key)
{
	uint64_t hash = hash_of(cache, key->id);
	shard *s = shard_of(cache, hash);
	entry *e;

	(void)pthread_mutex_lock(&s->lock);
	e = find(s, hash, key->id, key->dek_version);
	if (e == NULL) {
		e = add(cache, s, hash, key->id, key->dek_version);
		if (e != NULL) {
			crypt_keys_derive(&s->keys[index_of(s, e)], key->dek);
			take_over(cache, s, e, key);
		}
	}
	(void)pthread_mutex_unlock(&s->lock);
}

typedef void (*visit_fn)(keycache *cache, shard *s, entry *e);

/* Visits all versions of a key. */
static void each_version(keycache *cache, const char *id, visit_fn visit)
{
	uint64_t hash = hash_of(cache, id);
	shard *s = shard_of(cache, hash);
	uint32_t next;

	(void)pthread_mutex_lock(&s->lock);
	for (uint32_t i = *bucket_of(s, hash); i != NONE; i = next) {
		next = s->entries[i].next;
		if (strcmp(s->entries[i].key.id, id) == 0) {
			visit(cache, s, &s->entries[i]);
		}
	}
	(void)pthread_mutex_unlock(&s->lock);
}

static void become_bound(keycache *cache, shard *s, entry *e)
{
	(void)cache;
	e->key.state = PDB_KMS_KEY_BOUND;
	issue(s, e);
}

void keycache_bound(keycache *cache, const char *id)
{
	each_version(cache, id, become_bound);
}

void keycache_purge(keycache *cache, const char *id)
{
	each_version(cache, id, drop);
}

void keycache_doubt(keycache *cache, const char *id, uint32_t version)
{
	uint64_t hash = hash_of(cache, id);
	shard *s = shard_of(cache, hash);
	entry *e;

	(void)pthread_mutex_lock(&s->lock);
	e = find(s, hash, id, version);
	if (e != NULL && e->state == ENTRY_READY &&
	    cache->host->monotonic() >= lease_of(s, e)->expires - cache->ttl + NS_PER_SECOND) {
		drop(cache, s, e);
	}
	(void)pthread_mutex_unlock(&s->lock);
}

bool keycache_peek(keycache *cache, const char *id, uint32_t version, pdb_kms_key *out)
{
	uint64_t hash = hash_of(cache, id);
	shard *s = shard_of(cache, hash);
	const entry *e;
	bool here;

	(void)pthread_mutex_lock(&s->lock);
	e = find(s, hash, id, version);
	here = e != NULL && e->state == ENTRY_READY;
	if (here) {
		*out = e->key;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return here;
}

size_t keycache_size(keycache *cache)
{
	size_t size = 0;

	for (size_t i = 0; i < cache->shard_count; i++) {
		(void)pthread_mutex_lock(&cache->shards[i].lock);
		size += cache->shards[i].kept;
		(void)pthread_mutex_unlock(&cache->shards[i].lock);
	}
	return size;
}

/* -- tending ---------------------------------------------------------------------------------- */

typedef struct due_key {
	char id[PDB_KMS_ID_SIZE];
	uint32_t version;
} due_key;

/* Wipes what has expired, and lists what is due. */
static size_t sweep(keycache *cache, shard *s, due_key due[DUE_MAX])
{
	int64_t now = cache->host->monotonic();
	size_t found = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		entry *e = &s->entries[i];
		lease *l = &s->leases[i];

		/* The lease first: most entries need not be touched. */
		if (l->expires == 0 || (now < l->expires && !l->due) || e->gone) {
			continue;
		}
		if (now >= l->expires) {
			drop(cache, s, e);
		} else if (l->due && found < DUE_MAX) {
			memcpy(due[found].id, e->key.id, sizeof(due[found].id));
			due[found++].version = e->version;
			l->due = false;
		}
	}
	return found;
}

static void refreshed(keycache *cache, shard *s, const due_key *due, pdb_status status,
		      const pdb_kms_key *key)
{
	entry *e = find(s, hash_of(cache, due->id), due->id, due->version);

	if (e == NULL || e->state != ENTRY_READY) {
		return;
	}
	if (status == PDB_OK &&
	    sodium_memcmp(cache->spare, &s->keys[index_of(s, e)], sizeof(*cache->spare)) == 0) {
		e->key = *key;
		e->key.dek = NULL;
		start_time(cache, lease_of(s, e));
		issue(s, e);
	} else if (status == PDB_OK || status == PDB_ENOTFOUND || status == PDB_EDENIED) {
		/* destroyed, forbidden, or no longer the key that it was */
		drop(cache, s, e);
	}
}

static void refresh(keycache *cache, shard *s, const due_key *due)
{
	pdb_kms_key key;
	pdb_err err = {0};
	pdb_status status = unwrap(cache, due->id, due->version, cache->spare, &key, &err);

	count(&cache->counts.refreshes);
	(void)pthread_mutex_lock(&s->lock);
	refreshed(cache, s, due, status, &key);
	(void)pthread_mutex_unlock(&s->lock);
	sodium_memzero(cache->spare, sizeof(*cache->spare));
}

/* Asks how the provider is when it is lost, and now and then when nobody else asks; true when it
 * answers. */
static bool look(keycache *cache)
{
	pdb_kms_health health = {.size = sizeof(health)};
	int64_t now = cache->host->monotonic();
	pdb_err err = {0};

	if (keycache_is_lost(cache) || now >= cache->next_look) {
		set_lost(cache, cache->ops->health(cache->kms, &health, &err) != PDB_OK ||
					health.refuses != 0);
		cache->next_look = now + LOOK_TIME;
	}
	return !keycache_is_lost(cache);
}

void keycache_tend(keycache *cache)
{
	due_key due[DUE_MAX];
	bool reachable = look(cache);

	for (size_t i = 0; i < cache->shard_count; i++) {
		shard *s = &cache->shards[i];
		size_t found;

		(void)pthread_mutex_lock(&s->lock);
		found = sweep(cache, s, due);
		(void)pthread_mutex_unlock(&s->lock);
		for (size_t j = 0; j < found && reachable; j++) {
			refresh(cache, s, &due[j]);
			reachable = !keycache_is_lost(cache);
		}
	}
}
