/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin as a whole: its gate, its route, its options, its reload. */
#include <criterion/criterion.h>
#include <pdb/pdb.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "fake_request.h"
#include "keyring.h"

extern const pdb_manifest pdb_plugin_manifest_auth;

#define SIGNATURE_OF_ANN "734f14bc6be7c24894cc1b43d7af240d7fedad0a98dcc3360baf285022b6b6de"

static const pdb_gate *gate;
static const pdb_route *route;
static void *plugin_state;
static unsigned warnings;

static pdb_status add_gate(pdb_plugin *plugin, const pdb_gate *added, void *self, pdb_err *err)
{
	(void)plugin, (void)self, (void)err;
	gate = added;
	return PDB_OK;
}

static pdb_status add_route(pdb_plugin *plugin, const pdb_route *added, void *self, pdb_err *err)
{
	(void)plugin, (void)self, (void)err;
	route = added;
	return PDB_OK;
}

PDB_PRINTF(3, 4)
static void log_line(pdb_log_level level, const char *component, const char *format, ...)
{
	(void)component, (void)format;
	warnings += level == PDB_LOG_WARN;
}

static const pdb_host host = {
	.size = sizeof(pdb_host),
	.alloc = malloc,
	.realloc = realloc,
	.free = free,
	.log = log_line,
	.add_gate = add_gate,
	.add_route = add_route,
	.request_header = pdb_request_header,
	.request_body = pdb_request_body,
	.request_set_identity = pdb_request_set_identity,
	.request_reply = pdb_request_reply,
};

static const char *const frontend_keys[] = {"pk_frontend_key_one"};
static const char *const backend_keys[] = {"sk_backend_key_one", "sk_backend_key_two"};
static const char *const admin_keys[] = {"admin_key_number_one"};
static const keyring_lists settings = {
	{frontend_keys, 1}, {backend_keys, 2}, {admin_keys, 1}, {NULL, 0}};

static const pdb_extension_ops *ops(void)
{
	return pdb_plugin_manifest_auth.ops;
}

static void start(void)
{
	pdb_err err = {0};

	cr_assert(ops()->init(&host, NULL, &settings, &plugin_state, &err) == PDB_OK, "%s",
		  err.text);
	cr_assert_not_null(gate);
	cr_assert_not_null(route);
}

static void end(void)
{
	ops()->fini(&plugin_state);
	cr_assert_null(plugin_state);
}

TestSuite(auth, .init = start, .fini = end);

/* Runs the gate over a request with these header fields; a NULL name ends the list. */
static pdb_status pass(pdb_request *request, const char *const fields[][2], pdb_err *err)
{
	fake_request_reset(request);
	request->role = PDB_ROLE_NONE;
	for (size_t i = 0; fields[i][0] != NULL; i++) {
		fake_header(request, fields[i][0], fields[i][1]);
	}
	memset(err, 0, sizeof(*err));
	return gate->enter(plugin_state, request, err);
}

#define PASS(request, err, ...) pass(request, (const char *const[][2]){__VA_ARGS__, {NULL}}, err)

Test(auth, knows_each_role_by_either_header)
{
	pdb_request request = {0};
	pdb_err err;

	cr_assert_eq(PASS(&request, &err, {"Authorization", "Bearer sk_backend_key_one"}), PDB_OK);
	cr_assert_eq(request.role, PDB_ROLE_BACKEND);
	cr_assert_eq(PASS(&request, &err, {"authorization", "bEaReR   sk_backend_key_two"}),
		     PDB_OK);
	cr_assert_eq(request.role, PDB_ROLE_BACKEND);
	cr_assert_eq(PASS(&request, &err, {"X-API-Key", "pk_frontend_key_one"}), PDB_OK);
	cr_assert_eq(request.role, PDB_ROLE_FRONTEND);
	cr_assert_eq(PASS(&request, &err, {"X-API-Key", "admin_key_number_one"}), PDB_OK);
	cr_assert_eq(request.role, PDB_ROLE_ADMIN);
	cr_assert_eq(strlen(request.key), 8, "the label is a piece of the digest");
	cr_assert_str_empty(request.user);
}

Test(auth, without_credentials_there_is_no_identity)
{
	pdb_request request = {0};
	pdb_err err;

	cr_assert_eq(PASS(&request, &err, {"X-User-ID", "ann"}), PDB_OK);
	cr_assert_eq(request.role, PDB_ROLE_NONE);
	cr_assert_eq(PASS(&request, &err, {"X-Role-Name", "admin"}), PDB_OK);
	cr_assert_eq(request.role, PDB_ROLE_NONE);
}

Test(auth, refuses_a_wrong_key)
{
	pdb_request request = {0};
	pdb_err err;

	cr_assert_eq(PASS(&request, &err, {"X-API-Key", "sk_backend_key_onf"}),
		     PDB_EUNAUTHENTICATED);
	cr_assert_str_eq(err.code, "invalid_key");
	cr_assert_null(strstr(err.text, "sk_backend"));
	cr_assert_eq(request.role, PDB_ROLE_NONE);
	cr_assert_eq(PASS(&request, &err, {"Authorization", "Basic c2s6c2s="}),
		     PDB_EUNAUTHENTICATED);
	cr_assert_eq(PASS(&request, &err, {"Authorization", "Bearer"}), PDB_EUNAUTHENTICATED);
}

Test(auth, two_headers_must_agree)
{
	pdb_request request = {0};
	pdb_err err;

	cr_assert_eq(PASS(&request, &err, {"Authorization", "Bearer sk_backend_key_one"},
			  {"X-API-Key", "sk_backend_key_one"}),
		     PDB_OK);
	cr_assert_eq(request.role, PDB_ROLE_BACKEND);
	cr_assert_eq(PASS(&request, &err, {"Authorization", "Bearer sk_backend_key_one"},
			  {"X-API-Key", "sk_backend_key_two"}),
		     PDB_EINVAL);
	cr_assert_str_eq(err.code, "key_conflict");
}

Test(auth, a_signature_identifies_a_user)
{
	pdb_request request = {0};
	pdb_err err;

	cr_assert_eq(
		PASS(&request, &err, {"X-User-ID", "ann"}, {"X-User-Signature", SIGNATURE_OF_ANN}),
		PDB_OK);
	cr_assert_eq(request.role, PDB_ROLE_FRONTEND);
	cr_assert_str_eq(request.user, "ann");
	cr_assert_eq(PASS(&request, &err, {"X-User-ID", "ann"},
			  {"X-User-Signature", SIGNATURE_OF_ANN},
			  {"X-API-Key", "sk_backend_key_one"}),
		     PDB_OK);
	cr_assert_eq(request.role, PDB_ROLE_BACKEND);
	cr_assert_str_eq(request.user, "ann");
}

Test(auth, a_bad_signature_is_refused_even_with_a_key)
{
	pdb_request request = {0};
	pdb_err err;

	cr_assert_eq(PASS(&request, &err, {"X-User-ID", "bob"},
			  {"X-User-Signature", SIGNATURE_OF_ANN},
			  {"X-API-Key", "admin_key_number_one"}),
		     PDB_EUNAUTHENTICATED);
	cr_assert_str_eq(err.code, "bad_signature");
	cr_assert_eq(PASS(&request, &err, {"X-User-Signature", SIGNATURE_OF_ANN}),
		     PDB_EUNAUTHENTICATED);
	cr_assert_eq(
		PASS(&request, &err, {"X-User-ID", ""}, {"X-User-Signature", SIGNATURE_OF_ANN}),
		PDB_EUNAUTHENTICATED);
	cr_assert_eq(PASS(&request, &err, {"X-User-ID", "ann"}, {"X-User-Signature", ""}),
		     PDB_EUNAUTHENTICATED);
}

static pdb_status sign(pdb_request *request, const char *key, const char *body, pdb_err *err)
{
	fake_request_reset(request);
	fake_header(request, "Authorization", key);
	fake_body(request, body);
	memset(err, 0, sizeof(*err));
	return route->handle(plugin_state, request, err);
}

Test(auth, signs_with_the_key_of_the_caller)
{
	pdb_request request = {0};
	pdb_err err;

	cr_assert_eq(route->roles, PDB_ROLE_BACKEND);
	cr_assert_eq(sign(&request, "Bearer sk_backend_key_one", "{\"userId\":\"ann\"}", &err),
		     PDB_OK, "%s", err.text);
	cr_assert_eq(request.status, 200);
	cr_assert_str_eq(fake_answer(&request),
			 "{\"userId\":\"ann\",\"signature\":\"" SIGNATURE_OF_ANN "\"}");
	fake_request_fini(&request);
}

Test(auth, refuses_sign_requests_it_cannot_grant)
{
	static const struct {
		const char *body;
		const char *code;
	} cases[] = {
		{"", "body_required"},
		{"{", "invalid_json"},
		{"[]", "invalid_type"},
		{"{\"userId\":\"a\",\"userId\":\"b\"}", "invalid_json"},
		{"{}", "invalid_user_id"},
		{"{\"userId\":7}", "invalid_user_id"},
		{"{\"userId\":\"\"}", "invalid_user_id"},
		{"{\"userId\":\"a\\nb\"}", "invalid_user_id"},
		{"{\"userId\":\"a\\u0000b\"}", "invalid_json"},
		{"{\"userId\":\"\xff\"}", "invalid_json"},
		{"{\"userId\":\"ann\",\"expires_in\":60}", "expires_in_unsupported"},
	};
	pdb_request request = {0};
	pdb_err err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(sign(&request, "Bearer sk_backend_key_one", cases[i].body, &err),
			     PDB_EINVAL, "%s", cases[i].body);
		cr_assert_str_eq(err.code, cases[i].code, "%s", cases[i].body);
		cr_assert_eq(request.status, 0);
	}
}

Test(auth, a_sign_request_is_json_by_its_type)
{
	pdb_request request = {0};
	pdb_err err = {0};

	fake_header(&request, "Authorization", "Bearer sk_backend_key_one");
	fake_body(&request, "{\"userId\":\"ann\"}");
	fake_header(&request, "Content-Type", "text/plain");
	cr_assert_eq(route->handle(plugin_state, &request, &err), PDB_EMEDIA);
	request.headers.items[1].value = pdb_slice_text("application/jsonx");
	cr_assert_eq(route->handle(plugin_state, &request, &err), PDB_EMEDIA);
	request.headers.items[1].value = pdb_slice_text("Application/JSON; charset=utf-8");
	cr_assert_eq(route->handle(plugin_state, &request, &err), PDB_OK);
	fake_request_fini(&request);
}

Test(auth, reload_swaps_the_keys)
{
	static const char *const fresh[] = {"sk_backend_key_new"};
	static const char *const unusable[] = {"short"};
	keyring_lists next = {{frontend_keys, 1}, {fresh, 1}, {admin_keys, 1}, {NULL, 0}};
	keyring_lists bad = {{NULL, 0}, {unusable, 1}, {NULL, 0}, {NULL, 0}};
	pdb_request request = {0};
	pdb_err err = {0};

	cr_assert_eq(ops()->reload(plugin_state, &next, &err), PDB_OK);
	cr_assert_eq(PASS(&request, &err, {"X-API-Key", "sk_backend_key_new"}), PDB_OK);
	cr_assert_eq(PASS(&request, &err, {"X-API-Key", "sk_backend_key_one"}),
		     PDB_EUNAUTHENTICATED);
	cr_assert_eq(
		PASS(&request, &err, {"X-User-ID", "ann"}, {"X-User-Signature", SIGNATURE_OF_ANN}),
		PDB_EUNAUTHENTICATED);
	cr_assert_eq(ops()->reload(plugin_state, &bad, &err), PDB_EINVAL);
	cr_assert_eq(PASS(&request, &err, {"X-API-Key", "sk_backend_key_new"}), PDB_OK,
		     "a refused reload keeps the old keys");
}

/* A key that both rings hold is known at every moment of a reload. */
static void *ask_often(void *arg)
{
	bool *good = arg;
	pdb_request request = {0};
	pdb_err err;

	*good = true;
	for (int i = 0; i < 2000; i++) {
		*good = *good &&
			PASS(&request, &err, {"X-API-Key", "pk_frontend_key_one"}) == PDB_OK &&
			request.role == PDB_ROLE_FRONTEND;
	}
	return NULL;
}

Test(auth, reloads_while_requests_run)
{
	static const char *const fresh[] = {"sk_backend_key_new"};
	const keyring_lists rings[2] = {{{frontend_keys, 1}, {fresh, 1}, {NULL, 0}, {NULL, 0}},
					settings};
	pthread_t threads[3];
	bool good[3] = {false};
	pdb_err err = {0};

	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(pthread_create(&threads[i], NULL, ask_often, &good[i]), 0);
	}
	for (size_t i = 0; i < 200; i++) {
		cr_assert_eq(ops()->reload(plugin_state, &rings[i % 2], &err), PDB_OK);
	}
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
		cr_assert(good[i]);
	}
}

typedef struct problems {
	unsigned count;
	char keys[512];
} problems;

static void note(void *arg, const char *key, const char *text)
{
	problems *found = arg;

	(void)text;
	found->count++;
	strncat(found->keys, key, sizeof(found->keys) - strlen(found->keys) - 1);
	strncat(found->keys, " ", sizeof(found->keys) - strlen(found->keys) - 1);
}

static problems judge(keyring_lists lists)
{
	problems found = {0};

	pdb_plugin_manifest_auth.check(&lists, note, &found);
	return found;
}

Test(auth, check_finds_every_problem_of_the_keys)
{
	static const char *const mixed[] = {"short", "sha256:12", "good_key_number_one"};
	static const char *const hashed[] = {
		"sha256:"
		"61080e29b3c83c621d54adbef3a76ef5ece1b0e16a659932339764eb197fced7"};
	problems found = judge(settings);

	cr_assert_eq(found.count, 0, "%s", found.keys);
	found = judge((keyring_lists){{mixed, 3}, {NULL, 0}, {NULL, 0}, {NULL, 0}});
	cr_assert_eq(found.count, 2);
	found = judge((keyring_lists){{NULL, 0}, {backend_keys, 2}, {hashed, 1}, {NULL, 0}});
	cr_assert_eq(found.count, 1, "the same key in two lists, once as a digest");
	cr_assert_str_eq(found.keys, "security.api_keys.admin ");
	found = judge((keyring_lists){{NULL, 0}, {NULL, 0}, {NULL, 0}, {hashed, 1}});
	cr_assert_eq(found.count, 1, "a digest cannot sign");
	found = judge(
		(keyring_lists){{frontend_keys, 1}, {NULL, 0}, {NULL, 0}, {frontend_keys, 1}});
	cr_assert_eq(found.count, 1, "a frontend key cannot sign");
}

Test(auth, warns_of_short_keys)
{
	static const char *const brief[] = {"sk_12345678"};
	keyring_lists next = {{NULL, 0}, {brief, 1}, {NULL, 0}, {NULL, 0}};
	pdb_err err = {0};
	unsigned before = warnings;

	cr_assert_eq(ops()->reload(plugin_state, &next, &err), PDB_OK);
	cr_assert_gt(warnings, before);
}
