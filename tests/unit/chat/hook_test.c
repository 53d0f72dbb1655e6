/* SPDX-License-Identifier: Apache-2.0 */
/* Record hooks: sealing, refusing, failing, blocking; and listeners. */
#include "base/mem.h"
#include "world.h"

static world w;
static int check_calls;
static pdb_status check_answer;
static pdb_status open_answer;
static bool open_blocks;

static bool meddles;

/* Somebody else's edit, in the middle of one's own. */
static void meddle(void)
{
	const pdb_message_ref ref = {PDB_SLICE("t1"), PDB_SLICE("m1")};
	const pdb_message_input input = {.body = PDB_SLICE("\"theirs\"")};
	pdb_caller who = front("a\"nn");
	pdb_buf out = {0};
	pdb_outcome outcome;
	pdb_err err = {0};

	cr_assert_eq(pdb_chat_message_edit(w.chat, &who, &ref, &input, 0, &out, &outcome, &err),
		     PDB_OK, "%s", err.text);
	pdb_buf_fini(&out);
}

/* What the toy seal keeps for the thread. */
static bool notes;
static bool notes_cross;
static int notes_made;
static char note_used[32];

static void cross(void)
{
	pdb_message_input input = {.id = PDB_SLICE("m9"), .body = PDB_SLICE("9")};
	pdb_caller who = front("a\"nn");
	pdb_buf out = {0};
	pdb_outcome outcome;
	pdb_err err = {0};

	cr_assert_eq(
		pdb_chat_append(w.chat, &who, PDB_SLICE("t1"), &input, 1, &out, &outcome, &err),
		PDB_OK, "%s", err.text);
	pdb_buf_fini(&out);
}

static void use_note(pdb_record *record)
{
	static const uint8_t long_note[PDB_NOTE_MAX + 1] = {0};
	pdb_slice note = {0};
	pdb_err err = {0};

	cr_assert_eq(pdb_record_thread_note(record, &note, &err), PDB_OK, "%s", err.text);
	if (note.len == 0) {
		char text[32];

		(void)snprintf(text, sizeof(text), "key%d", ++notes_made);
		cr_assert_eq(pdb_record_set_thread_note(record,
							pdb_slice_of(long_note, sizeof(long_note))),
			     PDB_EINVAL);
		cr_assert_eq(pdb_record_set_thread_note(record, pdb_slice_text(text)), PDB_OK);
		cr_assert_eq(pdb_record_thread_note(record, &note, &err), PDB_OK);
	}
	(void)snprintf(note_used, sizeof(note_used), "%.*s", PDB_SLICE_ARGS(note));
	if (notes_cross) {
		notes_cross = false;
		cross();
	}
}

/* A check: sees the body in clear. */
static pdb_status check_in(void *self, pdb_record *record, pdb_err *err)
{
	(void)self;
	(void)err;
	check_calls++;
	if (meddles) {
		meddles = false;
		meddle();
	}
	cr_assert_not(pdb_slice_is(pdb_record_body(record), "0"));
	cr_assert_eq(pdb_record_set_attachment(record, PDB_SLICE("x")), PDB_EINVAL);
	cr_assert_eq(pdb_record_set_thread_note(record, PDB_SLICE("x")), PDB_EINVAL);
	return check_answer;
}

/* A toy seal: the body moves into the attachment, bound to the version, every bit turned over. */
static pdb_status seal_in(void *self, pdb_record *record, pdb_err *err)
{
	pdb_slice body = pdb_record_body(record);
	uint8_t bytes[512];

	(void)self;
	(void)err;
	if (notes) {
		use_note(record);
	}
	cr_assert(pdb_slice_is(pdb_record_author(record), "a\"nn"));
	cr_assert_lt(body.len, sizeof(bytes) - 1);
	bytes[0] = (uint8_t)pdb_record_version(record);
	for (size_t i = 0; i < body.len; i++) {
		bytes[i + 1] = (uint8_t)~body.ptr[i];
	}
	if (pdb_record_set_attachment(record, pdb_slice_of(bytes, body.len + 1)) != PDB_OK) {
		return PDB_ENOMEM;
	}
	return pdb_record_set_body(record, PDB_SLICE("0"));
}

/* What was opened last of each message, by the last letter of its id; used while `remembers`. */
static char memory[256][512];
static int remembers;  /* so many of the records that it is asked about */
static bool forgetful; /* it remembers when it is asked ahead, and no more when it is to open */
static int aheads;
static pdb_slice coming; /* what it will be asked about next */
static const uint8_t *asked[8];
static int opens;

/* The very bytes that the row has a copy of, not those of the storage. */
static bool was_asked(pdb_slice head)
{
	for (int i = 0; i < aheads; i++) {
		if (asked[i] == head.ptr) {
			return true;
		}
	}
	return false;
}

static pdb_status open_from_memory(pdb_record *record)
{
	pdb_slice id = pdb_record_message(record);

	return forgetful ? PDB_ENOTFOUND
			 : pdb_record_set_body(record, pdb_slice_text(memory[id.ptr[id.len - 1]]));
}

static pdb_status seal_out(void *self, pdb_record *record, pdb_err *err)
{
	pdb_slice sealed = pdb_record_attachment(record);
	uint8_t bytes[512];
	pdb_slice id;

	(void)self;
	opens++;
	if (open_blocks && pdb_record_may_block(record) != PDB_OK) {
		return PDB_EOFFLOAD;
	}
	if (open_answer != PDB_OK) {
		return pdb_err_set(err, open_answer, "kms_unavailable", "no key");
	}
	if (sealed.ptr[0] != (uint8_t)pdb_record_version(record)) {
		return PDB_ECORRUPT;
	}
	if (sealed.len == 1) {
		cr_assert(was_asked(sealed));
		return open_from_memory(record);
	}
	for (size_t i = 1; i < sealed.len; i++) {
		bytes[i - 1] = (uint8_t)~sealed.ptr[i];
	}
	id = pdb_record_message(record);
	(void)snprintf(memory[id.ptr[id.len - 1]], sizeof(memory[0]), "%.*s", (int)sealed.len - 1,
		       (const char *)bytes);
	return pdb_record_set_body(record, pdb_slice_of(bytes, sealed.len - 1));
}

static pdb_status purge_answer;
static int purges;

/* Nobody sees the thread any more, and its rows are still there. */
static pdb_status seal_purge(void *self, pdb_slice thread, pdb_slice note, pdb_err *err)
{
	(void)self;
	purges++;
	cr_assert(pdb_slice_is(thread, "t1"));
	cr_assert(pdb_slice_is(note, "key1"));
	cr_assert_eq(get_thread(&w, front("a\"nn"), "t1"), PDB_ENOTFOUND);
	return purge_answer == PDB_OK ? PDB_OK : pdb_err_set(err, purge_answer, NULL, "not now");
}

static void seal_show(void *self, pdb_slice note, pdb_member_fn add, void *arg)
{
	char text[64];

	(void)self;
	(void)snprintf(text, sizeof(text), "{\"id\":\"%.*s\"}", PDB_SLICE_ARGS(note));
	add(arg, "seal", pdb_slice_text(text));
}

static bool seal_ahead(void *self, pdb_slice head, pdb_slice next)
{
	(void)self;
	cr_assert(head.len == coming.len && (head.len == 0 || head.ptr == coming.ptr));
	cr_assert_leq(next.len, 1);
	coming = next;
	if (head.len == 0) {
		return true;
	}
	cr_assert_lt(aheads, (int)(sizeof(asked) / sizeof(asked[0])));
	asked[aheads] = head.ptr;
	if (aheads++ < remembers) {
		return true;
	}
	coming = pdb_slice_of(NULL, 0);
	return false;
}

static const pdb_record_hook seal = {.size = sizeof(seal),
				     .order = 900,
				     .name = "seal",
				     .tag = "SEAL",
				     .in = seal_in,
				     .out = seal_out,
				     .purge = seal_purge,
				     .show = seal_show,
				     .head = 1,
				     .ahead = seal_ahead};
static const pdb_record_hook check = {
	.size = sizeof(check), .order = 100, .name = "check", .in = check_in};

static pdb_change_kind told[64];
static uint64_t told_position[64];
static _Atomic size_t told_count;

static void listen(void *self, const pdb_change *change)
{
	(void)self;
	cr_assert_geq(pdb_store_durable(w.store), pdb_change_position(change));
	cr_assert(notes || pdb_slice_is(pdb_change_thread(change), "t1"));
	told[told_count] = pdb_change_kind_of(change);
	told_position[told_count] = pdb_change_position(change);
	told_count++;
}

static const pdb_listener listener = {.size = sizeof(listener), .name = "ear", .told = listen};

static void open_world(void)
{
	cr_assert_eq(pdb_sockets_add(&w.sockets, PDB_SOCKET_RECORD, "test", &seal, NULL, &w.err),
		     PDB_OK, "%s", w.err.text);
	cr_assert_eq(pdb_sockets_add(&w.sockets, PDB_SOCKET_RECORD, "test", &check, NULL, &w.err),
		     PDB_OK, "%s", w.err.text);
	cr_assert_eq(
		pdb_sockets_add(&w.sockets, PDB_SOCKET_LISTENER, "test", &listener, NULL, &w.err),
		PDB_OK, "%s", w.err.text);
	world_open(&w);
}

static void close_world(void)
{
	cr_expect_eq(check_all(&w), 0);
	world_close(&w);
}

TestSuite(hook, .init = open_world, .fini = close_world);

static pdb_caller ann(void)
{
	return front("a\"nn");
}

/* The stored bytes of a message must not hold `text`. */
static bool stored_has(const char *text)
{
	pdb_keybuf prefix;
	pdb__op op;
	pdb__place place;
	bool has;

	cr_assert_eq(pdb__op_init(&op, w.chat, &(pdb_caller){0}, PDB_SLICE("t1"), &w.err), PDB_OK);
	cr_assert_eq(pdb_store_begin(w.store, false, &op.txn, &w.err), PDB_OK);
	pdb_key_timeline_prefix(&prefix, op.thread);
	cr_assert_eq(pdb__message_find(&op, PDB_SLICE("m1"), &place, &w.err), PDB_OK);
	has = memmem(place.row.ptr, place.row.len, text, strlen(text)) != NULL;
	pdb_txn_abort(&op.txn);
	pdb__op_fini(&op);
	return has;
}

Test(hook, sealed_bodies_are_stored_sealed_and_shown_open)
{
	pdb_message_page result;

	cr_assert_eq(post(&w, ann(), "t1", "m1", "{\"secret\":1.0}"), PDB_OK, "%s", w.err.text);
	cr_assert(answer_has(&w, "\"body\":{\"secret\":1.0}}"));
	cr_assert_eq(check_calls, 1);
	cr_assert_not(stored_has("secret"));
	cr_assert(stored_has("SEAL"));
	cr_assert_eq(get(&w, ann(), "t1", "m1"), PDB_OK);
	cr_assert(answer_has(&w, "\"body\":{\"secret\":1.0}}"));
	cr_assert_eq(page(&w, ann(), "t1", PDB_ANCHOR_NEWEST, "", 0, &result), PDB_OK);
	cr_assert(answer_has(&w, "\"body\":{\"secret\":1.0}}"));
	cr_assert_eq(post(&w, ann(), "t1", "m1", "{\"secret\":1.0}"), PDB_OK);
	cr_assert(w.outcome.replayed);
	cr_assert_eq(post(&w, ann(), "t1", "m1", "{\"secret\":2}"), PDB_EEXISTS);
}

/* The page of the last two; how often something was opened for it. */
static int page_opens(pdb_buf *shown)
{
	pdb_message_page result;

	aheads = 0;
	opens = 0;
	cr_assert_eq(page(&w, ann(), "t1", PDB_ANCHOR_NEWEST, "", 2, &result), PDB_OK);
	cr_assert_eq(result.count, 2);
	pdb_buf_clear(shown);
	pdb_buf_add_slice(shown, pdb_buf_slice(&w.out));
	return opens;
}

Test(hook, a_page_shows_the_same_whether_bodies_are_in_memory_or_not)
{
	pdb_buf fresh = {0};
	pdb_buf shown = {0};

	for (int i = 1; i <= 3; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "m%d", i);
		cr_assert_eq(post(&w, ann(), "t1", id, i == 2 ? "{\"a\":[1]}" : "1"), PDB_OK, "%s",
			     w.err.text);
	}
	cr_assert_eq(react(&w, ann(), "t1", "m2", "a\"nn", "+1"), PDB_OK);
	cr_assert_eq(page_opens(&fresh), 2);
	cr_assert_eq(aheads, 1, "the others are all read, then");
	cr_assert(answer_has(&w, "\"body\":{\"a\":[1]},\"reactions\":"));
	remembers = 1;
	cr_assert_eq(page_opens(&shown), 2);
	cr_assert_eq(aheads, 2);
	cr_assert(pdb_slice_equal(pdb_buf_slice(&shown), pdb_buf_slice(&fresh)));
	remembers = 2;
	(void)snprintf(memory['3'], sizeof(memory[0]), "7");
	cr_assert_eq(page_opens(&shown), 2);
	cr_assert(answer_has(&w, "\"body\":{\"a\":[1]},\"reactions\":"));
	cr_assert(answer_has(&w, "\"body\":7}"), "what is in memory is shown");
	forgetful = true;
	cr_assert_eq(page_opens(&shown), 3, "the first is gone: all are read again");
	cr_assert_eq(aheads, 2);
	cr_assert(pdb_slice_equal(pdb_buf_slice(&shown), pdb_buf_slice(&fresh)));
	remembers = 0;
	forgetful = false;
	pdb_buf_fini(&fresh);
	pdb_buf_fini(&shown);
}

Test(hook, new_versions_are_sealed_anew)
{
	const pdb_message_input role = {.role = PDB_SLICE("assistant")};
	const pdb_message_ref ref = {PDB_SLICE("t1"), PDB_SLICE("m1")};
	pdb_caller who = ann();

	cr_assert_eq(post(&w, who, "t1", "m1", "\"one\""), PDB_OK);
	clear_answer(&w);
	cr_assert_eq(
		pdb_chat_message_edit(w.chat, &who, &ref, &role, 0, &w.out, &w.outcome, &w.err),
		PDB_OK);
	end_answer(&w);
	cr_assert(answer_has(&w, "\"role\":\"assistant\"") && answer_has(&w, "\"one\""));
	cr_assert_eq(react(&w, who, "t1", "m1", "a\"nn", "+1"), PDB_OK);
	cr_assert_eq(edit(&w, who, "t1", "m1", "\"two\""), PDB_OK);
	cr_assert_eq(erase(&w, who, "t1", "m1"), PDB_OK);
	cr_assert_not(stored_has("SEAL"));
	cr_assert_eq(restore(&w, who, "t1", "m1", 1), PDB_OK);
	cr_assert(answer_has(&w, "\"version\":5,\"body\":\"one\""));
	cr_assert(answer_has(&w, "\"reactions\":[{\"id\":\"a\\\"nn\",\"reaction\":\"+1\"}]"));
	cr_assert_eq(versions(&w, who, "t1", "m1"), PDB_OK);
	cr_assert(answer_has(&w, "\"version\":2,\"body\":\"one\""));
	cr_assert(answer_has(&w, "\"version\":3,\"body\":\"two\""));
	cr_assert_not(stored_has("one"));
}

Test(hook, edits_that_cross_are_two_versions)
{
	const pdb_message_ref ref = {PDB_SLICE("t1"), PDB_SLICE("m1")};
	const pdb_message_input input = {.body = PDB_SLICE("5")};
	pdb_caller who = ann();

	cr_assert_eq(post(&w, who, "t1", "m1", "\"one\""), PDB_OK);
	meddles = true;
	cr_assert_eq(edit(&w, who, "t1", "m1", "\"mine\""), PDB_OK);
	cr_assert(answer_has(&w, "\"version\":3,\"body\":\"mine\""));
	cr_assert_eq(versions(&w, who, "t1", "m1"), PDB_OK);
	cr_assert(answer_has(&w, "\"version\":2,\"body\":\"theirs\""));
	/* Who named a version is told instead. */
	meddles = true;
	clear_answer(&w);
	cr_assert_eq(
		pdb_chat_message_edit(w.chat, &who, &ref, &input, 3, &w.out, &w.outcome, &w.err),
		PDB_ESTALE);
}

Test(hook, refusal_stores_nothing)
{
	check_answer = PDB_ERULE;
	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_ERULE);
	cr_assert_neq(w.err.text[0], '\0');
	check_answer = PDB_OK;
	cr_assert_eq(get_thread(&w, ann(), "t1"), PDB_ENOTFOUND);
	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_OK);
	check_answer = PDB_ERULE;
	cr_assert_eq(edit(&w, ann(), "t1", "m1", "2"), PDB_ERULE);
	check_answer = PDB_OK;
	cr_assert_eq(get(&w, ann(), "t1", "m1"), PDB_OK);
	cr_assert_eq(w.outcome.version, 1);
}

Test(hook, what_cannot_be_opened_is_not_stored)
{
	open_answer = PDB_EUNAVAILABLE;
	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_EUNAVAILABLE);
	cr_assert_str_eq(w.err.code, "kms_unavailable");
	open_answer = PDB_OK;
	cr_assert_eq(get_thread(&w, ann(), "t1"), PDB_ENOTFOUND);
}

Test(hook, what_may_open_later_is_no_unreadable_record)
{
	pdb_message_page result;

	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_OK);
	open_answer = PDB_EUNAVAILABLE;
	cr_assert_eq(page(&w, ann(), "t1", PDB_ANCHOR_NEWEST, "", 0, &result), PDB_EUNAVAILABLE);
	cr_assert_str_eq(answer(&w), "");
	cr_assert_eq(get(&w, ann(), "t1", "m1"), PDB_EUNAVAILABLE);
	cr_assert_eq(versions(&w, ann(), "t1", "m1"), PDB_EUNAVAILABLE);
	open_answer = PDB_OK;
}

Test(hook, one_unreadable_record_does_not_take_the_page_down)
{
	pdb_message_page result;

	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_OK);
	open_answer = PDB_ECORRUPT;
	cr_assert_eq(page(&w, ann(), "t1", PDB_ANCHOR_NEWEST, "", 0, &result), PDB_OK);
	cr_assert(answer_has(&w, "\"body\":{\"_undecryptable\":true}}"));
	cr_assert_eq(edit(&w, ann(), "t1", "m1", "2"), PDB_ECORRUPT);
	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_ECORRUPT);
	open_answer = PDB_OK;
	cr_assert_eq(erase(&w, ann(), "t1", "m1"), PDB_OK);
}

Test(hook, blocking_asks_for_a_worker)
{
	pdb_caller loop = ann();
	pdb_message_page result;

	open_blocks = true;
	loop.may_block = false;
	cr_assert_eq(post(&w, loop, "t1", "m1", "1"), PDB_EOFFLOAD);
	cr_assert_eq(get_thread(&w, loop, "t1"), PDB_ENOTFOUND);
	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_OK);
	cr_assert_eq(page(&w, loop, "t1", PDB_ANCHOR_NEWEST, "", 0, &result), PDB_EOFFLOAD);
	cr_assert_eq(get(&w, loop, "t1", "m1"), PDB_EOFFLOAD);
	cr_assert_eq(edit(&w, loop, "t1", "m1", "2"), PDB_EOFFLOAD);
	cr_assert_eq(react(&w, loop, "t1", "m1", "a\"nn", "+1"), PDB_OK);
}

Test(hook, missing_plugin_shows_nothing_sealed)
{
	size_t count = w.sockets.lists[PDB_SOCKET_RECORD].count;

	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_OK);
	w.sockets.lists[PDB_SOCKET_RECORD].count = 0;
	cr_assert_eq(get(&w, ann(), "t1", "m1"), PDB_OK);
	cr_assert(answer_has(&w, "{\"_undecryptable\":true}"));
	w.sockets.lists[PDB_SOCKET_RECORD].count = count;
}

Test(hook, a_note_is_stored_with_the_first_record_that_wanted_it)
{
	const pdb_thread_input title = {.title = PDB_SLICE("another title")};
	pdb_caller who = ann();

	notes = true;
	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_OK);
	cr_assert_eq(edit(&w, ann(), "t1", "m1", "2"), PDB_OK);
	world_reopen(&w);
	clear_answer(&w);
	cr_assert_eq(pdb_chat_thread_update(w.chat, &who, PDB_SLICE("t1"), &title, &w.out,
					    &w.outcome, &w.err),
		     PDB_OK);
	cr_assert_eq(post(&w, ann(), "t1", "m2", "1"), PDB_OK);
	cr_assert_eq(notes_made, 1);
	cr_assert_str_eq(note_used, "key1");
	/* A thread that is there without a note gets one. */
	cr_assert_eq(make_thread(&w, ann(), "t2"), PDB_OK);
	cr_assert_eq(post(&w, ann(), "t2", "m1", "1"), PDB_OK);
	cr_assert_eq(post(&w, ann(), "t2", "m2", "1"), PDB_OK);
	cr_assert_eq(notes_made, 2);
}

Test(hook, a_refused_record_leaves_no_note)
{
	notes = true;
	open_answer = PDB_EUNAVAILABLE;
	cr_assert_eq(make_thread(&w, ann(), "t1"), PDB_OK);
	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_EUNAVAILABLE);
	open_answer = PDB_OK;
	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_OK);
	cr_assert_str_eq(note_used, "key2");
}

Test(hook, records_are_sealed_again_when_the_note_has_changed)
{
	notes = true;
	notes_cross = true;
	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_OK);
	cr_assert_eq(notes_made, 2);
	cr_assert_str_eq(note_used, "key2");
	cr_assert_eq(get(&w, ann(), "t1", "m1"), PDB_OK);
	cr_assert(answer_has(&w, "\"body\":1}"));
	notes_cross = true;
	cr_assert_eq(edit(&w, ann(), "t1", "m1", "2"), PDB_OK);
	cr_assert_str_eq(note_used, "key2");
}

static pdb_status purge(bool *more)
{
	return pdb_chat_purge_thread(w.chat, PDB_SLICE("t1"), 0, 1, more, &w.err);
}

Test(hook, a_purge_tells_the_hook_before_rows_go)
{
	bool more = true;

	notes = true;
	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_OK);
	cr_assert_eq(post(&w, ann(), "t1", "m2", "1"), PDB_OK);
	purge_answer = PDB_EUNAVAILABLE;
	cr_assert_eq(purge(&more), PDB_EUNAVAILABLE);
	cr_assert(stored_has("SEAL"));
	purge_answer = PDB_OK;
	for (more = true; more;) {
		cr_assert_eq(purge(&more), PDB_OK, "%s", w.err.text);
	}
	cr_assert_geq(purges, 2);
	cr_assert_eq(purge(&more), PDB_ENOTFOUND);
}

Test(hook, listeners_hear_of_changes_in_order)
{
	static const pdb_change_kind expected[] = {
		PDB_CHANGE_THREAD_CREATED,   PDB_CHANGE_MESSAGE_APPENDED,
		PDB_CHANGE_MESSAGE_APPENDED, PDB_CHANGE_MESSAGE_EDITED,
		PDB_CHANGE_REACTION_SET,     PDB_CHANGE_REACTION_REMOVED,
		PDB_CHANGE_MESSAGE_DELETED,  PDB_CHANGE_MESSAGE_RESTORED};

	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_OK);
	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_OK);
	cr_assert_eq(post(&w, ann(), "t1", "m2", "1"), PDB_OK);
	atomic_store(&faults.conflict_every, 2);
	cr_assert_eq(edit(&w, ann(), "t1", "m1", "2"), PDB_OK);
	cr_assert_eq(react(&w, ann(), "t1", "m1", "a\"nn", "+1"), PDB_OK);
	cr_assert_eq(react(&w, ann(), "t1", "m1", "a\"nn", NULL), PDB_OK);
	cr_assert_eq(erase(&w, ann(), "t1", "m1"), PDB_OK);
	cr_assert_eq(restore(&w, ann(), "t1", "m1", 0), PDB_OK);
	atomic_store(&faults.conflict_every, 0);
	/* Ends the listeners' thread after it has told everything. */
	world_reopen(&w);
	cr_assert_eq(told_count, 8);
	for (size_t i = 0; i < 8; i++) {
		cr_assert_eq(told[i], expected[i], "%zu", i);
		cr_assert(i == 0 || told_position[i] >= told_position[i - 1]);
	}
}

static pdb_status thread_update(pdb_caller who)
{
	const pdb_thread_input input = {.title = PDB_SLICE("new")};

	clear_answer(&w);
	w.err = (pdb_err){0};
	return pdb_chat_thread_update(w.chat, &who, PDB_SLICE("t1"), &input, &w.out, &w.outcome,
				      &w.err);
}

static pdb_status take_shown(void *arg, pdb_slice json)
{
	bool *has = arg;

	*has = memmem(json.ptr, json.len, "seal", 4) != NULL;
	return PDB_OK;
}

Test(hook, what_a_hook_tells_of_a_thread_is_for_administrators)
{
	static const pdb_thread_query all = {0};
	pdb_thread_page result;
	pdb_caller boss = admin("");
	bool has = true;

	notes = true;
	boss.may_block = true;
	cr_assert_eq(make_thread(&w, ann(), "t0"), PDB_OK);
	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_OK, "%s", w.err.text);
	cr_assert_eq(get_thread(&w, boss, "t1"), PDB_OK);
	cr_assert(answer_has(&w, ",\"seal\":{\"id\":\"key1\"}}"), "%s", answer(&w));
	cr_assert_eq(get_thread(&w, boss, "t0"), PDB_OK);
	cr_assert_not(answer_has(&w, "seal"));
	cr_assert_eq(threads(&w, boss, &all, &result), PDB_OK);
	cr_assert(answer_has(&w, ",\"seal\":{\"id\":\"key1\"}},{\"id\":\"t0\""), "%s", answer(&w));
	cr_assert_eq(thread_update(boss), PDB_OK);
	end_answer(&w);
	cr_assert(answer_has(&w, "\"title\":\"new\"") && answer_has(&w, "\"seal\":{"));
	for (int i = 0; i < 3; i++) {
		pdb_caller who = i == 0 ? ann() : back(i == 1 ? "" : "a\"nn");

		cr_assert_eq(get_thread(&w, who, "t1"), PDB_OK);
		cr_assert_not(answer_has(&w, "seal"));
	}
	cr_assert_eq(threads(&w, ann(), &all, &result), PDB_OK);
	cr_assert_not(answer_has(&w, "seal"));
	pdb_chat_offer(w.chat);
	cr_assert_eq(pdb_chat_domain.show_thread(PDB_SLICE("t1"), take_shown, &has, &w.err),
		     PDB_OK);
	pdb_chat_offer(NULL);
	cr_assert_not(has);
}

Test(hook, what_may_wait_for_a_network_is_asked_on_a_worker)
{
	static const pdb_thread_query all = {0};
	pdb_thread_page result;
	pdb_caller boss = admin("");

	notes = true;
	cr_assert_eq(post(&w, ann(), "t1", "m1", "1"), PDB_OK);
	boss.may_block = false;
	cr_assert_eq(get_thread(&w, boss, "t1"), PDB_EOFFLOAD);
	cr_assert_eq(threads(&w, boss, &all, &result), PDB_EOFFLOAD);
	cr_assert_eq(thread_update(boss), PDB_EOFFLOAD);
	cr_assert_eq(get_thread(&w, ann(), "t1"), PDB_OK);
	cr_assert_not(answer_has(&w, "\"new\""));
}
