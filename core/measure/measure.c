/* SPDX-License-Identifier: Apache-2.0 */
/* The list of metrics: declared, read, forgotten. */
#include "measure/measure.h"

#include <pthread.h>

#include "base/mem.h"
#include "measure/measure_private.h"

#define MEASURES_MAX 512u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* who adds; readers need none */
static _Atomic(pdb_measure *) measures[MEASURES_MAX];
static atomic_uint measure_count;

static const char *const all_other[PDB_LABELS_MAX] = {PDB_OTHER, PDB_OTHER, PDB_OTHER, PDB_OTHER};

static void measure_free(pdb_measure *measure)
{
	pdb_series *series = atomic_load_explicit(&measure->first, memory_order_relaxed);

	while (series != NULL) {
		pdb_series *next = atomic_load_explicit(&series->next, memory_order_relaxed);

		if (series != measure->other) {
			pdb_mem_free(series);
		}
		series = next;
	}
	pdb_mem_free(measure->other);
	pdb_mem_free(measure->table);
	pdb_mem_free(measure);
}

/* At least twice the places that will ever be taken, so that a search always ends. */
static uint32_t table_size(const pdb_measure *measure)
{
	uint32_t size = 4;

	while (size < 2 * measure->metric.series_max) {
		size *= 2;
	}
	return size;
}

/* Whoever gives "other" as a value means the series for the rest. */
static pdb_status make_table(pdb_measure *measure)
{
	uint32_t place = 0;

	measure->table_size = table_size(measure);
	measure->table = pdb_mem_zalloc(measure->table_size * sizeof(*measure->table));
	if (measure->table == NULL) {
		return PDB_ENOMEM;
	}
	(void)pdb__series_find(measure, all_other, &place);
	atomic_store_explicit(&measure->table[place], measure->other, memory_order_relaxed);
	return PDB_OK;
}

static pdb_status complete(pdb_measure *measure)
{
	bool own = measure->metric.read == NULL;

	measure->last = &measure->first;
	if (own && measure->metric.kind != PDB_METRIC_GAUGE) {
		measure->cells = measure->metric.kind == PDB_METRIC_COUNTER
					 ? 1
					 : measure->metric.bound_count + 2;
	}
	if (own) {
		measure->other = pdb__series_create(measure, all_other);
		if (measure->other == NULL) {
			return PDB_ENOMEM;
		}
	}
	if (own && measure->label_count == 0) {
		pdb__series_publish(measure, measure->other);
		return PDB_OK;
	}
	return own ? make_table(measure) : PDB_OK;
}

static bool is_taken(const char *name)
{
	unsigned count = atomic_load(&measure_count);

	for (unsigned i = 0; i < count; i++) {
		if (strcmp(atomic_load(&measures[i])->metric.name, name) == 0) {
			return true;
		}
	}
	return false;
}

static pdb_status list(pdb_measure *measure, pdb_err *err)
{
	pdb_status status = PDB_OK;
	unsigned count;

	(void)pthread_mutex_lock(&lock);
	count = atomic_load(&measure_count);
	if (is_taken(measure->metric.name)) {
		status = PDB_EEXISTS;
	} else if (count == MEASURES_MAX) {
		status = PDB_ENOMEM;
	} else {
		atomic_store(&measures[count], measure);
		atomic_store(&measure_count, count + 1);
	}
	(void)pthread_mutex_unlock(&lock);
	if (status != PDB_OK) {
		return pdb_err_set(err, status, NULL, "the metric %s cannot be declared: %s",
				   measure->metric.name,
				   status == PDB_EEXISTS ? "it is there already"
							 : "there are too many");
	}
	return PDB_OK;
}

pdb_status pdb_measure_add(const char *owner, const pdb_metric *metric, void *self,
			   pdb_measure **out, pdb_err *err)
{
	pdb_measure *measure;
	pdb_metric whole;
	uint32_t labels = 0;
	pdb_status status = pdb__metric_judge(metric, &whole, &labels, err);

	if (status != PDB_OK) {
		return status;
	}
	measure = pdb_mem_zalloc(sizeof(*measure));
	if (measure == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a metric");
	}
	measure->metric = whole;
	measure->owner = owner;
	measure->self = self;
	measure->label_count = labels;
	status = complete(measure);
	if (status != PDB_OK) {
		(void)pdb_err_set(err, status, NULL, "no memory for a metric");
	} else {
		status = list(measure, err);
	}
	if (status != PDB_OK) {
		measure_free(measure);
	} else if (out != NULL) {
		*out = measure;
	}
	return status;
}

void pdb_measure_clear(void)
{
	unsigned count = atomic_load(&measure_count);

	atomic_store(&measure_count, 0);
	for (unsigned i = 0; i < count; i++) {
		measure_free(atomic_load(&measures[i]));
	}
	pdb__slots_clear();
}

/* -- reading --------------------------------------------------------------------------------- */

typedef struct round_of {
	pdb_reading reading;
	pdb_reading_fn fn;
	void *arg;
} round_of;

static void sample(void *arg, const char *const *values, double value)
{
	round_of *it = arg;

	it->reading.values = values;
	it->reading.value = value;
	it->fn(it->arg, &it->reading);
}

static void read_histogram(round_of *it, const pdb_series *series)
{
	uint64_t counts[PDB_BOUNDS_MAX + 1];

	for (uint32_t i = 0; i <= series->measure->metric.bound_count; i++) {
		counts[i] = pdb__slots_count(series->cell + 1 + i);
	}
	it->reading.counts = counts;
	sample(it, series->values, pdb__slots_sum(series->cell));
	it->reading.counts = NULL;
}

static double gauge_value(const pdb_series *series)
{
	uint64_t bits = atomic_load_explicit(&series->gauge, memory_order_relaxed);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void read_series(round_of *it, const pdb_series *series)
{
	switch (series->measure->metric.kind) {
	case PDB_METRIC_COUNTER:
		sample(it, series->values, pdb__slots_sum(series->cell));
		break;
	case PDB_METRIC_GAUGE:
		sample(it, series->values, gauge_value(series));
		break;
	case PDB_METRIC_HISTOGRAM:
		read_histogram(it, series);
		break;
	}
}

static bool was_used(const pdb_series *series)
{
	const pdb_metric *metric = &series->measure->metric;
	bool used = pdb__slots_count(series->cell) > 0 || gauge_value(series) != 0;

	for (uint32_t i = 0; metric->kind == PDB_METRIC_HISTOGRAM && i <= metric->bound_count;
	     i++) {
		used = used || pdb__slots_count(series->cell + 1 + i) > 0;
	}
	return used;
}

static void read_measure(pdb_measure *measure, pdb_reading_fn fn, void *arg)
{
	round_of it = {.fn = fn, .arg = arg};
	const pdb_series *series;

	it.reading = (pdb_reading){.size = sizeof(pdb_reading),
				   .of_metric = true,
				   .owner = measure->owner,
				   .metric = &measure->metric};
	fn(arg, &it.reading);
	it.reading.of_metric = false;
	if (measure->metric.read != NULL) {
		measure->metric.read(measure->self, sample, &it);
		return;
	}
	series = atomic_load_explicit(&measure->first, memory_order_acquire);
	for (; series != NULL; series = atomic_load_explicit(&series->next, memory_order_acquire)) {
		read_series(&it, series);
	}
	/* The series for the rest is shown when there is a rest. */
	if (measure->label_count > 0 && was_used(measure->other)) {
		read_series(&it, measure->other);
	}
}

void pdb_measure_each(pdb_reading_fn reading, void *arg)
{
	unsigned count = atomic_load(&measure_count);

	for (unsigned i = 0; i < count; i++) {
		read_measure(atomic_load(&measures[i]), reading, arg);
	}
}
