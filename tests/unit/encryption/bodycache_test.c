/* SPDX-License-Identifier: Apache-2.0 */
/* Opened bodies that are kept: found by mark and place alone, written round and round. */
#include "bodycache.h"

#include <criterion/criterion.h>

#include "base/host.h"

struct pdb_record {
	char body[BODYCACHE_BODY_MAX + 64];
	size_t len;
};

static pdb_status set_body(pdb_record *record, pdb_slice body)
{
	memcpy(record->body, body.ptr, body.len);
	record->len = body.len;
	return PDB_OK;
}

static const pdb_host host = {PDB_HOST_BASE, .record_set_body = set_body};
static bodycache *cache;
static pdb_record record;

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
	memcpy(bytes + 4, &number, sizeof(number));
	return bytes;
}

static bool has(crypt_place place, uint32_t number, const char *body)
{
	pdb_status status = PDB_EINTERNAL;

	if (!bodycache_get(cache, &place, mark(number), &record, &status)) {
		return false;
	}
	cr_assert_eq(status, PDB_OK);
	cr_assert(pdb_slice_is(pdb_slice_of(record.body, record.len), body), "%.*s",
		  (int)record.len, record.body);
	return true;
}

static void put(crypt_place place, uint32_t number, const char *body)
{
	bodycache_put(cache, &place, mark(number), pdb_slice_text(body));
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
	pdb_status status;

	memset(large, 'x', sizeof(large) - 1);
	put(place, 1, large);
	cr_assert_not(has(place, 1, ""));
	cr_assert_eq(bodycache_create(&none, &host, 0, NULL), PDB_OK);
	bodycache_put(none, &place, mark(1), PDB_SLICE("1"));
	cr_assert_not(bodycache_get(none, &place, mark(1), &record, &status));
	bodycache_clear(none);
	bodycache_destroy(&none);
}
