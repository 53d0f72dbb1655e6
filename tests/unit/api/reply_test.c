/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: shapes, header fields, conditional requests, query parameters. */
#include "api_test.h"

static void stored(const char *thread, const char *message, uint32_t version)
{
	(void)snprintf(asked.outcome.thread, sizeof(asked.outcome.thread), "%s", thread);
	(void)snprintf(asked.outcome.message, sizeof(asked.outcome.message), "%s", message);
	asked.outcome.version = version;
	asked.outcome.ticket = 42;
}

Test(reply, an_append_tells_where_and_which)
{
	begin(PDB_METHOD_POST);
	stored("t1", "m1", 1);
	fake_body(&request, "{\"body\":1}");
	cr_assert_eq(run(pdb__message_append), PDB_OK);
	cr_assert_eq(request.status, 200);
	cr_assert_eq(request.held, 42);
	cr_assert_str_eq(fake_answer(&request), "{\"id\":\"m1\"}");
	cr_assert_str_eq(fake_answer_header(&request, "Location"), "/v1/threads/t1/messages/m1");
	cr_assert_str_eq(fake_answer_header(&request, "ETag"), "\"1\"");
	cr_assert_null(fake_answer_header(&request, "Idempotent-Replayed"));
}

Test(reply, what_is_read_is_private)
{
	begin(PDB_METHOD_GET);
	cr_assert_eq(run(pdb__thread_get), PDB_OK);
	cr_assert_str_eq(fake_answer_header(&request, "Cache-Control"), "private, no-cache");
	begin(PDB_METHOD_PUT);
	fake_body(&request, "{}");
	cr_assert_eq(run(pdb__thread_update), PDB_OK);
	cr_assert_null(fake_answer_header(&request, "Cache-Control"));
}

Test(reply, a_replay_says_so)
{
	begin(PDB_METHOD_POST);
	stored("t1", "m1", 3);
	asked.outcome.replayed = true;
	fake_body(&request, "{\"body\":1}");
	cr_assert_eq(run(pdb__message_append), PDB_OK);
	cr_assert_str_eq(fake_answer_header(&request, "Idempotent-Replayed"), "true");
	cr_assert_str_eq(fake_answer_header(&request, "ETag"), "\"3\"");
}

Test(reply, a_new_thread_has_a_location)
{
	begin(PDB_METHOD_POST);
	stored("t1", "", 0);
	cr_assert_eq(run(pdb__thread_create), PDB_OK);
	cr_assert_str_eq(fake_answer_header(&request, "Location"), "/v1/threads/t1");
	cr_assert_null(fake_answer_header(&request, "ETag"));
}

Test(reply, deletes_have_no_body)
{
	begin(PDB_METHOD_DELETE);
	stored("t1", "m1", 2);
	cr_assert_eq(run(pdb__message_delete), PDB_OK);
	cr_assert_eq(request.status, 204);
	cr_assert_eq(request.held, 42);
	cr_assert_str_empty(fake_answer(&request));
	begin(PDB_METHOD_DELETE);
	cr_assert_eq(run(pdb__thread_delete), PDB_OK);
	cr_assert_eq(request.status, 204);
	begin(PDB_METHOD_DELETE);
	fake_param(&request, "identity", "ann");
	cr_assert_eq(run(pdb__reaction_remove), PDB_OK);
	cr_assert_eq(request.status, 204);
	assert_slice(asked.identity, "ann");
}

Test(reply, errors_and_offloads_pass_through)
{
	begin(PDB_METHOD_POST);
	fake_body(&request, "{\"body\":1}");
	asked.answer = PDB_EOFFLOAD;
	cr_assert_eq(run(pdb__message_append), PDB_EOFFLOAD);
	cr_assert_eq(request.status, 0);
	begin(PDB_METHOD_GET);
	asked.answer = PDB_ENOTFOUND;
	cr_assert_eq(run(pdb__thread_list), PDB_ENOTFOUND);
	cr_assert_eq(request.status, 0);
}

Test(reply, a_page_has_its_shape)
{
	begin(PDB_METHOD_GET);
	asked.cursor = "p1";
	fake_param(&request, "thread", "t1");
	cr_assert_eq(run(pdb__message_page), PDB_OK, "%s", err.text);
	cr_assert_str_eq(fake_answer(&request),
			 "{\"thread\":\"t1\",\"messages\":[{\"id\":\"m1\"}],\"pagination\":{"
			 "\"before\":\"p1\",\"after\":\"p1\",\"has_before\":true,"
			 "\"has_after\":false,\"last_seq\":7}}");
	begin(PDB_METHOD_GET);
	fake_query(&request, "thread", "t1");
	cr_assert_eq(run(pdb__message_page), PDB_OK);
	cr_assert_str_eq(
		fake_answer(&request),
		"{\"thread\":\"t1\",\"messages\":[],\"pagination\":{\"before\":null,"
		"\"after\":null,\"has_before\":false,\"has_after\":false,\"last_seq\":0}}");
}

Test(reply, a_list_of_threads_has_its_shape)
{
	begin(PDB_METHOD_GET);
	cr_assert_eq(run(pdb__thread_list), PDB_OK);
	cr_assert_str_eq(fake_answer(&request), "{\"threads\":[{\"id\":\"t1\"},{\"id\":\"t2\"}],"
						"\"pagination\":{\"has_more\":false}}");
	begin(PDB_METHOD_GET);
	asked.cursor = "c1";
	cr_assert_eq(run(pdb__thread_list), PDB_OK);
	cr_assert_str_eq(fake_answer(&request),
			 "{\"threads\":[{\"id\":\"t1\"},{\"id\":\"t2\"}],"
			 "\"pagination\":{\"cursor\":\"c1\",\"has_more\":true}}");
}

Test(reply, versions_and_reactions_have_their_shape)
{
	begin(PDB_METHOD_GET);
	fake_param(&request, "message", "m1");
	cr_assert_eq(run(pdb__message_versions), PDB_OK);
	cr_assert_str_eq(fake_answer(&request),
			 "{\"id\":\"m1\",\"versions\":[{\"version\":1},{\"version\":2}]}");
	begin(PDB_METHOD_GET);
	fake_param(&request, "message", "m1");
	cr_assert_eq(run(pdb__reaction_list), PDB_OK);
	cr_assert_str_eq(fake_answer(&request), "{\"id\":\"m1\",\"reactions\":[{\"id\":\"ann\","
						"\"reaction\":\"+1\"}]}");
}

Test(reply, an_unchanged_message_is_not_sent_again)
{
	static const char *const same[] = {"\"3\"", "W/\"3\"", "*", "\"1\", \"3\""};
	static const char *const other[] = {"\"2\"", "3", "\"03\"", "\"3", "", "\"3\",", "\"x\""};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		begin(PDB_METHOD_GET);
		stored("t1", "m1", 3);
		fake_header(&request, "If-None-Match", same[i]);
		cr_assert_eq(run(pdb__message_get), PDB_OK);
		cr_assert_eq(request.status, 304, "%s", same[i]);
		cr_assert_str_eq(fake_answer_header(&request, "ETag"), "\"3\"");
	}
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		begin(PDB_METHOD_GET);
		stored("t1", "m1", 3);
		fake_header(&request, "If-None-Match", other[i]);
		cr_assert_eq(run(pdb__message_get), PDB_OK);
		cr_assert_eq(request.status, 200, "%s", other[i]);
	}
}

Test(reply, if_match_becomes_a_version)
{
	static const struct {
		const char *header;
		uint32_t version;
	} cases[] = {
		{"*", 0},
		{"\"7\"", 7},
		{" \"7\"", 7},
		{"W/\"7\"", UINT32_MAX},
		{"\"abc\"", UINT32_MAX},
		{"\"0\"", UINT32_MAX},
		{"\"07\"", UINT32_MAX},
		{"\"99999999999\"", UINT32_MAX},
		{"\"1\", \"3\"", 3},
		{"\"1\",\"2\"", UINT32_MAX},
		{"W/\"3\", \"x\"", UINT32_MAX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(PDB_METHOD_DELETE);
		stored("t1", "m1", 3);
		fake_header(&request, "If-Match", cases[i].header);
		cr_assert_eq(run(pdb__message_delete), PDB_OK, "%s", cases[i].header);
		cr_assert_eq(asked.if_match, cases[i].version, "%s", cases[i].header);
	}
	begin(PDB_METHOD_DELETE);
	cr_assert_eq(run(pdb__message_delete), PDB_OK);
	cr_assert_eq(asked.if_match, 0);
}

Test(reply, a_malformed_if_match_is_refused)
{
	static const char *const wrong[] = {"7",           "",    "\"7",    "\"7\",",
					    "\"7\" \"8\"", "W/7", ",\"7\"", "\"a b\""};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		begin(PDB_METHOD_PUT);
		fake_header(&request, "If-Match", wrong[i]);
		fake_body(&request, "{\"body\":1}");
		assert_refused(pdb__message_edit, PDB_EINVAL, "invalid_if_match", "");
	}
}

Test(reply, limits_are_strict)
{
	static const char *const wrong[] = {
		"", "0", "1001", "-1", "+5", "5.0", "1e2", " 5", "99999999999999999999"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		begin(PDB_METHOD_GET);
		fake_query(&request, "limit", wrong[i]);
		assert_refused(pdb__thread_list, PDB_EINVAL, "invalid_limit", "");
		begin(PDB_METHOD_GET);
		fake_param(&request, "thread", "t1");
		fake_query(&request, "limit", wrong[i]);
		assert_refused(pdb__message_page, PDB_EINVAL, "invalid_limit", "");
	}
	begin(PDB_METHOD_GET);
	fake_query(&request, "limit", "1000");
	cr_assert_eq(run(pdb__thread_list), PDB_OK);
	cr_assert_eq(asked.thread_query.limit, 1000);
}

Test(reply, flags_are_strict)
{
	static const struct {
		const char *text;
		bool value;
	} good[] = {{"true", true}, {"1", true}, {"false", false}, {"0", false}};
	static const char *const wrong[] = {"", "yes", "TRUE", "2"};

	for (size_t i = 0; i < 4; i++) {
		begin(PDB_METHOD_GET);
		fake_query(&request, "include_deleted", good[i].text);
		cr_assert_eq(run(pdb__message_get), PDB_OK);
		cr_assert_eq(asked.with_deleted, good[i].value);
		begin(PDB_METHOD_GET);
		fake_query(&request, "include_deleted", wrong[i]);
		assert_refused(pdb__thread_get, PDB_EINVAL, "invalid_include_deleted", "");
	}
}

Test(reply, a_page_has_one_anchor)
{
	static const struct {
		const char *name;
		pdb_anchor anchor;
	} anchors[] = {{"before", PDB_ANCHOR_BEFORE},
		       {"after", PDB_ANCHOR_AFTER},
		       {"around", PDB_ANCHOR_AROUND}};

	for (size_t i = 0; i < 3; i++) {
		begin(PDB_METHOD_GET);
		fake_param(&request, "thread", "t1");
		fake_query(&request, anchors[i].name, "17");
		cr_assert_eq(run(pdb__message_page), PDB_OK);
		cr_assert_eq(asked.message_query.anchor, anchors[i].anchor);
		assert_slice(asked.message_query.at, "17");
		fake_query(&request, anchors[(i + 1) % 3].name, "17");
		request.status = 0;
		asked.calls = 0;
		assert_refused(pdb__message_page, PDB_EINVAL, "anchor_conflict", "");
	}
	begin(PDB_METHOD_GET);
	assert_refused(pdb__message_page, PDB_EINVAL, "thread_required", "");
}

Test(reply, a_list_of_threads_can_be_filtered)
{
	begin(PDB_METHOD_GET);
	fake_query(&request, "title", "T");
	fake_query(&request, "slug", "s");
	fake_query(&request, "cursor", "c");
	fake_query(&request, "include_deleted", "true");
	fake_query(&request, "unknown", "x");
	cr_assert_eq(run(pdb__thread_list), PDB_OK);
	assert_slice(asked.thread_query.title, "T");
	assert_slice(asked.thread_query.slug, "s");
	assert_slice(asked.thread_query.cursor, "c");
	cr_assert(asked.thread_query.with_deleted);
}
