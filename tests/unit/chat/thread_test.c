/* SPDX-License-Identifier: Apache-2.0 */
/* Threads and their lists. */
#include "base/clock.h"
#include "world.h"

static world w;

static void open_world(void)
{
	world_open(&w);
}

static void close_world(void)
{
	pdb_clock_set(0);
	catch_up_all(&w);
	cr_expect_eq(check_all(&w), 0);
	world_close(&w);
}

TestSuite(thread, .init = open_world, .fini = close_world);

static pdb_status create(pdb_caller who, const pdb_thread_input *input)
{
	pdb_status status;

	clear_answer(&w);
	status = pdb_chat_thread_create(w.chat, &who, input, &w.out, &w.outcome, &w.err);
	end_answer(&w);
	return status;
}

static pdb_status update(pdb_caller who, const char *thread, const pdb_thread_input *input)
{
	pdb_status status;

	clear_answer(&w);
	status = pdb_chat_thread_update(w.chat, &who, pdb_slice_text(thread), input, &w.out,
					&w.outcome, &w.err);
	end_answer(&w);
	return status;
}

Test(thread, is_shown_as_made)
{
	const pdb_slice people[] = {PDB_SLICE("bob"), PDB_SLICE("ann"), PDB_SLICE("c:d"),
				    PDB_SLICE("bob")};
	const pdb_thread_input input = {.id = PDB_SLICE("t1"),
					.title = PDB_SLICE("  Caf\xc3\xa9 & Bar 2!"),
					.attributes = PDB_SLICE(" {\"k\": [1.0]} "),
					.participants = people,
					.participant_count = 4};

	pdb_clock_set(1700000000000000000);
	cr_assert_eq(create(front("ann"), &input), PDB_OK, "%s", w.err.text);
	cr_assert_str_eq(answer(&w),
			 "{\"id\":\"t1\",\"title\":\"  Caf\xc3\xa9 & Bar 2!\",\"slug\":"
			 "\"caf-bar-2-t1\",\"author\":\"ann\",\"participants\":[\"bob\",\"c:d\"],"
			 "\"attributes\":{\"k\": [1.0]},\"created_ts\":1700000000000000000,"
			 "\"updated_ts\":1700000000000000000,\"last_ts\":1700000000000000000,"
			 "\"last_seq\":0,\"message_count\":0}");
}

Test(thread, refuses_bad_input)
{
	static char many[600];
	static pdb_slice people[1001];
	static char people_text[1001][8];
	const pdb_slice control[] = {PDB_SLICE("ok"), PDB_SLICE("a\nb")};

	memset(many, 'x', sizeof(many));
	for (int i = 0; i < 1001; i++) {
		(void)snprintf(people_text[i], sizeof(people_text[i]), "p%d", i);
		people[i] = pdb_slice_text(people_text[i]);
	}
	const struct {
		pdb_thread_input input;
		const char *code;
		const char *field;
	} cases[] = {
		{{.id = PDB_SLICE("thread:x")}, "invalid_id", "/id"},
		{{.title = PDB_SLICE("")}, "invalid_title", "/title"},
		{{.title = PDB_SLICE("a\tb")}, "invalid_title", "/title"},
		{{.title = PDB_SLICE("a\xc2\x85")}, "invalid_title", "/title"},
		{{.title = PDB_SLICE("\xff")}, "invalid_title", "/title"},
		{{.title = {(const uint8_t *)many, 201}}, "title_too_long", "/title"},
		{{.attributes = PDB_SLICE("[]")}, "invalid_attributes", "/attributes"},
		{{.participants = control, .participant_count = 2},
		 "invalid_author",
		 "/participants/1"},
		{{.participants = people, .participant_count = 1001},
		 "too_many_participants",
		 "/participants"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(create(front("ann"), &cases[i].input), PDB_EINVAL, "%zu", i);
		cr_expect_str_eq(w.err.code, cases[i].code, "%zu", i);
		cr_expect_str_eq(w.err.field, cases[i].field, "%zu", i);
	}
	cr_assert_eq(create(back(""), &cases[0].input), PDB_EINVAL);
	cr_assert_str_eq(w.err.code, "author_required");
	cr_assert_eq(create(front("ann"),
			    &(pdb_thread_input){.participants = people, .participant_count = 1000}),
		     PDB_OK);
}

Test(thread, creation_is_replayed)
{
	const pdb_thread_input keyed = {.idempotency_key = PDB_SLICE("k"), .title = PDB_SLICE("a")};
	const pdb_thread_input other = {.idempotency_key = PDB_SLICE("k"), .title = PDB_SLICE("b")};
	char first[PDB_KEY_MAX / 4];

	cr_assert_eq(create(front("ann"), &keyed), PDB_OK);
	memcpy(first, w.outcome.thread, sizeof(first));
	cr_assert_eq(update(front("ann"), first, &other), PDB_OK);
	cr_assert_eq(create(front("ann"), &keyed), PDB_OK);
	cr_assert(w.outcome.replayed);
	cr_assert_str_eq(w.outcome.thread, first);
	cr_assert(answer_has(&w, "\"title\":\"b\""));
	cr_assert_eq(create(front("ann"), &other), PDB_EEXISTS);
	cr_assert_eq(create(front("bob"), &keyed), PDB_OK);
	cr_assert_str_neq(w.outcome.thread, first);
	cr_assert_eq(make_thread(&w, front("ann"), "t1"), PDB_OK);
	cr_assert_eq(make_thread(&w, front("ann"), "t1"), PDB_OK);
	cr_assert(w.outcome.replayed);
	cr_assert_eq(make_thread(&w, front("bob"), "t1"), PDB_EEXISTS);
	cr_assert_str_eq(w.err.code, "id_conflict");
}

Test(thread, update_changes_what_is_given)
{
	const pdb_slice both[] = {PDB_SLICE("bob"), PDB_SLICE("eve")};
	char made[512];
	const pdb_slice one[] = {PDB_SLICE("eve")};
	const pdb_thread_query any = {0};
	pdb_thread_page result;

	cr_assert_eq(make_thread(&w, front("ann"), "t1"), PDB_OK);
	cr_assert_eq(get_thread(&w, front("ann"), "t1"), PDB_OK);
	(void)snprintf(made, sizeof(made), "%s", answer(&w));
	cr_assert_eq(update(front("ann"), "t1", &(pdb_thread_input){0}), PDB_OK);
	cr_assert_str_eq(answer(&w), made);
	cr_assert_eq(update(front("ann"), "t1",
			    &(pdb_thread_input){.participants = both, .participant_count = 2}),
		     PDB_OK);
	cr_assert(answer_has(&w, "\"title\":\"New Thread\""));
	cr_assert_eq(get_thread(&w, front("bob"), "t1"), PDB_OK);
	cr_assert_eq(update(front("ann"), "t1",
			    &(pdb_thread_input){.title = PDB_SLICE("New"),
						.participants = one,
						.participant_count = 1}),
		     PDB_OK);
	cr_assert(answer_has(&w, "\"title\":\"New\",\"slug\":\"new-t1\""));
	cr_assert(answer_has(&w, "\"participants\":[\"eve\"]"));
	cr_assert_eq(get_thread(&w, front("bob"), "t1"), PDB_ENOTFOUND);
	cr_assert_eq(threads(&w, front("bob"), &any, &result), PDB_OK);
	cr_assert_eq(result.count, 0);
	cr_assert_eq(threads(&w, front("eve"), &any, &result), PDB_OK);
	cr_assert_eq(result.count, 1);
}

Test(thread, list_goes_page_by_page)
{
	pdb_thread_query query = {.limit = 2};
	pdb_thread_page result;
	char cursor[PDB_KEY_MAX / 4] = "";
	char seen[64] = "";

	for (int i = 0; i < 5; i++) {
		const char id[] = {(char)('a' + i), '\0'};

		cr_assert_eq(make_thread(&w, front("ann"), id), PDB_OK);
	}
	cr_assert_eq(post(&w, front("ann"), "b", NULL, "1"), PDB_OK);
	do {
		query.cursor = pdb_slice_text(cursor);
		cr_assert_eq(threads(&w, front("ann"), &query, &result), PDB_OK, "%s", w.err.text);
		for (const char *at = answer(&w); (at = strstr(at, "{\"id\":\"")) != NULL; at++) {
			seen[strlen(seen)] = at[7];
		}
		memcpy(cursor, result.cursor, sizeof(cursor));
	} while (cursor[0] != '\0');
	cr_assert_str_eq(seen, "bedca");
	query.cursor = PDB_SLICE("12-a:b");
	cr_assert_eq(threads(&w, front("ann"), &query, &result), PDB_EINVAL);
	cr_assert_str_eq(w.err.code, "invalid_cursor");
	query = (pdb_thread_query){.limit = 1001};
	cr_assert_eq(threads(&w, front("ann"), &query, &result), PDB_EINVAL);
}

Test(thread, list_filters)
{
	const pdb_thread_query title = {.title = PDB_SLICE("HAT S")};
	const pdb_thread_query slug = {.slug = PDB_SLICE("what-so-t2")};
	const pdb_thread_query deleted = {.with_deleted = true};
	const pdb_thread_query any = {0};
	pdb_caller ann = front("ann");
	pdb_thread_page result;

	cr_assert_eq(make_thread(&w, ann, "t1"), PDB_OK);
	cr_assert_eq(create(ann, &(pdb_thread_input){.id = PDB_SLICE("t2"),
						     .title = PDB_SLICE("What so")}),
		     PDB_OK);
	cr_assert_eq(threads(&w, ann, &title, &result), PDB_OK);
	cr_assert_eq(result.count, 1);
	cr_assert(answer_has(&w, "\"id\":\"t2\""));
	cr_assert_eq(threads(&w, ann, &slug, &result), PDB_OK);
	cr_assert_eq(result.count, 1);
	cr_assert_eq(pdb_chat_thread_delete(w.chat, &ann, PDB_SLICE("t2"), &w.outcome, &w.err),
		     PDB_OK);
	cr_assert_eq(threads(&w, ann, &any, &result), PDB_OK);
	cr_assert_eq(result.count, 1);
	cr_assert_eq(threads(&w, ann, &deleted, &result), PDB_OK);
	cr_assert_eq(result.count, 2);
	cr_assert_eq(threads(&w, front("bob"), &any, &result), PDB_OK);
	cr_assert_eq(result.count, 0);
	cr_assert_eq(threads(&w, back(""), &any, &result), PDB_EINVAL);
	cr_assert_eq(threads(&w, admin(""), &any, &result), PDB_OK);
	cr_assert_eq(result.count, 1);
}

Test(thread, crowds_are_moved_by_the_job)
{
	const pdb_thread_query any = {0};
	pdb_thread_page result;
	pdb_slice people[PDB__CROWD];
	char text[PDB__CROWD][8];

	for (size_t i = 0; i < PDB__CROWD; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "p%zu", i);
		people[i] = pdb_slice_text(text[i]);
	}
	cr_assert_eq(create(front("ann"), &(pdb_thread_input){.id = PDB_SLICE("crowd"),
							      .participants = people,
							      .participant_count = PDB__CROWD}),
		     PDB_OK);
	cr_assert_eq(make_thread(&w, front("p3"), "other"), PDB_OK);
	cr_assert_eq(post(&w, front("p1"), "crowd", NULL, "1"), PDB_OK);
	cr_assert_eq(threads(&w, front("p3"), &any, &result), PDB_OK);
	cr_assert(strncmp(answer(&w), "{\"id\":\"other\"", 13) == 0);
	cr_assert_eq(check_all(&w), 0);
	catch_up_all(&w);
	cr_assert_eq(threads(&w, front("p3"), &any, &result), PDB_OK);
	cr_assert(strncmp(answer(&w), "{\"id\":\"crowd\"", 13) == 0);
	cr_assert_eq(threads(&w, admin(""), &any, &result), PDB_OK);
	cr_assert(strncmp(answer(&w), "{\"id\":\"crowd\"", 13) == 0);
	/* The mark is gone with the row: the next append lags, and is seen again. */
	cr_assert_eq(post(&w, front("p3"), "other", NULL, "1"), PDB_OK);
	catch_up_all(&w);
	cr_assert_eq(threads(&w, admin(""), &any, &result), PDB_OK);
	cr_assert(strncmp(answer(&w), "{\"id\":\"other\"", 13) == 0);
}
