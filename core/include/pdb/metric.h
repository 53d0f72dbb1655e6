/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: what the core and its plugins count, for whoever shows it. */
#ifndef PDB_METRIC_H
#define PDB_METRIC_H

#include <pdb/plugin.h>
#include <pdb/status.h>

/*
 * Model. A metric is declared once, in init(), by a constant table. It has one series without
 * labels, or one for each set of label values that occurs, up to `series_max`; whatever comes
 * later is counted in one series whose values are all "other", so that no client can make the
 * memory grow. A series is found once and kept: it lives as long as the process.
 *
 * Counters and histograms lie in slots of the calling thread: an increment takes no lock and
 * touches no memory that another thread writes.
 *
 * What not to do: no ids of users, threads, messages or requests as label values, and never a
 * secret. A value of more than 128 bytes, or that is no UTF-8, counts as "other".
 */
typedef struct pdb_measure pdb_measure; /* a declared metric; opaque */
typedef struct pdb_series pdb_series;   /* one line of it; opaque */

typedef enum pdb_metric_kind {
	PDB_METRIC_COUNTER = 1, /* only rises */
	PDB_METRIC_GAUGE = 2,   /* the last value set */
	PDB_METRIC_HISTOGRAM = 3
} pdb_metric_kind;

#define PDB_LABELS_MAX 4u
#define PDB_BOUNDS_MAX 32u
#define PDB_OTHER      "other"

/* Gives one value; `values` as many as there are labels, or NULL without labels. */
typedef void (*pdb_sample_fn)(void *arg, const char *const *values, double value);

/*
 * name        "progressdb_<what>_<unit>", lower-case letters, digits and '_'; without the "_total"
 *             that a counter is shown with
 * unit        a base unit, with which the name ends: "seconds", "bytes", …; NULL or "" for none
 * help        mandatory. One sentence.
 * labels      NULL-terminated names, at most PDB_LABELS_MAX; NULL = none
 * bounds      of a histogram: upper bounds, rising, at most PDB_BOUNDS_MAX, the infinite one left
 *             out; NULL = bounds for durations from 100 µs to 10 s
 * series_max  with labels: the most series, 0 = 64; at most 4,096
 * read        NULL, or what tells the values whenever somebody asks, for a counter or gauge whose
 *             values are kept elsewhere. Such a metric has no series of its own.
 *             Threads: any, several at once; must not block.
 */
typedef struct pdb_metric {
	uint32_t size;
	pdb_metric_kind kind;
	const char *name;
	const char *unit;
	const char *help;
	const char *const *labels;
	const double *bounds;
	uint32_t bound_count;
	uint32_t series_max;
	void (*read)(void *self, pdb_sample_fn sample, void *arg);
} pdb_metric;

/*
 * What each() hands out, borrowed for the call: once for the metric itself, with `values` NULL and
 * `of_metric` true, and then for each of its series.
 *
 * values  as many as there are labels
 * value   of a counter or gauge; of a histogram the sum of what was observed
 * counts  of a histogram: what fell into each bucket alone, bound_count + 1 of them; else NULL
 */
typedef struct pdb_reading {
	uint32_t size;
	bool of_metric;
	const char *owner; /* the plugin, or the room of the core */
	const pdb_metric *metric;
	const char *const *values;
	double value;
	const uint64_t *counts;
} pdb_reading;

typedef void (*pdb_reading_fn)(void *arg, const pdb_reading *reading);

/*
 * The service: pdb_host.metrics, absent in a host older than 1.1. NULL for a series is fine
 * everywhere and does nothing. Values are in the unit of the metric: seconds, bytes, …
 * Threads: any, unless said otherwise; nothing blocks.  Since: 1.1 for all without a mark.
 */
typedef struct pdb_host_metrics {
	uint32_t size;
	/* Declares a metric; only during init(). The table is copied, its texts are kept. `self` is
	 * handed to read(). *out (may be NULL) is the host's. Errors: PDB_EINVAL (name, unit,
	 * labels or bounds), PDB_EEXISTS, PDB_ENOMEM, PDB_EABI (not in init).  Threads: main. */
	pdb_status (*add)(pdb_plugin *plugin, const pdb_metric *metric, void *self,
			  pdb_measure **out, pdb_err *err);
	/* The series with these label values (NULL = the one without labels); made when it is new,
	 * the one for "other" when there are too many. NULL for a NULL measure. */
	pdb_series *(*series)(pdb_measure *measure, const char *const *values);
	/* Counters and gauges: adds. A counter ignores what is below zero. */
	void (*add_to)(pdb_series *series, double value);
	/* Gauges: sets. */
	void (*set)(pdb_series *series, double value);
	/* Histograms: takes in one value. */
	void (*observe)(pdb_series *series, double value);
	/* Calls `reading` for every metric in the order of declaration, its series behind it. */
	void (*each)(pdb_reading_fn reading, void *arg);
} pdb_host_metrics;

/* Declares a metric without labels and gives its only series; *out is NULL on error. For init();
 * errors are those of add.  Since: 1.1 */
static inline pdb_status pdb_metric_single(const pdb_host_metrics *metrics, pdb_plugin *plugin,
					   const pdb_metric *metric, pdb_series **out, pdb_err *err)
{
	pdb_measure *measure = NULL;
	pdb_status status = metrics->add(plugin, metric, NULL, &measure, err);

	*out = metrics->series(measure, NULL);
	return status;
}

#endif
