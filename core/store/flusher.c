/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets and group commit: one thread syncs, and each sync covers all who committed before it. */
#include "base/clock.h"
#include "base/log.h"
#include "measure/measure.h"
#include "store/store_private.h"

/*
 * Why no ticket is published too early: a ticket is drawn after its commit has returned, and the
 * flusher reads the last ticket drawn before it calls sync; so sync, which covers every commit that
 * returned before it was called, covers all tickets up to the one read.
 *
 * Why no wake-up is lost: the flusher says "sleeping" and then looks at `committed`; a committer
 * raises `committed` and then looks at "sleeping". In one total order (all of these are
 * sequentially consistent) at least one of the two sees the other. The same holds for `waiters` and
 * `published`.
 */

static void tell(pdb__flusher *flusher, uint64_t ticket)
{
	unsigned count = atomic_load_explicit(&flusher->told_count, memory_order_acquire);

	for (unsigned i = 0; i < count; i++) {
		flusher->told[i].fn(flusher->told[i].arg, ticket);
	}
}

static void publish(pdb__flusher *flusher, uint64_t ticket)
{
	uint_fast64_t before = atomic_load(&flusher->published);

	while (before < ticket &&
	       !atomic_compare_exchange_weak(&flusher->published, &before, ticket)) {
	}
	if (atomic_load(&flusher->waiters) > 0) {
		(void)pthread_mutex_lock(&flusher->worker.lock);
		(void)pthread_cond_broadcast(&flusher->done);
		(void)pthread_mutex_unlock(&flusher->worker.lock);
	}
	tell(flusher, ticket);
}

static void count_sync(pdb__flusher *flusher, int64_t took, uint64_t commits)
{
	atomic_fetch_add(&flusher->syncs, 1);
	atomic_fetch_add(&flusher->sync_ns, (uint64_t)took);
	pdb_series_observe(atomic_load(&flusher->sync_time),
			   (double)took / (double)PDB_NS_PER_SECOND);
	pdb_series_observe(atomic_load(&flusher->sync_batch), (double)commits);
}

static void flush(pdb__flusher *flusher)
{
	uint64_t covered = atomic_load(&flusher->committed);
	int64_t start = pdb_clock_monotonic();
	pdb_err err = {0};

	if (flusher->ops->sync(flusher->db, &err) != PDB_OK) {
		/* What is on disk is no longer known, and a second sync would not tell either. */
		pdb_fatal("store", "the log cannot be synced: %s", err.text);
	}
	count_sync(flusher, pdb_clock_monotonic() - start, covered - atomic_load(&flusher->synced));
	atomic_store(&flusher->synced, covered);
	if (flusher->sync == PDB_STORE_SYNC_ALWAYS) {
		publish(flusher, covered);
	}
}

static bool has_work(pdb__flusher *flusher)
{
	return atomic_load(&flusher->committed) != atomic_load(&flusher->synced);
}

/* Sleeps until there is something to sync; false when there never will be. */
static bool wait_for_work(pdb__flusher *flusher)
{
	bool stop;

	if (flusher->sync == PDB_STORE_SYNC_ALWAYS && has_work(flusher)) {
		return true;
	}
	(void)pthread_mutex_lock(&flusher->worker.lock);
	atomic_store(&flusher->sleeping, true);
	while (!flusher->worker.stop && !has_work(flusher)) {
		(void)pthread_cond_wait(&flusher->worker.wake, &flusher->worker.lock);
		atomic_store(&flusher->sleeping, true);
	}
	atomic_store(&flusher->sleeping, false);
	if (flusher->sync == PDB_STORE_SYNC_INTERVAL) {
		(void)pdb_worker_wait_until(&flusher->worker,
					    pdb_clock_monotonic() + flusher->interval);
	}
	stop = flusher->worker.stop;
	(void)pthread_mutex_unlock(&flusher->worker.lock);
	return !stop || has_work(flusher);
}

static void *run(void *arg)
{
	pdb__flusher *flusher = arg;

	while (wait_for_work(flusher)) {
		flush(flusher);
	}
	return NULL;
}

pdb_status pdb__flusher_start(pdb__flusher *flusher, const pdb_storage_ops *ops, void *db,
			      const pdb_store_settings *settings, pdb_err *err)
{
	int code;

	flusher->ops = ops;
	flusher->db = db;
	flusher->sync = settings->sync;
	flusher->interval = settings->sync_interval;
	code = pdb_condition_init(&flusher->done);
	if (code != 0) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, NULL, "Cannot start the flusher: %s.",
				   strerror(code));
	}
	return pdb_worker_start(&flusher->worker, "flusher", run, flusher, err);
}

void pdb__flusher_stop(pdb__flusher *flusher)
{
	if (flusher->worker.running) {
		pdb_worker_stop(&flusher->worker);
		(void)pthread_cond_destroy(&flusher->done);
	}
}

uint64_t pdb__flusher_ticket(pdb__flusher *flusher)
{
	uint64_t ticket = atomic_fetch_add(&flusher->committed, 1) + 1;

	/* The first to see it asleep wakes it; a second signal would only cost. */
	if (atomic_load(&flusher->sleeping) && atomic_exchange(&flusher->sleeping, false)) {
		(void)pthread_mutex_lock(&flusher->worker.lock);
		(void)pthread_cond_signal(&flusher->worker.wake);
		(void)pthread_mutex_unlock(&flusher->worker.lock);
	}
	if (flusher->sync == PDB_STORE_SYNC_INTERVAL) {
		publish(flusher, ticket);
	}
	return ticket;
}

void pdb__flusher_wait(pdb__flusher *flusher, uint64_t ticket)
{
	if (atomic_load(&flusher->published) >= ticket) {
		return;
	}
	(void)pthread_mutex_lock(&flusher->worker.lock);
	atomic_fetch_add(&flusher->waiters, 1);
	while (atomic_load(&flusher->published) < ticket) {
		(void)pthread_cond_wait(&flusher->done, &flusher->worker.lock);
	}
	atomic_fetch_sub(&flusher->waiters, 1);
	(void)pthread_mutex_unlock(&flusher->worker.lock);
}

pdb_status pdb__flusher_tell(pdb__flusher *flusher, pdb_durable_fn told, void *arg, pdb_err *err)
{
	unsigned count;

	(void)pthread_mutex_lock(&flusher->worker.lock);
	count = atomic_load_explicit(&flusher->told_count, memory_order_relaxed);
	if (count < PDB__TOLD_MAX) {
		flusher->told[count] = (pdb__told){told, arg};
		atomic_store_explicit(&flusher->told_count, count + 1, memory_order_release);
	}
	(void)pthread_mutex_unlock(&flusher->worker.lock);
	return count < PDB__TOLD_MAX ? PDB_OK
				     : pdb_err_set(err, PDB_EINTERNAL, NULL,
						   "Too many wait for durable tickets.");
}
