/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: every call by every kind of caller. */
#include "world.h"

static world w;

static void open_world(void)
{
	world_open(&w);
	/* ann's thread, bob takes part, eve does not; a deleted one likewise. */
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_OK);
	cr_assert_eq(post(&w, back("bob"), "t1", "m2", "2"), PDB_OK);
	cr_assert_eq(react(&w, front("bob"), "t1", "m1", "bob", "+1"), PDB_OK);
}

static void close_world(void)
{
	world_close(&w);
}

TestSuite(access, .init = open_world, .fini = close_world);

typedef enum deed {
	SEE,
	UPDATE,
	REMOVE,
	BRING_BACK,
	PAGE,
	GET,
	VERSIONS,
	REACTIONS,
	APPEND,
	EDIT,
	ERASE,
	RESTORE,
	REACT,
	UNREACT,
	DEEDS
} deed;

static const char *const deeds[DEEDS] = {"see",   "update",   "remove",    "bring back", "page",
					 "get",   "versions", "reactions", "append",     "edit",
					 "erase", "restore",  "react",     "unreact"};

static pdb_status act(pdb_caller who, deed what)
{
	const pdb_message_ref ref = {PDB_SLICE("t1"), PDB_SLICE("m1")};
	const pdb_thread_input input = {.title = PDB_SLICE("x")};
	pdb_message_page result;
	pdb_slice own = who.author;

	clear_answer(&w);
	switch (what) {
	case SEE:
		return get_thread(&w, who, "t1");
	case UPDATE:
		return pdb_chat_thread_update(w.chat, &who, ref.thread, &input, &w.out, &w.outcome,
					      &w.err);
	case REMOVE:
		return pdb_chat_thread_delete(w.chat, &who, ref.thread, &w.outcome, &w.err);
	case BRING_BACK:
		return pdb_chat_thread_restore(w.chat, &who, ref.thread, &w.out, &w.outcome,
					       &w.err);
	case PAGE:
		return page(&w, who, "t1", PDB_ANCHOR_NEWEST, "", 0, &result);
	case GET:
		return get(&w, who, "t1", "m1");
	case VERSIONS:
		return versions(&w, who, "t1", "m1");
	case REACTIONS:
		return pdb_chat_reaction_list(w.chat, &who, &ref, &w.out, &w.outcome, &w.err);
	case APPEND:
		return post(&w, who, "t1", NULL, "1");
	case EDIT:
		return edit(&w, who, "t1", "m1", "3");
	case ERASE:
		return erase(&w, who, "t1", "m1");
	case RESTORE:
		return restore(&w, who, "t1", "m1", 1);
	case REACT:
		return pdb_chat_reaction_set(w.chat, &who, &ref,
					     own.len > 0 ? own : PDB_SLICE("zoe"), PDB_SLICE("x"),
					     &w.out, &w.outcome, &w.err);
	case UNREACT:
		return pdb_chat_reaction_remove(w.chat, &who, &ref,
						own.len > 0 ? own : PDB_SLICE("zoe"), &w.outcome,
						&w.err);
	case DEEDS:
		break;
	}
	return PDB_EINTERNAL;
}

static void expect(pdb_caller who, const pdb_status row[DEEDS])
{
	for (int i = 0; i < DEEDS; i++) {
		pdb_status status = act(who, (deed)i);

		cr_expect_eq(status, row[i], "%s by %d %.*s: %d %s", deeds[i], who.role,
			     PDB_SLICE_ARGS(who.author), status, w.err.text);
		/* Back to where it was, for the next deed. */
		if ((deed)i == REMOVE && status == PDB_OK) {
			cr_assert_eq(act(admin(""), BRING_BACK), PDB_OK);
		}
		if ((deed)i == ERASE && status == PDB_OK) {
			cr_assert_eq(restore(&w, admin(""), "t1", "m1", 0), PDB_OK);
		}
	}
}

#define OK PDB_OK
#define NF PDB_ENOTFOUND
#define DN PDB_EDENIED
#define IN PDB_EINVAL

Test(access, table)
{
	/* see update remove back | page get versions reactions | append edit erase restore react
	 * un- */
	static const pdb_status owner[] = {OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK, OK};
	static const pdb_status member[] = {OK, DN, DN, DN, OK, OK, OK, OK, OK, DN, DN, DN, OK, OK};
	static const pdb_status stranger[] = {NF, NF, NF, NF, NF, NF, NF,
					      NF, NF, NF, NF, NF, NF, NF};
	static const pdb_status backend[] = {OK, IN, IN, IN, OK, OK, OK,
					     OK, IN, IN, IN, IN, OK, OK};
	static const pdb_status anybody[] = {OK, OK, OK, OK, OK, OK, OK,
					     OK, IN, OK, OK, OK, OK, OK};

	expect(front("ann"), owner);
	expect(front("bob"), member);
	expect(front("eve"), stranger);
	expect(front(""),
	       (const pdb_status[]){NF, NF, NF, NF, NF, NF, NF, NF, IN, NF, NF, NF, NF, NF});
	expect(back("ann"), owner);
	expect(back("bob"), member);
	expect(back(""), backend);
	expect(admin(""), anybody);
	/* Posting makes the stranger of a backend key a participant: last. */
	for (int i = 0; i < APPEND; i++) {
		cr_expect_eq(act(back("eve"), (deed)i), NF, "%s", deeds[i]);
	}
	cr_expect_eq(act(back("eve"), APPEND), OK);
	cr_expect_eq(act(front("eve"), SEE), OK);
	cr_expect_eq(check_all(&w), 0);
}

Test(access, unknown_and_forbidden_look_alike)
{
	pdb_err forbidden;
	pdb_message_page result;

	cr_assert_eq(page(&w, front("eve"), "t1", PDB_ANCHOR_NEWEST, "", 0, &result), NF);
	forbidden = w.err;
	cr_assert_eq(page(&w, front("eve"), "t9", PDB_ANCHOR_NEWEST, "", 0, &result), NF);
	cr_assert_str_eq(forbidden.text, w.err.text);
	cr_assert_str_eq(forbidden.code, w.err.code);
	cr_assert_eq(get(&w, front("eve"), "t1", "m1"), NF);
	forbidden = w.err;
	cr_assert_eq(get(&w, front("eve"), "t1", "m9"), NF);
	cr_assert_str_eq(forbidden.text, w.err.text);
}

Test(access, frontend_reacts_as_itself)
{
	cr_assert_eq(react(&w, front("ann"), "t1", "m1", "bob", "x"), DN);
	cr_assert_eq(react(&w, front("ann"), "t1", "m1", "bob", NULL), DN);
	cr_assert_eq(react(&w, back("ann"), "t1", "m1", "bob", NULL), OK);
}

Test(access, deleted_thread_is_its_authors)
{
	cr_assert_eq(act(front("ann"), REMOVE), OK);
	for (int i = 0; i < DEEDS; i++) {
		if ((deed)i != BRING_BACK && (deed)i != APPEND) {
			cr_expect_eq(act(front("ann"), (deed)i), NF, "%s", deeds[i]);
		}
		cr_expect_eq(act(front("bob"), (deed)i), NF, "%s", deeds[i]);
	}
	pdb_caller ann = front("ann");
	pdb_caller bob = front("bob");

	clear_answer(&w);
	cr_expect_eq(pdb_chat_thread_get(w.chat, &bob, PDB_SLICE("t1"), true, &w.out, &w.outcome,
					 &w.err),
		     NF);
	cr_expect_eq(pdb_chat_thread_get(w.chat, &ann, PDB_SLICE("t1"), true, &w.out, &w.outcome,
					 &w.err),
		     OK);
	end_answer(&w);
	cr_expect(answer_has(&w, "\"deleted\":true,\"deleted_ts\":"));
	cr_expect_eq(act(front("ann"), BRING_BACK), OK);
	cr_expect_eq(act(front("bob"), GET), OK);
}

Test(access, history_of_a_deleted_message_is_its_authors)
{
	cr_assert_eq(erase(&w, front("ann"), "t1", "m1"), OK);
	cr_expect_eq(versions(&w, front("bob"), "t1", "m1"), NF);
	cr_expect_eq(versions(&w, front("ann"), "t1", "m1"), OK);
	cr_expect_eq(versions(&w, admin(""), "t1", "m1"), OK);
	cr_expect_eq(get(&w, front("bob"), "t1", "m1"), NF);
	cr_expect_eq(react(&w, front("bob"), "t1", "m1", "bob", "x"), NF);
}

/* Whoever asks, no author reaches further into a key than an author may. */
Test(access, callers_are_judged_too)
{
	static char large[PDB_AUTHOR_MAX + 2];
	const pdb_thread_query any = {0};
	pdb_thread_page result;

	memset(large, 'x', sizeof(large) - 1);
	cr_assert_eq(make_thread(&w, front(large), "t2"), IN);
	cr_assert_str_eq(w.err.code, "invalid_author");
	cr_assert_eq(threads(&w, front(large), &any, &result), IN);
	cr_assert_eq(get_thread(&w, back("a\nb"), "t1"), IN);
	cr_assert_eq(get_thread(&w, front("ann"), "t1:meta"), IN);
	cr_assert_eq(get(&w, front("ann"), "t1", "m1:x"), IN);
}
