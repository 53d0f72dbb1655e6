/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin as a whole: both gates, what they tell, options, reload. */
#include <criterion/criterion.h>
#include <pdb/pdb.h>
#include <sodium.h>
#include <stdlib.h>

#include "crowd.h"
#include "fake_request.h"
#include "limits.h"

extern const pdb_manifest pdb_plugin_manifest_ratelimit;

#define SECOND INT64_C(1000000000)
#define BATCH  "/v1/threads/{thread}/messages:batch"

static const pdb_gate *guard;
static const pdb_gate *rate;
static void *state;
static int64_t now;
static unsigned lines;
static pdb_request request;
static pdb_err err;

static pdb_status add_gate(pdb_plugin *plugin, const pdb_gate *gate, void *self, pdb_err *why)
{
	(void)plugin, (void)self, (void)why;
	if (gate->phase == PDB_PHASE_GUARD) {
		guard = gate;
	} else {
		rate = gate;
	}
	return PDB_OK;
}

static int64_t monotonic(void)
{
	return now;
}

PDB_PRINTF(3, 4)
static void log_line(pdb_log_level level, const char *component, const char *format, ...)
{
	(void)level, (void)component, (void)format;
	lines++;
}

static const pdb_host host = {
	.size = sizeof(pdb_host),
	.alloc = malloc,
	.realloc = realloc,
	.free = free,
	.log = log_line,
	.monotonic = monotonic,
	.random = randombytes_buf,
	.add_gate = add_gate,
	.request_add_header = pdb_request_add_header,
	.request_header = pdb_request_header,
	.request_key = pdb_request_key,
	.request_listener = pdb_request_listener,
	.request_method = pdb_request_method,
	.request_peer = pdb_request_peer,
	.request_role = pdb_request_role,
	.request_route = pdb_request_route,
	.request_status = pdb_request_status,
	.request_user = pdb_request_user,
};

static const pdb_extension_ops *ops(void)
{
	return pdb_plugin_manifest_ratelimit.ops;
}

static void start(limits_settings settings)
{
	settings.costs = settings.costs != NULL ? settings.costs : "";
	now = 5000 * SECOND;
	cr_assert(ops()->init(&host, NULL, &settings, &state, &err) == PDB_OK, "%s", err.text);
}

static void end(void)
{
	ops()->fini(&state);
	cr_assert_null(state);
	fake_request_fini(&request);
}

TestSuite(ratelimit, .fini = end, .timeout = 30);

static void begin(const char *peer, const char *key, const char *user)
{
	fake_request_reset(&request);
	request.method = request.method != 0 ? request.method : PDB_METHOD_GET;
	request.socket_peer = peer;
	(void)snprintf(request.key, sizeof(request.key), "%s", key);
	(void)snprintf(request.user, sizeof(request.user), "%s", user);
	memset(&err, 0, sizeof(err));
}

/* From the guard to the end, as a request that identifies itself well. */
static pdb_status ask(const char *peer, const char *key, const char *user)
{
	pdb_status status;

	begin(peer, key, user);
	if (key[0] != '\0') {
		fake_header(&request, "X-API-Key", "good");
	}
	status = guard->enter(state, &request, &err);
	if (status == PDB_OK) {
		status = rate->enter(state, &request, &err);
	}
	guard->leave(state, &request);
	return status;
}

/* As a request with a key that is new or was good before; `good` is what auth finds. */
static pdb_status show(const char *peer, const char *key, bool good)
{
	pdb_status status;

	begin(peer, "", "");
	fake_header(&request, "X-API-Key", key);
	status = guard->enter(state, &request, &err);
	if (status == PDB_OK && good) {
		request.role = PDB_ROLE_BACKEND;
		status = rate->enter(state, &request, &err);
	} else if (status == PDB_OK) {
		request.status = 401;
	}
	guard->leave(state, &request);
	request.role = PDB_ROLE_NONE;
	return status;
}

/* True when the try would have reached the key. */
static bool try_badly(const char *peer)
{
	pdb_status status;

	begin(peer, "", "");
	fake_header(&request, "Authorization", "Bearer wrong");
	status = guard->enter(state, &request, &err);
	guard->leave(state, &request);
	cr_assert(status == PDB_OK || status == PDB_ETOOMANY);
	return status == PDB_OK;
}

static const char *field(const char *name)
{
	return fake_answer_header(&request, name);
}

Test(ratelimit, nothing_is_limited_unless_asked_for)
{
	start((limits_settings){0});
	for (unsigned i = 0; i < 10000; i++) {
		cr_assert_eq(ask("192.0.2.1", "key", "ann"), PDB_OK);
		cr_assert(try_badly("192.0.2.1"));
	}
	cr_assert_null(field("RateLimit"));
}

Test(ratelimit, a_caller_has_its_burst_and_its_rate)
{
	unsigned count = 0;

	start((limits_settings){.rps = 10, .burst = 30});
	for (unsigned i = 0; i < 6000; i++) {
		count += ask("192.0.2.1", "key", "ann") == PDB_OK;
		now += SECOND / 100;
	}
	cr_assert_geq(count, 629);
	cr_assert_leq(count, 630);
}

Test(ratelimit, tells_the_limit_in_fields)
{
	start((limits_settings){.rps = 2, .burst = 3});
	cr_assert_eq(ask("192.0.2.1", "key", ""), PDB_OK);
	cr_assert_str_eq(field("RateLimit-Policy"), "\"caller\";q=3;w=2");
	cr_assert_str_eq(field("RateLimit"), "\"caller\";r=2;t=1");
	cr_assert_null(field("Retry-After"));
	cr_assert_eq(ask("192.0.2.1", "key", ""), PDB_OK);
	cr_assert_eq(ask("192.0.2.1", "key", ""), PDB_OK);
	cr_assert_eq(ask("192.0.2.1", "key", ""), PDB_ETOOMANY);
	cr_assert_str_eq(err.code, "rate_limited");
	cr_assert_str_eq(field("RateLimit"), "\"caller\";r=0;t=2");
	cr_assert_str_eq(field("Retry-After"), "1");
}

Test(ratelimit, several_limits_are_one_list)
{
	start((limits_settings){.rps = 1000000000,
				.key_rps = 5,
				.key_burst = 86400,
				.address_rps = 7,
				.address_burst = 20});
	cr_assert_eq(ask("192.0.2.1", "key", ""), PDB_OK);
	cr_assert_str_eq(field("RateLimit-Policy"),
			 "\"address\";q=20;w=3, \"caller\";q=1000000000;w=1, "
			 "\"key\";q=86400;w=17280");
	cr_assert_str_eq(field("RateLimit"), "\"address\";r=19;t=1, "
					     "\"caller\";r=999999999;t=1, \"key\";r=86399;t=1");
}

Test(ratelimit, users_keys_and_addresses_are_callers_of_their_own)
{
	start((limits_settings){.rps = 1, .burst = 1});
	cr_assert_eq(ask("192.0.2.1", "key", "ann"), PDB_OK);
	cr_assert_eq(ask("192.0.2.1", "key", "ann"), PDB_ETOOMANY);
	cr_assert_eq(ask("192.0.2.2", "other", "ann"), PDB_ETOOMANY, "from wherever she comes");
	cr_assert_eq(ask("192.0.2.1", "key", "bob"), PDB_OK);
	cr_assert_eq(ask("192.0.2.1", "key", ""), PDB_OK);
	cr_assert_eq(ask("192.0.2.9", "key", ""), PDB_ETOOMANY);
	cr_assert_eq(ask("192.0.2.1", "other", ""), PDB_OK);
	cr_assert_eq(ask("192.0.2.1", "", ""), PDB_OK);
	cr_assert_eq(ask("192.0.2.1", "", ""), PDB_ETOOMANY);
	cr_assert_eq(ask("192.0.2.2", "", ""), PDB_OK);
}

Test(ratelimit, all_who_share_a_key_have_a_limit_too)
{
	static const char *const users[] = {"ann", "bob", "cay", "dan", "eve"};

	start((limits_settings){.rps = 5, .burst = 2, .key_rps = 1, .key_burst = 3});
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(ask("192.0.2.1", "key", users[i]), PDB_OK);
	}
	cr_assert_eq(ask("192.0.2.1", "key", users[3]), PDB_ETOOMANY);
	cr_assert_not_null(strstr(err.text, "key"));
	cr_assert_eq(ask("192.0.2.1", "other", users[4]), PDB_OK);
	now += 3 * SECOND;
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(ask("192.0.2.1", "key", users[3]), PDB_OK,
			     "what the key refused has cost nothing");
	}
}

Test(ratelimit, an_address_is_limited_before_its_key)
{
	start((limits_settings){.address_rps = 1, .address_burst = 2});
	cr_assert_eq(ask("2001:db8::1", "", ""), PDB_OK);
	cr_assert_str_eq(field("RateLimit-Policy"), "\"address\";q=2;w=2");
	cr_assert_eq(ask("2001:db8::2", "key", "ann"), PDB_OK);
	begin("2001:db8::3", "", "");
	cr_assert_eq(guard->enter(state, &request, &err), PDB_ETOOMANY, "the same /64");
	cr_assert_str_eq(field("Retry-After"), "1");
	cr_assert_eq(ask("2001:db8:0:1::1", "key", "ann"), PDB_OK);
}

Test(ratelimit, probes_are_never_limited)
{
	start((limits_settings){.rps = 1,
				.burst = 1,
				.address_rps = 1,
				.address_burst = 1,
				.concurrency_address = 1,
				.concurrency_total = 1});
	begin("192.0.2.1", "", "");
	cr_assert_eq(guard->enter(state, &request, &err), PDB_OK);
	request.route = "/healthz";
	for (unsigned i = 0; i < 10; i++) {
		cr_assert_eq(ask("192.0.2.1", "", ""), PDB_OK);
	}
	request.route = "/readyz";
	cr_assert_eq(ask("192.0.2.1", "", ""), PDB_OK);
	request.route = "/metrics";
	cr_assert_neq(ask("192.0.2.1", "", ""), PDB_OK);
}

Test(ratelimit, costs_by_route)
{
	start((limits_settings){
		.rps = 1, .burst = 20, .costs = "{\"GET /v1/threads\":5,\"POST /v1/_sign\":0}"});
	request.route = "/v1/threads";
	cr_assert_eq(ask("192.0.2.1", "key", ""), PDB_OK);
	cr_assert_str_eq(field("RateLimit"), "\"caller\";r=15;t=5");
	request.method = PDB_METHOD_HEAD;
	cr_assert_eq(ask("192.0.2.1", "key", ""), PDB_OK);
	cr_assert_str_eq(field("RateLimit"), "\"caller\";r=10;t=10");
	request.method = PDB_METHOD_POST;
	cr_assert_eq(ask("192.0.2.1", "key", ""), PDB_OK);
	cr_assert_str_eq(field("RateLimit"), "\"caller\";r=9;t=11");
	request.route = "/v1/_sign";
	cr_assert_eq(ask("192.0.2.1", "key", ""), PDB_OK);
	cr_assert_str_eq(field("RateLimit"), "\"caller\";r=9;t=11");
	request.route = BATCH;
	cr_assert_eq(ask("192.0.2.1", "key", ""), PDB_ETOOMANY, "10, if nothing else is said");
	cr_assert_str_eq(field("Retry-After"), "1");
}

Test(ratelimit, at_most_twenty_bad_tries_a_minute)
{
	unsigned minutes[5 * 60] = {0};

	start((limits_settings){.failed_per_minute = 20});
	for (unsigned i = 0; i < 300 * 50; i++) {
		minutes[i / 50] += try_badly("192.0.2.1");
		now += SECOND / 50;
	}
	for (unsigned from = 0; from + 60 <= 300; from++) {
		unsigned count = 0;

		for (unsigned i = 0; i < 60; i++) {
			count += minutes[from + i];
		}
		cr_assert_leq(count, 20, "%u in the minute from second %u", count, from);
		cr_assert_geq(count, 9);
	}
	cr_assert(try_badly("192.0.2.2"), "somebody else");
	cr_assert_leq(lines, 301, "the log is told once a second at most");
	cr_assert_gt(lines, 0);
}

Test(ratelimit, refused_tries_are_refused_before_the_key)
{
	start((limits_settings){.failed_per_minute = 20});
	while (try_badly("192.0.2.1")) {
	}
	cr_assert_str_eq(err.code, "too_many_failures");
	cr_assert_str_eq(field("Retry-After"), "6");
	cr_assert_eq(ask("192.0.2.1", "key", "ann"), PDB_ETOOMANY, "nor is a good one looked at");
	cr_assert_eq(ask("192.0.2.1", "", ""), PDB_OK, "who tries nothing may go on");
	now += 6 * SECOND;
	cr_assert_eq(ask("192.0.2.1", "key", "ann"), PDB_OK);
}

Test(ratelimit, good_tries_cost_nothing)
{
	start((limits_settings){.failed_per_minute = 2});
	for (unsigned i = 0; i < 1000; i++) {
		cr_assert_eq(ask("192.0.2.1", "key", "ann"), PDB_OK);
	}
	cr_assert(try_badly("192.0.2.1"));
	cr_assert_not(try_badly("192.0.2.1"));
}

Test(ratelimit, failures_of_one_do_not_keep_out_who_was_in)
{
	start((limits_settings){.failed_per_minute = 20});
	cr_assert_eq(show("192.0.2.1", "good", true), PDB_OK);
	while (try_badly("192.0.2.1")) {
	}
	for (unsigned i = 0; i < 100; i++) {
		cr_assert_eq(show("192.0.2.1", "good", true), PDB_OK);
		cr_assert_eq(show("192.0.2.1", "unseen", true), PDB_ETOOMANY);
		cr_assert_not(try_badly("192.0.2.1"));
	}
	cr_assert_eq(show("192.0.2.1", "good", false), PDB_OK, "revoked: it is tried once more");
	cr_assert_eq(show("192.0.2.1", "good", false), PDB_ETOOMANY, "and is a guess from then on");
}

Test(ratelimit, an_id_changes_what_was_shown)
{
	start((limits_settings){.failed_per_minute = 2});
	cr_assert_eq(show("192.0.2.1", "good", true), PDB_OK);
	cr_assert(try_badly("192.0.2.1"));
	begin("192.0.2.1", "", "");
	fake_header(&request, "X-API-Key", "good");
	fake_header(&request, "X-User-ID", "ann");
	cr_assert_eq(guard->enter(state, &request, &err), PDB_ETOOMANY);
	begin("192.0.2.1", "", "");
	fake_header(&request, "X-User-ID", "ann");
	cr_assert_eq(guard->enter(state, &request, &err), PDB_OK, "no credentials, no try");
}

Test(ratelimit, one_a_minute)
{
	unsigned count = 0;

	start((limits_settings){.failed_per_minute = 1});
	for (unsigned i = 0; i < 600; i++) {
		count += try_badly("192.0.2.1");
		now += SECOND;
	}
	cr_assert_eq(count, 10);
}

Test(ratelimit, requests_at_once)
{
	pdb_request others[3] = {0};

	start((limits_settings){.concurrency_total = 3, .concurrency_address = 2});
	for (size_t i = 0; i < 3; i++) {
		others[i].socket_peer = i < 2 ? "192.0.2.1" : "192.0.2.2";
		cr_assert_eq(guard->enter(state, &others[i], &err), PDB_OK);
	}
	cr_assert_eq(ask("192.0.2.1", "", ""), PDB_ETOOMANY, "the address has its two");
	cr_assert_str_eq(err.code, "too_many_at_once");
	cr_assert_str_eq(field("Retry-After"), "1");
	cr_assert_eq(ask("192.0.2.3", "", ""), PDB_EBUSY, "the server has its three");
	cr_assert_str_eq(field("Retry-After"), "1");
	request.listener = PDB_LISTENER_ADMIN;
	cr_assert_eq(ask("192.0.2.3", "", ""), PDB_OK);
	request.listener = PDB_LISTENER_MAIN;
	guard->leave(state, &others[2]);
	cr_assert_eq(ask("192.0.2.3", "", ""), PDB_OK);
	guard->leave(state, &others[1]);
	cr_assert_eq(ask("192.0.2.1", "", ""), PDB_OK);
	guard->leave(state, &others[0]);
	for (unsigned i = 0; i < 100; i++) {
		cr_assert_eq(ask("192.0.2.1", "", ""), PDB_OK, "refused ones have left too");
	}
}

Test(ratelimit, reload_changes_limits_and_keeps_buckets)
{
	limits_settings settings = {.rps = 10, .burst = 10, .costs = ""};

	start(settings);
	for (unsigned i = 0; i < 10; i++) {
		cr_assert_eq(ask("192.0.2.1", "key", ""), PDB_OK);
	}
	cr_assert_eq(ops()->reload(state, &settings, &err), PDB_OK);
	cr_assert_eq(ask("192.0.2.1", "key", ""), PDB_ETOOMANY, "no fresh start");
	settings.rps = 1000;
	settings.burst = 2000;
	cr_assert_eq(ops()->reload(state, &settings, &err), PDB_OK);
	cr_assert_eq(ask("192.0.2.1", "key", ""), PDB_OK);
	cr_assert_str_eq(field("RateLimit-Policy"), "\"caller\";q=2000;w=2");
	settings.costs = "[]";
	cr_assert_eq(ops()->reload(state, &settings, &err), PDB_EINVAL);
	cr_assert_eq(ask("192.0.2.1", "key", ""), PDB_OK);
	settings.costs = "";
	settings.rps = 0;
	cr_assert_eq(ops()->reload(state, &settings, &err), PDB_OK);
	for (unsigned i = 0; i < 10000; i++) {
		cr_assert_eq(ask("192.0.2.1", "key", ""), PDB_OK);
	}
}

static void count_problem(void *arg, const char *key, const char *text)
{
	(void)key, (void)text;
	(*(unsigned *)arg)++;
}

static unsigned problems(limits_settings settings)
{
	unsigned found = 0;

	settings.costs = settings.costs != NULL ? settings.costs : "";
	pdb_plugin_manifest_ratelimit.check(&settings, count_problem, &found);
	return found;
}

Test(ratelimit_options, check_finds_every_problem)
{
	static const char *const bad[] = {"[]",
					  "\"x\"",
					  "{\"GET\":1}",
					  "{\"GET v1\":1}",
					  "{\"FETCH /v1\":1}",
					  "{\"GET /v1\":-1}",
					  "{\"GET /v1\":1.5}",
					  "{\"GET /v1\":\"1\"}",
					  "{\"GET /v1\":10001}"};

	cr_assert_eq(problems((limits_settings){0}), 0);
	cr_assert_eq(problems((limits_settings){.rps = 0, .burst = 20}), 0,
		     "as older files have it");
	cr_assert_eq(problems((limits_settings){.rps = 10000000, .burst = 20}), 0);
	cr_assert_eq(problems((limits_settings){.rps = 1, .burst = 86401}), 1);
	cr_assert_eq(problems((limits_settings){.key_burst = 5, .address_burst = 5}), 2);
	cr_assert_eq(problems((limits_settings){.costs = "null"}), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_eq(problems((limits_settings){.costs = bad[i]}), 1, "%s", bad[i]);
	}
}

Test(ratelimit_options, memory_is_bounded)
{
	cr_assert_leq(((1u << 18) + (1u << 17)) * 16 + sizeof(crowd), 16u * 1024 * 1024);
}
