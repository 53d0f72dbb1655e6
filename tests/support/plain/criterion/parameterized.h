/* SPDX-License-Identifier: Apache-2.0 */
/* Parameterised tests, see criterion.h beside it. */
#ifndef PDB_TEST_PLAIN_PARAMETERIZED_H
#define PDB_TEST_PLAIN_PARAMETERIZED_H

#include <criterion/criterion.h>

#define cr_make_param_array(type, array, count)                                                    \
	((struct criterion_test_params){sizeof(type), (void *)(array), (count)})

#define ParameterizedTestParameters(suite_, name_)                                                 \
	static struct criterion_test_params suite_##_##name_##_params(void)

#define PLAIN_WITH(type_, suite_, name_, ...)                                                      \
	static void suite_##_##name_##_run(type_);                                                 \
	static void suite_##_##name_##_call(void *given)                                           \
	{                                                                                          \
		suite_##_##name_##_run(given);                                                     \
	}                                                                                          \
	PLAIN_REGISTER(suite_##_##name_, .suite = #suite_, .name = #name_,                         \
		       .run_with = suite_##_##name_##_call, .params = suite_##_##name_##_params,   \
		       .options = {__VA_ARGS__})                                                   \
	static void suite_##_##name_##_run(type_)
#define ParameterizedTest(...) PLAIN_WITH(__VA_ARGS__, .last = true)

#endif
