/* SPDX-License-Identifier: Apache-2.0 */
/* The page of a scrape: which format, and every spelling. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "measure/measure.h"
#include "metrics_private.h"

static int allocations_left;

static void *scarce_realloc(void *ptr, size_t size)
{
	return allocations_left-- > 0 ? realloc(ptr, size) : NULL;
}

static const pdb_host_metrics table = {
	.size = sizeof(pdb_host_metrics),
	.each = pdb_measure_each,
};

static const pdb_host host = {
	.size = sizeof(pdb_host),
	.realloc = scarce_realloc,
	.free = free,
	.metrics = &table,
};

static page_format wanted(const char *accept)
{
	return negotiate(pdb_slice_text(accept));
}

Test(negotiate, prometheus_by_default)
{
	cr_assert_eq(wanted(""), PAGE_PROMETHEUS);
	cr_assert_eq(wanted("*/*"), PAGE_PROMETHEUS);
	cr_assert_eq(wanted("text/html, text/plain;q=0.5"), PAGE_PROMETHEUS);
	cr_assert_eq(wanted(",;=,;q"), PAGE_PROMETHEUS);
}

Test(negotiate, openmetrics_when_it_is_preferred)
{
	cr_assert_eq(wanted("application/openmetrics-text"), PAGE_OPENMETRICS);
	cr_assert_eq(wanted("Application/OpenMetrics-Text ; Version=1.0.0; charset=utf-8"),
		     PAGE_OPENMETRICS);
	cr_assert_eq(wanted("application/openmetrics-text;version=1.0.0;q=0.5,"
			    "application/openmetrics-text;version=0.0.1;q=0.4,"
			    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
		     PAGE_OPENMETRICS);
	cr_assert_eq(wanted("application/openmetrics-text;q=0.2, text/plain;q=0.3"),
		     PAGE_PROMETHEUS);
	cr_assert_eq(wanted("application/openmetrics-text;q=0"), PAGE_PROMETHEUS);
	cr_assert_eq(wanted("application/openmetrics-text;version=0.0.1"), PAGE_PROMETHEUS);
}

static void expect_number(double number, const char *spelling)
{
	page_text out = {.host = &host};

	text_add_number(&out, number);
	text_add_byte(&out, '\0');
	cr_assert_str_eq(out.data, spelling);
	text_fini(&out);
}

Test(text, numbers_read_back_as_they_were)
{
	allocations_left = 100;
	expect_number(0, "0");
	expect_number(12, "12");
	expect_number(-3, "-3");
	expect_number(0.1, "0.1");
	expect_number(0.1 + 0.2, "0.30000000000000004");
	expect_number(1e300, "1e+300");
	expect_number(INFINITY, "+Inf");
	expect_number(-INFINITY, "-Inf");
	expect_number(NAN, "NaN");
}

static const char *const labels[] = {"what", NULL};
static const double bounds[] = {0.5, 1};

static void declare(void)
{
	const pdb_metric counter = {.size = sizeof(counter),
				    .kind = PDB_METRIC_COUNTER,
				    .name = "progressdb_seen_bytes",
				    .unit = "bytes",
				    .help = "Quotes \" and \\ and\nlines.",
				    .labels = labels};
	const pdb_metric histogram = {.size = sizeof(histogram),
				      .kind = PDB_METRIC_HISTOGRAM,
				      .name = "progressdb_wait_seconds",
				      .unit = "seconds",
				      .help = "Waiting.",
				      .bounds = bounds,
				      .bound_count = 2};
	const char *value = "a\"b\\c\nd";
	pdb_measure *measure = NULL;
	pdb_err err = {0};

	cr_assert_eq(pdb_measure_add("test", &counter, NULL, &measure, &err), PDB_OK);
	pdb_series_add(pdb_measure_series(measure, &value), 2.5);
	cr_assert_eq(pdb_measure_add("test", &histogram, NULL, &measure, &err), PDB_OK);
	pdb_series_observe(pdb_measure_series(measure, NULL), 0.25);
	pdb_series_observe(pdb_measure_series(measure, NULL), 0.75);
	pdb_series_observe(pdb_measure_series(measure, NULL), 7);
}

static void expect_page(page_format format, const char *expected)
{
	page_text out = {.host = &host};

	page_write(&host, format, &out);
	text_add_byte(&out, '\0');
	cr_assert_str_eq(out.data, expected);
	text_fini(&out);
}

Test(page, of_prometheus)
{
	allocations_left = 100;
	declare();
	expect_page(PAGE_PROMETHEUS,
		    "# HELP progressdb_seen_bytes_total Quotes \" and \\\\ and\\nlines.\n"
		    "# TYPE progressdb_seen_bytes_total counter\n"
		    "progressdb_seen_bytes_total{what=\"a\\\"b\\\\c\\nd\"} 2.5\n"
		    "# HELP progressdb_wait_seconds Waiting.\n"
		    "# TYPE progressdb_wait_seconds histogram\n"
		    "progressdb_wait_seconds_bucket{le=\"0.5\"} 1\n"
		    "progressdb_wait_seconds_bucket{le=\"1\"} 2\n"
		    "progressdb_wait_seconds_bucket{le=\"+Inf\"} 3\n"
		    "progressdb_wait_seconds_sum 8\n"
		    "progressdb_wait_seconds_count 3\n");
}

Test(page, of_openmetrics)
{
	allocations_left = 100;
	declare();
	expect_page(PAGE_OPENMETRICS,
		    "# HELP progressdb_seen_bytes Quotes \\\" and \\\\ and\\nlines.\n"
		    "# TYPE progressdb_seen_bytes counter\n"
		    "# UNIT progressdb_seen_bytes bytes\n"
		    "progressdb_seen_bytes_total{what=\"a\\\"b\\\\c\\nd\"} 2.5\n"
		    "# HELP progressdb_wait_seconds Waiting.\n"
		    "# TYPE progressdb_wait_seconds histogram\n"
		    "# UNIT progressdb_wait_seconds seconds\n"
		    "progressdb_wait_seconds_bucket{le=\"0.5\"} 1\n"
		    "progressdb_wait_seconds_bucket{le=\"1.0\"} 2\n"
		    "progressdb_wait_seconds_bucket{le=\"+Inf\"} 3\n"
		    "progressdb_wait_seconds_sum 8\n"
		    "progressdb_wait_seconds_count 3\n"
		    "# EOF\n");
}

Test(page, fails_as_a_whole_without_memory)
{
	page_text out = {.host = &host};

	declare();
	allocations_left = 0;
	page_write(&host, PAGE_PROMETHEUS, &out);
	cr_assert(out.failed);
	cr_assert_eq(out.len, 0);
	text_fini(&out);
}
