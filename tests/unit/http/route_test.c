/* SPDX-License-Identifier: Apache-2.0 */
/* The router: which route a path finds, its parameters, and what else is allowed there. */
#include <criterion/criterion.h>

#include "http/route.h"

static pdb_status handle(void *self, pdb_request *request, pdb_err *err)
{
	(void)self;
	(void)request;
	(void)err;
	return PDB_OK;
}

#define ROUTE(method, pattern)                                                                     \
	{                                                                                          \
		sizeof(pdb_route), PDB_METHOD_##method, pattern, PDB_ROLES_ALL, 0, handle          \
	}

static const pdb_route routes[] = {
	ROUTE(GET, "/"),
	ROUTE(GET, "/threads"),
	ROUTE(POST, "/threads"),
	ROUTE(GET, "/threads/{thread}"),
	ROUTE(DELETE, "/threads/{t}"),
	ROUTE(GET, "/threads/{thread}/messages/{message}"),
	ROUTE(POST, "/threads/{thread}/messages:batch"),
	ROUTE(GET, "/threads/special"),
	ROUTE(GET, "/viewer/{*file}"),
	ROUTE(GET, "/viewer/own"),
	ROUTE(POST, "/_sign"),
};

static pdb_socket_entry entries[16];
static pdb_router *router;

static void setup(void)
{
	pdb_socket_list list = {entries, sizeof(routes) / sizeof(routes[0])};

	for (size_t i = 0; i < list.count; i++) {
		entries[i] = (pdb_socket_entry){&routes[i], &entries[i], "test"};
	}
	cr_assert_eq(pdb_router_create(&router, &list, NULL), PDB_OK);
}

static void teardown(void)
{
	pdb_router_destroy(&router);
	pdb_router_destroy(&router);
}

TestSuite(route, .init = setup, .fini = teardown);

static pdb_match find(pdb_method method, const char *path)
{
	pdb_match match;

	pdb_router_find(router, method, pdb_slice_text(path), &match);
	return match;
}

static void expect_route(pdb_method method, const char *path, const char *pattern)
{
	pdb_match match = find(method, path);

	cr_assert_not_null(match.route, "%s", path);
	cr_expect_str_eq(match.route->pattern, pattern);
	cr_expect_eq(match.self, match.route == NULL ? NULL : &entries[match.route - routes]);
}

Test(route, finds_by_path_and_method)
{
	expect_route(PDB_METHOD_GET, "/", "/");
	expect_route(PDB_METHOD_GET, "/threads", "/threads");
	expect_route(PDB_METHOD_POST, "/threads", "/threads");
	expect_route(PDB_METHOD_GET, "/threads/x", "/threads/{thread}");
	expect_route(PDB_METHOD_DELETE, "/threads/x", "/threads/{t}");
	expect_route(PDB_METHOD_GET, "/threads/special", "/threads/special");
	expect_route(PDB_METHOD_POST, "/threads/x/messages:batch",
		     "/threads/{thread}/messages:batch");
	expect_route(PDB_METHOD_HEAD, "/threads", "/threads");
}

Test(route, names_parameters_by_the_route_found)
{
	pdb_match match = find(PDB_METHOD_GET, "/threads/a%2Fb/messages/m-1");

	cr_assert_eq(match.count, 2);
	cr_expect(pdb_slice_is(match.params[0].name, "thread"));
	cr_expect(pdb_slice_is(match.params[0].value, "a%2Fb"));
	cr_expect(pdb_slice_is(match.params[1].name, "message"));
	cr_expect(pdb_slice_is(match.params[1].value, "m-1"));
	match = find(PDB_METHOD_DELETE, "/threads/a");
	cr_expect(pdb_slice_is(match.params[0].name, "t"));
}

Test(route, the_rest_is_taken_whole)
{
	pdb_match match = find(PDB_METHOD_GET, "/viewer/a/b.js");

	cr_assert_not_null(match.route);
	cr_expect(pdb_slice_is(match.params[0].name, "file"));
	cr_expect(pdb_slice_is(match.params[0].value, "a/b.js"));
	match = find(PDB_METHOD_GET, "/viewer/");
	cr_assert_not_null(match.route);
	cr_expect_eq(match.params[0].value.len, 0);
	expect_route(PDB_METHOD_GET, "/viewer/own", "/viewer/own");
	expect_route(PDB_METHOD_GET, "/viewer/own/other", "/viewer/{*file}");
	cr_expect_null(find(PDB_METHOD_GET, "/viewer").route);
}

Test(route, unknown_paths_allow_nothing)
{
	static const char *const paths[] = {"/thread",
					    "/threads/",
					    "/threads/x/",
					    "/threads//",
					    "//threads",
					    "/Threads",
					    "/threads/.",
					    "/threads/..",
					    "/threads/x/messages",
					    "*",
					    "/threads/x/messages/m/n"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		pdb_match match = find(PDB_METHOD_GET, paths[i]);

		cr_expect_null(match.route, "%s", paths[i]);
		cr_expect_eq(match.allowed, 0, "%s", paths[i]);
	}
}

Test(route, known_paths_say_what_is_allowed)
{
	char text[PDB_ALLOW_MAX];
	pdb_match match = find(PDB_METHOD_PATCH, "/threads/x");

	cr_expect_null(match.route);
	cr_expect_eq(match.allowed, PDB_METHOD_GET | PDB_METHOD_HEAD | PDB_METHOD_DELETE);
	pdb_allow_text(match.allowed, text);
	cr_expect_str_eq(text, "GET, HEAD, DELETE");
	pdb_allow_text(0x7f, text);
	cr_expect_str_eq(text, "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH");
}

Test(route, bad_patterns_are_refused, .init = NULL, .fini = NULL)
{
	static const pdb_route bad[] = {ROUTE(GET, "threads"), ROUTE(GET, "/a/{*rest}/b")};

	for (size_t i = 0; i < 2; i++) {
		pdb_socket_entry entry = {&bad[i], NULL, "test"};
		pdb_socket_list list = {&entry, 1};
		pdb_router *none = NULL;
		pdb_err err = {0};

		cr_expect_eq(pdb_router_create(&none, &list, &err), PDB_EINVAL);
		cr_expect_null(none);
	}
}
