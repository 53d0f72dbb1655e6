/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of keys: time, single flight, refresh, bounds, failures. */
#include "keycache.h"

#include <pthread.h>
#include <sched.h>
#include <sodium.h>

#include "fake_kms.h"

static keycache *cache;
static pdb_err err;

static void make(size_t entries)
{
	const keycache_settings settings = {.entries = entries, .ttl = SECONDS(60)};

	cr_assert_geq(sodium_init(), 0);
	cr_assert_eq(keycache_create(&cache, &fake_kms_host, &settings, &err), PDB_OK);
	keycache_use(cache, &fake_kms_ops, NULL);
}

static void open_cache(void)
{
	make(16);
}

static void close_cache(void)
{
	keycache_destroy(&cache);
	cr_assert_null(cache);
}

TestSuite(keycache, .init = open_cache, .fini = close_cache);

static pdb_status take(const char *id, uint32_t version, bool may_block)
{
	keycache_hold hold = {0};
	pdb_status status = keycache_take(cache, id, version, may_block, &hold, &err);

	if (status == PDB_OK) {
		crypt_keys expected;
		uint8_t dek[PDB_KMS_DEK_SIZE];

		memset(dek, id[0], sizeof(dek));
		dek[0] = (uint8_t)version;
		crypt_keys_derive(&expected, dek);
		cr_assert_eq(memcmp(hold.keys, &expected, sizeof(expected)), 0);
		keycache_give(cache, &hold);
	}
	return status;
}

Test(keycache, unwraps_once_and_only_where_it_may_block)
{
	cr_assert_eq(take("a", 1, false), PDB_EOFFLOAD);
	cr_assert_eq(fake_unwraps, 0);
	cr_assert_eq(take("a", 1, true), PDB_OK);
	cr_assert_eq(take("a", 1, false), PDB_OK);
	cr_assert_eq(take("a", 2, true), PDB_OK);
	cr_assert_eq(fake_unwraps, 2);
	cr_assert_eq(keycache_size(cache), 2);
	fake_kms_ops.capabilities = 0;
	cr_assert_eq(take("b", 1, false), PDB_OK);
}

Test(keycache, time_counts_from_the_unwrap_however_often_a_key_is_used)
{
	cr_assert_eq(take("a", 1, true), PDB_OK);
	for (int i = 0; i < 59; i++) {
		fake_now += SECONDS(1);
		cr_assert_eq(take("a", 1, false), PDB_OK);
	}
	fake_now += SECONDS(1);
	cr_assert_eq(take("a", 1, false), PDB_EOFFLOAD);
	keycache_tend(cache);
	cr_assert_eq(keycache_size(cache), 0);
}

Test(keycache, keys_in_use_are_unwrapped_ahead)
{
	cr_assert_eq(take("a", 1, true), PDB_OK);
	cr_assert_eq(take("b", 1, true), PDB_OK);
	fake_now += SECONDS(55);
	cr_assert_eq(take("a", 1, false), PDB_OK);
	keycache_tend(cache);
	cr_assert_eq(fake_unwraps, 3);
	fake_now += SECONDS(50);
	cr_assert_eq(take("a", 1, false), PDB_OK);
	cr_assert_eq(take("b", 1, false), PDB_EOFFLOAD);
}

Test(keycache, an_absent_provider_takes_nothing_from_a_keys_time)
{
	cr_assert_eq(take("a", 1, true), PDB_OK);
	fake_now += SECONDS(55);
	cr_assert_eq(take("a", 1, false), PDB_OK);
	fake_status = PDB_EUNAVAILABLE;
	keycache_tend(cache);
	cr_assert(keycache_is_lost(cache));
	fake_now += SECONDS(4);
	cr_assert_eq(take("a", 1, false), PDB_OK);
	fake_now += SECONDS(1);
	/* Whoever needs a key now is refused at once, without asking. */
	fake_unwraps = 0;
	cr_assert_eq(take("a", 1, false), PDB_EUNAVAILABLE);
	cr_assert_eq(take("z", 1, true), PDB_EUNAVAILABLE);
	cr_assert_eq(fake_unwraps, 0);
	fake_status = PDB_OK;
	keycache_tend(cache);
	cr_assert_not(keycache_is_lost(cache));
	cr_assert_eq(take("a", 1, true), PDB_OK);
}

Test(keycache, a_key_that_is_refused_is_not_one_that_is_damaged)
{
	fake_status = PDB_EDENIED;
	cr_assert_eq(take("a", 1, true), PDB_EUNAVAILABLE);
	cr_assert_not(keycache_is_lost(cache), "others may be had");
	fake_status = PDB_OK;
	fake_now += SECONDS(2);
	cr_assert_eq(take("a", 1, true), PDB_OK);
}

Test(keycache, a_provider_that_nobody_asks_is_looked_at)
{
	keycache_tend(cache);
	fake_status = PDB_EUNAVAILABLE;
	keycache_tend(cache);
	cr_assert_not(keycache_is_lost(cache), "not so soon again");
	fake_now += SECONDS(5);
	keycache_tend(cache);
	cr_assert(keycache_is_lost(cache));
	cr_assert_eq(fake_unwraps, 0);
}

Test(keycache, a_destroyed_key_ends_with_the_next_refresh)
{
	cr_assert_eq(take("a", 1, true), PDB_OK);
	fake_now += SECONDS(55);
	cr_assert_eq(take("a", 1, true), PDB_OK);
	fake_status = PDB_ENOTFOUND;
	keycache_tend(cache);
	cr_assert_eq(take("a", 1, true), PDB_ENOTFOUND);
	cr_assert_eq(keycache_size(cache), 0);
}

Test(keycache, failures_are_remembered_for_a_moment)
{
	fake_status = PDB_ENOTFOUND;
	cr_assert_eq(take("a", 1, true), PDB_ENOTFOUND);
	cr_assert_eq(take("a", 1, true), PDB_ENOTFOUND);
	cr_assert_eq(take("a", 1, false), PDB_ENOTFOUND);
	cr_assert_eq(fake_unwraps, 1);
	fake_status = PDB_OK;
	fake_now += SECONDS(1);
	cr_assert_eq(take("a", 1, true), PDB_OK);
}

Test(keycache, nonsense_is_no_key)
{
	fake_nonsense = true;
	cr_assert_eq(take("a", 1, true), PDB_EUNAVAILABLE);
	cr_assert_eq(keycache_size(cache), 0);
}

Test(keycache, the_bound_holds_and_held_keys_stay)
{
	keycache_hold hold = {0};
	char id[8];

	cr_assert_eq(keycache_take(cache, "held", 1, true, &hold, &err), PDB_OK);
	for (int i = 0; i < 200; i++) {
		(void)snprintf(id, sizeof(id), "%c%d", 'a' + i % 26, i);
		cr_assert_eq(take(id, 1, true), PDB_OK);
		cr_assert_leq(keycache_size(cache), 16);
	}
	fake_unwraps = 0;
	cr_assert_eq(take("held", 1, false), PDB_OK);
	cr_assert_eq(hold.keys->enc[0], hold.keys->enc[0]);
	keycache_give(cache, &hold);
	cr_assert_gt(keycache_counted(cache)->evictions, 100);
}

Test(keycache, every_slot_held_is_said)
{
	keycache_hold holds[16];
	char id[8];

	for (int i = 0; i < 16; i++) {
		(void)snprintf(id, sizeof(id), "k%d", i);
		cr_assert_eq(keycache_take(cache, id, 1, true, &holds[i], &err), PDB_OK);
	}
	cr_assert_eq(take("more", 1, true), PDB_EBUSY);
	for (int i = 0; i < 16; i++) {
		keycache_give(cache, &holds[i]);
	}
	cr_assert_eq(take("more", 1, true), PDB_OK);
}

Test(keycache, a_purge_takes_all_versions_and_wipes_what_was_held)
{
	keycache_hold hold = {0};

	cr_assert_eq(keycache_take(cache, "a", 1, true, &hold, &err), PDB_OK);
	cr_assert_eq(take("a", 2, true), PDB_OK);
	cr_assert_eq(take("b", 1, true), PDB_OK);
	keycache_purge(cache, "a");
	cr_assert_eq(take("a", 1, false), PDB_EOFFLOAD);
	cr_assert_eq(take("a", 2, false), PDB_EOFFLOAD);
	cr_assert_eq(take("b", 1, false), PDB_OK);
	cr_assert_not(sodium_is_zero((const uint8_t *)hold.keys, sizeof(*hold.keys)));
	cr_assert_not(keycache_valid(cache, hold.ticket));
	keycache_give(cache, &hold);
	cr_assert(sodium_is_zero((const uint8_t *)hold.keys, sizeof(*hold.keys)));
}

Test(keycache, a_doubted_key_is_asked_for_again_but_not_all_the_time)
{
	cr_assert_eq(take("a", 1, true), PDB_OK);
	keycache_doubt(cache, "a", 1);
	cr_assert_eq(take("a", 1, false), PDB_OK);
	fake_now += SECONDS(1);
	keycache_doubt(cache, "a", 1);
	cr_assert_eq(take("a", 1, false), PDB_EOFFLOAD);
	keycache_doubt(cache, "b", 1);
}

static uint64_t ticket_of(const char *id)
{
	keycache_hold hold = {0};

	cr_assert_eq(keycache_take(cache, id, 1, true, &hold, &err), PDB_OK);
	keycache_give(cache, &hold);
	return hold.ticket;
}

Test(keycache, a_ticket_is_good_while_its_key_is)
{
	uint64_t a = ticket_of("a");
	uint64_t b = ticket_of("b");

	cr_assert(keycache_valid(cache, a));
	cr_assert(keycache_valid(cache, b));
	cr_assert_not(keycache_valid(cache, 0));
	keycache_purge(cache, "a");
	cr_assert_not(keycache_valid(cache, a));
	cr_assert_neq(ticket_of("a"), a);
	cr_assert_not(keycache_valid(cache, a));
	fake_now += SECONDS(59);
	cr_assert(keycache_valid(cache, b));
	fake_now += SECONDS(1);
	cr_assert_not(keycache_valid(cache, b));
	cr_assert_neq(ticket_of("b"), b);
}

Test(keycache, a_ticket_counts_as_a_use)
{
	uint64_t a = ticket_of("a");

	fake_now += SECONDS(55);
	cr_assert(keycache_valid(cache, a));
	keycache_tend(cache);
	cr_assert_eq(fake_unwraps, 2);
	fake_now += SECONDS(50);
	cr_assert(keycache_valid(cache, a));
}

Test(keycache, a_ticket_ends_with_the_place_of_its_key)
{
	uint64_t a = ticket_of("a");

	for (unsigned i = 0; i < 64; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "b%u", i);
		cr_assert_eq(take(id, 1, true), PDB_OK);
	}
	cr_assert_not(keycache_valid(cache, a));
}

Test(keycache, a_ticket_is_not_good_before_the_provider_knows_the_thread)
{
	uint8_t dek[PDB_KMS_DEK_SIZE] = {7};
	const pdb_kms_key key = {.size = sizeof(key),
				 .id = "p",
				 .dek = dek,
				 .dek_version = 1,
				 .state = PDB_KMS_KEY_PREPARED};
	uint64_t p;

	keycache_put(cache, &key);
	p = ticket_of("p");
	cr_assert_not(keycache_valid(cache, p));
	keycache_bound(cache, "p");
	cr_assert(keycache_valid(cache, p));
}

static void *take_one(void *arg)
{
	_Atomic unsigned *good = arg;
	keycache_hold hold = {0};
	pdb_err why = {0};

	if (keycache_take(cache, "a", 1, true, &hold, &why) == PDB_OK) {
		(void)atomic_fetch_add(good, 1);
		keycache_give(cache, &hold);
	}
	return NULL;
}

Test(keycache, one_unwrap_however_many_want_it)
{
	_Atomic unsigned good = 0;
	pthread_t threads[8];

	fake_hold = true;
	for (int i = 0; i < 8; i++) {
		cr_assert_eq(pthread_create(&threads[i], NULL, take_one, &good), 0);
	}
	while (fake_unwraps == 0) {
		(void)sched_yield();
	}
	cr_assert_eq(take("a", 1, false), PDB_EOFFLOAD);
	fake_hold = false;
	for (int i = 0; i < 8; i++) {
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
	}
	cr_assert_eq(good, 8);
	cr_assert_eq(fake_unwraps, 1);
}

Test(keycache, a_key_destroyed_while_it_is_unwrapped_is_not_used)
{
	_Atomic unsigned good = 0;
	pthread_t thread;

	fake_hold = true;
	cr_assert_eq(pthread_create(&thread, NULL, take_one, &good), 0);
	while (fake_unwraps == 0) {
		(void)sched_yield();
	}
	keycache_purge(cache, "a");
	fake_hold = false;
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_assert_eq(good, 0);
	cr_assert_eq(keycache_size(cache), 0);
}
