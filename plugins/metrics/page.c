/* SPDX-License-Identifier: Apache-2.0 */
/* The page of a scrape: every metric in the text format of Prometheus, or as OpenMetrics. */
#include "metrics_private.h"

typedef struct page {
	page_text *out;
	page_format format;
} page;

const char *page_type(page_format format)
{
	return format == PAGE_OPENMETRICS
		       ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		       : "text/plain; version=0.0.4; charset=utf-8";
}

/* In help texts quotes stay as they are in 0.0.4, and are escaped in OpenMetrics. */
static void add_escaped(page_text *out, const char *what, bool quotes)
{
	for (; *what != '\0'; what++) {
		if (*what == '\n') {
			text_add(out, "\\n");
		} else if (*what == '\\' || (*what == '"' && quotes)) {
			text_add_byte(out, '\\');
			text_add_byte(out, *what);
		} else {
			text_add_byte(out, *what);
		}
	}
}

static const char *kind_name(pdb_metric_kind kind)
{
	switch (kind) {
	case PDB_METRIC_COUNTER:
		return "counter";
	case PDB_METRIC_GAUGE:
		return "gauge";
	default:
		return "histogram";
	}
}

/* A counter is called "…_total", in 0.0.4 also where it is described. */
static const char *family_end(const page *it, const pdb_metric *metric)
{
	return metric->kind == PDB_METRIC_COUNTER && it->format == PAGE_PROMETHEUS ? "_total" : "";
}

static void begin_line(const page *it, const char *keyword, const pdb_metric *metric)
{
	text_add(it->out, keyword);
	text_add(it->out, metric->name);
	text_add(it->out, family_end(it, metric));
	text_add_byte(it->out, ' ');
}

static void add_family(const page *it, const pdb_metric *metric)
{
	begin_line(it, "# HELP ", metric);
	add_escaped(it->out, metric->help, it->format == PAGE_OPENMETRICS);
	text_add_byte(it->out, '\n');
	begin_line(it, "# TYPE ", metric);
	text_add(it->out, kind_name(metric->kind));
	text_add_byte(it->out, '\n');
	if (it->format == PAGE_OPENMETRICS && metric->unit != NULL && metric->unit[0] != '\0') {
		begin_line(it, "# UNIT ", metric);
		text_add(it->out, metric->unit);
		text_add_byte(it->out, '\n');
	}
}

/* `bound` is NULL for a line that has none. */
static void add_labels(const page *it, const pdb_reading *reading, const char *bound)
{
	const char *const *labels = reading->metric->labels;
	char before = '{';

	for (size_t i = 0; labels != NULL && labels[i] != NULL; i++) {
		text_add_byte(it->out, before);
		text_add(it->out, labels[i]);
		text_add(it->out, "=\"");
		add_escaped(it->out, reading->values[i], true);
		text_add_byte(it->out, '"');
		before = ',';
	}
	if (bound != NULL) {
		text_add_byte(it->out, before);
		text_add(it->out, "le=\"");
		text_add(it->out, bound);
		text_add_byte(it->out, '"');
		before = ',';
	}
	if (before == ',') {
		text_add_byte(it->out, '}');
	}
	text_add_byte(it->out, ' ');
}

static void add_name(const page *it, const pdb_reading *reading, const char *end, const char *bound)
{
	text_add(it->out, reading->metric->name);
	text_add(it->out, end);
	add_labels(it, reading, bound);
}

static void bound_text(const page *it, double bound, char *out, size_t size)
{
	page_text number = {.host = it->out->host};
	size_t len;

	text_add_number(&number, bound);
	len = number.len < size - 3 ? number.len : 0;
	memcpy(out, number.data != NULL ? number.data : "", len);
	out[len] = '\0';
	/* OpenMetrics spells a bound as a float. */
	if (it->format == PAGE_OPENMETRICS && strpbrk(out, ".e") == NULL) {
		memcpy(out + len, ".0", sizeof(".0"));
	}
	text_fini(&number);
}

static void add_histogram(const page *it, const pdb_reading *reading)
{
	const pdb_metric *metric = reading->metric;
	uint64_t count = 0;
	char bound[40];

	for (uint32_t i = 0; i <= metric->bound_count; i++) {
		count += reading->counts[i];
		if (i < metric->bound_count) {
			bound_text(it, metric->bounds[i], bound, sizeof(bound));
		}
		add_name(it, reading, "_bucket", i < metric->bound_count ? bound : "+Inf");
		text_add_count(it->out, count);
		text_add_byte(it->out, '\n');
	}
	add_name(it, reading, "_sum", NULL);
	text_add_number(it->out, reading->value);
	text_add_byte(it->out, '\n');
	add_name(it, reading, "_count", NULL);
	text_add_count(it->out, count);
	text_add_byte(it->out, '\n');
}

static void add_reading(void *arg, const pdb_reading *reading)
{
	const page *it = arg;

	if (reading->of_metric) {
		add_family(it, reading->metric);
	} else if (reading->metric->kind == PDB_METRIC_HISTOGRAM) {
		add_histogram(it, reading);
	} else {
		add_name(it, reading, reading->metric->kind == PDB_METRIC_COUNTER ? "_total" : "",
			 NULL);
		text_add_number(it->out, reading->value);
		text_add_byte(it->out, '\n');
	}
}

void page_write(const pdb_host *host, page_format format, page_text *out)
{
	page it = {out, format};

	host->metrics->each(add_reading, &it);
	if (format == PAGE_OPENMETRICS) {
		text_add(out, "# EOF\n");
	}
}
