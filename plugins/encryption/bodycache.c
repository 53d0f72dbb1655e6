/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that were opened lately, so that a page that is read again is not opened again. */
#include "bodycache.h"

#include <pthread.h>
#include <sys/mman.h>

#define SHARDS 16u
/* Bytes of memory for one bucket of the index. */
#define PER_BUCKET 128u

/* Where an entry lies: a place that only rises, the memory is written round and round. */
typedef struct bucket {
	uint8_t mark[FRAME_MARK_SIZE];
	uint64_t place; /* 0 = none */
} bucket;

typedef struct entry {
	uint32_t version;
	uint32_t thread_len;
	uint32_t message_len;
	uint32_t body_len;
} entry;

typedef struct shard {
	pthread_mutex_t lock;
	uint8_t *bytes;
	uint64_t next; /* the place of the next entry */
	bucket *buckets;
} shard;

struct bodycache {
	const pdb_host *host;
	uint8_t *memory;
	size_t memory_size;
	size_t shard_size;
	size_t bucket_count;
	bucket *buckets;
	shard shards[SHARDS];
};

static bool memory_make(bodycache *cache)
{
	size_t index_size = SHARDS * cache->bucket_count * sizeof(*cache->buckets);
	void *memory = mmap(NULL, cache->memory_size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		return false;
	}
	cache->memory = memory;
	(void)madvise(memory, cache->memory_size, MADV_DONTDUMP);
	cache->buckets = cache->host->alloc(index_size);
	if (cache->buckets == NULL) {
		return false;
	}
	memset(cache->buckets, 0, index_size);
	return true;
}

pdb_status bodycache_create(bodycache **out, const pdb_host *host, size_t size, pdb_err *err)
{
	bodycache *cache = host->alloc(sizeof(*cache));

	if (cache == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for opened bodies");
	}
	memset(cache, 0, sizeof(*cache));
	cache->host = host;
	cache->shard_size = size / SHARDS;
	cache->memory_size = cache->shard_size * SHARDS;
	cache->bucket_count = cache->shard_size / PER_BUCKET;
	for (size_t i = 0; i < SHARDS; i++) {
		(void)pthread_mutex_init(&cache->shards[i].lock, NULL);
	}
	if (cache->bucket_count > 0 && !memory_make(cache)) {
		bodycache_destroy(&cache);
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for opened bodies");
	}
	for (size_t i = 0; i < SHARDS && cache->bucket_count > 0; i++) {
		cache->shards[i].bytes = cache->memory + i * cache->shard_size;
		cache->shards[i].buckets = cache->buckets + i * cache->bucket_count;
		cache->shards[i].next = 1;
	}
	*out = cache;
	return PDB_OK;
}

void bodycache_destroy(bodycache **cache)
{
	bodycache *old = cache != NULL ? *cache : NULL;

	if (old == NULL) {
		return;
	}
	for (size_t i = 0; i < SHARDS; i++) {
		(void)pthread_mutex_destroy(&old->shards[i].lock);
	}
	if (old->memory != NULL) {
		(void)munmap(old->memory, old->memory_size);
	}
	old->host->free(old->buckets);
	old->host->free(old);
	*cache = NULL;
}

/* The mark is a MAC: any of its bits will do. */
static shard *shard_of(bodycache *cache, const uint8_t *mark)
{
	return &cache->shards[mark[0] % SHARDS];
}

static bucket *bucket_of(const bodycache *cache, const shard *s, const uint8_t *mark)
{
	uint32_t number;

	memcpy(&number, mark + 4, sizeof(number));
	return &s->buckets[number % cache->bucket_count];
}

static size_t entry_size(const crypt_place *place, size_t body_len)
{
	return sizeof(entry) + place->thread.len + place->message.len + body_len;
}

/* Where the entry of a bucket lies; NULL when it has been written over. */
static const uint8_t *find(const bodycache *cache, const shard *s, const bucket *b)
{
	if (b->place == 0 || s->next - b->place > cache->shard_size) {
		return NULL;
	}
	return s->bytes + (b->place - 1) % cache->shard_size;
}

static bool is_at(const uint8_t *bytes, const crypt_place *place, pdb_slice *body_out)
{
	entry e;

	memcpy(&e, bytes, sizeof(e));
	bytes += sizeof(e);
	*body_out = pdb_slice_of(bytes + e.thread_len + e.message_len, e.body_len);
	return e.version == place->version &&
	       pdb_slice_equal(pdb_slice_of(bytes, e.thread_len), place->thread) &&
	       pdb_slice_equal(pdb_slice_of(bytes + e.thread_len, e.message_len), place->message);
}

bool bodycache_get(bodycache *cache, const crypt_place *place, const uint8_t *mark,
		   pdb_record *record, pdb_status *out)
{
	shard *s = shard_of(cache, mark);
	const bucket *b;
	const uint8_t *bytes;
	pdb_slice body;
	bool found = false;

	if (cache->bucket_count == 0) {
		return false;
	}
	(void)pthread_mutex_lock(&s->lock);
	b = bucket_of(cache, s, mark);
	bytes = memcmp(b->mark, mark, sizeof(b->mark)) == 0 ? find(cache, s, b) : NULL;
	if (bytes != NULL && is_at(bytes, place, &body)) {
		found = true;
		*out = cache->host->record_set_body(record, body);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return found;
}

/* Room for an entry, in one piece. */
static uint64_t make_place(const bodycache *cache, shard *s, size_t size)
{
	size_t at = (size_t)((s->next - 1) % cache->shard_size);
	uint64_t place;

	if (cache->shard_size - at < size) {
		s->next += cache->shard_size - at;
	}
	place = s->next;
	s->next += size;
	return place;
}

void bodycache_put(bodycache *cache, const crypt_place *place, const uint8_t *mark, pdb_slice body)
{
	const entry e = {place->version, (uint32_t)place->thread.len, (uint32_t)place->message.len,
			 (uint32_t)body.len};
	size_t size = entry_size(place, body.len);
	shard *s = shard_of(cache, mark);
	uint8_t *at;
	bucket *b;

	if (body.len > BODYCACHE_BODY_MAX || cache->bucket_count == 0 || size > cache->shard_size) {
		return;
	}
	(void)pthread_mutex_lock(&s->lock);
	b = bucket_of(cache, s, mark);
	memcpy(b->mark, mark, sizeof(b->mark));
	b->place = make_place(cache, s, size);
	at = s->bytes + (b->place - 1) % cache->shard_size;
	memcpy(at, &e, sizeof(e));
	memcpy(at + sizeof(e), place->thread.ptr, place->thread.len);
	memcpy(at + sizeof(e) + place->thread.len, place->message.ptr, place->message.len);
	memcpy(at + size - body.len, body.ptr, body.len);
	(void)pthread_mutex_unlock(&s->lock);
}

void bodycache_clear(bodycache *cache)
{
	for (size_t i = 0; i < SHARDS && cache->bucket_count > 0; i++) {
		shard *s = &cache->shards[i];

		(void)pthread_mutex_lock(&s->lock);
		memset(s->buckets, 0, cache->bucket_count * sizeof(*s->buckets));
		crypt_wipe(s->bytes, cache->shard_size);
		(void)pthread_mutex_unlock(&s->lock);
	}
}
