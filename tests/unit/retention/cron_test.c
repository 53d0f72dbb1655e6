/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules: what is read, what is not, and the minutes that match. */
#include <criterion/criterion.h>
#include <time.h>

#include "cron.h"

static int64_t at(const char *text)
{
	struct tm when = {0};

	cr_assert_not_null(strptime(text, "%Y-%m-%d %H:%M", &when), "%s", text);
	return (int64_t)timegm(&when);
}

static void expect(const char *schedule, const char *after, const char *next)
{
	cron c;
	char found[32] = "never";
	time_t time;

	cr_assert_null(cron_read(&c, schedule), "%s", schedule);
	time = (time_t)cron_next(&c, at(after));
	if (time >= 0) {
		struct tm date;

		cr_assert_not_null(gmtime_r(&time, &date));
		(void)strftime(found, sizeof(found), "%Y-%m-%d %H:%M", &date);
	}
	cr_expect_str_eq(found, next, "%s after %s: %s, not %s", schedule, after, found, next);
}

Test(cron, next_times)
{
	expect("0 2 * * *", "2026-01-01 00:00", "2026-01-01 02:00");
	expect("0 2 * * *", "2026-01-01 02:00", "2026-01-02 02:00");
	expect("*/15 * * * *", "2026-01-01 00:01", "2026-01-01 00:15");
	expect("7-59/20 3,5 * * *", "2026-01-01 03:08", "2026-01-01 03:27");
	expect("0 0 29 2 *", "2026-03-01 00:00", "2028-02-29 00:00");
	expect("0 0 31 * *", "2026-04-01 00:00", "2026-05-31 00:00");
	expect("30 1 * * mon", "2026-01-01 00:00", "2026-01-05 01:30");
	expect("30 1 * JAN-FEB fri", "2026-02-27 02:00", "2027-01-01 01:30");
	expect("0 0 * * 7", "2026-01-01 00:00", "2026-01-04 00:00");
	expect("0 0 * * 5-7", "2026-01-04 12:00", "2026-01-09 00:00");
	expect("5/10 * * * *", "2026-01-01 00:00", "2026-01-01 00:05");
	expect("@daily", "2026-12-31 00:00", "2027-01-01 00:00");
	expect("@hourly", "2026-12-31 23:00", "2027-01-01 00:00");
	expect("  0\t2 * *  * ", "2026-01-01 00:00", "2026-01-01 02:00");
}

/* Both fields of the day restricted: either will do; one of them "*": the other counts. */
Test(cron, days_by_either_field)
{
	expect("0 0 13 * fri", "2026-01-10 00:00", "2026-01-13 00:00");
	expect("0 0 13 * fri", "2026-01-13 00:00", "2026-01-16 00:00");
	expect("0 0 13 * *", "2026-01-14 00:00", "2026-02-13 00:00");
	expect("0 0 */2 * mon", "2026-01-02 00:00", "2026-01-05 00:00");
}

Test(cron, refuses_everything_else)
{
	static const char *const bad[] = {
		"",
		"* * * *",
		"* * * * * *",
		"60 * * * *",
		"* 24 * * *",
		"* * 0 * *",
		"* * 32 * *",
		"* * * 0 *",
		"* * * 13 *",
		"* * * * 8",
		"a * * * *",
		"*/0 * * * *",
		"5-3 * * * *",
		"1,,2 * * * *",
		"1, * * * *",
		"@never",
		"* * * * mo",
		"-1 * * * *",
		"1- * * * *",
		"* * 30 2 *",
		"99999999999 * * * *",
		"*/ * * * *",
		"0x1 * * * *",
		"+1 * * * *",
		"* * * jan-x *",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cron c;

		cr_expect_not_null(cron_read(&c, bad[i]), "\"%s\" was read", bad[i]);
	}
}

/* A minute that the schedule names is found, and none before it. */
Test(cron, agrees_with_a_look_at_every_minute)
{
	static const char *const schedules[] = {"13 */5 * * *", "0 12 1-7 * 1", "*/7 3 * 2,3 *",
						"59 23 31 12 *", "0 0 29 2 *"};

	for (size_t i = 0; i < sizeof(schedules) / sizeof(schedules[0]); i++) {
		cron c;
		int64_t from = at("2027-01-01 00:00");
		int64_t next;

		cr_assert_null(cron_read(&c, schedules[i]));
		next = cron_next(&c, from);
		for (int64_t minute = from + 60; minute < next && minute < from + 86400 * 40;
		     minute += 60) {
			cr_assert_eq(cron_next(&c, minute - 1), cron_next(&c, from));
		}
	}
}
