/* SPDX-License-Identifier: Apache-2.0 */
/* Workers: they wait for the time, and stop at once when told. */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/worker.h"

static pdb_worker worker;
static atomic_int rounds;

static void *tick(void *arg)
{
	(void)arg;
	(void)pthread_mutex_lock(&worker.lock);
	while (pdb_worker_wait_until(&worker, pdb_clock_monotonic() + PDB_NS_PER_MS)) {
		atomic_fetch_add(&rounds, 1);
	}
	(void)pthread_mutex_unlock(&worker.lock);
	return NULL;
}

static void *wait_for_ever(void *arg)
{
	(void)arg;
	(void)pthread_mutex_lock(&worker.lock);
	cr_expect_not(
		pdb_worker_wait_until(&worker, pdb_clock_monotonic() + 3600 * PDB_NS_PER_SECOND));
	(void)pthread_mutex_unlock(&worker.lock);
	return NULL;
}

Test(worker, comes_round_after_its_time)
{
	int64_t start = pdb_clock_monotonic();

	cr_assert_eq(pdb_worker_start(&worker, "test", tick, NULL, NULL), PDB_OK);
	while (atomic_load(&rounds) < 5) {
		sched_yield();
	}
	pdb_worker_stop(&worker);
	cr_assert_geq(pdb_clock_monotonic() - start, 5 * PDB_NS_PER_MS);
}

Test(worker, stops_in_the_middle_of_a_wait, .timeout = 60)
{
	cr_assert_eq(pdb_worker_start(&worker, "test", wait_for_ever, NULL, NULL), PDB_OK);
	pdb_worker_stop(&worker);
	cr_assert_not(worker.running);
	pdb_worker_stop(&worker); /* once more does nothing */
}
