/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that makes a backup. */
#include <stdio.h>

#include "backup_private.h"

static pdb_status is_running(void *arg, const pdb_job_view *view)
{
	*(bool *)arg = view->state == PDB_JOB_RUNNING || view->state == PDB_JOB_QUEUED;
	return PDB_OK;
}

/* A run that was cancelled gets no further step, so the thread looks for itself. */
static bool wanted(const backup *self)
{
	bool running = false;

	return !atomic_load(&self->maker.cancel) &&
	       self->host->jobs->view(self->maker.job, is_running, &running, NULL) == PDB_OK &&
	       running;
}

static pdb_status progress(void *arg, uint64_t done, uint64_t total)
{
	backup *self = arg;

	atomic_store(&self->maker.done, done);
	atomic_store(&self->maker.total, total);
	return wanted(self) ? PDB_OK : PDB_ESTOP;
}

static void *make(void *arg)
{
	backup *self = arg;
	backup_maker *maker = &self->maker;

	maker->status = self->host->control->backup(&maker->params, &maker->result, &maker->err);
	atomic_store(&maker->ended, true);
	return NULL;
}

pdb_status backup_maker_start(backup *self, const char *job, const backup_rules *rules, bool full,
			      pdb_err *err)
{
	backup_maker *maker = &self->maker;

	memset(&maker->result, 0, sizeof(maker->result));
	memset(&maker->err, 0, sizeof(maker->err));
	(void)snprintf(maker->job, sizeof(maker->job), "%s", job);
	(void)snprintf(maker->directory, sizeof(maker->directory), "%s", rules->directory);
	maker->params = (pdb_backup_params){
		.size = sizeof(pdb_backup_params),
		.keep = rules->keep,
		.directory = maker->directory,
		.full = full || !rules->incremental,
		.progress = progress,
		.arg = self,
	};
	atomic_store(&maker->ended, false);
	atomic_store(&maker->cancel, false);
	atomic_store(&maker->done, 0);
	atomic_store(&maker->total, 0);
	if (pthread_create(&maker->thread, NULL, make, self) != 0) {
		maker->job[0] = '\0';
		return pdb_err_set(err, PDB_EUNAVAILABLE, NULL, "no thread for a backup");
	}
	return PDB_OK;
}

void backup_maker_join(backup *self)
{
	if (self->maker.job[0] != '\0') {
		(void)pthread_join(self->maker.thread, NULL);
		self->maker.job[0] = '\0';
	}
}
