/* SPDX-License-Identifier: Apache-2.0 */
/* Traces: every thread in which a user left something is found, and nothing stays of who is erased.
 */
#include <pdb/domain.h>
#include <stdlib.h>

#include "world.h"

static world w;

static void open_world(void)
{
	world_open(&w);
	pdb_chat_offer(w.chat);
}

static void close_world(void)
{
	catch_up_all(&w);
	cr_expect_eq(check_all(&w), 0);
	pdb_chat_offer(NULL);
	world_close(&w);
}

TestSuite(trace, .init = open_world, .fini = close_world);

/* -- rows ------------------------------------------------------------------------------------- */

static void change(const pdb_keybuf *key, const char *value)
{
	pdb_txn txn;

	cr_assert_eq(pdb_store_begin(w.store, true, &txn, &w.err), PDB_OK);
	if (value == NULL) {
		cr_assert_eq(pdb_txn_remove(&txn, &key->key, &w.err), PDB_OK);
	} else {
		cr_assert_eq(pdb_txn_put(&txn, &key->key, pdb_slice_text(value), &w.err), PDB_OK);
	}
	cr_assert_eq(pdb_txn_commit(&txn, NULL, &w.err), PDB_OK);
}

static void scan(pdb_slice from, pdb_slice to, pdb_row_fn row, void *arg)
{
	const pdb_range range = {.from = from, .to = to};
	pdb_txn txn = {0};

	cr_assert_eq(pdb_store_begin(w.store, false, &txn, &w.err), PDB_OK);
	cr_assert_eq(pdb_txn_scan(&txn, &range, row, arg, &w.err), PDB_OK);
	pdb_txn_abort(&txn);
}

typedef struct search {
	const char *text;
	size_t count;
} search;

static pdb_status look(void *arg, pdb_slice key, pdb_slice value)
{
	search *s = arg;
	size_t len = strlen(s->text);

	s->count += memmem(key.ptr, key.len, s->text, len) != NULL ||
		    (value.len > 0 && memmem(value.ptr, value.len, s->text, len) != NULL);
	return PDB_OK;
}

/* How many rows of the database have the text in their keys or values. */
static size_t rows_with(const char *text)
{
	search s = {.text = text};

	scan(PDB_SLICE(" "), PDB_SLICE("~"), look, &s);
	return s.count;
}

static pdb_status list_key(void *arg, pdb_slice key, pdb_slice value)
{
	(void)value;
	pdb_buf_add_slice(arg, key);
	pdb_buf_add_byte(arg, '\n');
	return PDB_OK;
}

/* All rows of traces, one a line, in `out`. */
static void traces(pdb_buf *out)
{
	pdb_buf_clear(out);
	scan(PDB_SLICE("guest:"), PDB_SLICE("guest;"), list_key, out);
	scan(PDB_SLICE("trace:"), PDB_SLICE("trace;"), list_key, out);
	pdb_buf_add_byte(out, '\0');
}

/* As an older program left the database: without traces, and told to make them from `from` on. */
static void forget_traces(const char *from)
{
	pdb_buf all = {0};
	pdb_keybuf key;
	char *rest = NULL;

	traces(&all);
	for (char *line = strtok_r((char *)all.data, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *colon = strchr(line, ':');
		char *end = strchr(colon + 1, ':');

		key.key.partition = pdb_slice_of(colon + 1, (size_t)(end - colon) - 1);
		key.key.bytes = pdb_slice_text(line);
		change(&key, NULL);
	}
	pdb_buf_fini(&all);
	pdb_key_meta(&key, PDB_META_UNTRACED);
	change(&key, from);
	world_reopen(&w);
	pdb_chat_offer(w.chat);
}

/* -- calls ------------------------------------------------------------------------------------ */

static pdb_caller the_admin(void)
{
	return admin("");
}

/* Who takes part in the thread from now on; "" = nobody. */
static void set_participants(const char *thread, const char *one)
{
	const pdb_slice list[1] = {pdb_slice_text(one)};
	const pdb_thread_input input = {.participants = list,
					.participant_count = one[0] != '\0' ? 1 : 0};
	const pdb_caller who = the_admin();

	clear_answer(&w);
	cr_assert_eq(pdb_chat_thread_update(w.chat, &who, pdb_slice_text(thread), &input, &w.out,
					    &w.outcome, &w.err),
		     PDB_OK, "%s", w.err.text);
}

static void hold(const char *thread)
{
	const pdb_thread_input input = {.attributes = PDB_SLICE("{\"legal_hold\":true}")};
	const pdb_caller who = the_admin();

	clear_answer(&w);
	cr_assert_eq(pdb_chat_thread_update(w.chat, &who, pdb_slice_text(thread), &input, &w.out,
					    &w.outcome, &w.err),
		     PDB_OK, "%s", w.err.text);
}

static char told[4096];
static char cursor[PDB_CURSOR_SIZE];

static pdb_status tell(void *arg, const pdb_thread_view *thread)
{
	size_t len = strlen(told);

	(void)arg;
	(void)snprintf(told + len, sizeof(told) - len, "%.*s ", PDB_SLICE_ARGS(thread->id));
	(void)snprintf(cursor, sizeof(cursor), "%.*s", PDB_SLICE_ARGS(thread->cursor));
	return PDB_OK;
}

/* The threads that the user touched, read `limit` at a time. */
static const char *touched(const char *user, size_t limit)
{
	size_t before;

	told[0] = '\0';
	cursor[0] = '\0';
	do {
		before = strlen(told);
		cr_assert_eq(pdb_chat_domain.threads_touched(pdb_slice_text(user),
							     pdb_slice_text(cursor), limit, tell,
							     NULL, &w.err),
			     PDB_OK, "%s", w.err.text);
	} while (strlen(told) > before);
	return told;
}

static pdb_status erase_from(const char *thread, const char *user, size_t limit, uint64_t *done)
{
	pdb_piece piece = {0};
	pdb_status status;

	*done = 0;
	do {
		char at[PDB_CURSOR_SIZE];

		memcpy(at, piece.cursor, sizeof(at));
		status = pdb_chat_domain.erase_user(pdb_slice_text(thread), pdb_slice_text(user),
						    pdb_slice_text(at), limit, &piece, &w.err);
		*done += piece.done;
	} while (status == PDB_OK && piece.more);
	return status;
}

static void trace_all(void)
{
	bool more = true;

	while (more) {
		cr_assert_eq(pdb__traces_step(w.chat, &more, &w.err), PDB_OK, "%s", w.err.text);
	}
}

/*
 * ann has all threads. bobby takes part in t1, has left t2 and what it wrote there, reacted in t3,
 * and in t4 to what was edited and deleted since; in t5 it never was.
 */
static void fill(void)
{
	static const char *const names[] = {"t1", "t2", "t3", "t4", "t5"};

	for (size_t i = 0; i < 5; i++) {
		cr_assert_eq(post(&w, front("ann"), names[i], "m1", "1"), PDB_OK);
		cr_assert_eq(react(&w, front("ann"), names[i], "m1", "ann", "y"), PDB_OK);
	}
	cr_assert_eq(post(&w, back("bobby"), "t1", "m2", "2"), PDB_OK);
	cr_assert_eq(edit(&w, front("bobby"), "t1", "m2", "3"), PDB_OK);
	cr_assert_eq(erase(&w, front("bobby"), "t1", "m2"), PDB_OK);
	cr_assert_eq(post(&w, back("bobby"), "t2", "m2", "2"), PDB_OK);
	set_participants("t2", "");
	cr_assert_eq(react(&w, the_admin(), "t3", "m1", "bobby", "x"), PDB_OK);
	cr_assert_eq(react(&w, the_admin(), "t4", "m1", "bobby", "x"), PDB_OK);
	cr_assert_eq(edit(&w, front("ann"), "t4", "m1", "2"), PDB_OK);
	cr_assert_eq(edit(&w, front("ann"), "t4", "m1", "3"), PDB_OK);
	cr_assert_eq(erase(&w, front("ann"), "t4", "m1"), PDB_OK);
	catch_up_all(&w);
}

/* -- what is found ---------------------------------------------------------------------------- */

Test(trace, every_thread_that_a_user_touched)
{
	fill();
	cr_expect_str_eq(touched("bobby", 1), "t1 t2 t3 t4 ");
	cr_expect_str_eq(touched("bobby", 9), "t1 t2 t3 t4 ");
	cr_expect_str_eq(touched("ann", 2), "t1 t2 t3 t4 t5 ");
	cr_expect_str_empty(touched("bob", 9));
	cr_expect_eq(pdb_chat_domain.threads_touched(PDB_SLICE("a\nb"), pdb_slice_of(NULL, 0), 9,
						     tell, NULL, &w.err),
		     PDB_EINVAL);
}

Test(trace, names_do_not_reach_into_each_other)
{
	static const char *const users[] = {"a", "a:b", "a%3Ab", "a:", "\xc3\xbc"};
	char thread[8];

	for (size_t i = 0; i < 5; i++) {
		(void)snprintf(thread, sizeof(thread), "t%zu", i);
		cr_assert_eq(post(&w, front(users[i]), thread, "m1", "1"), PDB_OK);
		cr_assert_eq(react(&w, the_admin(), thread, "m1", users[(i + 1) % 5], "x"), PDB_OK);
	}
	for (size_t i = 0; i < 5; i++) {
		size_t other = (i + 4) % 5;
		char expected[16];

		(void)snprintf(expected, sizeof(expected), "t%zu t%zu ", i < other ? i : other,
			       i < other ? other : i);
		cr_expect_str_eq(touched(users[i], 1), expected, "%s", users[i]);
	}
}

Test(trace, who_comes_back_is_found_once)
{
	fill();
	set_participants("t2", "bobby");
	set_participants("t3", "bobby");
	cr_expect_str_eq(touched("bobby", 9), "t1 t2 t3 t4 ");
}

/* -- what is erased --------------------------------------------------------------------------- */

Test(trace, nothing_is_left_of_who_is_erased)
{
	static const struct {
		const char *thread;
		uint64_t done;
	} cases[] = {{"t1", 1}, {"t2", 1}, {"t3", 1}, {"t4", 1}, {"t5", 0}};

	fill();
	cr_assert_gt(rows_with("bobby"), 10);
	for (size_t i = 0; i < 5; i++) {
		uint64_t done;

		cr_assert_eq(erase_from(cases[i].thread, "bobby", 1, &done), PDB_OK);
		cr_expect_eq(done, cases[i].done, "%s: %llu", cases[i].thread,
			     (unsigned long long)done);
	}
	cr_expect_eq(rows_with("bobby"), 0);
	cr_expect_str_empty(touched("bobby", 9));
	/* what others said stays as it was */
	cr_assert_eq(get(&w, front("ann"), "t3", "m1"), PDB_OK);
	cr_expect(answer_has(&w, "\"reactions\":[{\"id\":\"ann\",\"reaction\":\"y\"}]"));
	cr_assert_eq(restore(&w, front("ann"), "t4", "m1", 0), PDB_OK);
	cr_expect(answer_has(&w, "\"body\":3,\"reactions\":[{\"id\":\"ann\",\"reaction\":\"y\"}]"),
		  "%s", answer(&w));
}

Test(trace, a_held_thread_is_denied_when_the_user_is_in_it)
{
	static const char *const names[] = {"t1", "t2", "t3", "t4"};
	uint64_t done;
	size_t before;

	fill();
	for (size_t i = 0; i < 4; i++) {
		hold(names[i]);
	}
	hold("t5");
	before = rows_with("bobby");
	for (size_t i = 0; i < 4; i++) {
		cr_expect_eq(erase_from(names[i], "bobby", 9, &done), PDB_EDENIED, "%s", names[i]);
	}
	cr_expect_eq(erase_from("t5", "bobby", 9, &done), PDB_OK);
	cr_expect_eq(rows_with("bobby"), before);
}

Test(trace, a_purged_thread_takes_its_traces_along)
{
	char name[16];
	bool more = true;
	int calls = 0;

	fill();
	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "guest-%d", i);
		cr_assert_eq(post(&w, back(name), "t5", name, "1"), PDB_OK);
	}
	set_participants("t5", "");
	for (; more; calls++) {
		cr_assert_eq(pdb_chat_purge_thread(w.chat, PDB_SLICE("t5"), 0, 1000, &more, &w.err),
			     PDB_OK, "%s", w.err.text);
	}
	cr_expect_geq(calls, 3);
	cr_expect_eq(rows_with("t5"), 0);
	cr_expect_eq(rows_with("guest-"), 0);
}

/* -- while others write ------------------------------------------------------------------------ */

Test(trace, who_comes_back_meanwhile_is_erased_too)
{
	pdb_piece piece = {0};
	char at[PDB_CURSOR_SIZE] = "";
	int pieces = 0;

	fill();
	for (int i = 2; i < 6; i++) {
		char id[8];

		(void)snprintf(id, sizeof(id), "m%d", i);
		cr_assert_eq(post(&w, front("ann"), "t3", id, "1"), PDB_OK);
	}
	do {
		cr_assert_eq(pdb_chat_domain.erase_user(PDB_SLICE("t3"), PDB_SLICE("bobby"),
							pdb_slice_text(at), 1, &piece, &w.err),
			     PDB_OK);
		memcpy(at, piece.cursor, sizeof(at));
		if (++pieces == 3) {
			cr_assert_eq(react(&w, the_admin(), "t3", "m1", "bobby", "z"), PDB_OK);
		}
		if (pieces == 8) {
			cr_assert_eq(post(&w, back("bobby"), "t3", "m6", "1"), PDB_OK);
			cr_assert_eq(react(&w, front("bobby"), "t3", "m2", "bobby", "z"), PDB_OK);
		}
	} while (piece.more);
	cr_expect_eq(pieces, 6 + 7 + 6, "%d", pieces);
	cr_assert_eq(get_thread(&w, the_admin(), "t3"), PDB_OK);
	cr_expect_not(answer_has(&w, "bobby"));
	catch_up_all(&w);
	cr_expect_str_eq(touched("bobby", 9), "t1 t2 t4 ");
}

static const char *const busy[] = {"t1", "t2", "t3", "t4", "t5"};
static _Atomic bool going;

static pdb_status ask(unsigned *state, const pdb_caller *who, pdb_buf *out, pdb_err *err)
{
	const pdb_slice thread = pdb_slice_text(busy[(unsigned)rand_r(state) % 5]);
	const pdb_message_ref ref = {thread, PDB_SLICE("m1")};
	const pdb_message_input input = {.body = PDB_SLICE("7")};
	pdb_outcome outcome;

	switch ((unsigned)rand_r(state) % 4) {
	case 0:
		return pdb_chat_append(w.chat, who, thread, &input, 1, out, &outcome, err);
	case 1:
		return pdb_chat_message_delete(w.chat, who, &ref, 0, &outcome, err);
	case 2:
		return pdb_chat_message_restore(w.chat, who, &ref, 0, out, &outcome, err);
	default:
		return pdb_chat_reaction_set(w.chat, who, &ref, PDB_SLICE("bobby"), PDB_SLICE("q"),
					     out, &outcome, err);
	}
}

static void *bobby(void *arg)
{
	unsigned state = (unsigned)(uintptr_t)arg;
	const pdb_caller who = {
		.role = PDB_ROLE_ADMIN, .author = PDB_SLICE("bobby"), .may_block = true};
	pdb_buf out = {0};

	while (atomic_load(&going)) {
		pdb_err err = {0};

		pdb_buf_clear(&out);
		(void)ask(&state, &who, &out, &err);
	}
	pdb_buf_fini(&out);
	return NULL;
}

Test(trace, an_erasure_beside_writers_leaves_no_row_without_a_trace)
{
	pthread_t threads[2];
	uint64_t done;

	fill();
	atomic_store(&going, true);
	for (uintptr_t i = 0; i < 2; i++) {
		cr_assert_eq(pthread_create(&threads[i], NULL, bobby, (void *)(i + 1)), 0);
	}
	for (int i = 0; i < 100; i++) {
		pdb_piece piece;

		(void)pdb_chat_domain.erase_user(pdb_slice_text(busy[i % 5]), PDB_SLICE("bobby"),
						 PDB_SLICE(""), 128, &piece, &w.err);
	}
	atomic_store(&going, false);
	for (int i = 0; i < 2; i++) {
		(void)pthread_join(threads[i], NULL);
	}
	catch_up_all(&w);
	cr_expect_eq(check_all(&w), 0);
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(erase_from(busy[i], "bobby", 2, &done), PDB_OK);
	}
	catch_up_all(&w);
	cr_expect_eq(rows_with("bobby"), 0);
}

/* -- what an older program left --------------------------------------------------------------- */

Test(trace, the_job_makes_the_rows_that_are_missing)
{
	pdb_buf before = {0};
	pdb_buf after = {0};
	pdb_keybuf key;

	fill();
	traces(&before);
	forget_traces("");
	cr_expect_str_eq(touched("bobby", 2), "t3 t4 t5 t1 t2 ", "all of them: %s", told);
	cr_expect_eq(check_all(&w), 0, "none is missed before the job is done");
	trace_all();
	traces(&after);
	cr_expect_str_eq((char *)after.data, (char *)before.data);
	cr_expect_str_eq(touched("bobby", 9), "t1 t2 t3 t4 ");
	world_reopen(&w);
	pdb_chat_offer(w.chat);
	cr_expect_str_eq(touched("bobby", 9), "t1 t2 t3 t4 ");
	pdb_key_meta(&key, PDB_META_UNTRACED);
	cr_expect_eq(rows_with("untraced"), 0);
	pdb_buf_fini(&before);
	pdb_buf_fini(&after);
}

Test(trace, the_job_goes_on_where_it_was)
{
	fill();
	forget_traces("t3:");
	trace_all();
	cr_expect_str_eq(touched("bobby", 9), "t3 t4 ");
	forget_traces("");
	trace_all();
}

Test(trace, an_erasure_before_the_job_is_done_is_whole)
{
	uint64_t done;

	fill();
	forget_traces("");
	(void)touched("bobby", 9);
	for (int i = 1; i <= 5; i++) {
		char name[4];

		(void)snprintf(name, sizeof(name), "t%d", i);
		cr_assert_eq(erase_from(name, "bobby", 1, &done), PDB_OK);
	}
	trace_all();
	cr_expect_eq(rows_with("bobby"), 0);
}

Test(trace, a_walk_goes_on_as_it_was_begun)
{
	fill();
	forget_traces("");
	told[0] = '\0';
	cursor[0] = '\0';
	cr_assert_eq(pdb_chat_domain.threads_touched(PDB_SLICE("bobby"), PDB_SLICE(""), 2, tell,
						     NULL, &w.err),
		     PDB_OK);
	trace_all();
	cr_assert_eq(pdb_chat_domain.threads_touched(PDB_SLICE("bobby"), pdb_slice_text(cursor), 9,
						     tell, NULL, &w.err),
		     PDB_OK);
	cr_expect_str_eq(told, "t3 t4 t5 t1 t2 ");
}

/* -- the check -------------------------------------------------------------------------------- */

/* The check of a database in which one row was changed; and after that was undone. */
static void expect_fault(const pdb_keybuf *key, bool there)
{
	change(key, there ? NULL : "");
	cr_expect_gt(check_all(&w), 0, "%.*s", PDB_SLICE_ARGS(key->key.bytes));
	change(key, there ? "" : NULL);
	cr_expect_eq(check_all(&w), 0);
}

Test(trace, the_check_sees_what_is_missing_and_what_is_too_much)
{
	pdb_keybuf key;

	fill();
	pdb_key_trace(&key, PDB_SLICE("ann"), PDB_SLICE("t1"));
	expect_fault(&key, true);
	pdb_key_trace(&key, PDB_SLICE("bobby"), PDB_SLICE("t1"));
	expect_fault(&key, true);
	pdb_key_trace(&key, PDB_SLICE("bobby"), PDB_SLICE("t3"));
	expect_fault(&key, true);
	pdb_key_guest(&key, PDB_SLICE("t2"), PDB_SLICE("bobby"));
	expect_fault(&key, true);
	pdb_key_guest(&key, PDB_SLICE("t4"), PDB_SLICE("bobby"));
	expect_fault(&key, true);
	pdb_key_trace(&key, PDB_SLICE("eve"), PDB_SLICE("t1"));
	expect_fault(&key, false);
	pdb_key_trace(&key, PDB_SLICE("ann"), PDB_SLICE("none"));
	expect_fault(&key, false);
	pdb_key_guest(&key, PDB_SLICE("t1"), PDB_SLICE("eve"));
	expect_fault(&key, false);
}

Test(trace, the_check_sees_who_has_no_row_at_all)
{
	static const char *const names[] = {"t2", "t3", "t4"};
	pdb_keybuf trace;
	pdb_keybuf guest;

	fill();
	for (size_t i = 0; i < 3; i++) {
		pdb_key_trace(&trace, PDB_SLICE("bobby"), pdb_slice_text(names[i]));
		pdb_key_guest(&guest, pdb_slice_text(names[i]), PDB_SLICE("bobby"));
		change(&trace, NULL);
		change(&guest, NULL);
		cr_expect_gt(check_all(&w), 0, "%s", names[i]);
		change(&trace, "");
		change(&guest, "");
	}
}

/* -- whatever happens ------------------------------------------------------------------------- */

static unsigned seed;

static unsigned number(unsigned below)
{
	return (unsigned)rand_r(&seed) % below;
}

static const char *const people[] = {"user-ann", "user-bob", "user-cat", "user-dog"};

static void do_something(void)
{
	char thread[8];
	char message[8];
	const char *who = people[number(4)];

	(void)snprintf(thread, sizeof(thread), "t%u", number(5));
	(void)snprintf(message, sizeof(message), "m%u", number(6));
	switch (number(7)) {
	case 0:
	case 1:
		(void)post(&w, back(who), thread, message, "1");
		break;
	case 2:
		(void)edit(&w, back(who), thread, message, "2");
		break;
	case 3:
		(void)erase(&w, back(who), thread, message);
		break;
	case 4:
		(void)restore(&w, back(who), thread, message, 0);
		break;
	case 5:
		(void)react(&w, the_admin(), thread, message, who, "x");
		break;
	default:
		if (get_thread(&w, the_admin(), thread) == PDB_OK) {
			set_participants(thread, number(2) == 0 ? "" : who);
		}
	}
}

Test(trace, after_whatever_happened_an_erasure_leaves_nothing)
{
	for (seed = 1; seed <= 40; seed++) {
		unsigned kept = seed;
		const char *user = people[seed % 4];

		for (int i = 0; i < 120; i++) {
			do_something();
		}
		if (kept % 3 == 0) {
			forget_traces("");
			trace_all();
		}
		cr_assert_eq(check_all(&w), 0, "seed %u", kept);
		(void)touched(user, 2);
		for (char *rest = NULL, *name = strtok_r(told, " ", &rest); name != NULL;
		     name = strtok_r(NULL, " ", &rest)) {
			char at[8];
			uint64_t done;
			bool more = true;

			(void)snprintf(at, sizeof(at), "%s", name);
			(void)get_thread(&w, the_admin(), at);
			while (answer_has(&w, user) && more &&
			       get_thread(&w, front(user), at) == PDB_OK) {
				cr_assert_eq(pdb_chat_purge_thread(w.chat, pdb_slice_text(at), 0, 9,
								   &more, &w.err),
					     PDB_OK);
			}
			(void)erase_from(at, user, 2, &done);
		}
		catch_up_all(&w);
		cr_assert_eq(rows_with(user), 0, "seed %u", kept);
		cr_assert_eq(check_all(&w), 0, "seed %u", kept);
		seed = kept;
	}
}
