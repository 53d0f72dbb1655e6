/* SPDX-License-Identifier: Apache-2.0 */
/* The watch on the disk: writes stop below the reserve and come back only well above it. */
#include <errno.h>

#include "base/log.h"
#include "fake_backend.h"

#define RESERVE 1000000

static atomic_uint_fast64_t free_bytes;
static atomic_uint looks;
static atomic_bool broken;

static int fake_statvfs(int fd, struct statvfs *out)
{
	(void)fd;
	looks++;
	if (atomic_load(&broken)) {
		errno = EIO;
		return -1;
	}
	memset(out, 0, sizeof(*out));
	out->f_frsize = 1;
	out->f_bavail = atomic_load(&free_bytes);
	return 0;
}

static void init(void)
{
	fake_init();
	pdb_log_set_fd(-1);
	fake.ops.capabilities |= PDB_STORAGE_DIRECTORY;
	fake.settings.reserve_bytes = RESERVE;
	pdb__watch_statvfs = fake_statvfs;
	atomic_store(&free_bytes, 2 * RESERVE);
}

TestSuite(watch, .init = init, .fini = fake_clean);

static bool writable_with(pdb_store *store, uint64_t bytes)
{
	atomic_store(&free_bytes, bytes);
	pdb__watch_look(&store->watch);
	return pdb_store_writable(store);
}

Test(watch, refuses_below_the_reserve_and_has_hysteresis)
{
	pdb_store *store = fake_open();

	atomic_store(&store->watch.owed, 0); /* of the first rows */
	cr_expect(pdb_store_writable(store));
	cr_expect(writable_with(store, RESERVE));
	cr_expect_not(writable_with(store, RESERVE - 1));
	cr_expect_not(writable_with(store, RESERVE));
	cr_expect_not(writable_with(store, RESERVE + RESERVE / 4 - 1));
	cr_expect(writable_with(store, RESERVE + RESERVE / 4));
	cr_expect(writable_with(store, RESERVE));
	pdb_store_close(&store);
}

Test(watch, full_refuses_writes_and_lets_reads_through)
{
	pdb_store *store = fake_open();
	pdb_txn txn;

	cr_assert_not(writable_with(store, 0));
	cr_expect_eq(pdb_store_begin(store, true, &txn, NULL), PDB_EFULL);
	pdb_txn_abort(&txn);
	cr_expect_eq(pdb_store_begin(store, false, &txn, NULL), PDB_OK);
	pdb_txn_abort(&txn);
	pdb_store_close(&store);
}

Test(watch, an_existing_database_opens_on_a_full_disk)
{
	pdb_store *store = fake_open();
	pdb_err err = {0};

	pdb_store_close(&store);
	atomic_store(&free_bytes, 0);
	store = fake_open();
	cr_expect_not(pdb_store_writable(store));
	pdb_store_close(&store);
	fake_clean();
	init();
	atomic_store(&free_bytes, 0);
	fake_refused(PDB_EFULL, &err);
}

Test(watch, looks_by_itself)
{
	pdb_store *store = fake_open();

	atomic_store(&free_bytes, 0);
	fake_wait(&looks, looks + 2);
	cr_expect_not(pdb_store_writable(store));
	pdb_store_close(&store);
}

Test(watch, not_knowing_changes_nothing)
{
	pdb_store *store = fake_open();

	atomic_store(&broken, true);
	cr_expect(writable_with(store, 0));
	pdb_store_close(&store);
}

Test(watch, no_reserve_is_no_watch)
{
	pdb_store *store;

	fake.settings.reserve_bytes = 0;
	atomic_store(&free_bytes, 0);
	store = fake_open();
	cr_expect(pdb_store_writable(store));
	cr_expect_eq(looks, 0);
	pdb_store_close(&store);
}

Test(watch, a_fast_writer_is_seen_between_two_seconds)
{
	pdb_store *store = fake_open();
	unsigned before;

	pdb__watch_look(&store->watch);
	before = atomic_load(&looks);
	pdb__watch_spend(&store->watch, RESERVE / 100);
	cr_expect_eq(looks, before);
	atomic_store(&free_bytes, RESERVE / 2);
	pdb__watch_spend(&store->watch, RESERVE / 30);
	cr_expect_eq(looks, before + 1);
	cr_expect_not(pdb_store_writable(store));
	pdb_store_close(&store);
}

Test(watch, leaves_room_for_what_the_engine_owes)
{
	pdb_store *store = fake_open();

	atomic_store(&store->watch.owed, RESERVE / 2);
	cr_expect_not(writable_with(store, RESERVE + RESERVE / 2 - 1));
	atomic_store(&store->watch.owed, 0);
	cr_expect(writable_with(store, RESERVE + RESERVE / 4));
	pdb_store_close(&store);
}
