/* SPDX-License-Identifier: Apache-2.0 */
/* The worker pool: everything queued runs once, and the queue has an end. */
#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "server/pool.h"

static atomic_int ran;
static sem_t gate;
static sem_t entered;

static void count(void *arg)
{
	(void)arg;
	atomic_fetch_add(&ran, 1);
}

static void wait_at_gate(void *arg)
{
	(void)arg;
	(void)sem_post(&entered);
	(void)sem_wait(&gate);
	atomic_fetch_add(&ran, 1);
}

Test(pool, runs_everything_once_before_it_ends)
{
	pdb_pool *pool = NULL;

	cr_assert_eq(pdb_pool_create(&pool, 4, 10000, 0, NULL), PDB_OK);
	for (int i = 0; i < 10000; i++) {
		cr_assert_eq(pdb_pool_post(pool, count, NULL), PDB_OK);
	}
	pdb_pool_destroy(&pool);
	cr_assert_null(pool);
	cr_assert_eq(atomic_load(&ran), 10000);
}

Test(pool, says_busy_when_the_queue_is_full)
{
	pdb_pool *pool = NULL;

	(void)sem_init(&gate, 0, 0);
	(void)sem_init(&entered, 0, 0);
	cr_assert_eq(pdb_pool_create(&pool, 1, 3, 0, NULL), PDB_OK);
	cr_assert_eq(pdb_pool_post(pool, wait_at_gate, NULL), PDB_OK);
	(void)sem_wait(&entered);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(pdb_pool_post(pool, count, NULL), PDB_OK);
	}
	cr_assert_eq(pdb_pool_post(pool, count, NULL), PDB_EBUSY);
	(void)sem_post(&gate);
	pdb_pool_destroy(&pool);
	cr_assert_eq(atomic_load(&ran), 4);
}

Test(pool, says_busy_when_the_oldest_waits_too_long)
{
	pdb_pool *pool = NULL;

	(void)sem_init(&gate, 0, 0);
	(void)sem_init(&entered, 0, 0);
	cr_assert_eq(pdb_pool_create(&pool, 1, 10, 1, NULL), PDB_OK);
	cr_assert_eq(pdb_pool_post(pool, wait_at_gate, NULL), PDB_OK);
	(void)sem_wait(&entered);
	cr_assert_eq(pdb_pool_post(pool, count, NULL), PDB_OK);
	cr_assert_eq(pdb_pool_post(pool, count, NULL), PDB_EBUSY);
	(void)sem_post(&gate);
	pdb_pool_destroy(&pool);
	cr_assert_eq(atomic_load(&ran), 2);
}

Test(pool, tells_how_it_is)
{
	pdb_pool *pool = NULL;
	pdb_pool_view view;

	(void)sem_init(&gate, 0, 0);
	(void)sem_init(&entered, 0, 0);
	pdb_pool_look(NULL, &view);
	cr_assert_eq(view.workers, 0);
	cr_assert_eq(pdb_pool_create(&pool, 1, 10, 0, NULL), PDB_OK);
	cr_assert_eq(pdb_pool_post(pool, wait_at_gate, NULL), PDB_OK);
	(void)sem_wait(&entered);
	cr_assert_eq(pdb_pool_post(pool, count, NULL), PDB_OK);
	pdb_pool_look(pool, &view);
	cr_assert_eq(view.queued, 1);
	cr_assert_eq(view.queue_max, 10);
	cr_assert_eq(view.busy, 1);
	cr_assert_eq(view.workers, 1);
	(void)sem_post(&gate);
	pdb_pool_destroy(&pool);
}

Test(pool, destroy_accepts_nothing)
{
	pdb_pool *pool = NULL;

	pdb_pool_destroy(&pool);
	cr_assert_null(pool);
}
