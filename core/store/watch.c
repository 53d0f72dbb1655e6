/* SPDX-License-Identifier: Apache-2.0 */
/* A watch on the disk: writes stop while there is still room for the engine to end them well. */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/store_private.h"

int (*pdb__watch_statvfs)(int fd, struct statvfs *out) = fstatvfs;

void pdb__watch_look(pdb__watch *watch)
{
	struct statvfs info;
	bool was = atomic_load(&watch->writable);
	uint64_t bytes;
	bool writable;

	if (pdb__watch_statvfs(watch->fd, &info) != 0) {
		/* Not knowing is no reason to refuse: the engine will say so itself. */
		pdb_log(PDB_LOG_WARN, "store", "cannot read the free disk space: %s",
			strerror(errno));
		return;
	}
	bytes = (uint64_t)info.f_bavail * (uint64_t)info.f_frsize;
	writable = bytes >= watch->reserve + (was ? 0 : watch->reserve / 4);
	atomic_store(&watch->free, bytes);
	atomic_store(&watch->writable, writable);
	if (was && !writable) {
		pdb_log(PDB_LOG_ERROR, "store",
			"disk nearly full: %llu bytes free, %llu reserved; writes are refused",
			(unsigned long long)bytes, (unsigned long long)watch->reserve);
	} else if (!was && writable) {
		pdb_log(PDB_LOG_INFO, "store", "disk has room again; writes are accepted");
	}
}

static void *run(void *arg)
{
	pdb__watch *watch = arg;
	pdb_worker *worker = &watch->worker;

	(void)pthread_mutex_lock(&worker->lock);
	while (pdb_worker_wait_until(worker, pdb_clock_monotonic() + PDB_NS_PER_SECOND)) {
		pdb__watch_look(watch);
	}
	(void)pthread_mutex_unlock(&worker->lock);
	return NULL;
}

pdb_status pdb__watch_start(pdb__watch *watch, int fd, int64_t reserve, pdb_err *err)
{
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
