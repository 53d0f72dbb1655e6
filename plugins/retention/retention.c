/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: options, life and reload of the plugin. */
#include <stdio.h>

#include "calls.h"
#include "retention_private.h"

#define ROW(key_, type_, member_, ...)                                                             \
	{                                                                                          \
		.key = "retention." key_, .type = PDB_OPTION_##type_,                              \
		.flags = PDB_OPTION_RELOADABLE, .offset = offsetof(retention_settings, member_),   \
		__VA_ARGS__                                                                        \
	}

static const pdb_option options[] = {
	ROW("enabled", BOOL, enabled, .fallback = "false",
	    .help = "Purge for good what was soft-deleted long ago."),
	ROW("cron", STRING, cron, .fallback = "0 2 * * *", .max = 127,
	    .help = "When: minute, hour, day, month and weekday in UTC, or a word like @daily."),
	ROW("period", DURATION, period, .fallback = "30d", .min = 0, .max = INT64_MAX,
	    .help = "How long ago a deletion must be."),
	ROW("min_period", DURATION, min_period, .fallback = "1h", .min = 0, .max = INT64_MAX,
	    .help = "A shorter period than this is refused, because it is more likely a slip."),
	ROW("grace", DURATION, grace, .fallback = "1h", .min = 0, .max = INT64_MAX,
	    .help = "No run begins before retention has been enabled for so long."),
	ROW("batch_size", INT, batch_size, .fallback = "1000", .min = 1, .max = 1000000,
	    .help = "How many deletions are looked at before a pause."),
	ROW("batch_sleep_ms", INT, batch_sleep_ms, .fallback = "0", .min = 0, .max = 3600000,
	    .unit = "milliseconds", .help = "The pause after a batch."),
	ROW("dry_run", BOOL, dry_run, .fallback = "false",
	    .help = "Write what would be purged to the audit log, and purge nothing."),
	ROW("paused", BOOL, paused, .fallback = "false",
	    .help = "Begin no scheduled run, and let one that is on its way wait."),
};

static void check(const void *all, pdb_problem_fn problem, void *arg)
{
	const retention_settings *settings = all;
	cron schedule;
	const char *why = cron_read(&schedule, settings->cron);

	if (why != NULL) {
		problem(arg, "retention.cron", why);
	}
	if (settings->period < settings->min_period) {
		problem(arg, "retention.period", "is shorter than retention.min_period");
	}
}

void retention_rules_read(rules *out, const retention_settings *settings)
{
	*out = (rules){
		.enabled = settings->enabled,
		.paused = settings->paused,
		.dry_run = settings->dry_run,
		.period = settings->period,
		.grace = settings->grace,
		.batch_size = settings->batch_size,
		.batch_sleep = settings->batch_sleep_ms * (SECOND / 1000),
	};
	(void)cron_read(&out->schedule, settings->cron);
	(void)snprintf(out->cron_text, sizeof(out->cron_text), "%s", settings->cron);
}

rules retention_rules(retention *self)
{
	rules now;

	(void)pthread_rwlock_rdlock(&self->lock);
	now = self->now;
	(void)pthread_rwlock_unlock(&self->lock);
	return now;
}

/* -- metrics ---------------------------------------------------------------------------------- */

static const char *const kind_label[] = {"kind", NULL};

static const pdb_metric purged_metric = {
	.size = sizeof(pdb_metric),
	.kind = PDB_METRIC_COUNTER,
	.name = "progressdb_retention_purged",
	.help = "Threads and messages that retention has purged.",
	.labels = kind_label,
};
static const pdb_metric held_metric = {
	.size = sizeof(pdb_metric),
	.kind = PDB_METRIC_COUNTER,
	.name = "progressdb_retention_held",
	.help = "Deletions that a run passed over because of a legal hold.",
};
static const pdb_metric runs_metric = {
	.size = sizeof(pdb_metric),
	.kind = PDB_METRIC_COUNTER,
	.name = "progressdb_retention_runs",
	.help = "Runs that have ended.",
};
static const pdb_metric ended_metric = {
	.size = sizeof(pdb_metric),
	.kind = PDB_METRIC_GAUGE,
	.name = "progressdb_retention_last_end_timestamp_seconds",
	.unit = "seconds",
	.help = "When the last run ended, in seconds since 1970.",
};

static pdb_status add_metrics(retention *self, pdb_err *err)
{
	static const char *const kinds[2][1] = {{"thread"}, {"message"}};
	pdb_measure *purged = NULL;
	pdb_status status =
		self->host->metrics->add(self->plugin, &purged_metric, self, &purged, err);

	for (size_t i = 0; i < 2; i++) {
		self->purged[i] = self->host->metrics->series(purged, kinds[i]);
	}
	if (status == PDB_OK) {
		status = pdb_metric_single(self->host->metrics, self->plugin, &held_metric,
					   &self->held, err);
	}
	if (status == PDB_OK) {
		status = pdb_metric_single(self->host->metrics, self->plugin, &runs_metric,
					   &self->runs, err);
	}
	return status == PDB_OK ? pdb_metric_single(self->host->metrics, self->plugin,
						    &ended_metric, &self->ended_at, err)
				: status;
}

/* -- life ------------------------------------------------------------------------------------- */

static pdb_status need_services(const pdb_host *host, pdb_err *err)
{
	if (PDB_HAS(host, jobs) && PDB_HAS(host, domain) && PDB_HAS(host, metrics)) {
		return call_init(host, err);
	}
	return pdb_err_set(err, PDB_EABI, NULL, "this server is too old for the plugin retention");
}

static retention *create(const pdb_host *host, pdb_plugin *plugin)
{
	retention *self = host->alloc(sizeof(*self));

	if (self == NULL) {
		return NULL;
	}
	memset(self, 0, sizeof(*self));
	self->host = host;
	self->plugin = plugin;
	if (pthread_rwlock_init(&self->lock, NULL) != 0) {
		host->free(self);
		return NULL;
	}
	if (pthread_mutex_init(&self->last_lock, NULL) != 0) {
		(void)pthread_rwlock_destroy(&self->lock);
		host->free(self);
		return NULL;
	}
	return self;
}

static pdb_status init(const pdb_host *host, pdb_plugin *plugin, const void *settings,
		       void **state_out, pdb_err *err)
{
	retention *self;
	pdb_status status = need_services(host, err);

	if (status != PDB_OK) {
		return status;
	}
	self = create(host, plugin);
	if (self == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the plugin");
	}
	*state_out = self;
	retention_rules_read(&self->now, settings);
	status = add_metrics(self, err);
	if (status == PDB_OK) {
		status = host->add_job(plugin, &retention_job, self, err);
	}
	if (status == PDB_OK) {
		status = host->add_route(plugin, &retention_run_route, self, err);
	}
	return status == PDB_OK ? host->add_route(plugin, &retention_show_route, self, err)
				: status;
}

static pdb_status reload(void *state, const void *settings, pdb_err *err)
{
	retention *self = state;
	rules fresh;

	(void)err;
	retention_rules_read(&fresh, settings);
	(void)pthread_rwlock_wrlock(&self->lock);
	self->now = fresh;
	(void)pthread_rwlock_unlock(&self->lock);
	return PDB_OK;
}

static void fini(void **state)
{
	retention *self = state != NULL ? *state : NULL;

	if (self != NULL) {
		(void)pthread_mutex_destroy(&self->last_lock);
		(void)pthread_rwlock_destroy(&self->lock);
		self->host->free(self);
		*state = NULL;
	}
}

static const pdb_extension_ops ops = {
	.size = sizeof(pdb_extension_ops),
	.init = init,
	.reload = reload,
	.fini = fini,
};

PDB_PLUGIN(retention, EXTENSION, "0.1.0", "Apache-2.0", "Purges what was deleted long ago",
	   .options = PDB_OPTION_TABLE(options, retention_settings), .check = check, .ops = &ops);
