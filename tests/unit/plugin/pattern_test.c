/* SPDX-License-Identifier: Apache-2.0 */
/* Route patterns: which are well-formed, and which mean the same paths. */
#include <criterion/criterion.h>

#include "plugin/plugin_private.h"

Test(pattern, accepts_what_routes_need)
{
	const char *const good[] = {
		"/",
		"/healthz",
		"/docs/",
		"/docs/{*path}",
		"/v1/threads/{thread}/messages:batch",
		"/v1/threads/{thread}/messages/{message}/reactions/{identity}",
		"/v1/_sign",
		"/{a}/{b}/{*c}",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const char *fault = pdb__pattern_fault(good[i]);

		cr_expect_null(fault, "%s %s", good[i], fault);
	}
}

Test(pattern, refuses_the_malformed)
{
	const char *const bad[] = {
		NULL,   "",      "a",         "//a",      "/a//b",     "/{",     "/{}",   "/{a",
		"/{A}", "/x{a}", "/{a}x",     "/{*}",     "/{*a}/b",   "/{*a}/", "/a b",  "/a?b",
		"/a#b", "/%2f",  "/\xc3\xa9", "/{a}/{a}", "/{a}/{*a}", "/a\x01", "/a\\b",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_not_null(pdb__pattern_fault(bad[i]), "%s passed",
				   bad[i] != NULL ? bad[i] : "NULL");
	}
}

Test(pattern, has_the_shape_of_another_but_for_names)
{
	cr_expect(pdb__pattern_same_shape("/a/{x}/b", "/a/{y}/b"));
	cr_expect(pdb__pattern_same_shape("/a/{*x}", "/a/{*y}"));
	cr_expect(pdb__pattern_same_shape("/", "/"));
	cr_expect_not(pdb__pattern_same_shape("/a/{x}", "/a/b"));
	cr_expect_not(pdb__pattern_same_shape("/a/{x}", "/a/{*x}"));
	cr_expect_not(pdb__pattern_same_shape("/a", "/a/"));
	cr_expect_not(pdb__pattern_same_shape("/a", "/a/b"));
	cr_expect_not(pdb__pattern_same_shape("/ab", "/a"));
}
