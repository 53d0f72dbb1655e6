/* SPDX-License-Identifier: Apache-2.0 */
/* What the store counts: commits, syncs, how many commits a sync covers, and room on the disk. */
#include "base/clock.h"
#include "measure/measure.h"
#include "store/store_private.h"

static const char *const result_labels[] = {"result", NULL};
static const char *const number_labels[] = {"number", NULL};
static const double size_bounds[] = {256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304};
static const double batch_bounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096};

/* -- read when somebody asks ------------------------------------------------------------------- */

static void read_unsynced(void *self, pdb_sample_fn sample, void *arg)
{
	sample(arg, NULL, (double)pdb_store_unsynced(self));
}

static void read_writable(void *self, pdb_sample_fn sample, void *arg)
{
	sample(arg, NULL, pdb_store_writable(self) ? 1 : 0);
}

static void read_free(void *self, pdb_sample_fn sample, void *arg)
{
	pdb_store *store = self;

	if (store->watch.worker.running) {
		sample(arg, NULL, (double)atomic_load(&store->watch.free));
	}
}

static void read_reserve(void *self, pdb_sample_fn sample, void *arg)
{
	const pdb_store *store = self;

	sample(arg, NULL, (double)store->watch.reserve);
}

typedef struct engine_round {
	pdb_sample_fn sample;
	void *arg;
} engine_round;

static void engine_number(void *arg, const char *name, double value)
{
	const engine_round *it = arg;

	it->sample(it->arg, &name, value);
}

static void read_engine(void *self, pdb_sample_fn sample, void *arg)
{
	pdb_store *store = self;
	engine_round it = {sample, arg};

	if (PDB_HAS(store->ops, stats)) {
		(void)store->ops->stats(store->db, engine_number, &it);
	}
}

/* -- declared ---------------------------------------------------------------------------------- */

typedef struct declared {
	pdb_metric metric;
	size_t at; /* of the pdb_measure * in pdb__store_measures; SIZE_MAX = read */
} declared;

#define AT(field) offsetof(pdb__store_measures, field)
#define METRIC(kind_, name_, ...)                                                                  \
	{                                                                                          \
		.size = sizeof(pdb_metric), .kind = PDB_METRIC_##kind_,                            \
		.name = "progressdb_storage_" name_, __VA_ARGS__                                   \
	}

static const declared table[] = {
	{METRIC(COUNTER, "commits", .labels = result_labels,
		.help = "Write transactions that were committed, by how that ended."),
	 AT(commits)},
	{METRIC(HISTOGRAM, "commit_duration_seconds", .unit = "seconds",
		.help = "Time the engine took for a commit, without the sync."),
	 AT(commit_time)},
	{METRIC(HISTOGRAM, "commit_size_bytes", .unit = "bytes", .bounds = size_bounds,
		.bound_count = sizeof(size_bounds) / sizeof(size_bounds[0]),
		.help = "Keys and values that a transaction wrote."),
	 AT(commit_size)},
	{METRIC(HISTOGRAM, "sync_duration_seconds", .unit = "seconds",
		.help = "Time until the log was on disk (fsync)."),
	 AT(sync_time)},
	{METRIC(HISTOGRAM, "sync_batch_commits", .bounds = batch_bounds,
		.bound_count = sizeof(batch_bounds) / sizeof(batch_bounds[0]),
		.help = "Commits that one sync has covered."),
	 AT(sync_batch)},
	{METRIC(GAUGE, "unsynced_commits", .help = "Commits that are not on disk yet.",
		.read = read_unsynced),
	 SIZE_MAX},
	{METRIC(GAUGE, "writable",
		.help = "1, or 0 while writes are refused because the disk is nearly full.",
		.read = read_writable),
	 SIZE_MAX},
	{METRIC(GAUGE, "disk_free_bytes", .unit = "bytes",
		.help = "Free space of the disk, at the last look.", .read = read_free),
	 SIZE_MAX},
	{METRIC(GAUGE, "disk_reserve_bytes", .unit = "bytes",
		.help = "Free space below which writes are refused; 0 when that is switched off.",
		.read = read_reserve),
	 SIZE_MAX},
	{METRIC(GAUGE, "engine", .labels = number_labels,
		.help = "The storage engine's own numbers.", .read = read_engine),
	 SIZE_MAX},
};

pdb_status pdb_store_measure(pdb_store *store, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]) && status == PDB_OK; i++) {
		pdb_measure *measure = NULL;

		status = pdb_measure_add("store", &table[i].metric, store, &measure, err);
		if (status == PDB_OK && table[i].at != SIZE_MAX) {
			memcpy((char *)&store->measures + table[i].at, &measure, sizeof(measure));
		}
	}
	atomic_store(&store->flusher.sync_time,
		     pdb_measure_series(store->measures.sync_time, NULL));
	atomic_store(&store->flusher.sync_batch,
		     pdb_measure_series(store->measures.sync_batch, NULL));
	return status;
}

/* -- counted ----------------------------------------------------------------------------------- */

static const char *result_of(pdb_status status)
{
	switch (status) {
	case PDB_OK:
		return "ok";
	case PDB_ECONFLICT:
		return "conflict";
	case PDB_EUNCERTAIN:
		return "uncertain";
	case PDB_EFULL:
		return "full";
	default:
		return "failed";
	}
}

void pdb__count_commit(const pdb_txn *txn, pdb_status status, int64_t took)
{
	const pdb__store_measures *measures = &txn->store->measures;
	const char *result = result_of(status);

	if (measures->commits == NULL) {
		return;
	}
	pdb_series_add(pdb_measure_series(measures->commits, &result), 1);
	pdb_series_observe(pdb_measure_series(measures->commit_time, NULL),
			   (double)took / (double)PDB_NS_PER_SECOND);
	pdb_series_observe(pdb_measure_series(measures->commit_size, NULL), (double)txn->bytes);
}
