/* SPDX-License-Identifier: Apache-2.0 */
/* A watch on the disk: writes stop while there is still room for the engine to end them well. */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/store_private.h"

int (*pdb__watch_statvfs)(int fd, struct statvfs *out) = fstatvfs;

/* So often is looked between two seconds, as parts of the reserve. */
#define LOOKS_PER_RESERVE 32u

static void tell(const pdb__watch *watch, bool was, bool writable, uint64_t owed)
{
	if (was && !writable) {
		pdb_log(PDB_LOG_ERROR, "store",
			"disk nearly full: %llu bytes free, %llu reserved, %llu to be written; "
			"writes are refused",
			(unsigned long long)atomic_load(&watch->free),
			(unsigned long long)watch->reserve, (unsigned long long)owed);
	} else if (!was && writable) {
		pdb_log(PDB_LOG_INFO, "store", "disk has room again; writes are accepted");
	}
}

static void look(pdb__watch *watch)
{
	struct statvfs info;
	bool was = atomic_load(&watch->writable);
	uint64_t owed = atomic_load(&watch->owed);
	uint64_t bytes;
	bool writable;

	atomic_store(&watch->spent, 0);
	if (pdb__watch_statvfs(watch->fd, &info) != 0) {
		/* Not knowing is no reason to refuse: the engine will say so itself. */
		pdb_log(PDB_LOG_WARN, "store", "cannot read the free disk space: %s",
			strerror(errno));
		return;
	}
	bytes = (uint64_t)info.f_bavail * (uint64_t)info.f_frsize;
	writable = bytes >= owed + watch->reserve + (was ? 0 : watch->reserve / 4);
	atomic_store(&watch->free, bytes);
	atomic_store(&watch->writable, writable);
	tell(watch, was, writable, owed);
}

void pdb__watch_look(pdb__watch *watch)
{
	(void)pthread_mutex_lock(&watch->looking);
	look(watch);
	(void)pthread_mutex_unlock(&watch->looking);
}

void pdb__watch_spend(pdb__watch *watch, size_t bytes)
{
	if (watch->reserve == 0) {
		return;
	}
	(void)atomic_fetch_add_explicit(&watch->owed, bytes, memory_order_relaxed);
	if (atomic_fetch_add_explicit(&watch->spent, bytes, memory_order_relaxed) + bytes >=
		    watch->reserve / LOOKS_PER_RESERVE &&
	    pthread_mutex_trylock(&watch->looking) == 0) {
		look(watch);
		(void)pthread_mutex_unlock(&watch->looking);
	}
}

static void take_owed(void *arg, const char *name, double value)
{
	if (strcmp(name, "unwritten_bytes") == 0 && value >= 0) {
		*(unsigned long long *)arg = (unsigned long long)value;
	}
}

static void ask(pdb__watch *watch)
{
	unsigned long long owed = 0;

	if (watch->ops != NULL && PDB_HAS(watch->ops, stats)) {
		(void)watch->ops->stats(watch->db, take_owed, &owed);
	}
	atomic_store(&watch->owed, owed);
}

void pdb__watch_ask(pdb__watch *watch, const pdb_storage_ops *ops, void *db)
{
	if (watch->worker.running) {
		(void)pthread_mutex_lock(&watch->worker.lock);
		watch->ops = ops;
		watch->db = db;
		(void)pthread_mutex_unlock(&watch->worker.lock);
	}
}

static void *run(void *arg)
{
	pdb__watch *watch = arg;
	pdb_worker *worker = &watch->worker;

	(void)pthread_mutex_lock(&worker->lock);
	while (pdb_worker_wait_until(worker, pdb_clock_monotonic() + PDB_NS_PER_SECOND)) {
		ask(watch);
		pdb__watch_look(watch);
	}
	(void)pthread_mutex_unlock(&worker->lock);
	return NULL;
}

pdb_status pdb__watch_start(pdb__watch *watch, int fd, int64_t reserve, pdb_err *err)
{
	(void)pthread_mutex_init(&watch->looking, NULL);
	watch->fd = fd;
	watch->reserve = reserve > 0 ? (uint64_t)reserve : 0;
	atomic_store(&watch->writable, true);
	if (fd < 0 || watch->reserve == 0) {
		return PDB_OK;
	}
	pdb__watch_look(watch);
	return pdb_worker_start(&watch->worker, "disk watch", run, watch, err);
}

void pdb__watch_stop(pdb__watch *watch)
{
	pdb_worker_stop(&watch->worker);
}
