/* SPDX-License-Identifier: Apache-2.0 */
/* Declarations of metrics: what is refused, and with which words. */
#include <criterion/criterion.h>

#include "measure/measure.h"

static const char *const three[] = {"a", "b", "c", NULL};
static const char *const five[] = {"a", "b", "c", "d", "e", NULL};
static const char *const le[] = {"le", NULL};
static const double falling[] = {1, 0.5};

static const pdb_metric good = {.size = sizeof(pdb_metric),
				.kind = PDB_METRIC_HISTOGRAM,
				.name = "progressdb_test_seconds",
				.unit = "seconds",
				.help = "A test."};

static void refused(pdb_metric metric, const char *why)
{
	pdb_err err = {0};

	cr_expect_eq(pdb_measure_add("test", &metric, NULL, NULL, &err), PDB_EINVAL, "%s", why);
	cr_expect_not_null(strstr(err.text, why), "%s, not %s", err.text, why);
}

#define REFUSED(why, ...)                                                                          \
	do {                                                                                       \
		pdb_metric metric = good;                                                          \
		__VA_ARGS__;                                                                       \
		refused(metric, why);                                                              \
	} while (0)

Test(judge, refuses_what_prometheus_would_not_like)
{
	REFUSED("must be \"progressdb_", metric.name = NULL);
	REFUSED("must be \"progressdb_", metric.name = "test_seconds");
	REFUSED("must be \"progressdb_", metric.name = "progressdb_Test_seconds");
	REFUSED("must be \"progressdb_", metric.name = "progressdb_test\nseconds");
	REFUSED("_total", metric.name = "progressdb_test_total"; metric.unit = NULL);
	REFUSED("end with its unit", metric.name = "progressdb_test");
	REFUSED("end with its unit", metric.name = "progressdb_milliseconds");
	REFUSED("no help", metric.help = NULL);
	REFUSED("no help", metric.help = "");
	REFUSED("too many labels", metric.labels = five);
	REFUSED("\"le\"", metric.labels = le);
	REFUSED("too many series", metric.labels = three; metric.series_max = 4097);
	REFUSED("kind", metric.kind = (pdb_metric_kind)4);
	REFUSED("do not rise", metric.bounds = falling; metric.bound_count = 2);
	REFUSED("1 to 32", metric.bounds = falling; metric.bound_count = 33);
	REFUSED("only a histogram", metric.kind = PDB_METRIC_GAUGE; metric.bound_count = 1);
}

static void read_nothing(void *self, pdb_sample_fn sample, void *arg)
{
	(void)self;
	(void)sample;
	(void)arg;
}

Test(judge, refuses_a_histogram_that_is_read_elsewhere)
{
	REFUSED("read from elsewhere", metric.read = read_nothing);
}

Test(judge, refuses_a_name_twice)
{
	pdb_err err = {0};

	cr_assert_eq(pdb_measure_add("test", &good, NULL, NULL, &err), PDB_OK, "%s", err.text);
	cr_assert_eq(pdb_measure_add("test", &good, NULL, NULL, &err), PDB_EEXISTS);
	pdb_measure_clear();
	cr_assert_eq(pdb_measure_add("test", &good, NULL, NULL, &err), PDB_OK);
	pdb_measure_clear();
}

Test(judge, takes_a_table_that_ends_earlier)
{
	pdb_metric metric = good;
	pdb_err err = {0};

	metric.size = offsetof(pdb_metric, read);
	metric.read = read_nothing;
	cr_assert_eq(pdb_measure_add("test", &metric, NULL, NULL, &err), PDB_OK, "%s", err.text);
	pdb_measure_clear();
}
