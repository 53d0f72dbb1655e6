/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that waits for work or for the time, until it is told to stop. */
#include "base/worker.h"

#include <errno.h>

#include "base/clock.h"

int pdb_condition_init(pthread_cond_t *condition)
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

pdb_status pdb_worker_start(pdb_worker *worker, const char *name, void *(*run)(void *arg),
			    void *arg, pdb_err *err)
{
	int code;

	worker->stop = false;
	(void)pthread_mutex_init(&worker->lock, NULL);
	code = pdb_condition_init(&worker->wake);
	if (code == 0) {
		code = pthread_create(&worker->thread, NULL, run, arg);
	}
	if (code != 0) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, NULL, "Cannot start the %s: %s.", name,
				   strerror(code));
	}
	worker->running = true;
	return PDB_OK;
}

void pdb_worker_stop(pdb_worker *worker)
{
	if (!worker->running) {
		return;
	}
	(void)pthread_mutex_lock(&worker->lock);
	worker->stop = true;
	(void)pthread_cond_broadcast(&worker->wake);
	(void)pthread_mutex_unlock(&worker->lock);
	(void)pthread_join(worker->thread, NULL);
	(void)pthread_cond_destroy(&worker->wake);
	(void)pthread_mutex_destroy(&worker->lock);
	worker->running = false;
}

bool pdb_worker_wait_until(pdb_worker *worker, int64_t time)
{
	struct timespec until = {.tv_sec = (time_t)(time / PDB_NS_PER_SECOND),
				 .tv_nsec = (long)(time % PDB_NS_PER_SECOND)};
	int code = 0;

	while (!worker->stop && code != ETIMEDOUT) {
		code = pthread_cond_timedwait(&worker->wake, &worker->lock, &until);
	}
	return !worker->stop;
}
