/* SPDX-License-Identifier: Apache-2.0 */
/* Field paths: which are accepted, and what they find. */
#include "path.h"

#include <criterion/criterion.h>

#include "base/host.h"
#include "base/json.h"

static const pdb_host host = {PDB_HOST_BASE};
static const pdb_host_json json = {.size = sizeof(json),
				   .check = pdb_json_check,
				   .next = pdb_json_next,
				   .key_is = pdb_json_key_equals};

static char found[2048];

static pdb_status note_match(void *arg, const path_match *match)
{
	size_t len = strlen(found);

	(void)arg;
	(void)snprintf(found + len, sizeof(found) - len, "%.*s=%.*s;", PDB_SLICE_ARGS(match->path),
		       PDB_SLICE_ARGS(match->span));
	return PDB_OK;
}

static void finds_all(const char *const *paths, size_t count, const char *body,
		      const char *expected)
{
	const pdb_option_list list = {paths, count};
	path_list *compiled = NULL;
	pdb_err err = {0};
	pdb_slice value;

	cr_assert_eq(path_list_create(&compiled, &host, &list, &err), PDB_OK, "%s", err.text);
	cr_assert_eq(pdb_json_check(pdb_slice_text(body), &value, &err), PDB_OK, "%s", err.text);
	found[0] = '\0';
	cr_assert_eq(path_list_match(compiled, &json, value, note_match, NULL), PDB_OK);
	cr_assert_str_eq(found, expected);
	path_list_destroy(&compiled, &host);
	cr_assert_null(compiled);
}

static void finds(const char *path, const char *body, const char *expected)
{
	finds_all(&path, 1, body, expected);
}

Test(path, finds_members_elements_and_all_of_a_level)
{
	finds("body", "{\"a\":1}", "/body={\"a\":1};");
	finds("body.a", "{\"a\": 1.50 ,\"b\":2}", "/body/a=1.50;");
	finds("body.a.b", "{\"a\":{\"b\":[1]},\"b\":2}", "/body/a/b=[1];");
	finds("body.*", "{\"a\":1,\"b\":[2]}", "/body/a=1;/body/b=[2];");
	finds("body.*.x", "[{\"x\":1},2,{\"x\":{}}]", "/body/0/x=1;/body/2/x={};");
	finds("body.1", "[1,[2]]", "/body/1=[2];");
	finds("body.1", "{\"1\":\"a\",\"01\":\"b\"}", "/body/1=\"a\";");
	finds("body.01", "[1,2]", "");
}

Test(path, finds_keys_however_they_are_spelled)
{
	finds("body.text", "{\"te\\u0078t\":1}", "/body/te\\u0078t=1;");
	finds("body.\"a.b\"", "{\"a.b\":1,\"a\":{\"b\":2}}", "/body/a.b=1;");
	finds("body.\"q\\\"\\\\\"", "{\"q\\\"\\\\\":1}", "/body/q\\\"\\\\=1;");
	finds("body.\"x/~\"", "{\"x/~\":1}", "/body/x~1~0=1;");
	finds("body.\"*\"", "{\"*\":1,\"a\":2}", "/body/*=1;");
	finds("body.\"0\"", "[1]", "");
	finds("body.żółć", "{\"żółć\":1}", "/body/żółć=1;");
}

Test(path, finds_nothing_where_a_path_leads_nowhere)
{
	finds("body.a.b", "{\"a\":1}", "");
	finds("body.a", "\"a\"", "");
	finds("body.a", "[\"a\"]", "");
	finds("body.*", "1", "");
	finds("body.A", "{\"a\":1}", "");
}

Test(path, outer_matches_count_and_never_overlap)
{
	static const char *const paths[] = {"body.a.b", "body.a", "body.*.c", "body.d.*"};

	finds_all(paths, 4, "{\"a\":{\"b\":1},\"d\":{\"c\":2,\"e\":{\"c\":3}}}",
		  "/body/a={\"b\":1};/body/d/c=2;/body/d/e={\"c\":3};");
	finds_all(NULL, 0, "[1]", "/body=[1];");
	finds_all((const char *const[]){"body.a", "body"}, 2, "{\"a\":1}", "/body={\"a\":1};");
}

Test(path, judges_what_is_configured)
{
	static const char *const good[] = {"body", "body.*", "body.a.*.b", "body.\"\"", "body.-"};
	static const char *const bad[] = {"",         "text",        "body.",   "body..a",
					  "bodyx",    "body.a*",     "body[0]", "body.a[0]",
					  "body.\"a", "body.\"a\"b", "body. a", "body.a\"b",
					  ".body",    "Body"};
	char deep[200] = "body";

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cr_assert_null(path_judge(good[i]), "%s", good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_assert_not_null(path_judge(bad[i]), "%s", bad[i]);
	}
	for (size_t i = 0; i <= PATH_DEPTH_MAX; i++) {
		cr_assert_null(path_judge(deep));
		(void)snprintf(deep + strlen(deep), 3, ".a");
	}
	cr_assert_not_null(path_judge(deep));
}

Test(path, says_so_when_a_place_cannot_be_recorded)
{
	const char *path = "body.*";
	const pdb_option_list list = {&path, 1};
	path_list *compiled = NULL;
	char body[PATH_TEXT_MAX + 64] = "{\"";

	memset(body + 2, 'k', PATH_TEXT_MAX);
	memcpy(body + 2 + PATH_TEXT_MAX, "\":1}", 5);
	cr_assert_eq(path_list_create(&compiled, &host, &list, NULL), PDB_OK);
	cr_assert_eq(path_list_match(compiled, &json, pdb_slice_text(body), note_match, NULL),
		     PDB_ETOOLARGE);
	path_list_destroy(&compiled, &host);
}
