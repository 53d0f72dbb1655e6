/* SPDX-License-Identifier: Apache-2.0 */
/* Reads schedules, and finds the next minute that one matches. */
#include "cron.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define YEARS_AHEAD 8

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
				     "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

typedef struct field {
	const char *what;
	unsigned low;
	unsigned high;
	const char *const *names; /* of the values from `low` on */
} field;

static const field fields[] = {
	{"minute", 0, 59, NULL},  {"hour", 0, 23, NULL},           {"day of month", 1, 31, NULL},
	{"month", 1, 12, months}, {"day of week", 0, 7, weekdays},
};

/* A number or a name at *at, which is moved behind it. */
static bool read_value(const field *f, const char **at, unsigned *out)
{
	char *end;
	unsigned long number;

	for (unsigned i = 0; f->names != NULL && f->names[i] != NULL; i++) {
		size_t len = strlen(f->names[i]);

		if (strncasecmp(*at, f->names[i], len) == 0) {
			*out = f->low + i;
			*at += len;
			return true;
		}
	}
	if (**at < '0' || **at > '9') {
		return false;
	}
	number = strtoul(*at, &end, 10);
	if (end - *at > 4 || number < f->low || number > f->high) {
		return false;
	}
	*out = (unsigned)number;
	*at = end;
	return true;
}

/* "*", "3", "1-5", each perhaps with "/2" behind; *at is moved behind it. */
static bool read_range(const field *f, const char **at, uint64_t *bits)
{
	unsigned low = f->low;
	unsigned high = f->high;
	unsigned step = 1;
	bool one = false;

	if (**at == '*') {
		(*at)++;
	} else {
		if (!read_value(f, at, &low)) {
			return false;
		}
		high = low;
		one = **at != '-';
		if (!one) {
			(*at)++;
			if (!read_value(f, at, &high) || high < low) {
				return false;
			}
		}
	}
	if (**at == '/') {
		const field number = {NULL, 1, 1000, NULL};

		(*at)++;
		if (!read_value(&number, at, &step)) {
			return false;
		}
		high = one ? f->high : high;
	}
	for (unsigned value = low; value <= high; value += step) {
		*bits |= UINT64_C(1) << value;
	}
	return true;
}

static bool read_field(const field *f, const char **at, uint64_t *bits)
{
	*bits = 0;
	if (!read_range(f, at, bits)) {
		return false;
	}
	while (**at == ',') {
		(*at)++;
		if (!read_range(f, at, bits)) {
			return false;
		}
	}
	return **at == ' ' || **at == '\t' || **at == '\0';
}

static const char *expand(const char *text)
{
	static const char *const words[][2] = {
		{"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
		{"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
		{"@annually", "0 0 1 1 *"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i][0]) == 0) {
			return words[i][1];
		}
	}
	return text;
}

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

const char *cron_read(cron *out, const char *text)
{
	const char *at = skip_blanks(expand(text));
	uint64_t bits[5];
	const char *first[5];

	for (size_t i = 0; i < 5; i++) {
		first[i] = at;
		if (!read_field(&fields[i], &at, &bits[i])) {
			return "is no schedule of five fields (minute hour day month weekday), nor "
			       "a "
			       "word like @daily";
		}
		at = skip_blanks(at);
	}
	if (*at != '\0') {
		return "has more than five fields";
	}
	out->minutes = bits[0];
	out->hours = (uint32_t)bits[1];
	out->days = (uint32_t)bits[2];
	out->months = (uint32_t)bits[3];
	/* 7 is Sunday too */
	out->weekdays = (uint32_t)((bits[4] | bits[4] >> 7) & 0x7f);
	out->any_day = *first[2] == '*';
	out->any_weekday = *first[4] == '*';
	return cron_next(out, 0) >= 0 ? NULL : "matches no day at all";
}

static bool day_matches(const cron *c, const struct tm *day)
{
	bool by_day = (c->days >> day->tm_mday & 1) != 0;
	bool by_weekday = (c->weekdays >> day->tm_wday & 1) != 0;

	if ((c->months >> (day->tm_mon + 1) & 1) == 0) {
		return false;
	}
	return c->any_day || c->any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

/* The first minute from `minute` of the day on; -1 when there is none. */
static int minute_from(const cron *c, int minute)
{
	for (; minute < 24 * 60; minute++) {
		if ((c->hours >> (minute / 60) & 1) != 0 &&
		    (c->minutes >> (minute % 60) & 1) != 0) {
			return minute;
		}
	}
	return -1;
}

int64_t cron_next(const cron *schedule, int64_t after)
{
	int64_t minute = after / 60 + 1;
	int64_t day = minute / (24 * 60);
	int from = (int)(minute % (24 * 60));

	for (int64_t last = day + YEARS_AHEAD * 366; day <= last; day++) {
		time_t midnight = (time_t)(day * 24 * 60 * 60);
		struct tm date;

		if (gmtime_r(&midnight, &date) != NULL && day_matches(schedule, &date)) {
			int found = minute_from(schedule, from);

			if (found >= 0) {
				return midnight + (int64_t)found * 60;
			}
		}
		from = 0;
	}
	return -1;
}
