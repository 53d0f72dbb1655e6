/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon counts of itself: the build, plugins, workers, jobs, reloads. */
#include "base/clock.h"
#include "base/log.h"
#include "measure/measure.h"
#include "server/server_private.h"

static const char *const build_labels[] = {"version", "abi", NULL};
static const char *const plugin_labels[] = {"plugin", NULL};
static const char *const plugin_info_labels[] = {"plugin", "version", "kind", NULL};
static const char *const result_labels[] = {"result", NULL};
static const char *const level_labels[] = {"level", NULL};
static const char *const job_labels[] = {"job", NULL};

/* -- the daemon -------------------------------------------------------------------------------- */

static void read_build(void *self, pdb_sample_fn sample, void *arg)
{
	const char *values[] = {PDB_VERSION,
				PDB_STRING(PDB_ABI_MAJOR) "." PDB_STRING(PDB_ABI_MINOR)};

	(void)self;
	sample(arg, values, 1);
}

static void read_ready(void *self, pdb_sample_fn sample, void *arg)
{
	pdb_server *server = self;

	sample(arg, NULL, atomic_load(&server->ready) ? 1 : 0);
}

typedef void (*fitted_fn)(const pdb_fitted *fitted, pdb_sample_fn sample, void *arg);

static void each_plugin(const pdb_server *server, fitted_fn fn, pdb_sample_fn sample, void *arg)
{
	const pdb_setup *setup = &server->first;

	fn(&setup->storage, sample, arg);
	if (setup->inner.plugin != NULL) {
		fn(&setup->inner, sample, arg);
	}
	for (size_t i = 0; i < setup->plugin_count; i++) {
		fn(&setup->plugins[i], sample, arg);
	}
}

static const char *kind_name(uint32_t kind)
{
	switch (kind) {
	case PDB_KIND_STORAGE:
		return "storage";
	case PDB_KIND_KMS:
		return "kms";
	default:
		return "extension";
	}
}

static void show_plugin(const pdb_fitted *fitted, pdb_sample_fn sample, void *arg)
{
	const pdb_manifest *manifest = pdb_plugin_manifest_of(fitted->plugin);
	const char *values[] = {manifest->name, manifest->version, kind_name(manifest->kind)};

	sample(arg, values, 1);
}

static void read_plugins(void *self, pdb_sample_fn sample, void *arg)
{
	each_plugin(self, show_plugin, sample, arg);
}

static void read_queue(void *self, pdb_sample_fn sample, void *arg)
{
	const pdb_server *server = self;
	pdb_pool_view view;

	pdb_pool_look(server->pool, &view);
	sample(arg, NULL, (double)view.queued);
}

static void read_queue_max(void *self, pdb_sample_fn sample, void *arg)
{
	const pdb_server *server = self;
	pdb_pool_view view;

	pdb_pool_look(server->pool, &view);
	sample(arg, NULL, (double)view.queue_max);
}

static void read_busy(void *self, pdb_sample_fn sample, void *arg)
{
	const pdb_server *server = self;
	pdb_pool_view view;

	pdb_pool_look(server->pool, &view);
	sample(arg, NULL, (double)view.busy);
}

static void read_workers(void *self, pdb_sample_fn sample, void *arg)
{
	const pdb_server *server = self;
	pdb_pool_view view;

	pdb_pool_look(server->pool, &view);
	sample(arg, NULL, (double)view.workers);
}

static void read_lines(void *self, pdb_sample_fn sample, void *arg)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	pdb_log_counts counts;

	(void)self;
	pdb_log_counts_read(&counts);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		sample(arg, &names[i], (double)counts.lines[i]);
	}
}

static void read_lost_lines(void *self, pdb_sample_fn sample, void *arg)
{
	pdb_log_counts counts;

	(void)self;
	pdb_log_counts_read(&counts);
	sample(arg, NULL, (double)counts.lost);
}

/* -- jobs -------------------------------------------------------------------------------------- */

typedef struct job_round {
	pdb_sample_fn sample;
	void *arg;
	double (*value)(const pdb_job_view *job);
} job_round;

/* Of a submitted run its job is counted. */
static pdb_status show_job(void *arg, const pdb_job_view *job)
{
	const job_round *it = arg;

	if (strcmp(job->id, job->name) == 0) {
		it->sample(it->arg, &job->name, it->value(job));
	}
	return PDB_OK;
}

static double job_running(const pdb_job_view *job)
{
	return job->state == PDB_JOB_RUNNING ? 1 : 0;
}

static double job_runs(const pdb_job_view *job)
{
	return (double)job->runs;
}

static double job_failures(const pdb_job_view *job)
{
	return (double)job->failures;
}

static double job_done(const pdb_job_view *job)
{
	return (double)job->done;
}

static double job_total(const pdb_job_view *job)
{
	return (double)job->total;
}

#define JOB_READER(name_)                                                                          \
	static void read_##name_(void *self, pdb_sample_fn sample, void *arg)                      \
	{                                                                                          \
		(void)self;                                                                        \
		(void)pdb_jobs_table.each(show_job, &(job_round){sample, arg, name_}, NULL);       \
	}
JOB_READER(job_running)
JOB_READER(job_runs)
JOB_READER(job_failures)
JOB_READER(job_done)
JOB_READER(job_total)

/* -- declared ---------------------------------------------------------------------------------- */

#define METRIC(kind_, name_, help_, ...)                                                           \
	{                                                                                          \
		.size = sizeof(pdb_metric), .kind = PDB_METRIC_##kind_, .name = (name_),           \
		.help = (help_), __VA_ARGS__                                                       \
	}

static const pdb_metric read_metrics[] = {
	METRIC(GAUGE, "progressdb_build_info", "Always 1; the version is in the labels.",
	       .labels = build_labels, .read = read_build),
	METRIC(GAUGE, "progressdb_ready", "1 while requests are served.", .read = read_ready),
	METRIC(GAUGE, "progressdb_plugin_info", "Always 1; the plugins that are loaded.",
	       .labels = plugin_info_labels, .read = read_plugins),
	METRIC(COUNTER, "progressdb_log_lines", "Lines written to the log.", .labels = level_labels,
	       .read = read_lines),
	METRIC(COUNTER, "progressdb_log_lost_lines", "Lines that could not be written.",
	       .read = read_lost_lines),
	METRIC(GAUGE, "progressdb_worker_queue_requests", "Requests that wait for a worker.",
	       .read = read_queue),
	METRIC(GAUGE, "progressdb_worker_queue_requests_max",
	       "Requests that may wait for a worker; more are answered with 503.",
	       .read = read_queue_max),
	METRIC(GAUGE, "progressdb_workers_busy", "Workers that have a request.", .read = read_busy),
	METRIC(GAUGE, "progressdb_workers", "Threads for requests that may have to wait.",
	       .read = read_workers),
	METRIC(GAUGE, "progressdb_job_running", "1 while the job runs.", .labels = job_labels,
	       .read = read_job_running),
	METRIC(COUNTER, "progressdb_job_runs", "Runs of the job that have ended.",
	       .labels = job_labels, .read = read_job_runs),
	METRIC(COUNTER, "progressdb_job_failures", "Runs of the job that have failed.",
	       .labels = job_labels, .read = read_job_failures),
	METRIC(GAUGE, "progressdb_job_done_items", "What the run has done, in items of its own.",
	       .labels = job_labels, .read = read_job_done),
	METRIC(GAUGE, "progressdb_job_items", "What the run has to do; 0 when it is not known.",
	       .labels = job_labels, .read = read_job_total),
};

static const pdb_metric reload_metric =
	METRIC(COUNTER, "progressdb_config_reloads",
	       "Reloads of the configuration, by how they ended.", .labels = result_labels);
static const pdb_metric reload_ok_metric =
	METRIC(GAUGE, "progressdb_config_last_reload_successful",
	       "1, or 0 when the last reload was refused and the old configuration is in force.",
	       .labels = NULL);
static const pdb_metric reload_time_metric =
	METRIC(GAUGE, "progressdb_config_last_reload_success_timestamp_seconds",
	       "When the configuration in force was read, since 1970.", .unit = "seconds");
static const pdb_metric healthy_metric =
	METRIC(GAUGE, "progressdb_plugin_healthy",
	       "1, or 0 when the plugin refused its last settings and keeps the ones before.",
	       .labels = plugin_labels);

static pdb_measure *reloads;
static pdb_measure *healthy;
static pdb_series *reload_ok;
static pdb_series *reload_time;

void pdb__count_plugin(const char *name, bool well)
{
	pdb_series_set(pdb_measure_series(healthy, &name), well ? 1 : 0);
}

static void set_loaded(void)
{
	pdb_series_set(reload_ok, 1);
	pdb_series_set(reload_time, (double)pdb_clock_now() / (double)PDB_NS_PER_SECOND);
}

void pdb__count_reload(pdb__reload_result result)
{
	static const char *const names[] = {"ok", "refused", "partial"};

	pdb_series_add(pdb_measure_series(reloads, &names[result]), 1);
	if (result == PDB__RELOAD_REFUSED) {
		pdb_series_set(reload_ok, 0);
	} else {
		set_loaded();
		pdb_series_set(reload_ok, result == PDB__RELOAD_OK ? 1 : 0);
	}
}

static void show_healthy(const pdb_fitted *fitted, pdb_sample_fn sample, void *arg)
{
	(void)sample;
	(void)arg;
	pdb__count_plugin(pdb_plugin_manifest_of(fitted->plugin)->name, true);
}

static pdb_status add_one(const pdb_metric *metric, pdb_measure **out, pdb_status before,
			  pdb_err *err)
{
	return before == PDB_OK ? pdb_measure_add("server", metric, NULL, out, err) : before;
}

pdb_status pdb__server_measure(pdb_server *server, pdb_err *err)
{
	pdb_measure *ok = NULL;
	pdb_measure *time = NULL;
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < sizeof(read_metrics) / sizeof(read_metrics[0]); i++) {
		if (status == PDB_OK) {
			status = pdb_measure_add("server", &read_metrics[i], server, NULL, err);
		}
	}
	if (status == PDB_OK) {
		status = pdb__process_measure(server, err);
	}
	status = add_one(&reload_metric, &reloads, status, err);
	status = add_one(&reload_ok_metric, &ok, status, err);
	status = add_one(&reload_time_metric, &time, status, err);
	status = add_one(&healthy_metric, &healthy, status, err);
	if (status == PDB_OK) {
		reload_ok = pdb_measure_series(ok, NULL);
		reload_time = pdb_measure_series(time, NULL);
		set_loaded();
		each_plugin(server, show_healthy, NULL, NULL);
	}
	return status;
}

void pdb__server_unmeasure(void)
{
	reloads = NULL;
	healthy = NULL;
	reload_ok = NULL;
	reload_time = NULL;
	pdb_measure_clear();
}
