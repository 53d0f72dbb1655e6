/* SPDX-License-Identifier: Apache-2.0 */
/* Purging: what is gone, what stays, who may not be purged, and that the check agrees throughout.
 */
#include "base/clock.h"
#include "world.h"

static world w;

static void open_world(void)
{
	world_open(&w);
}

static void close_world(void)
{
	catch_up_all(&w);
	cr_expect_eq(check_all(&w), 0);
	world_close(&w);
}

TestSuite(purge, .init = open_world, .fini = close_world);

static pdb_status purge_message(const char *thread, const char *message, int64_t until)
{
	const pdb_message_ref ref = {pdb_slice_text(thread), pdb_slice_text(message)};

	clear_answer(&w);
	return pdb_chat_purge_message(w.chat, &ref, until, &w.err);
}

static pdb_status purge_thread(const char *thread, int64_t until, size_t limit, bool *more)
{
	clear_answer(&w);
	return pdb_chat_purge_thread(w.chat, pdb_slice_text(thread), until, limit, more, &w.err);
}

static void fill(const char *thread, int count)
{
	char id[16];

	for (int i = 1; i <= count; i++) {
		(void)snprintf(id, sizeof(id), "m%d", i);
		cr_assert_eq(post(&w, front("ann"), thread, id, "1"), PDB_OK);
	}
}

typedef struct search {
	const char *text;
	size_t count;
} search;

static pdb_status look(void *arg, pdb_slice key, pdb_slice value)
{
	search *s = arg;

	(void)value;
	s->count += memmem(key.ptr, key.len, s->text, strlen(s->text)) != NULL;
	return PDB_OK;
}

/* How many rows of the database have the text in their keys. */
static size_t rows_with(const char *text)
{
	const pdb_range everything = {.from = PDB_SLICE(" "), .to = PDB_SLICE("~")};
	search s = {.text = text};
	pdb_txn txn = {0};

	cr_assert_eq(pdb_store_begin(w.store, false, &txn, &w.err), PDB_OK);
	cr_assert_eq(pdb_txn_scan(&txn, &everything, look, &s, &w.err), PDB_OK);
	pdb_txn_abort(&txn);
	return s.count;
}

Test(purge, a_message_leaves_no_row_and_its_place_empty)
{
	pdb_message_page result;

	fill("t1", 3);
	cr_assert_eq(edit(&w, front("ann"), "t1", "m2", "2"), PDB_OK);
	cr_assert_eq(react(&w, front("ann"), "t1", "m2", "ann", "x"), PDB_OK);
	cr_assert_eq(erase(&w, front("ann"), "t1", "m2"), PDB_OK);
	cr_assert_eq(rows_with("deleted:"), 1);
	cr_assert_eq(purge_message("t1", "m2", 0), PDB_OK);
	cr_expect_eq(rows_with("m2"), 0);
	cr_expect_eq(rows_with("deleted:"), 0);
	cr_expect_eq(get(&w, admin(""), "t1", "m2"), PDB_ENOTFOUND);
	cr_expect_eq(purge_message("t1", "m2", 0), PDB_ENOTFOUND);
	cr_assert_eq(page(&w, front("ann"), "t1", PDB_ANCHOR_NEWEST, "", 0, &result), PDB_OK);
	cr_expect(answer_has(&w, "\"seq\":1") && answer_has(&w, "\"seq\":3"));
	cr_expect(!answer_has(&w, "\"seq\":2"));
	cr_assert_eq(post(&w, front("ann"), "t1", "m4", "1"), PDB_OK);
	cr_expect(answer_has(&w, "\"seq\":4"), "%s", answer(&w));
}

Test(purge, the_newest_message_too)
{
	fill("t1", 2);
	cr_assert_eq(purge_message("t1", "m2", 0), PDB_OK);
	cr_assert_eq(purge_message("t1", "m1", 0), PDB_OK);
	catch_up_all(&w);
	cr_expect_eq(check_all(&w), 0);
	cr_assert_eq(post(&w, front("ann"), "t1", "m2", "1"), PDB_OK);
	cr_expect(answer_has(&w, "\"seq\":3"));
}

Test(purge, only_what_was_deleted_by_then)
{
	int64_t before;
	bool more;

	fill("t1", 2);
	cr_expect_eq(purge_message("t1", "m1", pdb_clock_now()), PDB_ENOTFOUND);
	cr_expect_str_eq(w.err.code, "not_deleted");
	before = pdb_clock_now();
	cr_assert_eq(erase(&w, front("ann"), "t1", "m1"), PDB_OK);
	cr_expect_eq(purge_message("t1", "m1", before), PDB_ENOTFOUND);
	cr_expect_eq(purge_thread("t1", pdb_clock_now(), 10, &more), PDB_ENOTFOUND);
	cr_expect_eq(purge_message("t1", "m1", pdb_clock_now()), PDB_OK);
	cr_assert_eq(erase(&w, front("ann"), "t1", "m2"), PDB_OK);
	cr_assert_eq(restore(&w, front("ann"), "t1", "m2", 0), PDB_OK);
	cr_expect_eq(rows_with("deleted:"), 0);
	cr_expect_eq(purge_message("t1", "m2", pdb_clock_now()), PDB_ENOTFOUND);
}

Test(purge, a_thread_goes_piece_by_piece_and_is_unseen_from_the_first)
{
	bool more = true;
	int calls = 0;

	fill("t1", 25);
	fill("t2", 2);
	cr_assert_eq(edit(&w, front("ann"), "t1", "m7", "2"), PDB_OK);
	cr_assert_eq(purge_thread("t1", 0, 10, &more), PDB_OK);
	cr_expect(more);
	catch_up_all(&w);
	cr_expect_eq(check_all(&w), 0, "between two pieces");
	cr_expect_eq(get_thread(&w, admin(""), "t1"), PDB_ENOTFOUND);
	cr_expect_eq(get(&w, front("ann"), "t1", "m20"), PDB_ENOTFOUND);
	cr_expect_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_EBUSY);
	world_reopen(&w);
	while (more && calls++ < 10) {
		cr_assert_eq(purge_thread("t1", 0, 10, &more), PDB_OK);
	}
	cr_expect_eq(calls, 2);
	cr_expect_eq(rows_with("t1"), 0);
	cr_expect_eq(purge_thread("t1", 0, 10, &more), PDB_ENOTFOUND);
	cr_expect_eq(get(&w, front("ann"), "t2", "m2"), PDB_OK);
	cr_assert_eq(post(&w, front("bob"), "t1", "m1", "1"), PDB_OK, "the id is free again");
	cr_expect(answer_has(&w, "\"seq\":1"));
}

Test(purge, counts_follow)
{
	uint64_t threads = 0;
	uint64_t messages = 0;
	bool more;

	fill("t1", 5);
	fill("t2", 3);
	catch_up_all(&w);
	cr_assert_eq(purge_thread("t1", 0, 100, &more), PDB_OK);
	cr_expect(!more);
	cr_assert_eq(purge_message("t2", "m1", 0), PDB_OK);
	pdb_chat_counts(w.chat, &threads, &messages);
	cr_expect_eq(threads, 1);
	cr_expect_eq(messages, 2);
	catch_up_all(&w);
	world_reopen(&w);
	pdb_chat_counts(w.chat, &threads, &messages);
	cr_expect_eq(threads, 1);
	cr_expect_eq(messages, 2);
}

static void hold(const char *thread, const char *attributes)
{
	const pdb_thread_input input = {.attributes = pdb_slice_text(attributes)};
	const pdb_caller ann = front("ann");

	clear_answer(&w);
	cr_assert_eq(pdb_chat_thread_update(w.chat, &ann, pdb_slice_text(thread), &input, &w.out,
					    &w.outcome, &w.err),
		     PDB_OK, "%s", w.err.text);
	end_answer(&w);
}

Test(purge, a_legal_hold_wins)
{
	bool more;

	fill("t1", 2);
	hold("t1", "{\"legal_hold\":true}");
	cr_expect_eq(purge_message("t1", "m1", 0), PDB_EDENIED);
	cr_expect_str_eq(w.err.code, "legal_hold");
	cr_expect_eq(purge_thread("t1", 0, 10, &more), PDB_EDENIED);
	hold("t1", "{\"legal_hold\":\"true\"}");
	cr_expect_eq(purge_message("t1", "m1", 0), PDB_OK, "a text is no truth");
	hold("t1", "{\"legal_hold\":false}");
	cr_expect_eq(purge_thread("t1", 0, 10, &more), PDB_OK);
}

/* Commits that fail, and such as cannot be told from failed ones. */
Test(purge, bears_uncertain_commits)
{
	bool more = true;

	fill("t1", 30);
	for (unsigned every = 2; every < 5; every++) {
		faults.lose_every = every;
		faults.keep_every = every + 1;
		faults.conflict_every = every + 2;
		for (int i = 0; i < 20 && more; i++) {
			pdb_status status = purge_thread("t1", 0, 3, &more);

			if (status == PDB_ENOTFOUND) {
				more = false; /* the last commit had happened */
			} else if (status != PDB_OK) {
				more = true;
			}
		}
		world_faults_end();
		catch_up_all(&w);
		cr_expect_eq(check_all(&w), 0);
	}
	while (more && purge_thread("t1", 0, 10, &more) == PDB_OK) {
	}
	cr_expect_eq(rows_with("t1"), 0);
}
