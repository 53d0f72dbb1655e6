/* SPDX-License-Identifier: Apache-2.0 */
/* Opened bodies that are kept: found by mark and place alone, written round and round. */
#include "bodycache.h"

#include <criterion/criterion.h>
#include <pthread.h>

#include "base/host.h"

static const pdb_host host = {PDB_HOST_BASE};
static bodycache *cache;
static uint8_t copy[BODYCACHE_BODY_MAX];

static void open_cache(void)
{
	cr_assert_eq(bodycache_create(&cache, &host, 1024u * 1024u, NULL), PDB_OK);
}

static void close_cache(void)
{
	bodycache_destroy(&cache);
	cr_assert_null(cache);
}

TestSuite(bodycache, .init = open_cache, .fini = close_cache);

static crypt_place at(const char *thread, const char *message, uint32_t version)
{
	return (crypt_place){.thread = pdb_slice_text(thread),
			     .message = pdb_slice_text(message),
			     .version = version};
}

static const uint8_t *mark(uint32_t number)
{
	static uint8_t bytes[FRAME_MARK_SIZE];

	memset(bytes, (int)(number % 251), sizeof(bytes));
	number *= 2654435761u; /* any of its bits may be looked at */
	memcpy(bytes + 4, &number, sizeof(number));
	return bytes;
}

static bool has(crypt_place place, uint32_t number, const char *body)
{
	bodycache_entry entry;

	if (!bodycache_find(cache, &place, mark(number), &entry) ||
	    !bodycache_read(cache, &entry, copy)) {
		return false;
	}
	cr_assert_eq(entry.key, number);
	cr_assert(pdb_slice_is(pdb_slice_of(copy, entry.body_len), body), "%.*s",
		  (int)entry.body_len, copy);
	return true;
}

static void put(crypt_place place, uint32_t number, const char *body)
{
	bodycache_put(cache, &place, mark(number), number, pdb_slice_text(body));
}

Test(bodycache, finds_a_body_by_its_mark_and_in_its_place_only)
{
	put(at("t1", "m1", 1), 7, "\"one\"");
	cr_assert(has(at("t1", "m1", 1), 7, "\"one\""));
	cr_assert_not(has(at("t1", "m1", 1), 8, ""));
	cr_assert_not(has(at("t1", "m1", 2), 7, ""));
	cr_assert_not(has(at("t1", "m2", 1), 7, ""));
	cr_assert_not(has(at("t2", "m1", 1), 7, ""));
	cr_assert_not(has(at("t1m", "1", 1), 7, ""));
}

Test(bodycache, is_the_same_after_a_look_ahead)
{
	put(at("t1", "m1", 1), 7, "\"one\"");
	bodycache_fetch(cache, mark(7));
	bodycache_fetch(cache, mark(8));
	cr_assert(bodycache_ahead(cache, mark(7)));
	cr_assert_not(bodycache_ahead(cache, mark(8)));
	cr_assert(has(at("t1", "m1", 1), 7, "\"one\""));
	cr_assert_not(has(at("t1", "m1", 1), 8, ""));
}

Test(bodycache, tells_when_what_was_found_is_written_over)
{
	const crypt_place place = at("t1", "m1", 1);
	bodycache_entry entry;
	char text[512];
	bool whole = true;

	put(place, 7, "\"one\"");
	cr_assert(bodycache_find(cache, &place, mark(7), &entry));
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (uint32_t i = 0; i < 20000 && whole; i++) {
		put(at("t", "m", i), 1000 + i, text);
		whole = bodycache_read(cache, &entry, copy);
		cr_assert(!whole || memcmp(copy, "\"one\"", 5) == 0);
	}
	cr_assert_not(whole);
}

Test(bodycache, reads_no_more_bytes_than_the_body_has)
{
	const crypt_place place = at("t1", "m1", 1);
	bodycache_entry entry;

	for (uint32_t len = 1; len < 40; len++) {
		char text[64] = {0};

		memset(text, 'x', len);
		put(place, len, text);
		memset(copy, '#', sizeof(copy));
		cr_assert(bodycache_find(cache, &place, mark(len), &entry));
		cr_assert(bodycache_read(cache, &entry, copy));
		cr_assert_eq(entry.body_len, len);
		cr_assert_eq(memcmp(copy, text, len), 0);
		cr_assert_eq(copy[len], '#');
	}
}

Test(bodycache, writes_over_the_oldest_and_never_mixes)
{
	char text[512];
	unsigned found = 0;

	for (uint32_t i = 1; i < 20000; i++) {
		(void)snprintf(text, sizeof(text), "%u %0*u", i, (int)(i % 400), i);
		put(at("t", "m", i), i, text);
	}
	for (uint32_t i = 1; i < 20000; i++) {
		(void)snprintf(text, sizeof(text), "%u %0*u", i, (int)(i % 400), i);
		found += has(at("t", "m", i), i, text);
	}
	cr_assert_not(has(at("t", "m", 1), 1, ""));
	cr_assert_gt(found, 1000);
}

#define TURNS 200000u

/* A body that tells its number, of many lengths. */
static pdb_slice body_of(uint32_t number, char text[600])
{
	int len = snprintf(text, 600, "%u%0*u", number, (int)(100 + 90 * number), number);

	return pdb_slice_of(text, (size_t)len);
}

/* All is under one mark: who finds something finds what was written last, or what was just before.
 */
static void *write_many(void *arg)
{
	const crypt_place place = at("t", "m", 1);
	const uint8_t one[FRAME_MARK_SIZE] = {1};
	char text[600];

	for (uint32_t turn = 0; turn < TURNS; turn++) {
		bodycache_put(cache, &place, one, turn % 5, body_of(turn % 5, text));
		if (arg != NULL && turn % 1000 == 0) {
			bodycache_clear(cache);
		}
	}
	return NULL;
}

static void *read_many(void *arg)
{
	const crypt_place place = at("t", "m", 1);
	const uint8_t one[FRAME_MARK_SIZE] = {1};
	bodycache_entry found;
	uint8_t bytes[600];
	char text[600];

	for (uint32_t turn = 0; turn < TURNS; turn++) {
		if (bodycache_find(cache, &place, one, &found) &&
		    bodycache_read(cache, &found, bytes)) {
			cr_assert(pdb_slice_equal(pdb_slice_of(bytes, found.body_len),
						  body_of((uint32_t)found.key, text)));
		}
	}
	return arg;
}

Test(bodycache, readers_never_see_half_a_body)
{
	pthread_t threads[4];

	bodycache_destroy(&cache);
	/* A ring of 1 KiB: it goes round all the time. */
	cr_assert_eq(bodycache_create(&cache, &host, 16u * 1024u, NULL), PDB_OK);
	for (size_t i = 0; i < 4; i++) {
		cr_assert_eq(pthread_create(&threads[i], NULL, i < 2 ? write_many : read_many,
					    i == 1 ? &cache : NULL),
			     0);
	}
	for (size_t i = 0; i < 4; i++) {
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
	}
}

Test(bodycache, forgets_everything_when_told)
{
	put(at("t1", "m1", 1), 7, "\"one\"");
	bodycache_clear(cache);
	cr_assert_not(has(at("t1", "m1", 1), 7, ""));
	put(at("t1", "m1", 1), 7, "\"one\"");
	cr_assert(has(at("t1", "m1", 1), 7, "\"one\""));
}

Test(bodycache, keeps_nothing_large_and_nothing_without_room)
{
	static char large[BODYCACHE_BODY_MAX + 2];
	bodycache *none = NULL;
	const crypt_place place = at("t", "m", 1);
	bodycache_entry entry;

	memset(large, 'x', sizeof(large) - 1);
	put(place, 1, large);
	cr_assert_not(has(place, 1, ""));
	cr_assert_eq(bodycache_create(&none, &host, 0, NULL), PDB_OK);
	bodycache_put(none, &place, mark(1), 1, PDB_SLICE("1"));
	cr_assert_not(bodycache_find(none, &place, mark(1), &entry));
	bodycache_fetch(none, mark(1));
	cr_assert_not(bodycache_ahead(none, mark(1)));
	bodycache_clear(none);
	bodycache_destroy(&none);
}
