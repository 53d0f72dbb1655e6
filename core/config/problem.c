/* SPDX-License-Identifier: Apache-2.0 */
/* Problems and warnings, kept in the order of files and lines. */
#include "base/mem.h"
#include "config/config_private.h"

/* Files first, in their order, then variables, then flags, then the configuration as a whole. */
static uint64_t rank(pdb_place place)
{
	if (place.layer == NULL) {
		return UINT64_MAX;
	}
	return (uint64_t)place.layer->kind << 32 | place.layer->number;
}

static bool goes_before(pdb_place a, pdb_place b)
{
	if (rank(a) != rank(b)) {
		return rank(a) < rank(b);
	}
	return a.line != b.line ? a.line < b.line : a.column < b.column;
}

/* Control characters would let a file write lines of its own into the report. */
static const char *keep_text(pdb_config *config, const char *text)
{
	pdb_buf out = {0};
	const char *kept = NULL;

	for (const char *at = text; *at != '\0'; at++) {
		uint8_t byte = (uint8_t)*at;

		if (byte < 0x20 || byte == 0x7f) {
			pdb_buf_printf(&out, "\\x%02x", byte);
		} else {
			pdb_buf_add_byte(&out, byte);
		}
	}
	if (!out.failed) {
		kept = pdb__config_text(config, (const char *)out.data, out.len);
	}
	pdb_buf_fini(&out);
	return kept;
}

static void insert(pdb_config *config, pdb_finding finding)
{
	size_t at = config->finding_count++;

	while (at > 0 && goes_before(finding.place, config->findings[at - 1].place)) {
		config->findings[at] = config->findings[at - 1];
		at--;
	}
	config->findings[at] = finding;
}

bool pdb__problem_full(const pdb_config *config)
{
	return config->finding_count == PDB_CONFIG_PROBLEMS_MAX;
}

void pdb__problem_add(pdb_config *config, pdb_place place, bool warning, const char *format, ...)
{
	char text[1024];
	const char *kept;
	va_list args;

	config->problem_count += !warning;
	if (pdb__problem_full(config)) {
		config->left_out++;
		return;
	}
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	kept = keep_text(config, text);
	if (kept == NULL) {
		config->failed = true;
		kept = "there is no memory to say what is wrong here";
	}
	insert(config, (pdb_finding){place, warning, kept});
}

void pdb__place_print(pdb_buf *out, pdb_place place)
{
	if (place.layer == NULL) {
		pdb_buf_add_text(out, "configuration");
		return;
	}
	pdb_buf_add_text(out, place.layer->name);
	if (place.layer->kind == PDB_LAYER_FILE && place.line > 0) {
		pdb_buf_printf(out, ":%u:%u", (unsigned)place.line, (unsigned)place.column);
	}
}

static void record(pdb_config *config, const char *key, const char *text, bool warning)
{
	const pdb_entry *entry = pdb__config_entry(config, key);
	pdb_place place = {0};

	if (entry != NULL) {
		place = entry->origin;
	}
	pdb__problem_add(config, place, warning, "%s: %s", key, text);
}

void pdb_config_problem(pdb_config *config, const char *key, const char *text)
{
	record(config, key, text, false);
}

void pdb_config_warning(pdb_config *config, const char *key, const char *text)
{
	record(config, key, text, true);
}

size_t pdb_config_problem_count(const pdb_config *config)
{
	return config->problem_count;
}

void pdb_config_each_problem(const pdb_config *config, void (*problem)(void *arg, const char *line),
			     void *arg)
{
	for (size_t i = 0; i < config->finding_count; i++) {
		const pdb_finding *finding = &config->findings[i];
		pdb_buf line = {0};

		if (finding->warning) {
			continue;
		}
		pdb__place_print(&line, finding->place);
		pdb_buf_add_text(&line, ": ");
		pdb_buf_add_text(&line, finding->text);
		pdb_buf_add_byte(&line, '\0');
		problem(arg, line.failed ? finding->text : (const char *)line.data);
		pdb_buf_fini(&line);
	}
}

void pdb_config_print_problems(const pdb_config *config, FILE *to)
{
	for (size_t i = 0; i < config->finding_count; i++) {
		const pdb_finding *finding = &config->findings[i];
		pdb_buf place = {0};

		pdb__place_print(&place, finding->place);
		if (place.failed) {
			(void)fputs("configuration", to);
		} else {
			(void)fprintf(to, "%.*s", PDB_SLICE_ARGS(pdb_buf_slice(&place)));
		}
		(void)fprintf(to, ": %s%s\n", finding->warning ? "warning: " : "", finding->text);
		pdb_buf_fini(&place);
	}
	if (config->left_out > 0) {
		(void)fprintf(to, "configuration: and %zu more\n", config->left_out);
	}
}
