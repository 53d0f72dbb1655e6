/* SPDX-License-Identifier: Apache-2.0 */
/* The worker pool: a bounded queue and the threads that empty it. */
#include "server/pool.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/mem.h"

typedef struct pool_task {
	void (*run)(void *arg);
	void *arg;
	int64_t posted;
} pool_task;

struct pdb_pool {
	pthread_mutex_t lock;
	pthread_cond_t more;
	pool_task *ring; /* queue_max tasks, `count` of them from `head` on */
	size_t queue_max;
	int64_t patience; /* 0 = endless */
	size_t head;
	size_t count;
	size_t busy;
	bool stopping;
	size_t workers;
	pthread_t threads[];
};

static bool pool_take(pdb_pool *pool, pool_task *out)
{
	bool taken = false;

	(void)pthread_mutex_lock(&pool->lock);
	while (pool->count == 0 && !pool->stopping) {
		(void)pthread_cond_wait(&pool->more, &pool->lock);
	}
	if (pool->count > 0) {
		*out = pool->ring[pool->head];
		pool->head = (pool->head + 1) % pool->queue_max;
		pool->count--;
		pool->busy++;
		taken = true;
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return taken;
}

static void pool_rest(pdb_pool *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
	pool->busy--;
	(void)pthread_mutex_unlock(&pool->lock);
}

static void *pool_work(void *arg)
{
	pool_task task;

	while (pool_take(arg, &task)) {
		task.run(task.arg);
		pool_rest(arg);
	}
	return NULL;
}

pdb_status pdb_pool_create(pdb_pool **out, size_t workers, size_t queue_max, int64_t patience,
			   pdb_err *err)
{
	pdb_pool *pool = pdb_mem_zalloc(sizeof(*pool) + workers * sizeof(pthread_t));

	if (pool == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for %zu workers", workers);
	}
	(void)pthread_mutex_init(&pool->lock, NULL);
	(void)pthread_cond_init(&pool->more, NULL);
	pool->queue_max = queue_max;
	pool->patience = patience;
	pool->ring = pdb_mem_zalloc(queue_max * sizeof(*pool->ring));
	*out = pool;
	if (pool->ring == NULL) {
		pdb_pool_destroy(out);
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a queue of %zu",
				   queue_max);
	}
	while (pool->workers < workers) {
		if (pthread_create(&pool->threads[pool->workers], NULL, pool_work, pool) != 0) {
			pdb_pool_destroy(out);
			return pdb_err_set(err, PDB_EUNAVAILABLE, NULL, "cannot start worker %zu",
					   workers);
		}
		pool->workers++;
	}
	return PDB_OK;
}

void pdb_pool_destroy(pdb_pool **pool_ptr)
{
	pdb_pool *pool = *pool_ptr;

	if (pool == NULL) {
		return;
	}
	(void)pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	(void)pthread_cond_broadcast(&pool->more);
	(void)pthread_mutex_unlock(&pool->lock);
	for (size_t i = 0; i < pool->workers; i++) {
		(void)pthread_join(pool->threads[i], NULL);
	}
	(void)pthread_cond_destroy(&pool->more);
	(void)pthread_mutex_destroy(&pool->lock);
	pdb_mem_free(pool->ring);
	pdb_mem_free(pool);
	*pool_ptr = NULL;
}

void pdb_pool_look(pdb_pool *pool, pdb_pool_view *out)
{
	*out = (pdb_pool_view){0};
	if (pool == NULL) {
		return;
	}
	(void)pthread_mutex_lock(&pool->lock);
	*out = (pdb_pool_view){pool->count, pool->queue_max, pool->busy, pool->workers};
	(void)pthread_mutex_unlock(&pool->lock);
}

static bool has_room(const pdb_pool *pool, int64_t now)
{
	bool slow = pool->patience > 0 && pool->count > 0 &&
		    now - pool->ring[pool->head].posted > pool->patience;

	return !slow && pool->count < pool->queue_max;
}

pdb_status pdb_pool_post(void *arg_pool, void (*run)(void *arg), void *arg)
{
	pdb_pool *pool = arg_pool;
	int64_t now = pdb_clock_monotonic();
	pdb_status status = PDB_EBUSY;

	(void)pthread_mutex_lock(&pool->lock);
	if (!pool->stopping && has_room(pool, now)) {
		pool->ring[(pool->head + pool->count) % pool->queue_max] =
			(pool_task){run, arg, now};
		pool->count++;
		status = PDB_OK;
		(void)pthread_cond_signal(&pool->more);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return status;
}
