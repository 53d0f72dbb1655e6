/* SPDX-License-Identifier: Apache-2.0 */
/* Versions and reactions of one message. */
#include "base/clock.h"
#include "world.h"

static world w;

static void open_world(void)
{
	world_open(&w);
	pdb_clock_set(1700000000000000000);
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "{\"n\":1}"), PDB_OK);
	cr_assert_eq(post(&w, back("bob"), "t1", "m2", "2"), PDB_OK);
}

static void close_world(void)
{
	pdb_clock_set(0);
	cr_expect_eq(check_all(&w), 0);
	world_close(&w);
}

TestSuite(edit, .init = open_world, .fini = close_world);

static const pdb_message_ref m1 = {{(const uint8_t *)"t1", 2}, {(const uint8_t *)"m1", 2}};

static pdb_status edit_with(pdb_caller who, const pdb_message_input *input, uint32_t if_match)
{
	pdb_status status;

	clear_answer(&w);
	status = pdb_chat_message_edit(w.chat, &who, &m1, input, if_match, &w.out, &w.outcome,
				       &w.err);
	end_answer(&w);
	return status;
}

Test(edit, keeps_what_is_not_sent)
{
	const pdb_message_input reply = {.reply_to = PDB_SLICE("m2")};

	pdb_clock_set(1700000001000000000);
	cr_assert_eq(edit_with(front("ann"), &reply, 0), PDB_OK);
	cr_assert_str_eq(answer(&w),
			 "{\"id\":\"m1\",\"thread\":\"t1\",\"seq\":1,\"author\":\"ann\",\"role\":"
			 "\"user\",\"ts\":1700000000000000001,\"version\":2,\"body\":{\"n\":1},"
			 "\"reply_to\":\"m2\",\"edited_ts\":1700000001000000000}");
	cr_assert_eq(w.outcome.version, 2);
	cr_assert_eq(edit_with(front("ann"), &(pdb_message_input){0}, 0), PDB_EINVAL);
	cr_assert_eq(edit_with(front("ann"), &(pdb_message_input){.role = PDB_SLICE("system")}, 0),
		     PDB_EINVAL);
	cr_assert_eq(edit_with(back("ann"), &(pdb_message_input){.role = PDB_SLICE("system")}, 0),
		     PDB_OK);
	cr_assert_eq(edit_with(front("ann"), &(pdb_message_input){.reply_to = PDB_SLICE("m7")}, 0),
		     PDB_EINVAL);
	cr_assert_eq(edit_with(front("ann"), &(pdb_message_input){.reply_to = PDB_SLICE("m1")}, 0),
		     PDB_EINVAL);
	cr_assert_eq(edit_with(front("ann"), &(pdb_message_input){.body = PDB_SLICE("null")}, 0),
		     PDB_EINVAL);
	cr_assert_eq(get(&w, front("ann"), "t1", "m1"), PDB_OK);
	cr_assert_eq(w.outcome.version, 3);
}

Test(edit, stale_edits_are_refused)
{
	const pdb_message_input body = {.body = PDB_SLICE("5")};
	pdb_caller ann = front("ann");

	cr_assert_eq(edit_with(ann, &body, 2), PDB_ESTALE);
	cr_assert_eq(edit_with(ann, &body, 1), PDB_OK);
	cr_assert_eq(edit_with(ann, &body, 1), PDB_ESTALE);
	cr_assert_eq(pdb_chat_message_delete(w.chat, &ann, &m1, 1, &w.outcome, &w.err), PDB_ESTALE);
	cr_assert_eq(pdb_chat_message_delete(w.chat, &ann, &m1, 2, &w.outcome, &w.err), PDB_OK);
	cr_assert_eq(w.outcome.version, 3);
}

Test(edit, deletion_hides_and_restore_brings_back)
{
	pdb_caller ann = front("ann");

	cr_assert_eq(erase(&w, ann, "t1", "m1"), PDB_OK);
	cr_assert_eq(erase(&w, ann, "t1", "m1"), PDB_ENOTFOUND);
	cr_assert_eq(edit(&w, ann, "t1", "m1", "1"), PDB_ENOTFOUND);
	cr_assert_eq(get_thread(&w, ann, "t1"), PDB_OK);
	cr_assert(answer_has(&w, "\"last_seq\":2,\"message_count\":1"));
	clear_answer(&w);
	cr_assert_eq(pdb_chat_message_get(w.chat, &ann, &m1, true, &w.out, &w.outcome, &w.err),
		     PDB_OK);
	end_answer(&w);
	cr_assert_str_eq(answer(&w),
			 "{\"id\":\"m1\",\"thread\":\"t1\",\"seq\":1,\"author\":\"ann\","
			 "\"role\":\"user\",\"ts\":1700000000000000001,\"version\":2,"
			 "\"body\":null,\"edited_ts\":1700000000000000000,"
			 "\"deleted\":true}");
	cr_assert_eq(restore(&w, ann, "t1", "m1", 2), PDB_EINVAL);
	cr_assert_str_eq(w.err.code, "version_is_deleted");
	cr_assert_eq(restore(&w, ann, "t1", "m1", 9), PDB_ENOTFOUND);
	cr_assert_eq(restore(&w, ann, "t1", "m1", 0), PDB_OK);
	cr_assert(answer_has(&w, "\"version\":3,\"body\":{\"n\":1},"));
	cr_assert_eq(restore(&w, ann, "t1", "m1", 0), PDB_OK);
	cr_assert_eq(w.outcome.version, 3);
}

Test(edit, versions_are_oldest_first)
{
	cr_assert_eq(edit(&w, front("ann"), "t1", "m1", "2"), PDB_OK);
	for (int i = 3; i <= 12; i++) {
		cr_assert_eq(restore(&w, front("ann"), "t1", "m1", 1), PDB_OK);
	}
	cr_assert_eq(versions(&w, front("bob"), "t1", "m1"), PDB_OK);
	const char *at = answer(&w);

	for (int i = 1; i <= 12; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "\"version\":%d,", i);
		at = strstr(at, text);
		cr_assert_not_null(at, "%d", i);
	}
	cr_assert_eq(versions(&w, front("bob"), "t1", "m9"), PDB_ENOTFOUND);
}

Test(edit, reactions)
{
	pdb_caller bob = front("bob");

	cr_assert_eq(react(&w, front("ann"), "t1", "m1", "ann", "\"+1\""), PDB_OK);
	cr_assert_eq(react(&w, bob, "t1", "m1", "bob", "\xf0\x9f\x91\x8d"), PDB_OK);
	cr_assert_eq(react(&w, front("ann"), "t1", "m1", "ann", "-1"), PDB_OK);
	cr_assert_str_eq(answer(&w), "{\"id\":\"ann\",\"reaction\":\"-1\"},"
				     "{\"id\":\"bob\",\"reaction\":\"\xf0\x9f\x91\x8d\"}");
	cr_assert_eq(w.outcome.version, 1);
	cr_assert_eq(get(&w, bob, "t1", "m1"), PDB_OK);
	cr_assert(answer_has(&w, "\"reactions\":[{\"id\":\"ann\",\"reaction\":\"-1\"},"));
	cr_assert_eq(react(&w, front("ann"), "t1", "m1", "ann", NULL), PDB_OK);
	cr_assert_eq(react(&w, front("ann"), "t1", "m1", "ann", NULL), PDB_ENOTFOUND);
	clear_answer(&w);
	cr_assert_eq(pdb_chat_reaction_list(w.chat, &bob, &m1, &w.out, &w.outcome, &w.err), PDB_OK);
	end_answer(&w);
	cr_assert_str_eq(answer(&w), "{\"id\":\"bob\",\"reaction\":\"\xf0\x9f\x91\x8d\"}");
	cr_assert_eq(react(&w, bob, "t1", "m1", "bob", NULL), PDB_OK);
	cr_assert_eq(get(&w, bob, "t1", "m1"), PDB_OK);
	cr_assert_not(answer_has(&w, "reactions"));
}

Test(edit, reactions_are_bounded)
{
	char identity[8];
	char large[66];

	for (int i = 0; i < 5; i++) {
		(void)snprintf(identity, sizeof(identity), "p%d", i);
		cr_assert_eq(react(&w, back(""), "t1", "m1", identity, "x"), PDB_OK);
	}
	cr_assert_eq(react(&w, back(""), "t1", "m1", "p5", "x"), PDB_EINVAL);
	cr_assert_str_eq(w.err.code, "too_many_reactions");
	cr_assert_eq(react(&w, back(""), "t1", "m1", "p4", "y"), PDB_OK);
	memset(large, 'x', sizeof(large));
	large[65] = '\0';
	cr_assert_eq(react(&w, back(""), "t1", "m1", "p4", large), PDB_EINVAL);
	cr_assert_eq(react(&w, back(""), "t1", "m1", "p4", ""), PDB_EINVAL);
	cr_assert_eq(react(&w, back(""), "t1", "m1", "p4", "a\nb"), PDB_EINVAL);
	cr_assert_eq(react(&w, back(""), "t1", "m1", "", "x"), PDB_EINVAL);
}
