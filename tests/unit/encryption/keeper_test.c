/* SPDX-License-Identifier: Apache-2.0 */
/* Keys made ahead, and claims. */
#include "keeper.h"

#include <sched.h>
#include <sodium.h>

#include "fake_kms.h"

static keycache *cache;
static keeper *keep;
static pdb_err err;

static void open_keeper(void)
{
	const keycache_settings settings = {.entries = 64, .ttl = SECONDS(60)};

	cr_assert_geq(sodium_init(), 0);
	cr_assert_eq(keycache_create(&cache, &fake_kms_host, &settings, &err), PDB_OK);
	keycache_use(cache, &fake_kms_ops, NULL);
	cr_assert_eq(keeper_create(&keep, &fake_kms_host, cache, 8, false, &err), PDB_OK);
	cr_assert_eq(keeper_start(keep, &fake_kms_ops, NULL, &err), PDB_OK);
}

static void close_keeper(void)
{
	keeper_destroy(&keep);
	keycache_destroy(&cache);
}

TestSuite(keeper, .init = open_keeper, .fini = close_keeper, .timeout = 20);

static void wait_for_ready(size_t count)
{
	while (keeper_ready(keep) < count) {
		(void)sched_yield();
	}
}

Test(keeper, a_new_thread_waits_for_nobody)
{
	keycache_hold hold = {0};
	pdb_kms_key key = {0};

	wait_for_ready(8);
	cr_assert(keeper_take(keep, PDB_SLICE("t1"), &key));
	cr_assert_null(key.dek);
	cr_assert_eq(keycache_take(cache, key.id, 1, false, &hold, &err), PDB_OK);
	cr_assert(hold.prepared);
	keycache_give(cache, &hold);
	cr_assert_eq(fake_unwraps, 0);
	keeper_claim(keep, key.id, PDB_SLICE("t1"));
	while (fake_claims == 0) {
		(void)sched_yield();
	}
	keeper_stop(keep);
	cr_assert_str_eq(fake_claimed, "t1");
	cr_assert_eq(keycache_take(cache, key.id, 1, false, &hold, &err), PDB_OK);
	cr_assert_not(hold.prepared);
	keycache_give(cache, &hold);
}

Test(keeper, two_at_once_get_one_key)
{
	pdb_kms_key one = {0};
	pdb_kms_key two = {0};

	wait_for_ready(8);
	cr_assert(keeper_take(keep, PDB_SLICE("t1"), &one));
	cr_assert(keeper_take(keep, PDB_SLICE("t1"), &two));
	cr_assert_str_eq(one.id, two.id);
	cr_assert(keeper_take(keep, PDB_SLICE("t2"), &two));
	cr_assert_str_neq(one.id, two.id);
	keeper_forget(keep, one.id);
	cr_assert(keeper_take(keep, PDB_SLICE("t1"), &two));
	cr_assert_str_neq(one.id, two.id);
}

Test(keeper, the_room_is_filled_again)
{
	pdb_kms_key key = {0};
	char thread[8];

	for (int i = 0; i < 40; i++) {
		wait_for_ready(1);
		(void)snprintf(thread, sizeof(thread), "t%d", i);
		cr_assert(keeper_take(keep, pdb_slice_text(thread), &key));
	}
	wait_for_ready(8);
	cr_assert_geq(fake_prepared, 48);
}

Test(keeper, what_is_left_is_destroyed)
{
	wait_for_ready(8);
	keeper_stop(keep);
	cr_assert_eq(fake_destroyed, 8);
	cr_assert_eq(keeper_ready(keep), 0);
}
