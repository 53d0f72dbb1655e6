/* SPDX-License-Identifier: Apache-2.0 */
/* The series of a metric: found by their label values, and counted in. */
#include <pthread.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "measure/measure_private.h"

#define VALUE_MAX 128u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* who makes one; finding needs none */

static bool value_valid(const char *value)
{
	size_t len = value != NULL ? strnlen(value, VALUE_MAX + 1) : VALUE_MAX + 1;

	return len <= VALUE_MAX && pdb_utf8_valid(pdb_slice_of(value, len));
}

static uint64_t hash_of(const pdb_measure *measure, const char *const *values)
{
	uint64_t hash = 0;

	for (uint32_t i = 0; i < measure->label_count; i++) {
		hash = hash * 31 + pdb_hash(pdb_slice_text(values[i]));
	}
	return hash;
}

static bool same_values(const pdb_measure *measure, const pdb_series *series,
			const char *const *values)
{
	for (uint32_t i = 0; i < measure->label_count; i++) {
		if (strcmp(series->values[i], values[i]) != 0) {
			return false;
		}
	}
	return true;
}

pdb_series *pdb__series_find(pdb_measure *measure, const char *const *values, uint32_t *place_out)
{
	uint32_t mask = measure->table_size - 1;
	uint32_t place = (uint32_t)hash_of(measure, values) & mask;
	pdb_series *series;

	while ((series = atomic_load_explicit(&measure->table[place], memory_order_acquire)) !=
	       NULL) {
		if (same_values(measure, series, values)) {
			return series;
		}
		place = (place + 1) & mask;
	}
	*place_out = place;
	return NULL;
}

pdb_series *pdb__series_create(pdb_measure *measure, const char *const *values)
{
	size_t size = 0;
	pdb_series *series;
	char *at;

	for (uint32_t i = 0; i < measure->label_count; i++) {
		size += strlen(values[i]) + 1;
	}
	series = pdb_mem_zalloc(sizeof(*series) + size);
	if (series == NULL) {
		return NULL;
	}
	if (measure->cells > 0 && !pdb__slots_reserve(measure->cells, &series->cell)) {
		pdb_mem_free(series);
		return NULL;
	}
	at = series->text;
	for (uint32_t i = 0; i < measure->label_count; i++) {
		size_t len = strlen(values[i]) + 1;

		memcpy(at, values[i], len);
		series->values[i] = at;
		at += len;
	}
	series->measure = measure;
	return series;
}

void pdb__series_publish(pdb_measure *measure, pdb_series *series)
{
	atomic_store_explicit(measure->last, series, memory_order_release);
	measure->last = &series->next;
	measure->made++;
}

static pdb_series *make(pdb_measure *measure, const char *const *values)
{
	uint32_t place = 0;
	pdb_series *series;

	(void)pthread_mutex_lock(&lock);
	series = pdb__series_find(measure, values, &place);
	if (series == NULL && measure->made < measure->metric.series_max) {
		series = pdb__series_create(measure, values);
		if (series != NULL) {
			pdb__series_publish(measure, series);
			atomic_store_explicit(&measure->table[place], series, memory_order_release);
		}
	}
	(void)pthread_mutex_unlock(&lock);
	return series;
}

pdb_series *pdb_measure_series(pdb_measure *measure, const char *const *values)
{
	uint32_t place = 0;
	pdb_series *series;

	if (measure == NULL || measure->label_count == 0 || values == NULL) {
		return measure != NULL ? measure->other : NULL;
	}
	for (uint32_t i = 0; i < measure->label_count; i++) {
		if (!value_valid(values[i])) {
			return measure->other;
		}
	}
	series = pdb__series_find(measure, values, &place);
	if (series == NULL) {
		series = make(measure, values);
	}
	return series != NULL ? series : measure->other;
}

/* -- counting -------------------------------------------------------------------------------- */

static void cell_add(pdb__cell *cell, double value)
{
	uint64_t bits = atomic_load_explicit(cell, memory_order_relaxed);
	double sum;

	memcpy(&sum, &bits, sizeof(sum));
	sum += value;
	memcpy(&bits, &sum, sizeof(bits));
	atomic_store_explicit(cell, bits, memory_order_relaxed);
}

/* Any thread may be adding, so this one takes turns. */
static void gauge_add(pdb__cell *gauge, double value)
{
	uint64_t before = atomic_load_explicit(gauge, memory_order_relaxed);
	uint64_t after;

	do {
		double sum;

		memcpy(&sum, &before, sizeof(sum));
		sum += value;
		memcpy(&after, &sum, sizeof(after));
	} while (!atomic_compare_exchange_weak_explicit(gauge, &before, after, memory_order_relaxed,
							memory_order_relaxed));
}

void pdb_series_add(pdb_series *series, double value)
{
	if (series == NULL) {
		return;
	}
	if (series->measure->metric.kind == PDB_METRIC_GAUGE) {
		gauge_add(&series->gauge, value);
	} else if (series->measure->metric.kind == PDB_METRIC_COUNTER && value > 0) {
		cell_add(pdb__slots_cell(series->cell), value);
	}
}

void pdb_series_set(pdb_series *series, double value)
{
	uint64_t bits;

	if (series != NULL && series->measure->metric.kind == PDB_METRIC_GAUGE) {
		memcpy(&bits, &value, sizeof(bits));
		atomic_store_explicit(&series->gauge, bits, memory_order_relaxed);
	}
}

void pdb_series_observe(pdb_series *series, double value)
{
	const pdb_metric *metric;
	uint32_t bucket = 0;
	pdb__cell *cell;

	if (series == NULL || series->measure->metric.kind != PDB_METRIC_HISTOGRAM ||
	    value != value) {
		return;
	}
	metric = &series->measure->metric;
	while (bucket < metric->bound_count && value > metric->bounds[bucket]) {
		bucket++;
	}
	cell = pdb__slots_cell(series->cell + 1 + bucket);
	atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	cell_add(pdb__slots_cell(series->cell), value);
}
