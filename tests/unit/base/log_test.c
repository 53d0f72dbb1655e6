/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: their shape, their level, and that no value can forge one. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
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

	cr_assert_leq(len, 4096);
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

/* -- JSON, fields, levels, requests ------------------------------------------------------------ */

static void as_json(void)
{
	pdb_log_set_format(PDB_LOG_JSON);
	pdb_log_set_request("abc-01");
	pdb_log(PDB_LOG_WARN, "test", "\"quoted\"\n\x01 \xc3\xa9");
	pdb_log(PDB_LOG_WARN, "test", "torn \xc3");
	pdb_log_set_request(NULL);
	pdb_log_set_format(PDB_LOG_LOGFMT);
}

Test(log, json_is_json)
{
	char line[1024];

	pdb_clock_set(INT64_C(1700000000123456789));
	logged(line, sizeof(line), as_json);
	cr_assert_str_eq(line, "{\"ts\":\"2023-11-14T22:13:20.123456Z\",\"level\":\"warn\","
			       "\"component\":\"test\",\"request\":\"abc-01\","
			       "\"msg\":\"\\\"quoted\\\"\\u000a\\u0001 \xc3\xa9\"}\n"
			       "{\"ts\":\"2023-11-14T22:13:20.123456Z\",\"level\":\"warn\","
			       "\"component\":\"test\",\"request\":\"abc-01\","
			       "\"msg\":\"torn \\u00c3\"}\n");
}

static const pdb_log_field fields[] = {
	{"path", {(const uint8_t *)"/a b", 4}, false},
	{"plain", {(const uint8_t *)"x", 1}, false},
	{"status", {(const uint8_t *)"200", 3}, true},
};

static void with_fields(void)
{
	pdb_log_fields(PDB_LOG_INFO, "test", fields, 3, "done");
	pdb_log_set_format(PDB_LOG_JSON);
	pdb_log_fields(PDB_LOG_INFO, "test", fields, 3, "done");
	pdb_log_set_format(PDB_LOG_LOGFMT);
}

Test(log, fields_stand_behind_the_message)
{
	char line[1024];

	logged(line, sizeof(line), with_fields);
	cr_assert_not_null(strstr(line, " msg=\"done\" path=\"/a b\" plain=x status=200\n"));
	cr_assert_not_null(strstr(
		line, "\"msg\":\"done\",\"path\":\"/a b\",\"plain\":\"x\",\"status\":200}\n"));
}

static void long_json(void)
{
	static char text[3000];
	pdb_log_field field = {"path", {(const uint8_t *)text, sizeof(text)}, false};

	memset(text, '\x01', sizeof(text));
	pdb_log_set_format(PDB_LOG_JSON);
	pdb_log_fields(PDB_LOG_INFO, "test", &field, 1, "\xc3\xa9\xc3\xa9");
	pdb_log_set_format(PDB_LOG_LOGFMT);
}

Test(log, a_member_that_does_not_fit_is_left_out)
{
	char line[8192];
	size_t len = logged(line, sizeof(line), long_json);

	cr_assert_lt(len, 200);
	cr_assert_str_eq(line + len - 8, "\"\xc3\xa9\xc3\xa9\"}\n", "%s", line);
}

static const char *const level_items[] = {"loud=debug", "quiet=error"};

static void by_component(void)
{
	pdb_option_list items = {level_items, 2};

	cr_assert(pdb_log_set_levels(items));
	pdb_log(PDB_LOG_DEBUG, "loud", "one");
	pdb_log(PDB_LOG_DEBUG, "other", "two");
	pdb_log(PDB_LOG_WARN, "quiet", "three");
	pdb_log(PDB_LOG_ERROR, "quiet", "four");
	pdb_log(PDB_LOG_INFO, "other", "five");
	cr_assert(pdb_log_set_levels((pdb_option_list){NULL, 0}));
	pdb_log(PDB_LOG_DEBUG, "loud", "six");
}

Test(log, components_have_levels_of_their_own)
{
	char line[4096];

	pdb_log_set_level(PDB_LOG_INFO);
	logged(line, sizeof(line), by_component);
	cr_assert_not_null(strstr(line, "one"));
	cr_assert_null(strstr(line, "two"));
	cr_assert_null(strstr(line, "three"));
	cr_assert_not_null(strstr(line, "four"));
	cr_assert_not_null(strstr(line, "five"));
	cr_assert_null(strstr(line, "six"));
	cr_assert_not_null(pdb_log_judge_level("http"));
	cr_assert_not_null(pdb_log_judge_level("=debug"));
	cr_assert_not_null(pdb_log_judge_level("http=loud"));
	cr_assert_null(pdb_log_judge_level("http=warn"));
}

/* -- sinks ------------------------------------------------------------------------------------- */

Test(log, sinks_are_judged)
{
	cr_assert_null(pdb_log_judge_sink("stderr"));
	cr_assert_null(pdb_log_judge_sink("journald"));
	cr_assert_null(pdb_log_judge_sink("journald:/run/x"));
	cr_assert_null(pdb_log_judge_sink("file:x"));
	cr_assert_not_null(pdb_log_judge_sink("file:"));
	cr_assert_not_null(pdb_log_judge_sink("journald:x"));
	cr_assert_not_null(pdb_log_judge_sink("syslog"));
	cr_assert_not_null(pdb_log_judge_sink(""));
}

static size_t read_file(const char *path, char *out, size_t size)
{
	FILE *file = fopen(path, "r");
	size_t len = file != NULL ? fread(out, 1, size - 1, file) : 0;

	if (file != NULL) {
		(void)fclose(file);
	}
	out[len] = '\0';
	return len;
}

Test(log, a_rotated_file_is_opened_again)
{
	char directory[] = "/tmp/pdb-log-XXXXXX";
	char sink[80];
	char path[64];
	char old[80];
	char text[1024];
	pdb_err err = {0};

	cr_assert_not_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/log", directory);
	snprintf(old, sizeof(old), "%s.1", path);
	snprintf(sink, sizeof(sink), "file:%s", path);
	cr_assert_eq(pdb_log_open(PDB_LOG_ACCESS, sink, &err), PDB_OK, "%s", err.text);
	pdb_log_access(fields, 3, "first");
	cr_assert_eq(rename(path, old), 0);
	pdb_log_access(fields, 3, "second");
	cr_assert(pdb_log_reopen());
	pdb_log_access(fields, 3, "third");
	read_file(old, text, sizeof(text));
	cr_assert_not_null(strstr(text, "first"));
	cr_assert_not_null(strstr(text, "second"));
	cr_assert_null(strstr(text, "third"));
	read_file(path, text, sizeof(text));
	cr_assert_not_null(strstr(text, "component=access msg=\"third\" path="));
	(void)unlink(path);
	cr_assert_eq(rename(old, path), 0);
	(void)unlink(path);
	cr_assert_eq(rmdir(directory), 0);
	cr_assert_not(pdb_log_reopen());
	cr_assert_eq(pdb_log_open(PDB_LOG_MAIN, sink, &err), PDB_EBACKEND);
}

Test(log, journald_gets_entries)
{
	char directory[] = "/tmp/pdb-log-XXXXXX";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char sink[160];
	char entry[4096];
	ssize_t len;
	pdb_err err = {0};

	cr_assert_not_null(mkdtemp(directory));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	snprintf(sink, sizeof(sink), "journald:%s", address.sun_path);
	cr_assert_eq(pdb_log_open(PDB_LOG_MAIN, sink, &err), PDB_OK, "%s", err.text);
	pdb_log_set_request("abc-02");
	pdb_log_fields(PDB_LOG_WARN, "test", fields, 3, "two\nlines=\"x\"");
	pdb_log_set_request(NULL);
	pdb_log_set_fd(2);
	len = recv(fd, entry, sizeof(entry) - 1, MSG_DONTWAIT);
	cr_assert_gt(len, 0);
	entry[len] = '\0';
	cr_assert_str_eq(entry, "PRIORITY=4\nSYSLOG_IDENTIFIER=progressdb\nPDB_COMPONENT=test\n"
				"PDB_REQUEST=abc-02\nMESSAGE=two\\x0alines=\"x\"\nPDB_PATH=/a b\n"
				"PDB_PLAIN=x\nPDB_STATUS=200\n");
	(void)close(fd);
	(void)unlink(address.sun_path);
	(void)rmdir(directory);
}

Test(log, counts_what_was_written_and_lost)
{
	char line[1024];
	pdb_log_counts before;
	pdb_log_counts after;

	pdb_log_counts_read(&before);
	logged(line, sizeof(line), forge);
	pdb_log_set_fd(-1);
	forge();
	pdb_log_counts_read(&after);
	cr_assert_eq(after.lines[PDB_LOG_INFO] - before.lines[PDB_LOG_INFO], 1);
	cr_assert_eq(after.lost - before.lost, 1);
}
