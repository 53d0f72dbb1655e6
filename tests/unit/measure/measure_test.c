/* SPDX-License-Identifier: Apache-2.0 */
/* Counting: by many threads at once, within bounds, and cheaply. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "measure/measure.h"

#define THREADS 4
#define ROUNDS  200000

static const char *const by_color[] = {"color", NULL};

static pdb_measure *declare(pdb_metric_kind kind, const char *const *labels, uint32_t series_max)
{
	pdb_metric metric = {.size = sizeof(metric),
			     .kind = kind,
			     .name = "progressdb_test_seconds",
			     .unit = "seconds",
			     .help = "A test.",
			     .labels = labels,
			     .series_max = series_max};
	pdb_measure *measure = NULL;

	cr_assert_eq(pdb_measure_add("test", &metric, NULL, &measure, NULL), PDB_OK);
	return measure;
}

static pdb_series *colored(pdb_measure *measure, const char *color)
{
	const char *const values[] = {color};

	return pdb_measure_series(measure, values);
}

/* The value of the series with this label; `label` NULL = the one without. -1 = absent. */
typedef struct wanted {
	const char *label;
	double value;
	uint64_t counts[PDB_BOUNDS_MAX + 1];
	unsigned metrics;
	unsigned series;
} wanted;

static void take(void *arg, const pdb_reading *reading)
{
	wanted *it = arg;

	if (reading->of_metric) {
		it->metrics++;
		return;
	}
	it->series++;
	if (it->label == NULL || strcmp(reading->values[0], it->label) == 0) {
		it->value = reading->value;
		if (reading->counts != NULL) {
			memcpy(it->counts, reading->counts,
			       (reading->metric->bound_count + 1) * sizeof(uint64_t));
		}
	}
}

static wanted look(const char *label)
{
	wanted it = {.label = label, .value = -1};

	pdb_measure_each(take, &it);
	return it;
}

static void *count(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pdb_series_add(arg, 1);
	}
	return NULL;
}

static void in_threads(void *(*run)(void *), void *arg)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		cr_assert_eq(pthread_create(&threads[i], NULL, run, arg), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		(void)pthread_join(threads[i], NULL);
	}
}

Test(measure, loses_no_count_of_any_thread)
{
	pdb_series *series = pdb_measure_series(declare(PDB_METRIC_COUNTER, NULL, 0), NULL);

	in_threads(count, series);
	cr_assert_eq(look(NULL).value, (double)THREADS * ROUNDS);
	in_threads(count, series); /* in slots that were used before */
	cr_assert_eq(look(NULL).value, 2.0 * THREADS * ROUNDS);
	pdb_measure_clear();
}

Test(measure, adds_to_a_gauge_from_many_threads)
{
	pdb_series *series = pdb_measure_series(declare(PDB_METRIC_GAUGE, NULL, 0), NULL);

	in_threads(count, series);
	cr_assert_eq(look(NULL).value, (double)THREADS * ROUNDS);
	pdb_series_set(series, 7);
	pdb_series_add(series, -3);
	cr_assert_eq(look(NULL).value, 4.0);
	pdb_measure_clear();
}

Test(measure, puts_what_is_observed_into_its_bucket)
{
	pdb_series *series = pdb_measure_series(declare(PDB_METRIC_HISTOGRAM, NULL, 0), NULL);
	wanted seen;

	pdb_series_observe(series, 0.0001); /* on a bound: within it */
	pdb_series_observe(series, 0.0002);
	pdb_series_observe(series, 10.5);
	pdb_series_observe(series, 0.0 / 0.0);
	seen = look(NULL);
	cr_expect_eq(seen.counts[0], 1);
	cr_expect_eq(seen.counts[1], 1);
	cr_expect_eq(seen.counts[16], 1);
	cr_expect_float_eq(seen.value, 10.5003, 1e-9);
	pdb_measure_clear();
}

Test(measure, counters_only_rise)
{
	pdb_series *series = pdb_measure_series(declare(PDB_METRIC_COUNTER, NULL, 0), NULL);

	pdb_series_add(series, 2);
	pdb_series_add(series, -1);
	pdb_series_set(series, 1);
	pdb_series_observe(series, 1);
	cr_expect_eq(look(NULL).value, 2.0);
	pdb_series_add(NULL, 1);
	pdb_series_set(NULL, 1);
	pdb_series_observe(NULL, 1);
	cr_expect_null(pdb_measure_series(NULL, NULL));
	pdb_measure_clear();
}

Test(measure, finds_a_series_again)
{
	pdb_measure *measure = declare(PDB_METRIC_COUNTER, by_color, 0);
	pdb_series *red = colored(measure, "red");

	cr_expect_eq(colored(measure, "red"), red);
	cr_expect_neq(colored(measure, "blue"), red);
	pdb_series_add(red, 1);
	cr_expect_eq(look("red").value, 1.0);
	cr_expect_eq(look("blue").value, 0.0);
	cr_expect_eq(look("other").value, -1.0);
	pdb_measure_clear();
}

Test(measure, counts_what_is_too_many_as_other)
{
	pdb_measure *measure = declare(PDB_METRIC_COUNTER, by_color, 10);
	char long_value[200] = {0};
	wanted seen;

	for (int i = 0; i < 1000; i++) {
		char color[16];

		(void)snprintf(color, sizeof(color), "c%d", i);
		pdb_series_add(colored(measure, color), 1);
	}
	memset(long_value, 'x', sizeof(long_value) - 1);
	pdb_series_add(colored(measure, long_value), 1);
	pdb_series_add(colored(measure, "\xff"), 1);
	pdb_series_add(colored(measure, NULL), 1);
	pdb_series_add(colored(measure, "other"), 1);
	seen = look("other");
	cr_expect_eq(seen.series, 11);
	cr_expect_eq(seen.value, 994.0);
	pdb_measure_clear();
}

static void *count_colors(void *arg)
{
	for (int i = 0; i < ROUNDS / 10; i++) {
		char color[16];

		(void)snprintf(color, sizeof(color), "c%d", i % 200);
		pdb_series_add(colored(arg, color), 1);
	}
	return NULL;
}

static void sum_all(void *arg, const pdb_reading *reading)
{
	*(double *)arg += reading->of_metric ? 0 : reading->value;
}

Test(measure, makes_a_series_once_when_many_ask)
{
	pdb_measure *measure = declare(PDB_METRIC_COUNTER, by_color, 100);
	double sum = 0;

	in_threads(count_colors, measure);
	pdb_measure_each(sum_all, &sum);
	cr_expect_eq(sum, (double)THREADS * ROUNDS / 10);
	cr_expect_eq(look("c1").series, 101);
	pdb_measure_clear();
}

static void read_two(void *self, pdb_sample_fn sample, void *arg)
{
	const char *const red[] = {"red"};
	const char *const blue[] = {"blue"};

	sample(arg, red, *(double *)self);
	sample(arg, blue, 2);
}

Test(measure, asks_where_a_value_is_kept)
{
	pdb_metric metric = {.size = sizeof(metric),
			     .kind = PDB_METRIC_GAUGE,
			     .name = "progressdb_kept",
			     .help = "A test.",
			     .labels = by_color,
			     .read = read_two};
	double kept = 5;

	cr_assert_eq(pdb_measure_add("test", &metric, &kept, NULL, NULL), PDB_OK);
	cr_expect_eq(look("red").value, 5.0);
	cr_expect_eq(look("blue").value, 2.0);
	cr_expect_eq(look("blue").metrics, 1);
	pdb_measure_clear();
	cr_expect_eq(look("blue").metrics, 0);
}

static void *count_without_memory(void *arg)
{
	pdb_mem_fail(1, true);
	pdb_series_add(arg, 1);
	pdb_mem_fail(0, false);
	return NULL;
}

Test(measure, does_without_memory_and_loses_a_count)
{
	pdb_measure *measure = declare(PDB_METRIC_COUNTER, by_color, 0);
	pdb_series *series = colored(measure, "red");
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, count_without_memory, series), 0);
	(void)pthread_join(thread, NULL);
	pdb_mem_fail(1, true);
	cr_expect_eq(colored(measure, "blue"), colored(measure, "other"));
	pdb_mem_fail(0, false);
	pdb_series_add(series, 1);
	cr_expect_eq(look("red").value, 1.0);
	pdb_measure_clear();
}

/* Of this thread, whoever else wants the processor. */
static double spent_ns(void)
{
	struct timespec at;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
	return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static double best_of(int tries, void (*run)(void *), void *arg)
{
	double best = 1e9;

	for (int i = 0; i < tries; i++) {
		double start = spent_ns();
		double each;

		run(arg);
		each = (spent_ns() - start) / ROUNDS;
		best = each < best ? each : best;
	}
	return best;
}

static void count_here(void *series)
{
	(void)count(series);
}

static void observe_here(void *series)
{
	for (int i = 0; i < ROUNDS; i++) {
		pdb_series_observe(series, 0.0007);
	}
}

typedef struct plain_counter {
	pthread_mutex_t lock;
	double value;
} plain_counter;

static void add_locked(void *arg)
{
	plain_counter *counter = arg;

	for (int i = 0; i < ROUNDS; i++) {
		(void)pthread_mutex_lock(&counter->lock);
		counter->value += 1;
		(void)pthread_mutex_unlock(&counter->lock);
	}
}

/* Beside the counter that anybody would write, with nobody there to share it: a sanitizer makes
 * both slower. */
Test(measure, is_cheap)
{
	pdb_series *counter = pdb_measure_series(declare(PDB_METRIC_COUNTER, NULL, 0), NULL);
	plain_counter plain = {.lock = PTHREAD_MUTEX_INITIALIZER};
	double locked = best_of(5, add_locked, &plain);
	double counting = best_of(5, count_here, counter);
	double observing;

	pdb_measure_clear();
	observing = best_of(5, observe_here,
			    pdb_measure_series(declare(PDB_METRIC_HISTOGRAM, NULL, 0), NULL));
	(void)printf(
		"an addition under a lock %.1f ns, an increment %.1f ns, an observation %.1f ns\n",
		locked, counting, observing);
	cr_expect_lt(counting, 5 * locked);
	cr_expect_lt(observing, 10 * locked);
	pdb_measure_clear();
}
