/* SPDX-License-Identifier: Apache-2.0 */
/* A watch on the disk: writes stop while there is still room for the engine to end them well. */
#include <errno.h>
#include <time.h>

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

static void next_second(struct timespec *until)
{
	(void)clock_gettime(CLOCK_MONOTONIC, until);
	until->tv_sec += 1;
}

static void *run(void *arg)
{
	pdb__watch *watch = arg;
	struct timespec until;

	(void)pthread_mutex_lock(&watch->lock);
	next_second(&until);
	while (!watch->stop) {
		if (pthread_cond_timedwait(&watch->stopped, &watch->lock, &until) == ETIMEDOUT) {
			pdb__watch_look(watch);
			next_second(&until);
		}
	}
	(void)pthread_mutex_unlock(&watch->lock);
	return NULL;
}

static int init_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;
	int code = pthread_condattr_init(&attributes);

	if (code != 0) {
		return code;
	}
	code = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (code == 0) {
		code = pthread_cond_init(condition, &attributes);
	}
	(void)pthread_condattr_destroy(&attributes);
	return code;
}

pdb_status pdb__watch_start(pdb__watch *watch, int fd, int64_t reserve, pdb_err *err)
{
	int code;

	watch->fd = fd;
	watch->reserve = reserve > 0 ? (uint64_t)reserve : 0;
	atomic_store(&watch->writable, true);
	if (fd < 0 || watch->reserve == 0) {
		return PDB_OK;
	}
	pdb__watch_look(watch);
	(void)pthread_mutex_init(&watch->lock, NULL);
	code = init_condition(&watch->stopped);
	if (code == 0) {
		code = pthread_create(&watch->thread, NULL, run, watch);
	}
	if (code != 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "Cannot start the disk watch: %s.",
				   strerror(code));
	}
	watch->running = true;
	return PDB_OK;
}

void pdb__watch_stop(pdb__watch *watch)
{
	if (!watch->running) {
		return;
	}
	(void)pthread_mutex_lock(&watch->lock);
	watch->stop = true;
	(void)pthread_cond_signal(&watch->stopped);
	(void)pthread_mutex_unlock(&watch->lock);
	(void)pthread_join(watch->thread, NULL);
	(void)pthread_cond_destroy(&watch->stopped);
	(void)pthread_mutex_destroy(&watch->lock);
	watch->running = false;
}
