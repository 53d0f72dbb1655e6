/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin as a whole: its gate, its route, its options, its reload. */
#include <criterion/criterion.h>
#include <pdb/pdb.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/json.h"
#include "fake_request.h"
#include "keyring.h"

extern const pdb_manifest pdb_plugin_manifest_auth;

#define SIGNATURE_OF_ANN "734f14bc6be7c24894cc1b43d7af240d7fedad0a98dcc3360baf285022b6b6de"

static const pdb_gate *gate;
static const pdb_route *route;  /* the one that signs */
static const pdb_route *revoke; /* and the one that revokes */
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
	if (strcmp(added->pattern, "/v1/_sign") == 0) {
		route = added;
	} else {
		revoke = added;
	}
	return PDB_OK;
}

PDB_PRINTF(3, 4)
static void log_line(pdb_log_level level, const char *component, const char *format, ...)
{
	(void)component, (void)format;
	warnings += level == PDB_LOG_WARN;
}

/* The rows of the plugin: the last one written is enough. */
static char row_key[300];
static char row_value[32];

static pdb_status put(pdb_plugin *plugin, pdb_slice key, pdb_slice value, pdb_err *err)
{
	(void)plugin, (void)err;
	(void)snprintf(row_key, sizeof(row_key), "%.*s", PDB_SLICE_ARGS(key));
	(void)snprintf(row_value, sizeof(row_value), "%.*s", PDB_SLICE_ARGS(value));
	return PDB_OK;
}

static pdb_status scan(pdb_plugin *plugin, pdb_slice prefix, pdb_row_fn row, void *arg,
		       pdb_err *err)
{
	(void)plugin, (void)err;
	return pdb_slice_starts(pdb_slice_text(row_key), prefix)
		       ? row(arg, pdb_slice_text(row_key), pdb_slice_text(row_value))
		       : PDB_OK;
}

static const pdb_host_rows rows = {.size = sizeof(pdb_host_rows), .put = put, .scan = scan};

static const char *database_id(void)
{
	return "00112233445566778899aabbccddeeff";
}

static const pdb_host_control control = {.size = sizeof(pdb_host_control),
					 .database_id = database_id};

static const pdb_host_json json = {.size = sizeof(pdb_host_json), .check = pdb_json_check};

static int64_t seconds = 1800000000;

static int64_t now(void)
{
	return seconds * INT64_C(1000000000);
}

static const pdb_host host = {
	.size = sizeof(pdb_host),
	.alloc = malloc,
	.realloc = realloc,
	.free = free,
	.log = log_line,
	.add_gate = add_gate,
	.add_route = add_route,
	.now = now,
	.request_header = pdb_request_header,
	.request_key = pdb_request_key,
	.request_peer = pdb_request_peer,
	.request_body = pdb_request_body,
	.request_set_identity = pdb_request_set_identity,
	.request_add_header = pdb_request_add_header,
	.request_reply = pdb_request_reply,
	.rows = &rows,
	.json = &json,
	.control = &control,
};

static const char *const frontend_keys[] = {"pk_frontend_key_one"};
static const char *const backend_keys[] = {"sk_backend_key_one", "sk_backend_key_two"};
static const char *const admin_keys[] = {"admin_key_number_one"};
static const key_settings settings = {.frontend = {frontend_keys, 1},
				      .backend = {backend_keys, 2},
				      .admin = {admin_keys, 1},
				      .legacy = true};

static const pdb_extension_ops *ops(void)
{
	return pdb_plugin_manifest_auth.ops;
}

static void start(void)
{
	pdb_err err = {0};

	cr_assert(ops()->init(&host, NULL, &settings, &plugin_state, &err) == PDB_OK, "%s",
		  err.text);
	cr_assert(ops()->start(plugin_state, &err) == PDB_OK, "%s", err.text);
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
		{"{\"userId\":\"a\",\"userId\":\"b\"}", "duplicate_key"},
		{"{}", "invalid_user_id"},
		{"{\"userId\":7}", "invalid_user_id"},
		{"{\"userId\":\"\"}", "invalid_user_id"},
		{"{\"userId\":\"a\\nb\"}", "invalid_user_id"},
		{"{\"userId\":\"a\\u0000b\"}", "invalid_json"},
		{"{\"userId\":\"\xff\"}", "invalid_utf8"},
		{"{\"userId\":\"ann\",\"expires_in\":0}", "invalid_expires_in"},
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
	key_settings next = {.frontend = {frontend_keys, 1},
			     .backend = {fresh, 1},
			     .admin = {admin_keys, 1},
			     .legacy = true};
	key_settings bad = {.backend = {unusable, 1}, .legacy = true};
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
	const key_settings rings[2] = {
		{.frontend = {frontend_keys, 1}, .backend = {fresh, 1}, .legacy = true}, settings};
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

static problems judge(key_settings lists)
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
	found = judge((key_settings){.frontend = {mixed, 3}, .legacy = true});
	cr_assert_eq(found.count, 2);
	found = judge(
		(key_settings){.backend = {backend_keys, 2}, .admin = {hashed, 1}, .legacy = true});
	cr_assert_eq(found.count, 1, "the same key in two lists, once as a digest");
	cr_assert_str_eq(found.keys, "security.api_keys.admin ");
	found = judge((key_settings){.signing = {hashed, 1}, .legacy = true});
	cr_assert_eq(found.count, 1, "a digest cannot sign");
	found = judge((key_settings){
		.frontend = {frontend_keys, 1}, .signing = {frontend_keys, 1}, .legacy = true});
	cr_assert_eq(found.count, 1, "a frontend key cannot sign");
}

/* Asks a route with a body, as the holder of the second backend key. */
static const char *ask(const pdb_route *asked, pdb_request *request, const char *body,
		       pdb_status want)
{
	pdb_err err = {0};

	fake_request_reset(request);
	fake_header(request, "Authorization", "Bearer sk_backend_key_two");
	fake_body(request, body);
	cr_assert_eq(asked->handle(plugin_state, request, &err), want, "%s", err.text);
	return want == PDB_OK ? fake_answer(request) : err.code;
}

static void signature_of(const char *answer, char out[TOKEN_MAX])
{
	const char *from = strstr(answer, "\"signature\":\"") + 13;

	(void)snprintf(out, TOKEN_MAX, "%.*s", (int)strcspn(from, "\""), from);
}

static pdb_status try_signature(pdb_request *request, const char *user, const char *signature)
{
	pdb_err err;

	return PASS(request, &err, {"X-User-ID", user}, {"X-User-Signature", signature});
}

Test(auth, signatures_with_an_end_hold_until_then_and_for_their_user)
{
	pdb_request request = {0};
	char signed_text[TOKEN_MAX];

	signature_of(ask(route, &request, "{\"userId\":\"ann\",\"expires_in\":60}", PDB_OK),
		     signed_text);
	cr_expect(strncmp(signed_text, "v2.", 3) == 0);
	cr_expect_eq(try_signature(&request, "ann", signed_text), PDB_OK);
	cr_expect_eq(try_signature(&request, "bob", signed_text), PDB_EUNAUTHENTICATED);
	seconds += 59;
	cr_expect_eq(try_signature(&request, "ann", signed_text), PDB_OK);
	seconds += 1;
	cr_expect_eq(try_signature(&request, "ann", signed_text), PDB_EUNAUTHENTICATED);
	fake_request_fini(&request);
}

Test(auth, judges_the_life_that_is_asked_for)
{
	pdb_request request = {0};

	cr_expect_str_eq(ask(route, &request, "{\"userId\":\"a\",\"expires_in\":0}", PDB_EINVAL),
			 "invalid_expires_in");
	cr_expect_str_eq(
		ask(route, &request, "{\"userId\":\"a\",\"expires_in\":\"1\"}", PDB_EINVAL),
		"invalid_expires_in");
	cr_expect_str_eq(
		ask(route, &request, "{\"userId\":\"a\",\"expires_in\":31622401}", PDB_EINVAL),
		"invalid_expires_in");
	fake_request_fini(&request);
}

Test(auth, max_age_and_legacy_close_the_door_to_bare_signatures)
{
	pdb_request request = {0};
	pdb_err err = {0};
	char signed_text[TOKEN_MAX];
	key_settings strict = settings;

	strict.max_age = INT64_C(100) * 1000000000;
	signature_of(ask(route, &request, "{\"userId\":\"ann\",\"expires_in\":1000}", PDB_OK),
		     signed_text);
	cr_expect_eq(try_signature(&request, "ann", SIGNATURE_OF_ANN), PDB_OK);
	cr_assert_eq(ops()->reload(plugin_state, &strict, &err), PDB_OK);
	cr_expect_eq(try_signature(&request, "ann", SIGNATURE_OF_ANN), PDB_EUNAUTHENTICATED);
	cr_expect_eq(try_signature(&request, "ann", signed_text), PDB_EUNAUTHENTICATED,
		     "it lives too long");
	seconds += 850;
	cr_expect_eq(try_signature(&request, "ann", signed_text), PDB_OK,
		     "what is left of it is short");
	cr_expect_str_eq(ask(route, &request, "{\"userId\":\"a\"}", PDB_EINVAL),
			 "expires_in_required");
	cr_expect_str_eq(ask(route, &request, "{\"userId\":\"a\",\"expires_in\":101}", PDB_EINVAL),
			 "invalid_expires_in");
	strict = settings;
	strict.legacy = false;
	cr_assert_eq(ops()->reload(plugin_state, &strict, &err), PDB_OK);
	cr_expect_eq(try_signature(&request, "ann", SIGNATURE_OF_ANN), PDB_EUNAUTHENTICATED);
	fake_request_fini(&request);
}

Test(auth, a_revocation_ends_what_was_signed_before_it)
{
	pdb_request request = {0};
	pdb_err err = {0};
	char before[TOKEN_MAX];
	char after[TOKEN_MAX];

	signature_of(ask(route, &request, "{\"userId\":\"ann\",\"expires_in\":60}", PDB_OK),
		     before);
	cr_expect_str_eq(ask(revoke, &request, "{\"userId\":\"ann\"}", PDB_OK),
			 "{\"userId\":\"ann\",\"not_before\":1800000000}");
	cr_expect_str_eq(row_key, "revoked:616e6e");
	cr_expect_eq(try_signature(&request, "ann", before), PDB_EUNAUTHENTICATED);
	cr_expect_eq(try_signature(&request, "ann", SIGNATURE_OF_ANN), PDB_EUNAUTHENTICATED);
	signature_of(ask(route, &request, "{\"userId\":\"ann\",\"expires_in\":60}", PDB_OK), after);
	cr_expect_eq(try_signature(&request, "ann", after), PDB_OK);
	/* within the same second it ends those too */
	(void)ask(revoke, &request, "{\"userId\":\"ann\"}", PDB_OK);
	cr_expect_str_eq(row_value, "1800000001");
	cr_expect_eq(try_signature(&request, "ann", after), PDB_EUNAUTHENTICATED);
	ops()->fini(&plugin_state);
	cr_assert_eq(ops()->init(&host, NULL, &settings, &plugin_state, &err), PDB_OK);
	cr_assert_eq(ops()->start(plugin_state, &err), PDB_OK);
	cr_expect_eq(try_signature(&request, "ann", before), PDB_EUNAUTHENTICATED,
		     "it survives a restart");
	fake_request_fini(&request);
}

Test(auth, warns_of_short_keys)
{
	static const char *const brief[] = {"sk_12345678"};
	key_settings next = {.backend = {brief, 1}, .legacy = true};
	pdb_err err = {0};
	unsigned before = warnings;

	cr_assert_eq(ops()->reload(plugin_state, &next, &err), PDB_OK);
	cr_assert_gt(warnings, before);
}
