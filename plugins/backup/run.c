/* SPDX-License-Identifier: Apache-2.0 */
/* The jobs: one backup, and the schedule. */
#include <stdio.h>
#include <stdlib.h>

#include "backup_private.h"

#define LOOK_AGAIN (SECOND / 10)

/* -- what it leaves behind --------------------------------------------------------------------- */

static pdb_status audit(const backup *self, const char *event, const char *job, const char *more,
			pdb_err *err)
{
	char text[1024];
	int len = snprintf(text, sizeof(text), "\"event\":\"%s\",\"job\":\"%s\"%s%s", event, job,
			   more[0] != '\0' ? "," : "", more);

	return self->host->control->audit(pdb_slice_of(text, (size_t)len), err);
}

static size_t print_result(const pdb_backup_result *result, char *out, size_t size)
{
	int len = snprintf(out, size,
			   "\"set\":\"%s\",\"made_ts\":%lld,\"position\":%llu,\"bytes\":%llu,"
			   "\"written\":%llu,\"key\":\"%s\"",
			   result->name, (long long)result->made_ts,
			   (unsigned long long)result->position, (unsigned long long)result->bytes,
			   (unsigned long long)result->written, result->key);

	return len < 0 ? 0 : (size_t)len;
}

static void tell_done(backup *self, const pdb_backup_result *result)
{
	const pdb_host_metrics *metrics = self->host->metrics;
	int64_t now = self->host->now();

	(void)pthread_rwlock_wrlock(&self->lock);
	self->last = *result;
	self->last_end = now;
	(void)pthread_rwlock_unlock(&self->lock);
	metrics->add_to(self->runs[0], 1);
	metrics->set(self->ended_at, (double)now / (double)SECOND);
	metrics->set(self->bytes, (double)result->bytes);
	metrics->add_to(self->written, (double)result->written);
}

/* -- one backup -------------------------------------------------------------------------------- */

static pdb_status finish(backup *self, pdb_job_run *run, pdb_err *err)
{
	pdb_backup_result result = self->maker.result;
	pdb_status status = self->maker.status;
	char text[512];
	char whole[sizeof(text) + 2];
	size_t len;
	int wrapped;

	*err = self->maker.err;
	backup_maker_join(self);
	if (status != PDB_OK) {
		self->host->metrics->add_to(self->runs[1], 1);
		return status;
	}
	len = print_result(&result, text, sizeof(text));
	wrapped = snprintf(whole, sizeof(whole), "{%.*s}", (int)len, text);
	tell_done(self, &result);
	self->host->log(PDB_LOG_INFO, "backup", "%s is complete: %llu bytes, %llu written",
			result.name, (unsigned long long)result.bytes,
			(unsigned long long)result.written);
	status = audit(self, "backup_ended", self->host->jobs->id(run), text, err);
	if (status == PDB_OK) {
		(void)self->host->jobs->set_result(run, pdb_slice_of(whole, (size_t)wrapped), NULL);
		self->host->job_progress(run, result.bytes, result.bytes);
		self->host->job_done(run);
	}
	return status;
}

static pdb_status begin(backup *self, pdb_job_run *run, pdb_err *err)
{
	const char *id = self->host->jobs->id(run);
	pdb_slice params = self->host->jobs->params(run);
	backup_rules *rules = self->host->alloc(sizeof(*rules));
	pdb_status status = audit(self, "backup_started", id, "", err);

	if (rules == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a backup");
	}
	backup_rules_get(self, rules);
	if (status == PDB_OK) {
		status = backup_maker_start(
			self, id, rules,
			memmem(params.ptr, params.len, "\"full\":true", 11) != NULL, err);
	}
	self->host->free(rules);
	return status;
}

static pdb_status step(void *state, pdb_job_run *run, pdb_err *err)
{
	backup *self = state;
	backup_maker *maker = &self->maker;
	const char *id = self->host->jobs->id(run);

	if (id[0] == '\0') {
		self->host->job_done(run); /* only what was submitted is one */
		return PDB_OK;
	}
	if (maker->job[0] != '\0' && strcmp(maker->job, id) != 0) {
		/* of a run that was cancelled: the thread sees it and ends */
		backup_maker_join(self);
	}
	if (maker->job[0] == '\0') {
		pdb_status status = begin(self, run, err);

		self->host->jobs->rest(run, LOOK_AGAIN);
		return status;
	}
	if (atomic_load(&maker->ended)) {
		return finish(self, run, err);
	}
	self->host->job_progress(run, atomic_load(&maker->done), atomic_load(&maker->total));
	self->host->jobs->rest(run, LOOK_AGAIN);
	return PDB_OK;
}

const pdb_job backup_job = {
	.size = sizeof(pdb_job),
	.name = "backup",
	.step = step,
};

/* -- the schedule ------------------------------------------------------------------------------ */

/* The saved state is when the schedule last submitted one, so that a restart makes none too many.
 */
static int64_t read_last(pdb_slice saved)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%.*s", PDB_SLICE_ARGS(saved));
	return strtoll(text, NULL, 10);
}

static pdb_status submit_due(const backup *self, pdb_job_run *run, int64_t now, pdb_err *err)
{
	char id[PDB_JOB_ID_SIZE];
	char text[32];
	int len = snprintf(text, sizeof(text), "%lld", (long long)now);
	pdb_status status = self->host->job_save(run, pdb_slice_of(text, (size_t)len), err);

	return status == PDB_OK ? self->host->jobs->submit("backup", PDB_SLICE("{}"), id, err)
				: status;
}

static pdb_status schedule(void *state, pdb_job_run *run, pdb_err *err)
{
	backup *self = state;
	int64_t now = self->host->now();
	int64_t last = read_last(self->host->job_state(run));
	pdb_status status = PDB_OK;
	int64_t period;

	(void)pthread_rwlock_rdlock(&self->lock);
	period = self->now.period;
	(void)pthread_rwlock_unlock(&self->lock);
	/* a clock that was set back must not stop backups */
	if (period > 0 && (now - last >= period || now < last)) {
		status = submit_due(self, run, now, err);
	}
	if (status == PDB_OK) {
		self->host->job_done(run);
	}
	return status;
}

const pdb_job backup_schedule_job = {
	.size = sizeof(pdb_job),
	.name = "backup-schedule",
	.period = SECOND,
	.step = schedule,
};
