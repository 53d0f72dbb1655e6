/* SPDX-License-Identifier: Apache-2.0 */
/* Appending: what is stored, what is refused, and what is sent twice. */
#include "base/clock.h"
#include "world.h"

#define NOW INT64_C(1700000000000000000)

static world w;

static void open_world(void)
{
	world_open(&w);
	pdb_clock_set(NOW);
}

static void close_world(void)
{
	pdb_clock_set(0);
	cr_expect_eq(check_all(&w), 0);
	world_close(&w);
}

TestSuite(append, .init = open_world, .fini = close_world);

static pdb_status append(pdb_caller who, const char *thread, const pdb_message_input *inputs,
			 size_t count)
{
	pdb_status status;

	clear_answer(&w);
	status = pdb_chat_append(w.chat, &who, pdb_slice_text(thread), inputs, count, &w.out,
				 &w.outcome, &w.err);
	end_answer(&w);
	return status;
}

Test(append, stores_the_message_as_shown)
{
	cr_assert_eq(post(&w, front("al\"ice"), "t1", "m1", " {\"b\": 1.10, \"a\":\"\\u00e9\"}\n"),
		     PDB_OK, "%s", w.err.text);
	cr_assert_str_eq(answer(&w), "{\"id\":\"m1\",\"thread\":\"t1\",\"seq\":1,\"author\":"
				     "\"al\\\"ice\",\"role\":\"user\",\"ts\":1700000000000000001,"
				     "\"version\":1,\"body\":{\"b\": 1.10, \"a\":\"\\u00e9\"}}");
	cr_assert_gt(w.outcome.ticket, 0);
	cr_assert_str_eq(w.outcome.message, "m1");
	cr_assert_eq(w.outcome.version, 1);
}

Test(append, makes_the_thread_that_is_not_there)
{
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_OK);
	cr_assert_eq(get_thread(&w, front("ann"), "t1"), PDB_OK);
	cr_assert_str_eq(answer(&w),
			 "{\"id\":\"t1\",\"title\":\"New Thread\",\"slug\":\"new-thread-t1\","
			 "\"author\":\"ann\",\"participants\":[],\"attributes\":{},"
			 "\"created_ts\":1700000000000000000,\"updated_ts\":1700000000000000000,"
			 "\"last_ts\":1700000000000000001,\"last_seq\":1,\"message_count\":1}");
}

Test(append, makes_ids)
{
	cr_assert_eq(post(&w, front("ann"), "", NULL, "1"), PDB_OK, "%s", w.err.text);
	cr_assert(strncmp(w.outcome.thread, "thread-", 7) == 0);
	cr_assert(strncmp(w.outcome.message, "msg-", 4) == 0);
}

Test(append, time_never_runs_backwards)
{
	pdb_message_page result;

	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_OK);
	pdb_clock_set(NOW - 1000 * PDB_NS_PER_SECOND);
	cr_assert_eq(post(&w, front("ann"), "t1", "m2", "2"), PDB_OK);
	cr_assert(answer_has(&w, "\"ts\":1700000000000000002,"));
	cr_assert_eq(page(&w, front("ann"), "t1", PDB_ANCHOR_NEWEST, "", 0, &result), PDB_OK);
	cr_assert_lt(strstr(answer(&w), "\"m1\""), strstr(answer(&w), "\"m2\""));
}

Test(append, takes_times_of_any_unit)
{
	const struct {
		int64_t sent;
		const char *stored;
	} cases[] = {{1600000000, "\"ts\":1600000000000000000,"},
		     {1600000000123, "\"ts\":1600000000123000000,"},
		     {1600000000123456, "\"ts\":1600000000123456000,"},
		     {1600000000123456789, "\"ts\":1600000000123456789,"},
		     {1700000059, "\"ts\":1700000059000000000,"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const pdb_message_input input = {.body = PDB_SLICE("1"), .ts = cases[i].sent};

		cr_assert_eq(append(front("ann"), "t1", &input, 1), PDB_OK);
		cr_assert(answer_has(&w, cases[i].stored), "%s", answer(&w));
	}
}

Test(append, refuses_bad_input)
{
	const struct {
		pdb_message_input input;
		const char *code;
		const char *field;
	} cases[] = {
		{{.body = {NULL, 0}}, "body_required", "/body"},
		{{.body = PDB_SLICE(" null ")}, "invalid_body", "/body"},
		{{.body = PDB_SLICE("")}, "invalid_body", "/body"},
		{{.body = PDB_SLICE("1"), .id = PDB_SLICE("a:b")}, "invalid_id", "/id"},
		{{.body = PDB_SLICE("1"), .role = PDB_SLICE("User")}, "invalid_role", "/role"},
		{{.body = PDB_SLICE("1"), .role = PDB_SLICE("system")},
		 "role_not_allowed",
		 "/role"},
		{{.body = PDB_SLICE("1"), .reply_to = PDB_SLICE("/")}, "invalid_id", "/reply_to"},
		{{.body = PDB_SLICE("1"), .reply_to = PDB_SLICE("m9")},
		 "reply_to_unknown",
		 "/reply_to"},
		{{.body = PDB_SLICE("1"), .id = PDB_SLICE("m9"), .reply_to = PDB_SLICE("m9")},
		 "reply_to_unknown",
		 "/reply_to"},
		{{.body = PDB_SLICE("1"), .ts = 1700000061}, "ts_in_future", "/ts"},
		{{.body = PDB_SLICE("1"), .ts = INT64_MAX}, "ts_in_future", "/ts"},
		{{.body = PDB_SLICE("1"), .ts = -1}, "invalid_ts", "/ts"},
	};
	uint64_t count_threads;
	uint64_t count_messages;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(append(front("ann"), "t1", &cases[i].input, 1), PDB_EINVAL, "%zu", i);
		cr_expect_str_eq(w.err.code, cases[i].code, "%zu", i);
		cr_expect_str_eq(w.err.field, cases[i].field, "%zu", i);
	}
	cr_assert_eq(get_thread(&w, front("ann"), "t1"), PDB_ENOTFOUND);
	pdb_chat_counts(w.chat, &count_threads, &count_messages);
	cr_assert_eq(count_threads, 0);
	cr_assert_eq(count_messages, 0);
}

Test(append, batch_is_all_or_nothing)
{
	const pdb_message_input good[] = {
		{.id = PDB_SLICE("m1"), .body = PDB_SLICE("1")},
		{.id = PDB_SLICE("m2"), .body = PDB_SLICE("2"), .reply_to = PDB_SLICE("m1")}};
	const pdb_message_input bad[] = {
		{.id = PDB_SLICE("m3"), .body = PDB_SLICE("3")},
		{.id = PDB_SLICE("m4"), .body = PDB_SLICE("4"), .reply_to = PDB_SLICE("m5")},
		{.id = PDB_SLICE("m5"), .body = PDB_SLICE("5")}};
	const pdb_message_input twice[] = {{.id = PDB_SLICE("m6"), .body = PDB_SLICE("6")},
					   {.id = PDB_SLICE("m6"), .body = PDB_SLICE("6")}};

	cr_assert_eq(append(front("ann"), "t1", good, 2), PDB_OK, "%s", w.err.text);
	cr_assert(answer_has(&w, "},{\"id\":\"m2\""));
	cr_assert_eq(append(front("ann"), "t1", bad, 3), PDB_EINVAL);
	cr_assert_str_eq(w.err.field, "/messages/1/reply_to");
	cr_assert_eq(get(&w, front("ann"), "t1", "m3"), PDB_ENOTFOUND);
	cr_assert_eq(append(front("ann"), "t1", twice, 2), PDB_EINVAL);
	cr_assert_str_eq(w.err.code, "duplicate_id");
	cr_assert_eq(get(&w, front("ann"), "t1", "m6"), PDB_ENOTFOUND);
	cr_assert_eq(append(front("ann"), "t1", good, 0), PDB_EINVAL);
}

Test(append, replays_what_was_stored)
{
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "{\"a\":1}"), PDB_OK);
	cr_assert_not(w.outcome.replayed);
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", " {\"a\":1}"), PDB_OK);
	cr_assert(w.outcome.replayed);
	cr_assert(answer_has(&w, "\"seq\":1,"));
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "{\"a\": 1}"), PDB_EEXISTS);
	cr_assert_str_eq(w.err.code, "id_conflict");
	cr_assert_eq(post(&w, back("bob"), "t1", "m1", "{\"a\":1}"), PDB_EEXISTS);
}

Test(append, replays_edited_and_deleted_messages)
{
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_OK);
	cr_assert_eq(edit(&w, front("ann"), "t1", "m1", "2"), PDB_OK, "%s", w.err.text);
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_OK);
	cr_assert(w.outcome.replayed);
	cr_assert_eq(w.outcome.version, 2);
	cr_assert(answer_has(&w, "\"body\":2,"));
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "2"), PDB_EEXISTS);
	cr_assert_eq(erase(&w, front("ann"), "t1", "m1"), PDB_OK);
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_OK);
	cr_assert(answer_has(&w, "\"deleted\":true"));
}

Test(append, replays_part_of_a_batch)
{
	const pdb_message_input both[] = {{.id = PDB_SLICE("m1"), .body = PDB_SLICE("1")},
					  {.id = PDB_SLICE("m2"), .body = PDB_SLICE("2")}};

	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_OK);
	cr_assert_eq(append(front("ann"), "t1", both, 2), PDB_OK);
	cr_assert_not(w.outcome.replayed);
	cr_assert(answer_has(&w, "\"seq\":2,"));
	cr_assert_eq(append(front("ann"), "t1", both, 2), PDB_OK);
	cr_assert(w.outcome.replayed);
}

Test(append, key_finds_thread_and_messages_again)
{
	const pdb_message_input inputs[] = {
		{.idempotency_key = PDB_SLICE("k"), .body = PDB_SLICE("1")},
		{.idempotency_key = PDB_SLICE("k"), .body = PDB_SLICE("1")}};
	char first[600];

	cr_assert_eq(append(front("ann"), "", inputs, 2), PDB_OK);
	(void)snprintf(first, sizeof(first), "%s", answer(&w));
	cr_assert_eq(append(front("ann"), "", inputs, 2), PDB_OK);
	cr_assert(w.outcome.replayed);
	cr_assert_str_eq(answer(&w), first);
	cr_assert_eq(append(front("bob"), "", inputs, 2), PDB_OK);
	cr_assert_not(w.outcome.replayed);
}

Test(append, backend_posting_makes_a_participant)
{
	cr_assert_eq(make_thread(&w, front("ann"), "t1"), PDB_OK);
	cr_assert_eq(post(&w, front("bob"), "t1", "m1", "1"), PDB_ENOTFOUND);
	cr_assert_eq(post(&w, back("bob"), "t1", "m1", "1"), PDB_OK);
	cr_assert_eq(get_thread(&w, front("bob"), "t1"), PDB_OK);
	cr_assert(answer_has(&w, "\"participants\":[\"bob\"]"));
	cr_assert_eq(post(&w, front("bob"), "t1", "m2", "2"), PDB_OK);
}

Test(append, authors_are_those_of_the_caller)
{
	const pdb_message_input input = {.body = PDB_SLICE("1"), .author = PDB_SLICE("bob")};

	cr_assert_eq(append(front("ann"), "t1", &input, 1), PDB_EDENIED);
	cr_assert_str_eq(w.err.code, "author_mismatch");
	cr_assert_eq(append(back(""), "t1", &input, 1), PDB_OK);
	cr_assert(answer_has(&w, "\"author\":\"bob\""));
	cr_assert_eq(post(&w, back(""), "t1", NULL, "1"), PDB_EINVAL);
	cr_assert_str_eq(w.err.code, "author_required");
	cr_assert_eq(post(&w, admin(""), "t1", NULL, "1"), PDB_EINVAL);
}

Test(append, refuses_deleted_threads)
{
	pdb_caller ann = front("ann");

	cr_assert_eq(post(&w, back("bob"), "t1", "m1", "1"), PDB_OK);
	cr_assert_eq(post(&w, back("ann"), "t1", "m2", "1"), PDB_OK);
	ann.role = PDB_ROLE_ADMIN;
	cr_assert_eq(pdb_chat_thread_delete(w.chat, &ann, PDB_SLICE("t1"), &w.outcome, &w.err),
		     PDB_OK);
	cr_assert_eq(post(&w, front("bob"), "t1", "m3", "1"), PDB_EEXISTS);
	cr_assert_str_eq(w.err.code, "thread_deleted");
	cr_assert_eq(post(&w, front("ann"), "t1", "m3", "1"), PDB_ENOTFOUND);
	cr_assert_eq(post(&w, back("eve"), "t1", "m3", "1"), PDB_EEXISTS);
	cr_assert_eq(get(&w, front("bob"), "t1", "m1"), PDB_ENOTFOUND);
}

Test(append, answers_wait_for_the_disk)
{
	cr_assert_eq(make_thread(&w, front("ann"), "t1"), PDB_OK);
	pdb_store_wait(w.store, w.outcome.ticket);
	cr_assert_eq(get_thread(&w, front("ann"), "t1"), PDB_OK);
	cr_assert_eq(w.outcome.ticket, 0);
	atomic_store(&faults.hold_sync, true);
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_OK);
	uint64_t ticket = w.outcome.ticket;

	cr_assert_gt(ticket, pdb_store_durable(w.store));
	cr_assert_eq(get(&w, front("ann"), "t1", "m1"), PDB_OK);
	cr_assert_eq(w.outcome.ticket, ticket);
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_OK);
	cr_assert(w.outcome.replayed);
	cr_assert_eq(w.outcome.ticket, ticket);
	atomic_store(&faults.hold_sync, false);
	pdb_store_wait(w.store, ticket);
	cr_assert_eq(get(&w, front("ann"), "t1", "m1"), PDB_OK);
	cr_assert_eq(w.outcome.ticket, 0);
}

Test(append, refuses_what_is_too_large)
{
	static char body[PDB_VALUE_MAX];
	pdb_message_input inputs[6];

	memset(body, '1', sizeof(body));
	inputs[0] = (pdb_message_input){.body = pdb_slice_of(body, sizeof(body))};
	cr_assert_eq(append(front("ann"), "t1", inputs, 1), PDB_ETOOLARGE);
	for (size_t i = 0; i < 6; i++) {
		inputs[i] = (pdb_message_input){.body = pdb_slice_of(body, 2000000)};
	}
	cr_assert_eq(append(front("ann"), "t1", inputs, 6), PDB_ETOOLARGE);
	cr_assert_str_eq(w.err.code, "batch_too_large");
}
