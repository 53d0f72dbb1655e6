/* SPDX-License-Identifier: Apache-2.0 */
/* Backup: options, metrics, life and reload of the plugin. */
#include <stdio.h>

#include "backup_private.h"
#include "calls.h"

#define ROW(key_, type_, member_, ...)                                                             \
	{                                                                                          \
		.key = "backup." key_, .type = PDB_OPTION_##type_, .flags = PDB_OPTION_RELOADABLE, \
		.offset = offsetof(backup_settings, member_), __VA_ARGS__                          \
	}

static const pdb_option options[] = {
	ROW("directory", PATH, directory,
	    .help = "Where sets are made: an absolute path outside the database, best on another "
		    "disk; empty = no backups."),
	ROW("period", DURATION, period, .fallback = "0s", .min = 0, .max = INT64_MAX,
	    .help = "A backup is made after this much time; 0 = only when asked for."),
	ROW("keep", INT, keep, .fallback = "7", .min = 0, .max = 100000,
	    .help = "How many sets stay, the newest; 0 = all."),
	ROW("incremental", BOOL, incremental, .fallback = "true",
	    .help = "Link what the newest set has already, rather than write it again."),
};

static void check(const void *all, pdb_problem_fn problem, void *arg)
{
	const backup_settings *settings = all;

	if (settings->directory[0] == '\0') {
		if (settings->period > 0) {
			problem(arg, "backup.period", "needs backup.directory");
		}
	} else if (settings->directory[0] != '/') {
		problem(arg, "backup.directory", "must be an absolute path");
	} else if (strlen(settings->directory) >= PATH_ROOM) {
		problem(arg, "backup.directory", "is too long");
	}
}

void backup_rules_read(backup_rules *out, const backup_settings *settings)
{
	out->period = settings->period;
	out->keep = (uint32_t)settings->keep;
	out->incremental = settings->incremental;
	(void)snprintf(out->directory, sizeof(out->directory), "%s", settings->directory);
}

void backup_rules_get(backup *self, backup_rules *out)
{
	(void)pthread_rwlock_rdlock(&self->lock);
	*out = self->now;
	(void)pthread_rwlock_unlock(&self->lock);
}

/* -- metrics ---------------------------------------------------------------------------------- */

static const char *const result_label[] = {"result", NULL};

static const pdb_metric runs_metric = {
	.size = sizeof(pdb_metric),
	.kind = PDB_METRIC_COUNTER,
	.name = "progressdb_backup_runs",
	.help = "Backups, by how they ended.",
	.labels = result_label,
};
static const pdb_metric ended_metric = {
	.size = sizeof(pdb_metric),
	.kind = PDB_METRIC_GAUGE,
	.name = "progressdb_backup_last_success_timestamp_seconds",
	.unit = "seconds",
	.help = "When the last backup was complete, in seconds since 1970; 0 = none since the "
		"start.",
};
static const pdb_metric bytes_metric = {
	.size = sizeof(pdb_metric),
	.kind = PDB_METRIC_GAUGE,
	.name = "progressdb_backup_last_size_bytes",
	.unit = "bytes",
	.help = "How large the last backup is, with what it shares with others.",
};
static const pdb_metric written_metric = {
	.size = sizeof(pdb_metric),
	.kind = PDB_METRIC_COUNTER,
	.name = "progressdb_backup_written_bytes",
	.unit = "bytes",
	.help = "What backups have written.",
};

static pdb_status add_metrics(backup *self, pdb_err *err)
{
	static const char *const results[2][1] = {{"done"}, {"failed"}};
	pdb_measure *runs = NULL;
	pdb_status status = self->host->metrics->add(self->plugin, &runs_metric, self, &runs, err);

	for (size_t i = 0; i < 2; i++) {
		self->runs[i] = self->host->metrics->series(runs, results[i]);
	}
	if (status == PDB_OK) {
		status = pdb_metric_single(self->host->metrics, self->plugin, &ended_metric,
					   &self->ended_at, err);
	}
	if (status == PDB_OK) {
		status = pdb_metric_single(self->host->metrics, self->plugin, &bytes_metric,
					   &self->bytes, err);
	}
	return status == PDB_OK ? pdb_metric_single(self->host->metrics, self->plugin,
						    &written_metric, &self->written, err)
				: status;
}

/* -- life ------------------------------------------------------------------------------------- */

static pdb_status need_services(const pdb_host *host, pdb_err *err)
{
	if (PDB_HAS(host, jobs) && PDB_HAS(host, control) && PDB_HAS(host->control, backup) &&
	    PDB_HAS(host, metrics)) {
		return call_init(host, err);
	}
	return pdb_err_set(err, PDB_EABI, NULL, "this server is too old for the plugin backup");
}

static pdb_status register_all(backup *self, pdb_err *err)
{
	const pdb_host *host = self->host;
	const pdb_job *jobs[] = {&backup_job, &backup_schedule_job};
	const pdb_route *routes[] = {&backup_start_route, &backup_show_route};
	pdb_status status = add_metrics(self, err);

	for (size_t i = 0; i < 2 && status == PDB_OK; i++) {
		status = host->add_job(self->plugin, jobs[i], self, err);
	}
	for (size_t i = 0; i < 2 && status == PDB_OK; i++) {
		status = host->add_route(self->plugin, routes[i], self, err);
	}
	return status;
}

static pdb_status init(const pdb_host *host, pdb_plugin *plugin, const void *settings,
		       void **state_out, pdb_err *err)
{
	pdb_status status = need_services(host, err);
	backup *self = status == PDB_OK ? host->alloc(sizeof(*self)) : NULL;

	if (status != PDB_OK) {
		return status;
	}
	if (self == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the plugin");
	}
	memset(self, 0, sizeof(*self));
	self->host = host;
	self->plugin = plugin;
	if (pthread_rwlock_init(&self->lock, NULL) != 0) {
		host->free(self);
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no lock for the plugin");
	}
	*state_out = self;
	backup_rules_read(&self->now, settings);
	return register_all(self, err);
}

static pdb_status reload(void *state, const void *settings, pdb_err *err)
{
	backup *self = state;

	(void)err;
	(void)pthread_rwlock_wrlock(&self->lock);
	backup_rules_read(&self->now, settings);
	(void)pthread_rwlock_unlock(&self->lock);
	return PDB_OK;
}

/* The run stays on disk and begins anew with the next start. */
static void stop(void *state)
{
	backup *self = state;

	atomic_store(&self->maker.cancel, true);
	backup_maker_join(self);
}

static void fini(void **state)
{
	backup *self = state != NULL ? *state : NULL;

	if (self != NULL) {
		backup_maker_join(self);
		(void)pthread_rwlock_destroy(&self->lock);
		self->host->free(self);
		*state = NULL;
	}
}

static const pdb_extension_ops ops = {
	.size = sizeof(pdb_extension_ops),
	.init = init,
	.reload = reload,
	.stop = stop,
	.fini = fini,
};

PDB_PLUGIN(backup, EXTENSION, "0.1.0", "Apache-2.0", "Makes backups, when asked and by schedule",
	   .options = PDB_OPTION_TABLE(options, backup_settings), .check = check, .ops = &ops);
