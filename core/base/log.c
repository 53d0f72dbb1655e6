/* SPDX-License-Identifier: Apache-2.0 */
/* The log: what is logged, and by whom. */
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_private.h"

#define EXIT_FATAL    70
#define LEVELS_MAX    32u
#define COMPONENT_MAX 32u

static atomic_int log_level = PDB_LOG_INFO;
static atomic_uint_fast64_t written[PDB_LOG_DEBUG + 1];
static atomic_uint_fast64_t lost;

/* -- the levels of components ------------------------------------------------------------------ */

typedef struct component_level {
	char name[COMPONENT_MAX];
	pdb_log_level level;
} component_level;

static pthread_rwlock_t levels_lock = PTHREAD_RWLOCK_INITIALIZER;
static component_level levels[LEVELS_MAX];
static size_t level_count;
static atomic_bool has_levels;

const char *const pdb__log_level_names[] = {"error", "warn", "info", "debug"};

void pdb_log_set_level(pdb_log_level level)
{
	atomic_store(&log_level, (int)level);
}

pdb_log_level pdb_log_get_level(void)
{
	return (pdb_log_level)atomic_load(&log_level);
}

static bool read_item(const char *item, component_level *out)
{
	const char *split = strchr(item, '=');
	size_t len = split != NULL ? (size_t)(split - item) : 0;

	if (len == 0 || len >= COMPONENT_MAX) {
		return false;
	}
	memcpy(out->name, item, len);
	out->name[len] = '\0';
	for (int level = PDB_LOG_ERROR; level <= PDB_LOG_DEBUG; level++) {
		if (strcmp(split + 1, pdb__log_level_names[level]) == 0) {
			out->level = (pdb_log_level)level;
			return true;
		}
	}
	return false;
}

const char *pdb_log_judge_level(const char *item)
{
	component_level level;

	return read_item(item, &level)
		       ? NULL
		       : "has an item that is not component=level, with one of error, warn, info, "
			 "debug";
}

bool pdb_log_set_levels(pdb_option_list items)
{
	bool good = items.count <= LEVELS_MAX;

	(void)pthread_rwlock_wrlock(&levels_lock);
	level_count = 0;
	while (good && level_count < items.count) {
		good = read_item(items.items[level_count], &levels[level_count]);
		level_count += good;
	}
	atomic_store(&has_levels, level_count > 0);
	(void)pthread_rwlock_unlock(&levels_lock);
	return good;
}

static pdb_log_level level_of(const char *component)
{
	pdb_log_level level = (pdb_log_level)atomic_load_explicit(&log_level, memory_order_relaxed);

	if (!atomic_load_explicit(&has_levels, memory_order_relaxed)) {
		return level;
	}
	(void)pthread_rwlock_rdlock(&levels_lock);
	for (size_t i = 0; i < level_count; i++) {
		if (strcmp(levels[i].name, component) == 0) {
			level = levels[i].level;
		}
	}
	(void)pthread_rwlock_unlock(&levels_lock);
	return level;
}

bool pdb_log_wants(pdb_log_level level, const char *component)
{
	return level <= level_of(component);
}

/* -- lines ------------------------------------------------------------------------------------- */

static _Thread_local char request_id[40];

void pdb_log_set_request(const char *id)
{
	size_t len = id != NULL ? strnlen(id, sizeof(request_id) - 1) : 0;

	if (len > 0) {
		memcpy(request_id, id, len);
	}
	request_id[len] = '\0';
}

static void send_line(pdb_log_stream stream, pdb__log_line *line)
{
	line->now = pdb_clock_now();
	line->request = request_id;
	/* A log that cannot be written must not stop the database. */
	if (pdb__log_send(stream, line)) {
		atomic_fetch_add_explicit(&written[line->level], 1, memory_order_relaxed);
	} else {
		atomic_fetch_add_explicit(&lost, 1, memory_order_relaxed);
	}
}

PDB_PRINTF(3, 0)
static void log_text(pdb_log_level level, const char *component, const char *format, va_list args)
{
	char text[PDB__LOG_TEXT_MAX];
	pdb__log_line line = {.level = level, .component = component, .message = text};

	(void)vsnprintf(text, sizeof(text), format, args);
	send_line(PDB_LOG_MAIN, &line);
}

void pdb_log(pdb_log_level level, const char *component, const char *format, ...)
{
	va_list args;

	if (!pdb_log_wants(level, component)) {
		return;
	}
	va_start(args, format);
	log_text(level, component, format, args);
	va_end(args);
}

void pdb_fatal(const char *component, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_text(PDB_LOG_ERROR, component, format, args);
	va_end(args);
	_exit(EXIT_FATAL);
}

void pdb_log_fields(pdb_log_level level, const char *component, const pdb_log_field *fields,
		    size_t count, const char *message)
{
	pdb__log_line line = {.level = level,
			      .component = component,
			      .message = message,
			      .fields = fields,
			      .field_count = count};

	if (pdb_log_wants(level, component)) {
		send_line(PDB_LOG_MAIN, &line);
	}
}

void pdb_log_access(const pdb_log_field *fields, size_t count, const char *message)
{
	pdb__log_line line = {.level = PDB_LOG_INFO,
			      .component = "access",
			      .message = message,
			      .fields = fields,
			      .field_count = count};

	send_line(PDB_LOG_ACCESS, &line);
}

void pdb_log_counts_read(pdb_log_counts *out)
{
	for (size_t i = 0; i <= PDB_LOG_DEBUG; i++) {
		out->lines[i] = atomic_load_explicit(&written[i], memory_order_relaxed);
	}
	out->lost = atomic_load_explicit(&lost, memory_order_relaxed);
}
