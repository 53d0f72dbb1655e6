/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks: signed, named, contradicted. */
#include "api_test.h"

Test(caller, a_frontend_caller_is_its_signed_user)
{
	begin(PDB_METHOD_GET);
	as(PDB_ROLE_FRONTEND, "ann");
	fake_header(&request, "X-User-ID", "ann");
	cr_assert_eq(run(pdb__thread_get), PDB_OK, "%s", err.text);
	assert_slice(asked.caller.author, "ann");
	cr_assert_eq(asked.caller.role, PDB_ROLE_FRONTEND);
	cr_assert_not(asked.caller.may_block);
}

Test(caller, a_frontend_caller_without_signature_is_refused)
{
	begin(PDB_METHOD_GET);
	as(PDB_ROLE_FRONTEND, "");
	fake_header(&request, "X-User-ID", "ann");
	assert_refused(pdb__thread_get, PDB_EUNAUTHENTICATED, "signature_required", "");
}

Test(caller, a_signed_user_may_not_be_contradicted)
{
	static const pdb_role roles[] = {PDB_ROLE_FRONTEND, PDB_ROLE_BACKEND, PDB_ROLE_ADMIN};

	for (size_t i = 0; i < 3; i++) {
		begin(PDB_METHOD_GET);
		as(roles[i], "ann");
		fake_query(&request, "author", "bob");
		assert_refused(pdb__thread_list, PDB_EDENIED, "author_mismatch", "");
		begin(PDB_METHOD_GET);
		as(roles[i], "ann");
		fake_header(&request, "X-User-ID", "bob");
		assert_refused(pdb__thread_list, PDB_EDENIED, "author_mismatch", "");
		begin(PDB_METHOD_POST);
		as(roles[i], "ann");
		fake_body(&request, "{\"author\":\"bob\",\"body\":1}");
		assert_refused(pdb__message_append, PDB_EDENIED, "author_mismatch", "/author");
		begin(PDB_METHOD_POST);
		as(roles[i], "ann");
		fake_body(&request, "{\"author\":\"\\u0061nn\",\"body\":1}");
		cr_assert_eq(run(pdb__message_append), PDB_OK, "%s", err.text);
		assert_slice(asked.caller.author, "ann");
	}
}

Test(caller, a_backend_names_an_author_in_three_places)
{
	begin(PDB_METHOD_POST);
	fake_body(&request, "{\"author\":\"body\",\"body\":1}");
	fake_header(&request, "X-User-ID", "header");
	fake_query(&request, "author", "query");
	cr_assert_eq(run(pdb__message_append), PDB_OK);
	assert_slice(asked.caller.author, "body");
	begin(PDB_METHOD_GET);
	fake_header(&request, "X-User-ID", "header");
	fake_query(&request, "author", "query");
	cr_assert_eq(run(pdb__thread_list), PDB_OK);
	assert_slice(asked.caller.author, "header");
	begin(PDB_METHOD_GET);
	fake_header(&request, "X-User-ID", "");
	fake_query(&request, "author", "query");
	cr_assert_eq(run(pdb__thread_list), PDB_OK);
	assert_slice(asked.caller.author, "query");
	begin(PDB_METHOD_GET);
	cr_assert_eq(run(pdb__thread_get), PDB_OK);
	cr_assert_eq(asked.caller.author.len, 0);
}

Test(caller, an_author_is_text)
{
	static const char *const wrong[] = {"\"\"", "\"a\\nb\"", "\"\\u0000\""};
	char body[64];

	for (size_t i = 0; i < 3; i++) {
		begin(PDB_METHOD_POST);
		(void)snprintf(body, sizeof(body), "{\"body\":1,\"author\":%s}", wrong[i]);
		fake_body(&request, body);
		assert_refused(pdb__message_append, PDB_EINVAL, "invalid_author", "/author");
	}
	begin(PDB_METHOD_GET);
	fake_header(&request, "X-User-ID", "a\xff");
	assert_refused(pdb__thread_list, PDB_EINVAL, "invalid_author", "");
	begin(PDB_METHOD_GET);
	fake_query(&request, "author", "a\x01");
	assert_refused(pdb__thread_list, PDB_EINVAL, "invalid_author", "");
}

Test(caller, a_worker_may_block)
{
	begin(PDB_METHOD_GET);
	request.on_worker = true;
	cr_assert_eq(run(pdb__thread_get), PDB_OK);
	cr_assert(asked.caller.may_block);
	request.on_worker = false;
}
