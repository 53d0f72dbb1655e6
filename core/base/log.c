/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one logfmt line per event. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define LOG_LINE_MAX 2048u
#define EXIT_FATAL   70

static atomic_int log_level = PDB_LOG_INFO;
static atomic_int log_fd = STDERR_FILENO;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void pdb_log_set_level(pdb_log_level level)
{
	atomic_store(&log_level, (int)level);
}

pdb_log_level pdb_log_get_level(void)
{
	return (pdb_log_level)atomic_load(&log_level);
}

void pdb_log_set_fd(int fd)
{
	atomic_store(&log_fd, fd);
}

/* Appends `text` so that it cannot end the quoted value or the line. */
static size_t escape(char *out, size_t room, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	size_t at = 0;

	for (; *text != '\0' && at + 4 < room; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			out[at++] = '\\';
			out[at++] = (char)c;
		} else if (c < 0x20 || c == 0x7f) {
			out[at++] = '\\';
			out[at++] = 'x';
			out[at++] = hex[c >> 4];
			out[at++] = hex[c & 15];
		} else {
			out[at++] = (char)c;
		}
	}
	return at;
}

PDB_PRINTF(3, 0)
static void log_write(pdb_log_level level, const char *component, const char *format, va_list args)
{
	char text[LOG_LINE_MAX / 2];
	char line[LOG_LINE_MAX];
	int64_t now = pdb_clock_now();
	time_t seconds = (time_t)(now / PDB_NS_PER_SECOND);
	struct tm utc = {0};
	size_t used;
	int head;

	(void)vsnprintf(text, sizeof(text), format, args);
	(void)gmtime_r(&seconds, &utc);
	used = strftime(line, sizeof(line), "ts=%Y-%m-%dT%H:%M:%S", &utc);
	head = snprintf(line + used, sizeof(line) - used, ".%06dZ level=%s component=%s msg=\"",
			(int)(now % PDB_NS_PER_SECOND / 1000), level_names[level], component);
	if (head < 0 || (size_t)head >= sizeof(line) - used - 8) {
		return;
	}
	used += (size_t)head;
	used += escape(line + used, sizeof(line) - used - 2, text);
	line[used++] = '"';
	line[used++] = '\n';
	/* A log that cannot be written must not stop the database. */
	if (write(atomic_load(&log_fd), line, used) < 0) {
		return;
	}
}

void pdb_log(pdb_log_level level, const char *component, const char *format, ...)
{
	va_list args;

	if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed)) {
		return;
	}
	va_start(args, format);
	log_write(level, component, format, args);
	va_end(args);
}

void pdb_fatal(const char *component, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_write(PDB_LOG_ERROR, component, format, args);
	va_end(args);
	_exit(EXIT_FATAL);
}
