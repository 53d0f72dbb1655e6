/* SPDX-License-Identifier: Apache-2.0 */
/* Request bodies: what is read, what is ignored, what is refused. */
#include "api_test.h"
#include "base/mem.h"

Test(input, a_message_keeps_the_bytes_of_its_body)
{
	static const char body[] =
		"{\"z\":1.50,\"a\":[12345678901234567890, 1e2],\"u\":\"\\u00e9\\/\",\"z2\":-0}";
	char text[256];

	begin(PDB_METHOD_POST);
	(void)snprintf(text, sizeof(text), " {\"role\":\"tool\" , \"body\" : %s \n, \"ts\":17}",
		       body);
	fake_body(&request, text);
	cr_assert_eq(run(pdb__message_append), PDB_OK, "%s", err.text);
	assert_slice(asked.inputs[0].body, body);
	assert_slice(asked.inputs[0].role, "tool");
	cr_assert_eq(asked.inputs[0].ts, 17);
	cr_assert_null(asked.inputs[0].id.ptr);
	cr_assert_null(asked.inputs[0].author.ptr);
	cr_assert_null(asked.inputs[0].reply_to.ptr);
	cr_assert_eq(asked.thread.len, 0);
}

Test(input, what_the_server_decides_is_ignored)
{
	begin(PDB_METHOD_POST);
	fake_body(&request, "{\"body\":\"x\",\"seq\":9,\"version\":\"no number\",\"deleted\":true,"
			    "\"reactions\":{\"a\":\"b\"},\"metadata\":null,\"edited_ts\":{}}");
	cr_assert_eq(run(pdb__message_append), PDB_OK, "%s", err.text);
	assert_slice(asked.inputs[0].body, "\"x\"");
}

Test(input, escapes_in_names_and_values_are_understood)
{
	begin(PDB_METHOD_POST);
	fake_body(&request,
		  "{\"\\u0062ody\":0,\"id\":\"m\\u002d1\",\"thread\":\"t1\",\"reply_to\":\"m0\"}");
	cr_assert_eq(run(pdb__message_append), PDB_OK, "%s", err.text);
	assert_slice(asked.inputs[0].body, "0");
	assert_slice(asked.inputs[0].id, "m-1");
	assert_slice(asked.inputs[0].reply_to, "m0");
	assert_slice(asked.thread, "t1");
}

Test(input, null_leaves_a_field_out)
{
	begin(PDB_METHOD_POST);
	fake_body(&request, "{\"body\":false,\"id\":null,\"role\":null,\"ts\":null,\"author\":null,"
			    "\"thread\":null,\"reply_to\":null}");
	cr_assert_eq(run(pdb__message_append), PDB_OK, "%s", err.text);
	cr_assert_null(asked.inputs[0].id.ptr);
	cr_assert_null(asked.inputs[0].role.ptr);
	cr_assert_eq(asked.inputs[0].ts, 0);
}

Test(input, wrong_types_are_named_with_their_place)
{
	static const struct {
		const char *body;
		const char *code;
		const char *field;
	} cases[] = {
		{"", "body_required", ""},
		{"[]", "invalid_type", ""},
		{"\"x\"", "invalid_type", ""},
		{"{}", "field_required", "/body"},
		{"{\"body\":null}", "invalid_type", "/body"},
		{"{\"body\":1,\"id\":5}", "invalid_type", "/id"},
		{"{\"body\":1,\"role\":[]}", "invalid_type", "/role"},
		{"{\"body\":1,\"author\":{}}", "invalid_type", "/author"},
		{"{\"body\":1,\"reply_to\":true}", "invalid_type", "/reply_to"},
		{"{\"body\":1,\"thread\":1}", "invalid_type", "/thread"},
		{"{\"body\":1,\"thread\":\"\"}", "invalid_id", "/thread"},
		{"{\"body\":1,\"ts\":\"1\"}", "invalid_type", "/ts"},
		{"{\"body\":1,\"ts\":1.5}", "invalid_type", "/ts"},
		{"{\"body\":1,\"ts\":1e9}", "invalid_type", "/ts"},
		{"{\"body\":1,\"ts\":9223372036854775808}", "invalid_type", "/ts"},
		{"{\"body\":1", "invalid_json", ""},
		{"{\"body\":1}x", "invalid_json", ""},
		{"{\"body\":1,\"body\":2}", "duplicate_key", ""},
		{"{\"body\":\"\xff\"}", "invalid_utf8", ""},
		{"{\"body\":\"\\ud800\"}", "lone_surrogate", ""},
		{"{\"body\":NaN}", "invalid_json", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(PDB_METHOD_POST);
		fake_body(&request, cases[i].body);
		cr_assert_eq(run(pdb__message_append), PDB_EINVAL, "%s", cases[i].body);
		cr_assert_str_eq(err.code, cases[i].code, "%s: %s", cases[i].body, err.code);
		cr_assert_str_eq(err.field, cases[i].field, "%s: %s", cases[i].body, err.field);
		cr_assert_eq(asked.calls, 0);
	}
}

Test(input, the_path_names_the_thread)
{
	begin(PDB_METHOD_POST);
	fake_param(&request, "thread", "t1");
	fake_body(&request, "{\"body\":1}");
	cr_assert_eq(run(pdb__message_append), PDB_OK);
	assert_slice(asked.thread, "t1");
	begin(PDB_METHOD_POST);
	fake_param(&request, "thread", "t1");
	fake_body(&request, "{\"body\":1,\"thread\":\"t1\"}");
	cr_assert_eq(run(pdb__message_append), PDB_OK);
	begin(PDB_METHOD_POST);
	fake_param(&request, "thread", "t1");
	fake_body(&request, "{\"body\":1,\"thread\":\"t2\"}");
	assert_refused(pdb__message_append, PDB_EINVAL, "thread_mismatch", "/thread");
}

Test(input, a_body_is_json_by_its_type)
{
	static const char *const good[] = {"application/json",
					   "APPLICATION/JSON",
					   "application/json; charset=utf-8",
					   "application/json ;charset=UTF-8",
					   "application/json;charset=\"utf-8\"",
					   "application/json;"};
	static const char *const bad[] = {"text/plain", "", "application/jsonp",
					  "application/json; charset=latin1",
					  "application/x-www-form-urlencoded"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		begin(PDB_METHOD_POST);
		fake_header(&request, "Content-Type", good[i]);
		fake_body(&request, "{\"body\":1}");
		cr_assert_eq(run(pdb__message_append), PDB_OK, "%s", good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(PDB_METHOD_POST);
		fake_header(&request, "Content-Type", bad[i]);
		fake_body(&request, "{\"body\":1}");
		cr_assert_eq(run(pdb__message_append), PDB_EMEDIA, "%s", bad[i]);
	}
}

Test(input, a_thread_is_read_whole)
{
	begin(PDB_METHOD_POST);
	fake_body(&request,
		  "{\"id\":\"t1\",\"title\":\"T\\n\",\"attributes\":{\"b\":1, \"a\":2.0},"
		  "\"participants\":[\"bob\",\"c\\u00e9\"],\"author\":\"ann\",\"slug\":\"mine\"}");
	cr_assert_eq(run(pdb__thread_create), PDB_OK, "%s", err.text);
	assert_slice(asked.thread_input.id, "t1");
	assert_slice(asked.thread_input.title, "T\n");
	assert_slice(asked.thread_input.attributes, "{\"b\":1, \"a\":2.0}");
	cr_assert_eq(asked.thread_input.participant_count, 2);
	assert_slice(asked.thread_input.participants[0], "bob");
	assert_slice(asked.thread_input.participants[1], "c\xc3\xa9");
	assert_slice(asked.caller.author, "ann");
}

Test(input, an_empty_list_is_not_an_absent_one)
{
	begin(PDB_METHOD_PUT);
	fake_body(&request, "{\"participants\":[]}");
	cr_assert_eq(run(pdb__thread_update), PDB_OK);
	cr_assert_not_null(asked.thread_input.participants);
	cr_assert_eq(asked.thread_input.participant_count, 0);
	begin(PDB_METHOD_PUT);
	fake_body(&request, "{\"participants\":null,\"title\":\"\"}");
	cr_assert_eq(run(pdb__thread_update), PDB_OK);
	cr_assert_null(asked.thread_input.participants);
	cr_assert_not_null(asked.thread_input.title.ptr);
	begin(PDB_METHOD_PUT);
	fake_body(&request, "{\"participants\":[\"a\",1]}");
	assert_refused(pdb__thread_update, PDB_EINVAL, "invalid_type", "/participants/1");
	begin(PDB_METHOD_PUT);
	fake_body(&request, "{\"participants\":\"a\"}");
	assert_refused(pdb__thread_update, PDB_EINVAL, "invalid_type", "/participants");
	begin(PDB_METHOD_PUT);
	fake_body(&request, "{\"attributes\":[]}");
	assert_refused(pdb__thread_update, PDB_EINVAL, "invalid_type", "/attributes");
	begin(PDB_METHOD_PUT);
	assert_refused(pdb__thread_update, PDB_EINVAL, "body_required", "");
}

Test(input, a_thread_can_be_made_of_nothing)
{
	begin(PDB_METHOD_POST);
	cr_assert_eq(run(pdb__thread_create), PDB_OK, "%s", err.text);
	cr_assert_null(asked.thread_input.title.ptr);
	cr_assert_eq(asked.calls, 1);
}

Test(input, an_idempotency_key_is_visible_ascii)
{
	char longest[257];

	memset(longest, 'k', sizeof(longest));
	longest[256] = '\0';
	begin(PDB_METHOD_POST);
	fake_header(&request, "Idempotency-Key", longest + 1);
	fake_body(&request, "{\"body\":1}");
	cr_assert_eq(run(pdb__message_append), PDB_OK);
	cr_assert_eq(asked.inputs[0].idempotency_key.len, 255);
	begin(PDB_METHOD_POST);
	fake_header(&request, "Idempotency-Key", longest);
	fake_body(&request, "{\"body\":1}");
	assert_refused(pdb__message_append, PDB_EINVAL, "invalid_idempotency_key", "");
	begin(PDB_METHOD_POST);
	fake_header(&request, "Idempotency-Key", "a b");
	assert_refused(pdb__thread_create, PDB_EINVAL, "invalid_idempotency_key", "");
	begin(PDB_METHOD_POST);
	fake_header(&request, "Idempotency-Key", "");
	assert_refused(pdb__thread_create, PDB_EINVAL, "invalid_idempotency_key", "");
}

Test(input, a_batch_is_read_in_order)
{
	begin(PDB_METHOD_POST);
	fake_param(&request, "thread", "t1");
	fake_header(&request, "Idempotency-Key", "k1");
	fake_body(&request, "{\"messages\":[{\"body\":1,\"author\":\"ann\"},"
			    "{\"body\":2,\"thread\":\"t1\"},{\"body\":3,\"id\":\"m3\"}]}");
	cr_assert_eq(run(pdb__message_batch), PDB_OK, "%s", err.text);
	cr_assert_eq(asked.input_count, 3);
	assert_slice(asked.inputs[0].author, "ann");
	assert_slice(asked.inputs[1].body, "2");
	assert_slice(asked.inputs[2].id, "m3");
	assert_slice(asked.inputs[2].idempotency_key, "k1");
	cr_assert_str_eq(fake_answer(&request),
			 "{\"thread\":\"t1\",\"messages\":[{\"id\":\"m1\"}]}");
}

Test(input, a_batch_names_the_element_at_fault)
{
	static const struct {
		const char *body;
		pdb_status status;
		const char *code;
		const char *field;
	} cases[] = {
		{"{}", PDB_EINVAL, "field_required", "/messages"},
		{"{\"messages\":[]}", PDB_EINVAL, "empty_batch", "/messages"},
		{"{\"messages\":{}}", PDB_EINVAL, "invalid_type", "/messages"},
		{"{\"messages\":[{\"body\":1},2]}", PDB_EINVAL, "invalid_type", "/messages/1"},
		{"{\"messages\":[{\"body\":1},{}]}", PDB_EINVAL, "field_required",
		 "/messages/1/body"},
		{"{\"messages\":[{\"body\":1,\"ts\":\"\"}]}", PDB_EINVAL, "invalid_type",
		 "/messages/0/ts"},
		{"{\"messages\":[{\"body\":1,\"thread\":\"t2\"}]}", PDB_EINVAL, "thread_mismatch",
		 "/messages/0/thread"},
		{"{\"messages\":[{\"body\":1,\"author\":\"bob\"}]}", PDB_EDENIED, "author_mismatch",
		 "/messages/0/author"},
		{"{\"messages\":[{\"body\":1,\"author\":\"ann\"}],\"author\":\"bob\"}", PDB_EDENIED,
		 "author_mismatch", "/author"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(PDB_METHOD_POST);
		as(PDB_ROLE_FRONTEND, "ann");
		fake_param(&request, "thread", "t1");
		fake_body(&request, cases[i].body);
		assert_refused(pdb__message_batch, cases[i].status, cases[i].code, cases[i].field);
	}
}

Test(input, a_batch_has_a_thousand_messages)
{
	pdb_buf body = {0};

	for (unsigned count = 1000; count <= 1001; count++) {
		pdb_buf_clear(&body);
		pdb_buf_add_text(&body, "{\"messages\":[{\"body\":0}");
		for (unsigned i = 1; i < count; i++) {
			pdb_buf_add_text(&body, ",{\"body\":0}");
		}
		pdb_buf_add_text(&body, "]}");
		begin(PDB_METHOD_POST);
		fake_param(&request, "thread", "t1");
		request.body = pdb_buf_slice(&body);
		if (count == 1000) {
			cr_assert_eq(run(pdb__message_batch), PDB_OK, "%s", err.text);
			cr_assert_eq(asked.input_count, 1000);
		} else {
			assert_refused(pdb__message_batch, PDB_EINVAL, "batch_too_large",
				       "/messages");
		}
	}
	pdb_buf_fini(&body);
}

Test(input, a_restore_may_name_a_version)
{
	static const char *const wrong[] = {"{\"version\":0}", "{\"version\":-1}",
					    "{\"version\":\"1\"}", "{\"version\":1.0}",
					    "{\"version\":4294967296}"};

	begin(PDB_METHOD_POST);
	cr_assert_eq(run(pdb__message_restore), PDB_OK);
	cr_assert_eq(asked.version, 0);
	begin(PDB_METHOD_POST);
	fake_body(&request, "{\"version\":3}");
	cr_assert_eq(run(pdb__message_restore), PDB_OK);
	cr_assert_eq(asked.version, 3);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		begin(PDB_METHOD_POST);
		fake_body(&request, wrong[i]);
		assert_refused(pdb__message_restore, PDB_EINVAL, "invalid_type", "/version");
	}
}

Test(input, a_reaction_is_of_the_caller_unless_named)
{
	begin(PDB_METHOD_POST);
	as(PDB_ROLE_FRONTEND, "ann");
	fake_body(&request, "{\"reaction\":\"\\ud83d\\ude00\"}");
	cr_assert_eq(run(pdb__reaction_set), PDB_OK, "%s", err.text);
	assert_slice(asked.identity, "ann");
	assert_slice(asked.reaction, "\xf0\x9f\x98\x80");
	begin(PDB_METHOD_POST);
	fake_body(&request, "{\"id\":\"bob\",\"reaction\":\"+1\"}");
	cr_assert_eq(run(pdb__reaction_set), PDB_OK);
	assert_slice(asked.identity, "bob");
	begin(PDB_METHOD_POST);
	fake_body(&request, "{\"reaction\":\"+1\"}");
	assert_refused(pdb__reaction_set, PDB_EINVAL, "field_required", "/id");
	begin(PDB_METHOD_POST);
	fake_body(&request, "{\"id\":\"bob\"}");
	assert_refused(pdb__reaction_set, PDB_EINVAL, "field_required", "/reaction");
	begin(PDB_METHOD_POST);
	fake_body(&request, "{\"id\":\"bob\",\"reaction\":1}");
	assert_refused(pdb__reaction_set, PDB_EINVAL, "invalid_type", "/reaction");
}

Test(input, a_failing_allocation_is_an_ordinary_error)
{
	static const char body[] = "{\"messages\":[{\"body\":1,\"id\":\"m\\u002d1\"}]}";
	pdb_status status;
	unsigned failures = 0;

	for (unsigned long nth = 1; nth < 100; nth++) {
		begin(PDB_METHOD_POST);
		pdb_buf_fini(&request.scratch);
		fake_param(&request, "thread", "t1");
		fake_body(&request, body);
		pdb_mem_fail(nth, false);
		status = run(pdb__message_batch);
		pdb_mem_fail(0, false);
		if (status == PDB_OK) {
			break;
		}
		cr_assert_eq(status, PDB_ENOMEM, "allocation %lu: %s", nth, err.text);
		cr_assert_eq(request.status, 0);
		failures++;
	}
	cr_assert_eq(status, PDB_OK);
	cr_assert_geq(failures, 3);
}
