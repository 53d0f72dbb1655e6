/* SPDX-License-Identifier: Apache-2.0 */
/* Runs tests one after the other, each in a child of its own. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_FAILED     66
#define EXIT_SKIPPED    77
#define TIMEOUT_DEFAULT 300

static plain_test *tests;
static int failures; /* of this child */

void plain_add(plain_test *test)
{
	test->next = tests;
	tests = test;
}

void plain_fail(bool fatal, const char *file, int line, const char *what, const char *format, ...)
{
	va_list args;

	(void)fprintf(stderr, "%s:%d: %s", file, line, what);
	if (format[1] != '\0') {
		(void)fputc(':', stderr);
		va_start(args, format);
		(void)vfprintf(stderr, format, args);
		va_end(args);
	}
	(void)fputc('\n', stderr);
	failures++;
	if (fatal) {
		_exit(EXIT_FAILED);
	}
}

void plain_skip(const char *reason)
{
	(void)fprintf(stderr, "skipped: %s\n", reason);
	_exit(EXIT_SKIPPED);
}

static const plain_options *suite_options(const char *suite)
{
	static const plain_options none;

	for (const plain_test *test = tests; test != NULL; test = test->next) {
		if (test->name == NULL && strcmp(test->suite, suite) == 0) {
			return &test->options;
		}
	}
	return &none;
}

_Noreturn static void child(const plain_test *test, void *param)
{
	const plain_options *suite = suite_options(test->suite);
	void (*init)(void) = test->options.init != NULL ? test->options.init : suite->init;
	void (*fini)(void) = test->options.fini != NULL ? test->options.fini : suite->fini;

	(void)alarm(test->options.timeout > 0 ? 3 * (unsigned)test->options.timeout
					      : TIMEOUT_DEFAULT);
	if (init != NULL) {
		init();
	}
	if (test->run_with != NULL) {
		test->run_with(param);
	} else {
		test->run();
	}
	if (fini != NULL) {
		fini();
	}
	exit(failures > 0 ? EXIT_FAILED : 0);
}

/* 1: passed, 0: failed, -1: skipped. */
static int run(const plain_test *test, void *param)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		child(test, param);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		return 0;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED) {
		return -1;
	}
	if (test->options.signal != 0) {
		return WIFSIGNALED(status) && WTERMSIG(status) == test->options.signal;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == test->options.exit_code;
}

static void run_all(const plain_test *test, int counts[3])
{
	struct criterion_test_params params = {0, NULL, 1};

	if (test->params != NULL) {
		params = test->params();
	}
	for (size_t i = 0; i < params.length; i++) {
		int result = run(test, (char *)params.params + i * params.size);

		counts[result + 1]++;
		if (result == 0) {
			(void)fprintf(stderr, "FAILED %s.%s (%zu)\n", test->suite, test->name, i);
		}
	}
}

int main(void)
{
	int counts[3] = {0}; /* skipped, failed, passed */

	for (const plain_test *test = tests; test != NULL; test = test->next) {
		if (test->name != NULL) {
			run_all(test, counts);
		}
	}
	(void)printf("Tested: %d | Passing: %d | Failing: %d | Crashing: 0\n",
		     counts[1] + counts[2], counts[2], counts[1]);
	return counts[1] == 0 && counts[2] > 0 ? 0 : 1;
}
