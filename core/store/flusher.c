/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets and group commit: one thread syncs, and each sync covers all who committed before it. */
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
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
		(void)pthread_mutex_lock(&flusher->lock);
		(void)pthread_cond_broadcast(&flusher->done);
		(void)pthread_mutex_unlock(&flusher->lock);
	}
	tell(flusher, ticket);
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
	atomic_fetch_add(&flusher->syncs, 1);
	atomic_fetch_add(&flusher->sync_ns, (uint64_t)(pdb_clock_monotonic() - start));
	atomic_store(&flusher->synced, covered);
	if (flusher->sync == PDB_STORE_SYNC_ALWAYS) {
		publish(flusher, covered);
	}
}

static bool has_work(pdb__flusher *flusher)
{
	return atomic_load(&flusher->committed) != atomic_load(&flusher->synced);
}

/* Waits out the interval, or until stop. Holds the lock. */
static void wait_interval(pdb__flusher *flusher)
{
	int64_t until = pdb_clock_monotonic() + flusher->interval;
	struct timespec deadline = {(time_t)(until / PDB_NS_PER_SECOND),
				    (long)(until % PDB_NS_PER_SECOND)};
	int code = 0;

	while (!flusher->stop && code != ETIMEDOUT) {
		code = pthread_cond_timedwait(&flusher->work, &flusher->lock, &deadline);
	}
}

/* Sleeps until there is something to sync; false when there never will be. */
static bool wait_for_work(pdb__flusher *flusher)
{
	bool stop;

	if (flusher->sync == PDB_STORE_SYNC_ALWAYS && has_work(flusher)) {
		return true;
	}
	(void)pthread_mutex_lock(&flusher->lock);
	atomic_store(&flusher->sleeping, true);
	while (!flusher->stop && !has_work(flusher)) {
		(void)pthread_cond_wait(&flusher->work, &flusher->lock);
		atomic_store(&flusher->sleeping, true);
	}
	atomic_store(&flusher->sleeping, false);
	if (flusher->sync == PDB_STORE_SYNC_INTERVAL) {
		wait_interval(flusher);
	}
	stop = flusher->stop;
	(void)pthread_mutex_unlock(&flusher->lock);
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

static int init_conditions(pdb__flusher *flusher)
{
	pthread_condattr_t attributes;
	int code = pthread_condattr_init(&attributes);

	if (code != 0) {
		return code;
	}
	code = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (code == 0) {
		code = pthread_cond_init(&flusher->work, &attributes);
	}
	if (code == 0) {
		code = pthread_cond_init(&flusher->done, &attributes);
	}
	(void)pthread_condattr_destroy(&attributes);
	return code;
}

pdb_status pdb__flusher_start(pdb__flusher *flusher, const pdb_storage_ops *ops, void *db,
			      const pdb_store_settings *settings, pdb_err *err)
{
	int code;

	flusher->ops = ops;
	flusher->db = db;
	flusher->sync = settings->sync;
	flusher->interval = settings->sync_interval;
	(void)pthread_mutex_init(&flusher->lock, NULL);
	code = init_conditions(flusher);
	if (code == 0) {
		code = pthread_create(&flusher->thread, NULL, run, flusher);
	}
	if (code != 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "Cannot start the flusher: %s.",
				   strerror(code));
	}
	flusher->running = true;
	return PDB_OK;
}

void pdb__flusher_stop(pdb__flusher *flusher)
{
	if (!flusher->running) {
		return;
	}
	(void)pthread_mutex_lock(&flusher->lock);
	flusher->stop = true;
	(void)pthread_cond_signal(&flusher->work);
	(void)pthread_mutex_unlock(&flusher->lock);
	(void)pthread_join(flusher->thread, NULL);
	(void)pthread_cond_destroy(&flusher->work);
	(void)pthread_cond_destroy(&flusher->done);
	(void)pthread_mutex_destroy(&flusher->lock);
	flusher->running = false;
}

uint64_t pdb__flusher_ticket(pdb__flusher *flusher)
{
	uint64_t ticket = atomic_fetch_add(&flusher->committed, 1) + 1;

	/* The first to see it asleep wakes it; a second signal would only cost. */
	if (atomic_load(&flusher->sleeping) && atomic_exchange(&flusher->sleeping, false)) {
		(void)pthread_mutex_lock(&flusher->lock);
		(void)pthread_cond_signal(&flusher->work);
		(void)pthread_mutex_unlock(&flusher->lock);
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
	(void)pthread_mutex_lock(&flusher->lock);
	atomic_fetch_add(&flusher->waiters, 1);
	while (atomic_load(&flusher->published) < ticket) {
		(void)pthread_cond_wait(&flusher->done, &flusher->lock);
	}
	atomic_fetch_sub(&flusher->waiters, 1);
	(void)pthread_mutex_unlock(&flusher->lock);
}

pdb_status pdb__flusher_tell(pdb__flusher *flusher, pdb_durable_fn told, void *arg, pdb_err *err)
{
	unsigned count;

	(void)pthread_mutex_lock(&flusher->lock);
	count = atomic_load_explicit(&flusher->told_count, memory_order_relaxed);
	if (count < PDB__TOLD_MAX) {
		flusher->told[count] = (pdb__told){told, arg};
		atomic_store_explicit(&flusher->told_count, count + 1, memory_order_release);
	}
	(void)pthread_mutex_unlock(&flusher->lock);
	return count < PDB__TOLD_MAX ? PDB_OK
				     : pdb_err_set(err, PDB_EINTERNAL, NULL,
						   "Too many wait for durable tickets.");
}
