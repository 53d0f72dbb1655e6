/* SPDX-License-Identifier: Apache-2.0 */
/* The part of Criterion's interface that these tests use, for builds in which it cannot start. */
#ifndef PDB_TEST_PLAIN_CRITERION_H
#define PDB_TEST_PLAIN_CRITERION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/*
 * Criterion keeps an arena at a fixed place in memory, which the thread sanitizer claims for
 * itself. Here each test is a forked child and nothing else; what Criterion does beyond that is not
 * imitated.
 */
typedef struct plain_options {
	void (*init)(void);
	void (*fini)(void);
	int signal;
	int exit_code;
	double timeout;
	bool last; /* ends the list of a macro */
} plain_options;

struct criterion_test_params {
	size_t size;
	void *params;
	size_t length;
};

typedef struct plain_test {
	const char *suite;
	const char *name; /* NULL: the options of a whole suite */
	void (*run)(void);
	void (*run_with)(void *param);
	struct criterion_test_params (*params)(void);
	plain_options options;
	struct plain_test *next;
} plain_test;

void plain_add(plain_test *test);
void plain_fail(bool fatal, const char *file, int line, const char *what, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
_Noreturn void plain_skip(const char *reason);

#define PLAIN_REGISTER(id, ...)                                                                    \
	static plain_test plain_##id = {__VA_ARGS__};                                              \
	__attribute__((constructor)) static void plain_add_##id(void)                              \
	{                                                                                          \
		plain_add(&plain_##id);                                                            \
	}

#define PLAIN_SUITE(suite_, ...)                                                                   \
	PLAIN_REGISTER(suite_##_suite, .suite = #suite_, .options = {__VA_ARGS__})
#define TestSuite(...) PLAIN_SUITE(__VA_ARGS__, .last = true)

#define PLAIN_TEST(suite_, name_, ...)                                                             \
	static void suite_##_##name_##_run(void);                                                  \
	PLAIN_REGISTER(suite_##_##name_, .suite = #suite_, .name = #name_,                         \
		       .run = suite_##_##name_##_run, .options = {__VA_ARGS__})                    \
	static void suite_##_##name_##_run(void)
#define Test(...) PLAIN_TEST(__VA_ARGS__, .last = true)

#define PLAIN_CHECK(fatal, holds, what, ...)                                                       \
	do {                                                                                       \
		if (!(holds)) {                                                                    \
			plain_fail(fatal, __FILE__, __LINE__, what, " " __VA_ARGS__);              \
		}                                                                                  \
	} while (0)
#define PLAIN_TEXT(a, b) (strcmp((a), (b)))

#define cr_assert(x, ...)          PLAIN_CHECK(true, (x), #x, __VA_ARGS__)
#define cr_assert_not(x, ...)      PLAIN_CHECK(true, !(x), "not " #x, __VA_ARGS__)
#define cr_assert_null(x, ...)     PLAIN_CHECK(true, (x) == NULL, #x " is NULL", __VA_ARGS__)
#define cr_assert_not_null(x, ...) PLAIN_CHECK(true, (x) != NULL, #x " is set", __VA_ARGS__)
#define cr_assert_eq(a, b, ...)    PLAIN_CHECK(true, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...)   PLAIN_CHECK(true, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...)    PLAIN_CHECK(true, (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...)   PLAIN_CHECK(true, (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...)    PLAIN_CHECK(true, (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...)   PLAIN_CHECK(true, (a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)                                                                \
	PLAIN_CHECK(true, PLAIN_TEXT(a, b) == 0, #a " is " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...)                                                               \
	PLAIN_CHECK(true, PLAIN_TEXT(a, b) != 0, #a " is not " #b, __VA_ARGS__)
#define cr_assert_str_empty(a, ...) PLAIN_CHECK(true, (a)[0] == '\0', #a " is empty", __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...)                                                             \
	PLAIN_CHECK(true, memcmp((a), (b), (n)) == 0, #a " is " #b, __VA_ARGS__)
#define cr_assert_fail(...) PLAIN_CHECK(true, false, "failed", __VA_ARGS__)

#define cr_expect(x, ...)          PLAIN_CHECK(false, (x), #x, __VA_ARGS__)
#define cr_expect_not(x, ...)      PLAIN_CHECK(false, !(x), "not " #x, __VA_ARGS__)
#define cr_expect_null(x, ...)     PLAIN_CHECK(false, (x) == NULL, #x " is NULL", __VA_ARGS__)
#define cr_expect_not_null(x, ...) PLAIN_CHECK(false, (x) != NULL, #x " is set", __VA_ARGS__)
#define cr_expect_eq(a, b, ...)    PLAIN_CHECK(false, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...)   PLAIN_CHECK(false, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...)    PLAIN_CHECK(false, (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...)   PLAIN_CHECK(false, (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...)    PLAIN_CHECK(false, (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...)   PLAIN_CHECK(false, (a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)                                                                \
	PLAIN_CHECK(false, PLAIN_TEXT(a, b) == 0, #a " is " #b, __VA_ARGS__)

#define cr_expect_str_empty(a, ...) PLAIN_CHECK(false, (a)[0] == '\0', #a " is empty", __VA_ARGS__)
#define cr_expect_str_not_empty(a, ...)                                                            \
	PLAIN_CHECK(false, (a)[0] != '\0', #a " is not empty", __VA_ARGS__)
#define cr_expect_float_eq(a, b, epsilon, ...)                                                     \
	PLAIN_CHECK(false, (a) - (b) <= (epsilon) && (b) - (a) <= (epsilon), #a " is about " #b,   \
		    __VA_ARGS__)

#define cr_log_info(...) (void)fprintf(stderr, __VA_ARGS__)

#define cr_skip_test(reason) plain_skip(reason)

#endif
