/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin as a whole: lists, proxies, probes, options, reload. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "gatehouse.h"

#define LIST(...)                                                                                  \
	(pdb_option_list)                                                                          \
	{                                                                                          \
		(const char *const[]){__VA_ARGS__},                                                \
			sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)          \
	}

static pdb_request request;

static void start(const gatehouse_settings *settings)
{
	pdb_err err = {0};

	cr_assert(gatehouse_open(settings, &err) == PDB_OK, "%s", err.text);
}

static void end(void)
{
	gatehouse_ops()->fini(&gatekeeper);
	cr_assert_null(gatekeeper);
	fake_request_fini(&request);
}

TestSuite(address, .fini = end);

static pdb_status pass_from(const char *peer)
{
	pdb_err err = {0};
	pdb_status status;

	request.socket_peer = peer;
	request.peer = NULL;
	status = gate->enter(gatekeeper, &request, &err);
	cr_assert(status == PDB_OK || strcmp(err.code, "address_not_allowed") == 0);
	return status;
}

Test(address, without_lists_all_may_come)
{
	start(&(gatehouse_settings){0});
	cr_assert_eq(pass_from("192.0.2.1"), PDB_OK);
	cr_assert_eq(pass_from("2001:db8::1"), PDB_OK);
	cr_assert_eq(pass_from("unix"), PDB_OK);
}

Test(address, the_allowed_and_nobody_else)
{
	start(&(gatehouse_settings){.allowed = LIST("192.0.2.0/24", "2001:db8::/32", "::1")});
	cr_assert_eq(pass_from("192.0.2.77"), PDB_OK);
	cr_assert_eq(pass_from("192.0.3.77"), PDB_EDENIED);
	cr_assert_eq(pass_from("2001:db8:ffff::1"), PDB_OK);
	cr_assert_eq(pass_from("2001:db9::1"), PDB_EDENIED);
	cr_assert_eq(pass_from("::1"), PDB_OK);
	cr_assert_eq(pass_from("::2"), PDB_EDENIED);
	cr_assert_eq(pass_from("unix"), PDB_OK);
}

Test(address, a_mapped_address_is_the_plain_one)
{
	start(&(gatehouse_settings){.allowed = LIST("::ffff:192.0.2.0/120")});
	cr_assert_eq(pass_from("::ffff:192.0.2.9"), PDB_OK);
	cr_assert_str_eq(pdb_request_peer(&request), "192.0.2.9");
	cr_assert_eq(pass_from("192.0.2.9"), PDB_OK);
	cr_assert_eq(pass_from("::ffff:192.0.3.9"), PDB_EDENIED);
}

Test(address, denied_wins_over_allowed)
{
	start(&(gatehouse_settings){.allowed = LIST("10.0.0.0/8"), .denied = LIST("10.6.0.0/16")});
	cr_assert_eq(pass_from("10.7.0.1"), PDB_OK);
	cr_assert_eq(pass_from("10.6.0.1"), PDB_EDENIED);
	cr_assert_eq(pass_from("11.0.0.1"), PDB_EDENIED);
}

Test(address, only_probes_are_exempt)
{
	static const char *const routes[] = {"/healthz", "/readyz"};
	static const char *const others[] = {"", "/metrics", "/docs/{*path}", "/v1/threads",
					     "/healthz/x"};

	start(&(gatehouse_settings){.allowed = LIST("10.0.0.0/8")});
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		request.route = routes[i];
		cr_assert_eq(pass_from("192.0.2.1"), PDB_OK);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		request.route = others[i];
		cr_assert_eq(pass_from("192.0.2.1"), PDB_EDENIED, "%s", others[i]);
	}
}

Test(address, judged_by_whom_the_proxy_names)
{
	start(&(gatehouse_settings){.allowed = LIST("203.0.113.0/24"),
				    .proxies = LIST("10.0.0.1")});
	fake_header(&request, "X-Forwarded-For", "203.0.113.9");
	cr_assert_eq(pass_from("10.0.0.1"), PDB_OK);
	cr_assert_str_eq(pdb_request_peer(&request), "203.0.113.9");
	cr_assert_eq(pass_from("10.0.0.2"), PDB_EDENIED, "a stranger may write what it likes");
	cr_assert_str_eq(pdb_request_peer(&request), "10.0.0.2");
	fake_request_reset(&request);
	cr_assert_eq(pass_from("10.0.0.1"), PDB_EDENIED);
}

Test(address, reload_changes_the_lists)
{
	gatehouse_settings settings = {.allowed = LIST("10.0.0.0/8")};
	pdb_err err = {0};

	start(&settings);
	cr_assert_eq(pass_from("192.0.2.1"), PDB_EDENIED);
	settings.allowed = LIST("192.0.2.0/24");
	cr_assert_eq(gatehouse_ops()->reload(gatekeeper, &settings, &err), PDB_OK);
	cr_assert_eq(pass_from("192.0.2.1"), PDB_OK);
	settings.allowed = LIST("192.0.2.0/33");
	cr_assert_eq(gatehouse_ops()->reload(gatekeeper, &settings, &err), PDB_EINVAL);
	cr_assert_eq(pass_from("192.0.2.1"), PDB_OK, "a refused reload keeps the lists");
}

static void *ask_often(void *arg)
{
	bool *good = arg;
	pdb_request own = {.socket_peer = "10.1.1.1"};
	pdb_err err = {0};

	*good = true;
	for (int i = 0; i < 5000; i++) {
		*good = *good && gate->enter(gatekeeper, &own, &err) == PDB_OK;
	}
	return NULL;
}

Test(address, reloads_while_requests_run)
{
	gatehouse_settings settings[2] = {{.allowed = LIST("10.0.0.0/8")},
					  {.allowed = LIST("10.1.0.0/16", "192.0.2.1")}};
	pthread_t thread;
	bool good = false;
	pdb_err err = {0};

	start(&settings[0]);
	cr_assert_eq(pthread_create(&thread, NULL, ask_often, &good), 0);
	for (size_t i = 0; i < 500; i++) {
		cr_assert_eq(gatehouse_ops()->reload(gatekeeper, &settings[i % 2], &err), PDB_OK);
	}
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_assert(good);
}

static void count(void *arg, const char *key, const char *text)
{
	(void)key, (void)text;
	(*(unsigned *)arg)++;
}

Test(address, check_finds_every_problem)
{
	gatehouse_settings settings = {
		.allowed = LIST("10.0.0.0/8", "10.0.0.1/8", "all", "", "10.0.0.0/-1"),
		.denied = LIST("256.0.0.1", "::1"),
		.proxies = LIST("fe80::1%eth0", "localhost")};
	unsigned problems = 0;

	pdb_plugin_manifest_address.check(&settings, count, &problems);
	cr_assert_eq(problems, 7);
}
