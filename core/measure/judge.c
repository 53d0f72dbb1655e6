/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of declarations: names and units as people who read metrics expect them. */
#include "measure/measure_private.h"

#define NAME_MAX_LENGTH 96u
#define SERIES_DEFAULT  64u

static const double durations[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
				   0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};

static bool word_valid(const char *word)
{
	size_t len = word != NULL ? strlen(word) : 0;

	if (len == 0 || len > NAME_MAX_LENGTH || word[0] < 'a' || word[0] > 'z') {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		bool letter = word[i] >= 'a' && word[i] <= 'z';
		bool digit = word[i] >= '0' && word[i] <= '9';

		if (!letter && !digit && word[i] != '_') {
			return false;
		}
	}
	return true;
}

static bool ends_with(const char *text, const char *end)
{
	size_t text_len = strlen(text);
	size_t end_len = strlen(end);

	return text_len > end_len && strcmp(text + text_len - end_len, end) == 0;
}

/* The unit is the last word of the name. */
static bool unit_fits(const char *name, const char *unit)
{
	size_t at = strlen(name) - strlen(unit);

	return ends_with(name, unit) && name[at - 1] == '_';
}

static const char *name_fault(const pdb_metric *metric)
{
	/* process_… is what every program calls its own process. */
	if (!word_valid(metric->name) || (strncmp(metric->name, "progressdb_", 11) != 0 &&
					  strncmp(metric->name, "process_", 8) != 0)) {
		return "its name must be \"progressdb_…\" in lower-case letters, digits and '_'";
	}
	if (ends_with(metric->name, "_total") || ends_with(metric->name, "_bucket") ||
	    ends_with(metric->name, "_count") || ends_with(metric->name, "_sum")) {
		return "its name must not end in _total, _bucket, _count or _sum";
	}
	if (metric->unit[0] != '\0' && !unit_fits(metric->name, metric->unit)) {
		return "its name must end with its unit";
	}
	return metric->help != NULL && metric->help[0] != '\0' ? NULL : "it has no help text";
}

static const char *labels_fault(const pdb_metric *metric, uint32_t *count_out)
{
	uint32_t count = 0;

	while (metric->labels != NULL && metric->labels[count] != NULL) {
		const char *label = metric->labels[count++];

		if (count > PDB_LABELS_MAX) {
			return "it has too many labels";
		}
		if (!word_valid(label) || strcmp(label, "le") == 0 ||
		    strcmp(label, "quantile") == 0) {
			return "a label must be a lower-case word, and not \"le\" or \"quantile\"";
		}
	}
	*count_out = count;
	return metric->series_max <= PDB__SERIES_MAX ? NULL : "it wants too many series";
}

static const char *kind_fault(const pdb_metric *metric)
{
	if (metric->kind < PDB_METRIC_COUNTER || metric->kind > PDB_METRIC_HISTOGRAM) {
		return "its kind is not known";
	}
	if (metric->kind != PDB_METRIC_HISTOGRAM) {
		return metric->bound_count == 0 ? NULL : "only a histogram has bounds";
	}
	if (metric->read != NULL) {
		return "a histogram cannot be read from elsewhere";
	}
	if (metric->bound_count == 0 || metric->bound_count > PDB_BOUNDS_MAX) {
		return "a histogram has 1 to 32 bounds";
	}
	for (uint32_t i = 1; i < metric->bound_count; i++) {
		if (!(metric->bounds[i] > metric->bounds[i - 1])) {
			return "its bounds do not rise";
		}
	}
	return NULL;
}

/* An older table ends earlier; what it lacks is zero. */
static void complete(const pdb_metric *metric, pdb_metric *out)
{
	*out = (pdb_metric){0};
	memcpy(out, metric, metric->size < sizeof(*out) ? metric->size : sizeof(*out));
	out->size = sizeof(*out);
	out->unit = out->unit != NULL ? out->unit : "";
	out->series_max = out->series_max != 0 ? out->series_max : SERIES_DEFAULT;
	if (out->kind == PDB_METRIC_HISTOGRAM && out->bounds == NULL) {
		out->bounds = durations;
		out->bound_count = sizeof(durations) / sizeof(durations[0]);
	}
}

pdb_status pdb__metric_judge(const pdb_metric *metric, pdb_metric *out, uint32_t *labels_out,
			     pdb_err *err)
{
	const char *fault;

	complete(metric, out);
	fault = name_fault(out);
	if (fault == NULL) {
		fault = labels_fault(out, labels_out);
	}
	if (fault == NULL) {
		fault = kind_fault(out);
	}
	if (fault != NULL) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "the metric %s cannot be declared: %s",
				   out->name != NULL ? out->name : "without a name", fault);
	}
	return PDB_OK;
}
