/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: their shape, their level, and that no value can forge one. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static size_t logged(char *out, size_t size, void (*write_lines)(void))
{
	int ends[2];
	ssize_t got;

	cr_assert_eq(pipe(ends), 0);
	pdb_log_set_fd(ends[1]);
	write_lines();
	pdb_log_set_fd(2);
	(void)close(ends[1]);
	got = read(ends[0], out, size - 1);
	(void)close(ends[0]);
	out[got > 0 ? got : 0] = '\0';
	return got > 0 ? (size_t)got : 0;
}

static void forge(void)
{
	pdb_log(PDB_LOG_INFO, "test", "name=%s", "x\"\nts=0 level=error msg=\"y\x1b[0m\\");
}

Test(log, cannot_be_forged)
{
	char line[1024];

	pdb_clock_set(INT64_C(1700000000123456789));
	logged(line, sizeof(line), forge);
	cr_assert_str_eq(line, "ts=2023-11-14T22:13:20.123456Z level=info component=test "
			       "msg=\"name=x\\\"\\x0ats=0 level=error msg=\\\"y\\x1b[0m\\\\\"\n");
}

static void quiet(void)
{
	pdb_log_set_level(PDB_LOG_WARN);
	pdb_log(PDB_LOG_INFO, "test", "hidden");
	pdb_log(PDB_LOG_WARN, "test", "shown");
}

Test(log, keeps_to_its_level)
{
	char line[1024];

	logged(line, sizeof(line), quiet);
	cr_assert_null(strstr(line, "hidden"));
	cr_assert_not_null(strstr(line, "level=warn component=test msg=\"shown\""));
}

static void very_long(void)
{
	char text[5000];

	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	pdb_log(PDB_LOG_ERROR, "test", "%s", text);
}

Test(log, cuts_a_long_line_at_a_whole_escape)
{
	char line[8192];
	size_t len = logged(line, sizeof(line), very_long);

	cr_assert_lt(len, 2100);
	cr_assert_str_eq(line + len - 6, "\\x0a\"\n");
}

Test(log, fatal_ends_the_process_with_70)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		pdb_log_set_fd(-1);
		pdb_fatal("test", "over");
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), 70);
}
