/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets and group commit: nothing is published before a sync that began after it has returned. */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "base/log.h"
#include "fake_backend.h"

TestSuite(flusher, .init = fake_init, .fini = fake_clean);

Test(flusher, tickets_rise)
{
	pdb_store *store = fake_open();
	uint64_t one = fake_commit(store, "a");
	uint64_t two = fake_commit(store, "b");

	cr_expect_gt(one, 0);
	cr_expect_gt(two, one);
	pdb_store_wait(store, two);
	cr_expect_geq(pdb_store_durable(store), two);
	pdb_store_close(&store);
}

Test(flusher, publishes_only_after_sync_returned)
{
	pdb_store *store = fake_open();
	unsigned before = fake.syncs_begun;
	uint64_t ticket;

	atomic_store(&fake.hold, true);
	ticket = fake_commit(store, "a");
	fake_wait(&fake.syncs_begun, before + 1);
	cr_expect_lt(pdb_store_durable(store), ticket, "the sync has not returned");
	atomic_store(&fake.hold, false);
	pdb_store_wait(store, ticket);
	cr_expect_geq(pdb_store_durable(store), ticket);
	pdb_store_close(&store);
}

Test(flusher, a_commit_during_a_sync_waits_for_the_next)
{
	pdb_store *store = fake_open();
	unsigned begun = fake.syncs_begun;
	uint64_t early;
	uint64_t late;

	atomic_store(&fake.hold, true);
	early = fake_commit(store, "a");
	fake_wait(&fake.syncs_begun, begun + 1);
	late = fake_commit(store, "b");
	for (int i = 0; i < 98; i++) {
		late = fake_commit(store, "c");
	}
	cr_expect_lt(pdb_store_durable(store), early);
	atomic_store(&fake.hold, false);
	pdb_store_wait(store, late);
	cr_expect_eq(fake.syncs_begun, begun + 2, "one sync for the first, one for the other 99");
	pdb_store_close(&store);
}

static atomic_uint_fast64_t told_last;

static void told(void *arg, uint64_t ticket)
{
	cr_expect_eq(arg, &fake);
	atomic_store(&told_last, ticket);
}

Test(flusher, tells_after_each_sync)
{
	pdb_store *store = fake_open();
	unsigned syncs = fake.syncs_ended;
	uint64_t ticket;

	cr_assert_eq(pdb_store_on_durable(store, told, &fake, NULL), PDB_OK);
	atomic_store(&fake.hold, true);
	ticket = fake_commit(store, "a");
	fake_wait(&fake.syncs_begun, syncs + 1);
	/* The sync of the opening may be told late, this one not before it has returned. */
	cr_expect_lt(told_last, ticket);
	atomic_store(&fake.hold, false);
	while (atomic_load(&told_last) < ticket) {
		sched_yield();
	}
	cr_expect_eq(told_last, ticket);
	cr_expect_eq(pdb_store_durable(store), ticket, "published before it is told");
	pdb_store_close(&store);
}

Test(flusher, tells_no_more_than_eight)
{
	pdb_store *store = fake_open();

	for (int i = 0; i < 8; i++) {
		cr_expect_eq(pdb_store_on_durable(store, told, &fake, NULL), PDB_OK);
	}
	cr_expect_eq(pdb_store_on_durable(store, told, &fake, NULL), PDB_EINTERNAL);
	pdb_store_close(&store);
}

Test(flusher, close_syncs_what_is_left)
{
	pdb_store *store = fake_open();

	fake.settings.sync = PDB_STORE_SYNC_INTERVAL;
	pdb_store_close(&store);
	fake.settings.sync_interval = INT64_C(3600) * 1000000000;
	store = fake_open();
	(void)fake_commit(store, "a");
	cr_expect_eq(fake.syncs_begun, fake.syncs_ended);
	unsigned before = fake.syncs_ended;
	pdb_store_close(&store);
	cr_expect_eq(fake.syncs_ended, before + 1, "the last hour of writes is on disk");
	cr_expect_eq(fake.closed, 2);
}

Test(flusher, interval_publishes_at_once_and_syncs_later)
{
	pdb_store *store;
	unsigned before;
	uint64_t ticket;

	fake.settings.sync = PDB_STORE_SYNC_INTERVAL;
	fake.settings.sync_interval = 20000000;
	store = fake_open();
	cr_assert_eq(pdb_store_on_durable(store, told, &fake, NULL), PDB_OK);
	atomic_store(&fake.hold, true);
	before = fake.syncs_begun;
	ticket = fake_commit(store, "a");
	cr_expect_geq(pdb_store_durable(store), ticket);
	cr_expect_eq(told_last, ticket, "told on the committing thread");
	fake_wait(&fake.syncs_begun, before + 1);
	atomic_store(&fake.hold, false);
	pdb_store_close(&store);
}

static pdb_status broken_sync(void *db, pdb_err *err)
{
	(void)db;
	return pdb_err_set(err, PDB_EFULL, NULL, "no space");
}

Test(flusher, a_failed_sync_ends_the_process, .exit_code = 70)
{
	pdb_store *store;

	fake.ops.sync = broken_sync;
	pdb_log_set_fd(-1);
	(void)rmdir(fake.directory); /* nobody cleans up behind this process */
	store = fake_open();
	pdb_store_wait(store, fake_commit(store, "a"));
	cr_assert_fail("an answer left");
}

Test(flusher, reads_and_failures_have_no_ticket)
{
	pdb_store *store = fake_open();
	uint64_t ticket = 77;
	pdb_txn txn;

	cr_assert_eq(pdb_store_begin(store, false, &txn, NULL), PDB_OK);
	cr_expect_eq(pdb_txn_commit(&txn, &ticket, NULL), PDB_OK);
	cr_expect_eq(ticket, 0);
	fake.commit_result = PDB_ECONFLICT;
	cr_assert_eq(pdb_store_begin(store, true, &txn, NULL), PDB_OK);
	ticket = 77;
	cr_expect_eq(pdb_txn_commit(&txn, &ticket, NULL), PDB_ECONFLICT);
	cr_expect_eq(ticket, 0);
	fake.commit_result = PDB_EUNCERTAIN;
	cr_assert_eq(pdb_store_begin(store, true, &txn, NULL), PDB_OK);
	cr_expect_eq(pdb_txn_commit(&txn, &ticket, NULL), PDB_EUNCERTAIN);
	cr_expect_gt(ticket, 0, "it may be there, so readers of it must wait");
	pdb_store_wait(store, ticket);
	fake.commit_result = PDB_OK;
	pdb_store_close(&store);
}

#define THREADS 8
#define COMMITS 2000

static void *commit_and_wait(void *store)
{
	for (int i = 0; i < COMMITS; i++) {
		uint64_t ticket = 0;
		pdb_txn txn;

		cr_assert_eq(pdb_store_begin(store, true, &txn, NULL), PDB_OK);
		cr_assert_eq(pdb_txn_commit(&txn, &ticket, NULL), PDB_OK);
		pdb_store_wait(store, ticket);
		cr_assert_geq(pdb_store_durable(store), ticket);
	}
	return NULL;
}

Test(flusher, no_wake_up_is_lost)
{
	pdb_store *store = fake_open();
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		cr_assert_eq(pthread_create(&threads[i], NULL, commit_and_wait, store), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		(void)pthread_join(threads[i], NULL);
	}
	cr_expect_eq(pdb_store_durable(store), THREADS * COMMITS + 1, "and the format's own");
	pdb_store_close(&store);
}
