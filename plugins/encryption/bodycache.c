/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that were opened lately, so that a page that is read again is not opened again. */
#include "bodycache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

/*
 * Each shard is a ring of words and an index into it. Writers of a shard take turns. Readers copy
 * an entry and then look whether it may have been written over meanwhile: a writer moves `next`
 * before it writes a word, so whoever has read a new word reads the new `next` too.
 */
#define SHARDS 16u
#define WORD   sizeof(word)
/* Slots of the index that one mark may be in: a line of memory. */
#define WAYS 8u
/* Words of the ring for one slot. */
#define PER_SLOT 16u
/* A slot is the place of an entry, how many lines of memory it takes, as far as that can be told,
 * and the tag. */
#define TAG_BITS  10u
#define LINE_BITS 6u
#define LINES_MAX ((UINT64_C(1) << LINE_BITS) - 1)
/* What a processor fetches at once. */
#define LINE_WORDS 8u
#define IDS_WORDS  (2 * CRYPT_ID_MAX / WORD)

typedef _Atomic uint64_t word;

/* What an entry begins with; thread and message follow, then, from the next word on, the body. */
enum {
	AT_KEY = 0,
	AT_MARK = 1,  /* two words */
	AT_PLACE = 3, /* version (32 bits), length of thread (16), of message (16) */
	AT_BODY_LEN = 4,
	HEAD_WORDS = 5
};

typedef struct bodycache_shard {
	pthread_mutex_t lock; /* of writers */
	word next;            /* place of the next entry: words written since the start */
	word *ring;
	size_t used; /* words of the ring that may hold something */
	word *index; /* slots; 0 = none */
} shard;

struct bodycache {
	const pdb_host *host;
	void *memory;
	size_t memory_size;
	size_t ring_words; /* of a shard */
	size_t set_count;  /* of a shard */
	shard shards[SHARDS];
};

static pdb_status memory_make(bodycache *cache, pdb_err *err)
{
	size_t slots = cache->set_count * WAYS;
	size_t each = slots + cache->ring_words;
	word *at;

	cache->memory_size = SHARDS * each * WORD;
	at = mmap(NULL, cache->memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		  0);
	if (at == MAP_FAILED) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for opened bodies");
	}
	cache->memory = at;
	(void)madvise(at, cache->memory_size, MADV_DONTDUMP);
	(void)madvise(at, cache->memory_size, MADV_HUGEPAGE);
	for (size_t i = 0; i < SHARDS; i++) {
		cache->shards[i].index = at + i * slots;
		cache->shards[i].ring = at + SHARDS * slots + i * cache->ring_words;
		/* so that no place is 0 */
		atomic_init(&cache->shards[i].next, cache->ring_words);
	}
	return PDB_OK;
}

pdb_status bodycache_create(bodycache **out, const pdb_host *host, size_t size, pdb_err *err)
{
	bodycache *cache = host->alloc(sizeof(*cache));
	pdb_status status = PDB_OK;

	if (cache == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for opened bodies");
	}
	memset(cache, 0, sizeof(*cache));
	cache->host = host;
	cache->ring_words = size / SHARDS / WORD;
	cache->set_count = cache->ring_words / PER_SLOT / WAYS;
	for (size_t i = 0; i < SHARDS; i++) {
		(void)pthread_mutex_init(&cache->shards[i].lock, NULL);
	}
	if (cache->set_count > 0) {
		status = memory_make(cache, err);
	}
	if (status != PDB_OK) {
		bodycache_destroy(&cache);
	}
	*out = cache;
	return status;
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
	old->host->free(old);
	*cache = NULL;
}

/* -- where an entry is ------------------------------------------------------------------------- */

/* A mark is a MAC: any of its bits will do for shard, set and tag. */
typedef struct finder {
	uint64_t mark[FRAME_MARK_SIZE / WORD];
	size_t shard;
	size_t set;
	uint64_t tag;
} finder;

static finder finder_of(const bodycache *cache, const uint8_t *mark)
{
	finder f;

	memcpy(f.mark, mark, sizeof(f.mark));
	f.shard = f.mark[0] % SHARDS;
	f.set = (f.mark[0] >> 32) * cache->set_count >> 32;
	f.tag = f.mark[1] & ((UINT64_C(1) << TAG_BITS) - 1);
	return f;
}

/* False when the entry has been written over, or is about to be. */
static bool is_whole(const bodycache *cache, const shard *s, uint64_t place)
{
	return atomic_load_explicit(&s->next, memory_order_acquire) - place <= cache->ring_words;
}

static uint64_t pack_place(const crypt_place *place)
{
	return (uint64_t)place->version << 32 | (uint64_t)place->thread.len << 16 |
	       place->message.len;
}

static size_t words_for(size_t bytes)
{
	return (bytes + WORD - 1) / WORD;
}

/* -- looking ----------------------------------------------------------------------------------- */

static void copy_out(uint64_t *to, const word *from, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		to[i] = atomic_load_explicit(&from[i], memory_order_acquire);
	}
}

static bool is_at(const word *from, const crypt_place *place)
{
	size_t len = place->thread.len + place->message.len;
	uint64_t words[IDS_WORDS];
	const uint8_t *ids = (const uint8_t *)words;

	if (len > sizeof(words)) {
		return false;
	}
	copy_out(words, from, words_for(len));
	return memcmp(ids, place->thread.ptr, place->thread.len) == 0 &&
	       memcmp(ids + place->thread.len, place->message.ptr, place->message.len) == 0;
}

static bool entry_find(const bodycache *cache, const shard *s, uint64_t at, const finder *f,
		       const crypt_place *place, bodycache_entry *out)
{
	size_t ids = words_for(place->thread.len + place->message.len);
	const word *entry = s->ring + at % cache->ring_words;
	uint64_t head[HEAD_WORDS];

	if (!is_whole(cache, s, at)) {
		return false;
	}
	copy_out(head, entry, HEAD_WORDS);
	if (memcmp(head + AT_MARK, f->mark, sizeof(f->mark)) != 0 ||
	    head[AT_PLACE] != pack_place(place) || !is_whole(cache, s, at)) {
		return false;
	}
	out->key = head[AT_KEY];
	out->body_len = head[AT_BODY_LEN];
	out->shard = s;
	out->at = at + HEAD_WORDS + ids;
	return is_at(entry + HEAD_WORDS, place) && is_whole(cache, s, at);
}

static uint64_t slot_of(uint64_t place, size_t words, const finder *f)
{
	uint64_t lines = words / LINE_WORDS + 1;

	return (place << LINE_BITS | (lines < LINES_MAX ? lines : LINES_MAX)) << TAG_BITS | f->tag;
}

static uint64_t slot_place(uint64_t slot)
{
	return slot >> (LINE_BITS + TAG_BITS);
}

static bool slot_is(uint64_t slot, const finder *f)
{
	return slot != 0 && (slot ^ f->tag) << (64 - TAG_BITS) == 0;
}

/* The next slot with the tag, from *way on; 0 when there is none. */
static uint64_t next_slot(const shard *s, const finder *f, size_t *way)
{
	const word *set = s->index + f->set * WAYS;

	while (*way < WAYS) {
		uint64_t slot = atomic_load_explicit(&set[(*way)++], memory_order_acquire);

		if (slot_is(slot, f)) {
			return slot;
		}
	}
	return 0;
}

void bodycache_fetch(const bodycache *cache, const uint8_t *mark)
{
	finder f;

	if (cache->set_count > 0) {
		f = finder_of(cache, mark);
		__builtin_prefetch(cache->shards[f.shard].index + f.set * WAYS);
	}
}

bool bodycache_ahead(const bodycache *cache, const uint8_t *mark)
{
	const shard *s;
	const word *at;
	size_t way = 0;
	uint64_t slot;
	finder f;

	if (cache->set_count == 0) {
		return false;
	}
	f = finder_of(cache, mark);
	s = &cache->shards[f.shard];
	slot = next_slot(s, &f, &way);
	if (slot == 0 || !is_whole(cache, s, slot_place(slot))) {
		return false;
	}
	at = s->ring + slot_place(slot) % cache->ring_words;
	for (uint64_t lines = slot >> TAG_BITS & LINES_MAX; lines > 0; lines--) {
		__builtin_prefetch(at);
		at += LINE_WORDS;
	}
	return true;
}

bool bodycache_find(const bodycache *cache, const crypt_place *place, const uint8_t *mark,
		    bodycache_entry *out)
{
	const shard *s;
	size_t way = 0;
	uint64_t slot;
	finder f;

	if (cache->set_count == 0) {
		return false;
	}
	f = finder_of(cache, mark);
	s = &cache->shards[f.shard];
	while ((slot = next_slot(s, &f, &way)) != 0) {
		if (entry_find(cache, s, slot_place(slot), &f, place, out)) {
			return true;
		}
	}
	return false;
}

bool bodycache_read(const bodycache *cache, const bodycache_entry *entry, uint8_t *out)
{
	const word *from = entry->shard->ring + entry->at % cache->ring_words;
	size_t whole = entry->body_len / WORD;
	uint64_t last;

#pragma GCC unroll 8
	for (size_t i = 0; i < whole; i++) {
		uint64_t bytes = atomic_load_explicit(&from[i], memory_order_acquire);

		memcpy(out + i * WORD, &bytes, WORD);
	}
	if (entry->body_len % WORD != 0) {
		last = atomic_load_explicit(&from[whole], memory_order_acquire);
		memcpy(out + whole * WORD, &last, entry->body_len % WORD);
	}
	return is_whole(cache, entry->shard, entry->at);
}

/* -- keeping ----------------------------------------------------------------------------------- */

/* Room for an entry, in one piece. */
static uint64_t make_place(const bodycache *cache, shard *s, size_t count)
{
	uint64_t place = atomic_load_explicit(&s->next, memory_order_relaxed);
	size_t left = cache->ring_words - place % cache->ring_words;

	if (left < count) {
		place += left;
	}
	atomic_store_explicit(&s->next, place + count, memory_order_release);
	if (s->used < place % cache->ring_words + count) {
		s->used = place % cache->ring_words + count;
	}
	return place;
}

/* The words that hold the bytes; what the last one has more of is 0. */
static size_t copy_in(word *to, const void *from, size_t bytes)
{
	size_t count = words_for(bytes);

	for (size_t i = 0; i < count; i++) {
		size_t left = bytes - i * WORD;
		uint64_t value = 0;

		memcpy(&value, (const uint8_t *)from + i * WORD, left < WORD ? left : WORD);
		atomic_store_explicit(&to[i], value, memory_order_release);
	}
	return count;
}

/* The slot of an entry with the same tag, else of the oldest. */
static word *choose_slot(const shard *s, const finder *f)
{
	word *set = s->index + f->set * WAYS;
	word *oldest = set;

	for (size_t i = 0; i < WAYS; i++) {
		uint64_t slot = atomic_load_explicit(&set[i], memory_order_relaxed);

		if (slot_is(slot, f)) {
			return &set[i];
		}
		if (slot < atomic_load_explicit(oldest, memory_order_relaxed)) {
			oldest = &set[i];
		}
	}
	return oldest;
}

void bodycache_put(bodycache *cache, const crypt_place *place, const uint8_t *mark, uint64_t key,
		   pdb_slice body)
{
	size_t ids_len = place->thread.len + place->message.len;
	size_t count = HEAD_WORDS + words_for(ids_len) + words_for(body.len);
	uint64_t head[HEAD_WORDS] = {
		[AT_KEY] = key, [AT_PLACE] = pack_place(place), [AT_BODY_LEN] = body.len};
	uint8_t ids[IDS_WORDS * WORD];
	finder f;
	shard *s;
	uint64_t at;
	word *to;

	if (cache->set_count == 0 || body.len > BODYCACHE_BODY_MAX || ids_len > sizeof(ids) ||
	    count > cache->ring_words) {
		return;
	}
	f = finder_of(cache, mark);
	memcpy(head + AT_MARK, f.mark, sizeof(f.mark));
	memcpy(ids, place->thread.ptr, place->thread.len);
	memcpy(ids + place->thread.len, place->message.ptr, place->message.len);
	s = &cache->shards[f.shard];
	(void)pthread_mutex_lock(&s->lock);
	at = make_place(cache, s, count);
	to = s->ring + at % cache->ring_words;
	to += copy_in(to, head, sizeof(head));
	to += copy_in(to, ids, ids_len);
	(void)copy_in(to, body.ptr, body.len);
	atomic_store_explicit(choose_slot(s, &f), slot_of(at, count, &f), memory_order_release);
	(void)pthread_mutex_unlock(&s->lock);
}

/* What was kept is behind by a round then: nobody finds it. */
static void shard_clear(const bodycache *cache, shard *s)
{
	uint64_t next = atomic_load_explicit(&s->next, memory_order_relaxed);
	uint64_t fresh = (next / cache->ring_words + 2) * cache->ring_words;

	atomic_store_explicit(&s->next, fresh, memory_order_release);
	for (size_t i = 0; i < s->used; i++) {
		atomic_store_explicit(&s->ring[i], 0, memory_order_release);
	}
	s->used = 0;
}

void bodycache_clear(bodycache *cache)
{
	for (size_t i = 0; i < SHARDS && cache->set_count > 0; i++) {
		shard *s = &cache->shards[i];

		(void)pthread_mutex_lock(&s->lock);
		shard_clear(cache, s);
		(void)pthread_mutex_unlock(&s->lock);
	}
}
