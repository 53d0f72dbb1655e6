/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules of five fields, in UTC: minute, hour, day of month, month, day of week. */
#ifndef PDB_RETENTION_CRON_H
#define PDB_RETENTION_CRON_H

#include <stdbool.h>
#include <stdint.h>

/* Bit n is set when n matches. As in POSIX crontab, a day matches by either of its two fields when
 * both are restricted. */
typedef struct cron {
	uint64_t minutes;
	uint32_t hours;
	uint32_t days;     /* 1 to 31 */
	uint32_t months;   /* 1 to 12 */
	uint32_t weekdays; /* 0 to 6, Sunday is 0 */
	bool any_day;
	bool any_weekday;
} cron;

/*
 * "0 2 * * *", with lists, ranges, steps, names of months and days, 7 for Sunday; or one of
 * @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually. NULL, or what is wrong.
 */
const char *cron_read(cron *out, const char *text);
/* The first minute behind `after` that matches, in seconds since 1970; -1 when there is none within
 * eight years ("0 0 30 2 *"). Pure. */
int64_t cron_next(const cron *schedule, int64_t after);

#endif
