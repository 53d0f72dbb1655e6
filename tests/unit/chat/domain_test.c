/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over everything, a user taken out of threads, and records taken through the hooks anew. */
#include "base/clock.h"
#include "world.h"

static world w;
static char generation = '1';

/* A toy seal: the body goes into the attachment, behind the generation that sealed it. */
static pdb_status seal(void *self, pdb_record *record, pdb_err *err)
{
	pdb_slice body = pdb_record_body(record);
	char text[256];

	(void)self, (void)err;
	(void)snprintf(text, sizeof(text), "%c%.*s", generation, PDB_SLICE_ARGS(body));
	cr_assert_eq(pdb_record_set_attachment(record, pdb_slice_text(text)), PDB_OK);
	return pdb_record_set_body(record, PDB_SLICE("null"));
}

static pdb_status unseal(void *self, pdb_record *record, pdb_err *err)
{
	(void)self, (void)err;
	return pdb_record_set_body(record, pdb_slice_skip(pdb_record_attachment(record), 1));
}

static const pdb_record_hook toy = {
	.size = sizeof(toy), .name = "toy", .tag = "TOYS", .in = seal, .out = unseal};

static void open_world(void)
{
	world_open(&w);
	pdb_chat_offer(w.chat);
}

static void open_sealed_world(void)
{
	pdb_err err = {0};

	cr_assert_eq(pdb_sockets_add(&w.sockets, PDB_SOCKET_RECORD, "test", &toy, NULL, &err),
		     PDB_OK, "%s", err.text);
	open_world();
}

static void close_world(void)
{
	catch_up_all(&w);
	cr_expect_eq(check_all(&w), 0);
	pdb_chat_offer(NULL);
	world_close(&w);
}

TestSuite(domain, .init = open_world, .fini = close_world);

/* What a walk told, as one line; and where it may go on. */
static char told[4096];
static char cursor[PDB_CURSOR_SIZE];

static void tell(pdb_slice what, pdb_slice at)
{
	size_t len = strlen(told);

	(void)snprintf(told + len, sizeof(told) - len, "%.*s ", PDB_SLICE_ARGS(what));
	(void)snprintf(cursor, sizeof(cursor), "%.*s", PDB_SLICE_ARGS(at));
}

static pdb_status tell_thread(void *arg, const pdb_thread_view *thread)
{
	(void)arg;
	tell(thread->id, thread->cursor);
	return PDB_OK;
}

static pdb_status tell_message(void *arg, const pdb_message_view *message)
{
	(void)arg;
	tell(message->id, message->cursor);
	return PDB_OK;
}

static pdb_status tell_deletion(void *arg, const pdb_deletion *deletion)
{
	(void)arg;
	tell(deletion->message.len > 0 ? deletion->message : deletion->thread, deletion->cursor);
	return PDB_OK;
}

static void fill(void)
{
	static const char *const names[] = {"t1", "t2", "t3", "t4", "t5"};

	for (size_t i = 0; i < 5; i++) {
		cr_assert_eq(post(&w, front("ann"), names[i], "m1", "1"), PDB_OK);
	}
	cr_assert_eq(post(&w, back("bob"), "t2", "m2", "2"), PDB_OK);
	catch_up_all(&w);
	told[0] = '\0';
	cursor[0] = '\0';
}

Test(domain, threads_from_the_longest_at_rest)
{
	fill();
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(pdb_chat_domain.threads(pdb_slice_text(cursor), 2, tell_thread, NULL,
						     &w.err),
			     PDB_OK);
	}
	cr_expect_str_eq(told, "t1 t3 t4 t5 t2 ");
	told[0] = '\0';
	cr_assert_eq(pdb_chat_domain.threads(pdb_slice_text(cursor), 2, tell_thread, NULL, &w.err),
		     PDB_OK);
	cr_expect_str_empty(told);
}

Test(domain, what_becomes_active_is_met_again)
{
	fill();
	cr_assert_eq(pdb_chat_domain.threads(pdb_slice_text(cursor), 2, tell_thread, NULL, &w.err),
		     PDB_OK);
	cr_assert_eq(post(&w, front("ann"), "t1", "m7", "1"), PDB_OK);
	cr_assert_eq(post(&w, front("ann"), "t4", "m7", "1"), PDB_OK);
	catch_up_all(&w);
	cr_assert_eq(pdb_chat_domain.threads(pdb_slice_text(cursor), 9, tell_thread, NULL, &w.err),
		     PDB_OK);
	cr_expect_str_eq(told, "t1 t3 t5 t2 t1 t4 ");
}

Test(domain, threads_from_the_latest_active)
{
	fill();
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(pdb_chat_domain.latest(pdb_slice_text(cursor), 2, tell_thread, NULL,
						    &w.err),
			     PDB_OK);
	}
	cr_expect_str_eq(told, "t2 t5 t4 t3 t1 ");
}

static pdb_status tell_text(void *arg, pdb_slice json)
{
	(void)arg;
	(void)snprintf(told, sizeof(told), "%.*s", PDB_SLICE_ARGS(json));
	return PDB_OK;
}

static pdb_status tell_noted(void *arg, const pdb_thread_view *thread, pdb_slice note)
{
	cr_expect_eq(note.len, 0);
	return tell_thread(arg, thread);
}

Test(domain, one_thread_as_it_is_and_as_clients_see_it)
{
	fill();
	cr_assert_eq(erase(&w, back("bob"), "t2", "m2"), PDB_OK);
	cr_assert_eq(pdb_chat_domain.thread(PDB_SLICE("t2"), "TOYS", tell_noted, NULL, &w.err),
		     PDB_OK);
	cr_expect_str_eq(told, "t2 ");
	cr_expect_eq(pdb_chat_domain.thread(PDB_SLICE("none"), "TOYS", tell_noted, NULL, &w.err),
		     PDB_ENOTFOUND);
	cr_expect_eq(pdb_chat_domain.thread(PDB_SLICE("a:b"), "TOYS", tell_noted, NULL, &w.err),
		     PDB_EINVAL);
	cr_assert_eq(pdb_chat_domain.show_thread(PDB_SLICE("t2"), tell_text, NULL, &w.err), PDB_OK);
	cr_expect_not_null(strstr(told, "{\"id\":\"t2\",\"title\":"));
	cr_assert_eq(pdb_chat_domain.show_versions(PDB_SLICE("t2"), PDB_SLICE("m2"), tell_text,
						   NULL, &w.err),
		     PDB_OK);
	cr_expect_not_null(strstr(told, "[{\"id\":\"m2\""));
	cr_expect_not_null(strstr(told, "\"version\":1,\"body\":2}"));
	cr_expect_not_null(strstr(told, "\"deleted\":true}]"));
	cr_expect_eq(pdb_chat_domain.show_versions(PDB_SLICE("t2"), PDB_SLICE("none"), tell_text,
						   NULL, &w.err),
		     PDB_ENOTFOUND);
}

Test(domain, threads_of_a_user)
{
	fill();
	cr_assert_eq(pdb_chat_domain.threads_of(PDB_SLICE("bob"), pdb_slice_of(NULL, 0), 9,
						tell_thread, NULL, &w.err),
		     PDB_OK);
	cr_expect_str_eq(told, "t2 ");
	told[0] = '\0';
	cursor[0] = '\0';
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(pdb_chat_domain.threads_of(PDB_SLICE("ann"), pdb_slice_text(cursor), 2,
							tell_thread, NULL, &w.err),
			     PDB_OK);
	}
	cr_expect_str_eq(told, "t2 t5 t4 t3 t1 ");
}

Test(domain, messages_in_order)
{
	fill();
	cr_assert_eq(erase(&w, front("ann"), "t2", "m1"), PDB_OK);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(pdb_chat_domain.messages(PDB_SLICE("t2"), pdb_slice_text(cursor), 1,
						      tell_message, NULL, &w.err),
			     PDB_OK);
	}
	cr_expect_str_eq(told, "m1 m2 ");
	cr_expect_eq(pdb_chat_domain.messages(PDB_SLICE("none"), pdb_slice_of(NULL, 0), 1,
					      tell_message, NULL, &w.err),
		     PDB_ENOTFOUND);
}

Test(domain, deletions_by_time)
{
	int64_t between;

	fill();
	cr_assert_eq(erase(&w, front("ann"), "t2", "m1"), PDB_OK);
	cr_assert_eq(erase(&w, front("ann"), "t1", "m1"), PDB_OK);
	between = pdb_clock_now();
	while (pdb_clock_now() == between) {
	}
	cr_assert_eq(erase(&w, back("bob"), "t2", "m2"), PDB_OK);
	cr_assert_eq(pdb_chat_domain.deletions(pdb_slice_text(cursor), between, 1, tell_deletion,
					       NULL, &w.err),
		     PDB_OK);
	cr_assert_eq(pdb_chat_domain.deletions(pdb_slice_text(cursor), between, 9, tell_deletion,
					       NULL, &w.err),
		     PDB_OK);
	cr_expect_str_eq(told, "m1 m1 ");
	cr_assert_eq(pdb_chat_domain.deletions(pdb_slice_text(cursor), INT64_MAX, 9, tell_deletion,
					       NULL, &w.err),
		     PDB_OK);
	cr_expect_str_eq(told, "m1 m1 m2 ");
}

Test(domain, a_user_is_taken_out)
{
	pdb_piece piece;
	int calls = 0;

	fill();
	cr_assert_eq(react(&w, back("bob"), "t2", "m1", "bob", "x"), PDB_OK);
	cr_assert_eq(react(&w, front("ann"), "t2", "m1", "ann", "y"), PDB_OK);
	cr_assert_eq(post(&w, back("bob"), "t2", "m3", "3"), PDB_OK);
	do {
		cr_assert_eq(pdb_chat_domain.erase_user(PDB_SLICE("t2"), PDB_SLICE("bob"),
							pdb_slice_text(cursor), 1, &piece, &w.err),
			     PDB_OK, "%s", w.err.text);
		(void)snprintf(cursor, sizeof(cursor), "%s", piece.cursor);
		calls++;
	} while (piece.more);
	cr_expect_geq(calls, 3);
	cr_expect_eq(get(&w, admin(""), "t2", "m2"), PDB_ENOTFOUND);
	cr_expect_eq(get(&w, admin(""), "t2", "m3"), PDB_ENOTFOUND);
	cr_expect_eq(get(&w, admin(""), "t2", "m1"), PDB_OK);
	cr_expect(answer_has(&w, "\"ann\"") && !answer_has(&w, "bob"), "%s", answer(&w));
	cr_expect_eq(get_thread(&w, front("bob"), "t2"), PDB_ENOTFOUND);
	cr_expect_eq(get_thread(&w, front("ann"), "t2"), PDB_OK);
	cr_expect(!answer_has(&w, "bob"));
}

/* -- rewriting -------------------------------------------------------------------------------- */

static pdb_status collect(void *arg, pdb_slice key, pdb_slice value)
{
	(void)key;
	pdb_buf_add_slice(arg, value);
	return PDB_OK;
}

/* How many stored versions the generation has sealed. */
static unsigned sealed_by(char which)
{
	const pdb_range everything = {.from = PDB_SLICE(" "), .to = PDB_SLICE("~")};
	pdb_txn txn = {0};
	pdb_buf all = {0};
	unsigned count = 0;

	cr_assert_eq(pdb_store_begin(w.store, false, &txn, &w.err), PDB_OK);
	cr_assert_eq(pdb_txn_scan(&txn, &everything, collect, &all, &w.err), PDB_OK);
	pdb_txn_abort(&txn);
	for (size_t i = 0; i + 9 <= all.len; i++) {
		count += memcmp(all.data + i, "TOYS", 4) == 0 && all.data[i + 8] == which;
	}
	pdb_buf_fini(&all);
	return count;
}

TestSuite(rewrite, .init = open_sealed_world, .fini = close_world);

Test(rewrite, every_version_is_sealed_anew_and_reads_the_same)
{
	pdb_piece piece;

	fill();
	cr_assert_eq(edit(&w, front("ann"), "t2", "m1", "11"), PDB_OK);
	cr_assert_eq(edit(&w, front("ann"), "t2", "m1", "111"), PDB_OK);
	cr_assert_eq(erase(&w, back("bob"), "t2", "m2"), PDB_OK);
	cr_assert_eq(sealed_by('1'), 8);
	generation = '2';
	do {
		cr_assert_eq(pdb_chat_domain.rewrite(PDB_SLICE("t2"), pdb_slice_text(cursor), 1,
						     NULL, &piece, &w.err),
			     PDB_OK, "%s", w.err.text);
		(void)snprintf(cursor, sizeof(cursor), "%s", piece.cursor);
	} while (piece.more);
	cr_expect_eq(sealed_by('1'), 4, "those of the other threads");
	cr_expect_eq(sealed_by('2'), 4);
	cr_assert_eq(get(&w, front("ann"), "t2", "m1"), PDB_OK);
	cr_expect(answer_has(&w, "\"version\":3,\"body\":111"), "%s", answer(&w));
	cr_assert_eq(versions(&w, front("ann"), "t2", "m1"), PDB_OK);
	cr_expect(answer_has(&w, "\"body\":1,") || answer_has(&w, "\"body\":1}"), "%s", answer(&w));
	cr_assert_eq(restore(&w, back("bob"), "t2", "m2", 0), PDB_OK);
	cr_expect(answer_has(&w, "\"body\":2"), "%s", answer(&w));
}
