/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin as a whole: which requests leave a line, what it says, and a log that fails. */
#include <criterion/criterion.h>
#include <pdb/control.h>
#include <pdb/pdb.h>
#include <pthread.h>
#include <stdlib.h>

#include "fake_request.h"
#include "writer.h"

extern const pdb_manifest pdb_plugin_manifest_audit;

#define SECOND INT64_C(1000000000)

static const pdb_gate *outer;
static const pdb_gate *inner;
static void *state;
static int64_t now = 100 * SECOND;
static pdb_request request;
static pdb_err err;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t tried = PTHREAD_COND_INITIALIZER;
static bool failing;
static unsigned failures;
static unsigned count;
static char last[4096];

static pdb_status audit_line(pdb_slice members, pdb_err *why)
{
	pdb_status status = PDB_OK;

	(void)pthread_mutex_lock(&lock);
	if (failing) {
		failures++;
		status = pdb_err_set(why, PDB_EFULL, NULL, "no room");
	} else {
		count++;
		(void)snprintf(last, sizeof(last), "%.*s", PDB_SLICE_ARGS(members));
	}
	(void)pthread_cond_broadcast(&tried);
	(void)pthread_mutex_unlock(&lock);
	return status;
}

/* Until the log has been told that many lines. */
static void await(unsigned lines)
{
	(void)pthread_mutex_lock(&lock);
	while (count < lines) {
		(void)pthread_cond_wait(&tried, &lock);
	}
	(void)pthread_mutex_unlock(&lock);
}

static void set_failing(bool wanted)
{
	(void)pthread_mutex_lock(&lock);
	failing = wanted;
	(void)pthread_mutex_unlock(&lock);
}

static void await_failure(void)
{
	unsigned before;

	(void)pthread_mutex_lock(&lock);
	before = failures;
	while (failures == before) {
		(void)pthread_cond_wait(&tried, &lock);
	}
	(void)pthread_mutex_unlock(&lock);
}

static pdb_status add_gate(pdb_plugin *plugin, const pdb_gate *gate, void *self, pdb_err *why)
{
	(void)plugin, (void)self, (void)why;
	if (gate->phase == PDB_PHASE_TRACE) {
		outer = gate;
	} else {
		inner = gate;
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
}

static const char *request_id(const pdb_request *asked)
{
	(void)asked;
	return "r-1";
}

static const pdb_host_control control = {.size = sizeof(control), .audit = audit_line};

static const pdb_host host = {
	.size = sizeof(pdb_host),
	.alloc = malloc,
	.realloc = realloc,
	.free = free,
	.log = log_line,
	.monotonic = monotonic,
	.add_gate = add_gate,
	.control = &control,
	.request_body = pdb_request_body,
	.request_certificate_name = pdb_request_certificate_name,
	.request_id = request_id,
	.request_key = pdb_request_key,
	.request_method = pdb_request_method,
	.request_param = pdb_request_param,
	.request_path = pdb_request_path,
	.request_peer = pdb_request_peer,
	.request_query = pdb_request_query,
	.request_role = pdb_request_role,
	.request_route = pdb_request_route,
	.request_status = pdb_request_status,
	.request_user = pdb_request_user,
};

static const pdb_extension_ops *ops(void)
{
	return pdb_plugin_manifest_audit.ops;
}

static void start(void)
{
	cr_assert_eq(ops()->init(&host, NULL, NULL, &state, &err), PDB_OK, "%s", err.text);
	cr_assert_eq(ops()->start(state, &err), PDB_OK);
}

static void end(void)
{
	ops()->stop(state);
	ops()->fini(&state);
	cr_assert_null(state);
	fake_request_fini(&request);
}

TestSuite(audit, .init = start, .fini = end, .timeout = 60);

static void begin(pdb_role role, const char *path, const char *route)
{
	fake_request_reset(&request);
	request.method = PDB_METHOD_POST;
	request.role = role;
	request.path = path;
	request.route = route;
	request.status = 200;
	(void)snprintf(request.key, sizeof(request.key), "%s", "0a1b2c3d");
}

Test(audit, says_who_did_what)
{
	begin(PDB_ROLE_ADMIN, "/admin/threads/soup/purge", "/admin/threads/{thread}/purge");
	fake_param(&request, "thread", "soup");
	fake_query(&request, "dry_run", "true");
	fake_query(&request, "token", "secret");
	fake_body(&request, "{\"thread_ids\":[\"a\",\"b\",7],\"id\":5,\"master_key\":\"secret\","
			    "\"name\":{\"x\":1},\"text\":\"secret\"}");
	request.certificate_name = "ops-1";
	outer->leave(state, &request);
	await(1);
	cr_assert_str_eq(last,
			 "\"event\":\"admin_call\",\"request_id\":\"r-1\",\"key\":\"0a1b2c3d\","
			 "\"certificate\":\"ops-1\",\"peer\":\"127.0.0.1\",\"method\":\"POST\","
			 "\"route\":\"/admin/threads/{thread}/purge\",\"params\":{\"thread\":"
			 "\"soup\",\"dry_run\":\"true\",\"thread_ids\":[\"a\",\"b\"],\"id\":5},"
			 "\"status\":200");
}

Test(audit, nothing_in_it_breaks_the_line)
{
	begin(PDB_ROLE_ADMIN, "/admin/users/x", "/admin/users/{*user}");
	fake_param(&request, "user", "a\"b\\\n\xff\xc3");
	outer->leave(state, &request);
	await(1);
	cr_assert_not_null(strstr(last, "{\"user\":\"a\\\"b\\\\\\n??\"}"), "%s", last);
}

Test(audit, only_administration_leaves_a_line)
{
	static const char *const others[] = {"/v1/threads", "/administer", "/metrics", "/", "*"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		begin(PDB_ROLE_ADMIN, others[i], "");
		outer->leave(state, &request);
	}
	begin(PDB_ROLE_ADMIN, "/admin", NULL);
	request.status = 404;
	outer->leave(state, &request);
	await(1);
	cr_assert_not_null(strstr(last, "\"path\":\"/admin\",\"status\":404"), "%s", last);
	cr_assert_eq(count, 1);
}

Test(audit, tries_of_others_once_a_second)
{
	for (unsigned i = 0; i < 50; i++) {
		begin(PDB_ROLE_FRONTEND, "/admin/keys", "/admin/keys");
		request.status = 403;
		outer->leave(state, &request);
	}
	await(1);
	cr_assert_not_null(strstr(last, "\"event\":\"admin_refused\""));
	now += SECOND;
	outer->leave(state, &request);
	await(2);
	cr_assert_not_null(strstr(last, "\"status\":403,\"skipped\":49"), "%s", last);
}

Test(audit, while_the_log_fails_nothing_is_administered)
{
	set_failing(true);
	begin(PDB_ROLE_ADMIN, "/admin/reload", "/admin/reload");
	cr_assert_eq(inner->enter(state, &request, &err), PDB_OK);
	outer->leave(state, &request);
	await_failure();
	await_failure();
	cr_assert_eq(inner->enter(state, &request, &err), PDB_EUNAVAILABLE);
	cr_assert_str_eq(err.code, "audit_unavailable");
	begin(PDB_ROLE_ADMIN, "/admin/health", "/admin/health");
	cr_assert_eq(inner->enter(state, &request, &err), PDB_OK);
	begin(PDB_ROLE_BACKEND, "/v1/threads", "/v1/threads");
	cr_assert_eq(inner->enter(state, &request, &err), PDB_OK);
	set_failing(false);
	await(1);
	cr_assert_not_null(strstr(last, "/admin/reload"), "what was held back is there now");
}

Test(audit, lines_keep_their_order_and_none_is_lost_at_the_end)
{
	char id[8];

	for (unsigned i = 0; i < 500; i++) {
		begin(PDB_ROLE_ADMIN, "/admin/jobs/1", "/admin/jobs/{id}");
		(void)snprintf(id, sizeof(id), "%u", i);
		fake_param(&request, "id", id);
		outer->leave(state, &request);
	}
	ops()->stop(state);
	cr_assert_eq(count, 500);
	cr_assert_not_null(strstr(last, "{\"id\":\"499\"}"));
	outer->leave(state, &request);
	cr_assert_eq(count, 501, "a late one is written at once");
}

Test(audit, a_full_queue_refuses_before_it_loses)
{
	unsigned admitted = 0;

	set_failing(true);
	for (unsigned i = 0; i < 2 * WRITER_LINES; i++) {
		begin(PDB_ROLE_ADMIN, "/admin/reload", "/admin/reload");
		if (inner->enter(state, &request, &err) == PDB_OK) {
			outer->leave(state, &request);
			admitted++;
		}
	}
	cr_assert_leq(admitted, WRITER_LINES - WRITER_SPARE);
	set_failing(false);
	await(admitted);
	ops()->stop(state);
	cr_assert_eq(count, admitted);
}
