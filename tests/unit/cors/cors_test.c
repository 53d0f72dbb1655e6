/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin as a whole: origins, preflights, fields of answers, options, reload. */
#include <criterion/criterion.h>
#include <pdb/pdb.h>
#include <stdlib.h>

#include "fake_request.h"
#include "origin.h"

extern const pdb_manifest pdb_plugin_manifest_cors;

#define LIST(...)                                                                                  \
	(pdb_option_list)                                                                          \
	{                                                                                          \
		(const char *const[]){__VA_ARGS__},                                                \
			sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)          \
	}

/* As the plugin's settings are laid out. */
typedef struct settings {
	pdb_option_list origins;
	pdb_option_list headers;
	pdb_option_list exposed;
	int64_t max_age;
	bool credentials;
} settings;

static const pdb_gate *answers;
static const pdb_gate *preflights;
static void *state;
static pdb_request request;

static pdb_status add_gate(pdb_plugin *plugin, const pdb_gate *gate, void *self, pdb_err *err)
{
	(void)plugin, (void)self, (void)err;
	if (gate->phase == PDB_PHASE_ORIGIN) {
		answers = gate;
	} else {
		preflights = gate;
	}
	return PDB_OK;
}

static const pdb_host host = {
	.size = sizeof(pdb_host),
	.alloc = malloc,
	.realloc = realloc,
	.free = free,
	.add_gate = add_gate,
	.request_add_header = pdb_request_add_header,
	.request_header = pdb_request_header,
	.request_method = pdb_request_method,
	.request_reply = pdb_request_reply,
};

static const pdb_extension_ops *ops(void)
{
	return pdb_plugin_manifest_cors.ops;
}

static void start(const settings *wanted)
{
	pdb_err err = {0};

	cr_assert(ops()->init(&host, NULL, wanted, &state, &err) == PDB_OK, "%s", err.text);
}

static void end(void)
{
	ops()->fini(&state);
	fake_request_fini(&request);
}

TestSuite(cors, .fini = end);

static const char *field(const char *name)
{
	return fake_answer_header(&request, name);
}

/* Through both gates and back, as the server does it. */
static pdb_status ask(pdb_method method, const char *origin, const char *wanted)
{
	pdb_err err = {0};
	pdb_status status;

	fake_request_reset(&request);
	request.method = method;
	if (origin != NULL) {
		fake_header(&request, "Origin", origin);
	}
	if (wanted != NULL) {
		fake_header(&request, "Access-Control-Request-Method", wanted);
	}
	status = answers->enter(state, &request, &err);
	if (status == PDB_OK) {
		status = preflights->enter(state, &request, &err);
	}
	answers->decorate(state, &request);
	cr_assert_str_eq(field("Vary"), "Origin");
	return status;
}

#define NAMED                                                                                      \
	{                                                                                          \
		.origins = LIST("https://a.example", "http://localhost:3000"),                     \
		.max_age = 60000000000                                                             \
	}

Test(cors, answers_name_the_origin_that_asks)
{
	start(&(settings)NAMED);
	cr_assert_eq(ask(PDB_METHOD_GET, "https://a.example", NULL), PDB_OK);
	cr_assert_str_eq(field("Access-Control-Allow-Origin"), "https://a.example");
	cr_assert_not_null(strstr(field("Access-Control-Expose-Headers"), "ETag"));
	cr_assert_null(field("Access-Control-Allow-Credentials"));
	cr_assert_eq(request.status, 0, "the handler answers");
	cr_assert_eq(ask(PDB_METHOD_GET, "http://localhost:3000", NULL), PDB_OK);
	cr_assert_str_eq(field("Access-Control-Allow-Origin"), "http://localhost:3000");
}

Test(cors, others_are_told_nothing)
{
	static const char *const strangers[] = {"https://b.example",
						"http://a.example",
						"https://a.example:8443",
						"https://a.example.b",
						"https://A.example",
						"https://a.example/",
						"https://a.exampl",
						"https://x.a.example",
						"null",
						"http://localhost:3001",
						"https://a.example https://b.example",
						""};

	start(&(settings)NAMED);
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
		cr_assert_eq(ask(PDB_METHOD_GET, strangers[i], NULL), PDB_OK, "%s", strangers[i]);
		cr_assert_null(field("Access-Control-Allow-Origin"), "%s", strangers[i]);
		cr_assert_eq(ask(PDB_METHOD_OPTIONS, strangers[i], "POST"), PDB_EDENIED);
		cr_assert_null(field("Access-Control-Allow-Origin"));
		cr_assert_null(field("Access-Control-Allow-Methods"));
	}
	cr_assert_eq(ask(PDB_METHOD_GET, NULL, NULL), PDB_OK);
	cr_assert_null(field("Access-Control-Allow-Origin"));
}

Test(cors, preflights_are_answered)
{
	start(&(settings)NAMED);
	cr_assert_eq(ask(PDB_METHOD_OPTIONS, "https://a.example", "DELETE"), PDB_OK);
	cr_assert_eq(request.status, 204);
	cr_assert_str_eq(field("Access-Control-Allow-Origin"), "https://a.example");
	cr_assert_str_eq(field("Access-Control-Allow-Methods"), "GET, HEAD, POST, PUT, DELETE");
	cr_assert_not_null(strstr(field("Access-Control-Allow-Headers"), "X-Identity"));
	cr_assert_not_null(strstr(field("Access-Control-Allow-Headers"), "Idempotency-Key"));
	cr_assert_str_eq(field("Access-Control-Max-Age"), "60");
	cr_assert_null(field("Access-Control-Expose-Headers"));
}

Test(cors, other_questions_are_no_preflights)
{
	start(&(settings)NAMED);
	cr_assert_eq(ask(PDB_METHOD_OPTIONS, "https://a.example", NULL), PDB_OK);
	cr_assert_eq(request.status, 0);
	cr_assert_eq(ask(PDB_METHOD_OPTIONS, NULL, "GET"), PDB_OK);
	cr_assert_eq(request.status, 0);
	cr_assert_eq(ask(PDB_METHOD_POST, "https://a.example", "GET"), PDB_OK);
	cr_assert_eq(request.status, 0);
}

Test(cors, without_origins_nothing_is_allowed)
{
	start(&(settings){0});
	cr_assert_eq(ask(PDB_METHOD_OPTIONS, "https://a.example", "GET"), PDB_OK);
	cr_assert_eq(request.status, 0, "the server answers as to anybody");
	cr_assert_null(field("Access-Control-Allow-Origin"));
}

Test(cors, a_star_is_for_all_and_never_with_credentials)
{
	start(&(settings){.origins = LIST("https://a.example", "*"), .credentials = true});
	cr_assert_eq(ask(PDB_METHOD_OPTIONS, "https://b.example", "GET"), PDB_OK);
	cr_assert_eq(request.status, 204);
	cr_assert_str_eq(field("Access-Control-Allow-Origin"), "*");
	cr_assert_null(field("Access-Control-Allow-Credentials"));
	cr_assert_eq(ask(PDB_METHOD_GET, "https://a.example", NULL), PDB_OK);
	cr_assert_str_eq(field("Access-Control-Allow-Origin"), "*");
	cr_assert_null(field("Access-Control-Allow-Credentials"));
}

Test(cors, credentials_for_named_origins)
{
	start(&(settings){.origins = LIST("https://a.example"), .credentials = true});
	cr_assert_eq(ask(PDB_METHOD_GET, "https://a.example", NULL), PDB_OK);
	cr_assert_str_eq(field("Access-Control-Allow-Credentials"), "true");
	cr_assert_eq(ask(PDB_METHOD_GET, "https://b.example", NULL), PDB_OK);
	cr_assert_null(field("Access-Control-Allow-Credentials"));
}

Test(cors, more_fields)
{
	start(&(settings){.origins = LIST("https://a.example"),
			  .headers = LIST("X-Trace", "X-Span"),
			  .exposed = LIST("X-Cost")});
	cr_assert_eq(ask(PDB_METHOD_OPTIONS, "https://a.example", "GET"), PDB_OK);
	cr_assert_not_null(strstr(field("Access-Control-Allow-Headers"), ", X-Trace, X-Span"));
	cr_assert_eq(ask(PDB_METHOD_GET, "https://a.example", NULL), PDB_OK);
	cr_assert_not_null(strstr(field("Access-Control-Expose-Headers"), ", X-Cost"));
}

Test(cors, reload_changes_the_origins)
{
	const settings next = {.origins = LIST("https://b.example")};
	pdb_err err = {0};

	start(&(settings)NAMED);
	cr_assert_eq(ops()->reload(state, &next, &err), PDB_OK);
	cr_assert_eq(ask(PDB_METHOD_GET, "https://a.example", NULL), PDB_OK);
	cr_assert_null(field("Access-Control-Allow-Origin"));
	cr_assert_eq(ask(PDB_METHOD_GET, "https://b.example", NULL), PDB_OK);
	cr_assert_str_eq(field("Access-Control-Allow-Origin"), "https://b.example");
}

Test(cors_options, origins_that_no_browser_sends_are_mistakes)
{
	static const char *const good[] = {"*",
					   "https://example.org",
					   "http://localhost:3000",
					   "http://127.0.0.1:8080",
					   "http://[::1]:8080",
					   "https://xn--bcher-kva.example",
					   "capacitor://localhost",
					   "chrome-extension://abcdefghijklmnop",
					   "https://a.example:80"};
	static const char *const bad[] = {"",
					  "null",
					  "example.org",
					  "https://",
					  "https://example.org/",
					  "https://example.org/app",
					  "https://Example.org",
					  "HTTPS://example.org",
					  "https://*.example.org",
					  "https://example.org:443",
					  "http://example.org:80",
					  "https://example.org:",
					  "https://example.org:0",
					  "https://example.org:123456",
					  "https://example.org?x",
					  "https://user@example.org",
					  ("https://b\xc3\xbc"
					   "cher.example"),
					  "http://[::1",
					  " https://example.org",
					  "https://example.org,https://b.example"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cr_expect_null(origin_fault(good[i]), "%s", good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_not_null(origin_fault(bad[i]), "%s", bad[i]);
	}
}

static void count(void *arg, const char *key, const char *text)
{
	(void)key, (void)text;
	(*(unsigned *)arg)++;
}

static unsigned problems(const settings *wanted)
{
	unsigned found = 0;

	pdb_plugin_manifest_cors.check(wanted, count, &found);
	return found;
}

Test(cors_options, check_finds_every_problem)
{
	char name[200];
	const char *items[20];
	settings many = {.headers = {items, 20}};

	cr_assert_eq(problems(&(settings)NAMED), 0);
	cr_assert_eq(problems(&(settings){.origins = LIST("*"), .credentials = true}), 1);
	cr_assert_eq(problems(&(settings){.origins = LIST("a", "b"),
					  .headers = LIST("a b", "X-Good", ""),
					  .exposed = LIST("\xc3\xa9")}),
		     5);
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < 20; i++) {
		items[i] = name;
	}
	cr_assert_eq(problems(&many), 1, "too long for a line");
	many.headers.count = 19;
	cr_assert_eq(problems(&many), 0);
}
