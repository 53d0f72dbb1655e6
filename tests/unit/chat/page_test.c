/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: anchors of every kind, deleted messages, cursors. */
#include "base/clock.h"
#include "world.h"

#define COUNT 500
#define BASE  INT64_C(1700000000000000000)

static world w;

/* Bursts and pauses, so that time tells little of the seq. */
static void open_world(void)
{
	int64_t now = BASE;
	char id[16];

	world_open(&w);
	for (int i = 1; i <= COUNT; i++) {
		now += i % 100 == 0 ? 3600 * PDB_NS_PER_SECOND : 1000;
		pdb_clock_set(now);
		(void)snprintf(id, sizeof(id), "m%d", i);
		cr_assert_eq(post(&w, front("ann"), "t1", id, "1"), PDB_OK);
	}
}

static void close_world(void)
{
	world_close(&w);
}

TestSuite(page, .init = open_world, .fini = close_world);

static void expect(pdb_anchor anchor, const char *at, uint32_t limit, int first, int last)
{
	pdb_message_page result;
	char text[32];

	cr_assert_eq(page(&w, front("ann"), "t1", anchor, at, limit, &result), PDB_OK, "%s",
		     w.err.text);
	cr_assert_eq(result.last_seq, COUNT);
	if (last < first) {
		cr_assert_eq(result.count, 0);
		cr_assert_str_eq(result.before, "");
		return;
	}
	cr_assert_eq(result.count, (uint32_t)(last - first + 1), "%u at %s", result.count, at);
	(void)snprintf(text, sizeof(text), "{\"id\":\"m%d\",", first);
	cr_assert(strncmp(answer(&w), text, strlen(text)) == 0, "%.30s", answer(&w));
	(void)snprintf(text, sizeof(text), "-%010d", first);
	cr_assert_str_eq(result.before + 20, text);
	(void)snprintf(text, sizeof(text), "-%010d", last);
	cr_assert_str_eq(result.after + 20, text);
	cr_assert_eq(result.has_before, first > 1);
	cr_assert_eq(result.has_after, last < COUNT);
}

Test(page, newest)
{
	expect(PDB_ANCHOR_NEWEST, "", 0, 401, 500);
	expect(PDB_ANCHOR_NEWEST, "", 1, 500, 500);
	expect(PDB_ANCHOR_NEWEST, "", 1000, 1, 500);
}

Test(page, by_seq)
{
	char at[16];

	for (int seq = 1; seq <= COUNT; seq += 7) {
		(void)snprintf(at, sizeof(at), "%d", seq);
		expect(PDB_ANCHOR_BEFORE, at, 10, seq > 10 ? seq - 10 : 1, seq - 1);
		expect(PDB_ANCHOR_AFTER, at, 10, seq + 1, seq + 10 < COUNT ? seq + 10 : COUNT);
		expect(PDB_ANCHOR_AROUND, at, 3, seq > 1 ? seq - 1 : seq,
		       seq == 1       ? 3
		       : seq == COUNT ? seq
				      : seq + 1);
	}
	expect(PDB_ANCHOR_BEFORE, "9999999999", 10, 491, 500);
	expect(PDB_ANCHOR_AFTER, "0", 10, 1, 10);
	expect(PDB_ANCHOR_AFTER, "500", 10, 1, 0);
	expect(PDB_ANCHOR_BEFORE, "1", 10, 1, 0);
}

Test(page, by_id_and_position)
{
	pdb_message_page result;
	char at[PDB_POSITION_LEN + 1];

	expect(PDB_ANCHOR_BEFORE, "m100", 10, 90, 99);
	expect(PDB_ANCHOR_AFTER, "m100", 10, 101, 110);
	expect(PDB_ANCHOR_AROUND, "m100", 10, 95, 104);
	cr_assert_eq(page(&w, front("ann"), "t1", PDB_ANCHOR_BEFORE, "m100", 10, &result), PDB_OK);
	memcpy(at, result.before, sizeof(at));
	expect(PDB_ANCHOR_BEFORE, at, 10, 80, 89);
	memcpy(at, result.after, sizeof(at));
	expect(PDB_ANCHOR_AFTER, at, 10, 100, 109);
}

Test(page, by_time)
{
	/* The 100th message came an hour after the 99th; any unit of eleven digits or more. */
	expect(PDB_ANCHOR_AROUND, "1700000060000", 10, 95, 104);
	expect(PDB_ANCHOR_AROUND, "1700000060000000000", 10, 95, 104);
	expect(PDB_ANCHOR_AROUND, "1000000000000", 10, 1, 10);
	expect(PDB_ANCHOR_AROUND, "9000000000000000000", 10, 491, 500);
}

Test(page, unknown_anchor)
{
	pdb_message_page result;

	cr_assert_eq(page(&w, front("ann"), "t1", PDB_ANCHOR_BEFORE, "m501", 10, &result),
		     PDB_EINVAL);
	cr_assert_str_eq(w.err.code, "anchor_unknown");
	cr_assert_eq(page(&w, front("ann"), "t1", PDB_ANCHOR_BEFORE, "a:b", 10, &result),
		     PDB_EINVAL);
	cr_assert_eq(page(&w, front("ann"), "t1", PDB_ANCHOR_BEFORE, "", 10, &result), PDB_EINVAL);
	cr_assert_eq(page(&w, front("ann"), "t1", PDB_ANCHOR_NEWEST, "", 1001, &result),
		     PDB_EINVAL);
}

Test(page, deleted_messages_do_not_count)
{
	pdb_message_page result;
	char id[16];

	for (int i = 101; i <= 480; i++) {
		(void)snprintf(id, sizeof(id), "m%d", i);
		cr_assert_eq(erase(&w, front("ann"), "t1", id), PDB_OK);
	}
	cr_assert_eq(page(&w, front("ann"), "t1", PDB_ANCHOR_NEWEST, "", 30, &result), PDB_OK);
	cr_assert_eq(result.count, 30);
	cr_assert(strncmp(answer(&w), "{\"id\":\"m91\",", 12) == 0);
	cr_assert(result.has_before);
	cr_assert_eq(page(&w, front("ann"), "t1", PDB_ANCHOR_AFTER, "m95", 10, &result), PDB_OK);
	cr_assert(answer_has(&w, "\"m485\"") && !answer_has(&w, "\"m486\""));
	cr_assert(result.has_after);
	cr_assert_eq(page(&w, front("ann"), "t1", PDB_ANCHOR_BEFORE, "m481", 200, &result), PDB_OK);
	cr_assert_eq(result.count, 100);
	cr_assert_not(result.has_before);
	const pdb_message_query query = {
		.thread = PDB_SLICE("t1"), .limit = 30, .with_deleted = true};
	pdb_caller ann = front("ann");

	clear_answer(&w);
	cr_assert_eq(
		pdb_chat_message_page(w.chat, &ann, &query, &w.out, &result, &w.outcome, &w.err),
		PDB_OK);
	end_answer(&w);
	cr_assert(strncmp(answer(&w), "{\"id\":\"m471\",", 13) == 0);
	cr_assert(answer_has(&w, "\"body\":null,\"edited_ts\":"));
}
