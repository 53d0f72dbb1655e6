/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of the plugin, read from what it counts anyway. */
#include "encryption_private.h"

typedef struct number {
	const char *label;
	const _Atomic uint64_t *value;
} number;

static void tell(pdb_sample_fn sample, void *arg, const number *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *const values[] = {numbers[i].label};

		sample(arg, values, (double)atomic_load(numbers[i].value));
	}
}

static void read_failures(void *state, pdb_sample_fn sample, void *arg)
{
	encryption *self = state;
	const number numbers[] = {{"seal", &self->counts.refused},
				  {"open", &self->counts.unreadable}};

	tell(sample, arg, numbers, 2);
}

static void read_cache(void *state, pdb_sample_fn sample, void *arg)
{
	encryption *self = state;
	const keycache_counts *counts = keycache_counted(self->cache);
	const number numbers[] = {{"hit", &counts->hits},
				  {"miss", &counts->misses},
				  {"refresh", &counts->refreshes},
				  {"eviction", &counts->evictions}};

	tell(sample, arg, numbers, 4);
}

static void read_keys(void *state, pdb_sample_fn sample, void *arg)
{
	encryption *self = state;
	const char *const cached[] = {"cached"};
	const char *const prepared[] = {"prepared"};

	sample(arg, cached, (double)keycache_size(self->cache));
	sample(arg, prepared, (double)keeper_ready(self->keeper));
}

static void read_reachable(void *state, pdb_sample_fn sample, void *arg)
{
	encryption *self = state;

	sample(arg, NULL, keycache_is_lost(self->cache) ? 0.0 : 1.0);
}

static const char *const by_operation[] = {"operation", NULL};
static const char *const by_event[] = {"event", NULL};
static const char *const by_state[] = {"state", NULL};

static const pdb_metric metrics[] = {
	{.size = sizeof(pdb_metric),
	 .kind = PDB_METRIC_COUNTER,
	 .name = "progressdb_encryption_operations",
	 .help = "Records that were sealed and opened.",
	 .labels = by_operation},
	{.size = sizeof(pdb_metric),
	 .kind = PDB_METRIC_COUNTER,
	 .name = "progressdb_encryption_failures",
	 .help = "Writes refused for want of a key, and records that did not open.",
	 .labels = by_operation,
	 .read = read_failures},
	{.size = sizeof(pdb_metric),
	 .kind = PDB_METRIC_COUNTER,
	 .name = "progressdb_encryption_cache_events",
	 .help = "What happened in the cache of keys; each miss and refresh is a call of the key "
		 "service.",
	 .labels = by_event,
	 .read = read_cache},
	{.size = sizeof(pdb_metric),
	 .kind = PDB_METRIC_GAUGE,
	 .name = "progressdb_encryption_keys",
	 .help = "Keys that are kept in locked memory, of threads and for threads to come.",
	 .labels = by_state,
	 .read = read_keys},
	{.size = sizeof(pdb_metric),
	 .kind = PDB_METRIC_GAUGE,
	 .name = "progressdb_encryption_kms_reachable",
	 .help = "1 while the key service answers.",
	 .read = read_reachable},
};

/* The series of an operation, once the first metric is declared. */
static pdb_series *operation(const encryption *self, pdb_measure *operations, const char *name)
{
	const char *const values[] = {name};

	return self->host->metrics->series(operations, values);
}

pdb_status encryption_measure(encryption *self, pdb_plugin *plugin, pdb_err *err)
{
	pdb_measure *operations = NULL;
	pdb_status status;

	if (!PDB_HAS(self->host, metrics)) {
		return PDB_OK;
	}
	status = self->host->metrics->add(plugin, &metrics[0], self, &operations, err);
	self->sealed = operation(self, operations, "seal");
	self->opened = operation(self, operations, "open");
	for (size_t i = 1; i < sizeof(metrics) / sizeof(metrics[0]) && status == PDB_OK; i++) {
		status = self->host->metrics->add(plugin, &metrics[i], self, NULL, err);
	}
	return status;
}
