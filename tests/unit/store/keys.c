/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: what they look like, that they sort, and that none reaches into another's rows. */
#include "store/keys.h"

#include <criterion/criterion.h>

#include "base/id.h"

static void expect(const pdb_keybuf *key, const char *text, const char *partition)
{
	cr_expect(pdb_slice_is(key->key.bytes, text), "%.*s is not %s",
		  PDB_SLICE_ARGS(key->key.bytes), text);
	cr_expect(pdb_slice_is(key->key.partition, partition), "partition %.*s is not %s",
		  PDB_SLICE_ARGS(key->key.partition), partition);
}

Test(keys, are_readable_text)
{
	pdb_slice t = pdb_slice_text("t1");
	pdb_slice m = pdb_slice_text("m1");
	pdb_keybuf key;

	pdb_key_thread_meta(&key, t);
	expect(&key, "thread:t1:meta", "t1");
	pdb_key_thread_head(&key, t);
	expect(&key, "thread:t1:head", "t1");
	pdb_key_timeline(&key, t, 1700000000000000000u, 42);
	expect(&key, "thread:t1:msg:01700000000000000000-0000000042", "t1");
	pdb_key_message(&key, t, m);
	expect(&key, "msg:t1:m1", "t1");
	pdb_key_version(&key, t, m, 7);
	expect(&key, "version:msg:t1:m1:0000000007", "t1");
	pdb_key_author(&key, pdb_slice_text("a:b/ü"), 1, t);
	expect(&key, "author:a%3Ab%2F%C3%BC:18446744073709551614:t1", "a%3Ab%2F%C3%BC");
	pdb_key_trace(&key, pdb_slice_text("a:b/ü"), t);
	expect(&key, "trace:a%3Ab%2F%C3%BC:t1", "a%3Ab%2F%C3%BC");
	pdb_key_guest(&key, t, pdb_slice_text("a:b/ü"));
	expect(&key, "guest:t1:a%3Ab%2F%C3%BC", "t1");
	pdb_key_all(&key, 0, t);
	expect(&key, "all:18446744073709551615:t1", "all");
	pdb_key_lag(&key, t);
	expect(&key, "lag:t1", "lag");
	pdb_key_meta(&key, "format");
	expect(&key, "meta:format", "meta");
	pdb_key_plugin(&key, "acme", pdb_slice_text("a:b"));
	expect(&key, "meta:plugin:acme:a:b", "meta");
}

Test(keys, prefixes_begin_their_rows)
{
	pdb_slice t = pdb_slice_text("t");
	pdb_slice m = pdb_slice_text("m");
	pdb_keybuf key;

	pdb_key_timeline_prefix(&key, t);
	expect(&key, "thread:t:msg:", "t");
	pdb_key_version_prefix(&key, t, m);
	expect(&key, "version:msg:t:m:", "t");
	pdb_key_author_prefix(&key, pdb_slice_text("ann"));
	expect(&key, "author:ann:", "ann");
	pdb_key_trace_prefix(&key, pdb_slice_text("ann"));
	expect(&key, "trace:ann:", "ann");
	pdb_key_guest_prefix(&key, t);
	expect(&key, "guest:t:", "t");
	pdb_key_all_prefix(&key);
	expect(&key, "all:", "all");
	pdb_key_lag_prefix(&key);
	expect(&key, "lag:", "lag");
}

Test(keys, a_trace_and_a_guest_lead_to_each_other)
{
	static const char *const others[] = {
		"", "trace:", "trace:a", "trace:a:", "trace::t", "guest:t", "author:a:t"};
	pdb_keybuf trace;
	pdb_keybuf guest;
	pdb_slice thread;

	pdb_key_trace(&trace, pdb_slice_text("a:b"), pdb_slice_text("t1"));
	cr_assert(pdb_key_trace_twin(&guest, trace.key.bytes));
	expect(&guest, "guest:t1:a%3Ab", "t1");
	cr_assert(pdb_key_trace_twin(&trace, guest.key.bytes));
	expect(&trace, "trace:a%3Ab:t1", "a%3Ab");
	cr_assert(pdb_key_trace_entry(trace.key.bytes, &thread));
	cr_expect(pdb_slice_is(thread, "t1"));
	cr_expect_not(pdb_key_trace_entry(guest.key.bytes, &thread));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		cr_expect_not(pdb_key_trace_twin(&guest, pdb_slice_text(others[i])), "%s",
			      others[i]);
	}
}

Test(keys, prefix_end_is_behind_every_row_and_before_the_next)
{
	pdb_keybuf prefix;
	pdb_keybuf end;
	pdb_keybuf row;

	pdb_key_timeline_prefix(&prefix, pdb_slice_text("t"));
	pdb_key_prefix_end(&end, &prefix);
	expect(&end, "thread:t:msg;", "t");
	pdb_key_timeline(&row, pdb_slice_text("t"), UINT64_MAX, 9999999999u);
	cr_expect(pdb_slice_compare(row.key.bytes, end.key.bytes) < 0);
	pdb_key_prefix_end(&prefix, &prefix);
	expect(&prefix, "thread:t:msg;", "t");
}

Test(keys, prefix_end_carries_over_high_bytes)
{
	pdb_keybuf prefix;
	pdb_keybuf end;

	pdb_key_meta(&prefix, "x\xff\xff");
	pdb_key_prefix_end(&end, &prefix);
	expect(&end, "meta:y", "meta");
}

Test(keys, timeline_sorts_by_time_then_seq)
{
	const uint64_t steps[][2] = {{0, 1},   {1, 1},   {1, 2},          {9, 1},
				     {10, 10}, {10, 11}, {UINT64_MAX, 1}, {UINT64_MAX, 2}};
	pdb_keybuf last;
	pdb_keybuf key;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		pdb_key_timeline(&key, pdb_slice_text("t"), steps[i][0], steps[i][1]);
		if (i > 0) {
			cr_expect(pdb_slice_compare(last.key.bytes, key.key.bytes) < 0, "step %zu",
				  i);
		}
		pdb_key_timeline(&last, pdb_slice_text("t"), steps[i][0], steps[i][1]);
	}
}

Test(keys, lists_sort_latest_first)
{
	pdb_keybuf early;
	pdb_keybuf late;

	pdb_key_author(&early, pdb_slice_text("ann"), 9, pdb_slice_text("t"));
	pdb_key_author(&late, pdb_slice_text("ann"), 10, pdb_slice_text("t"));
	cr_expect(pdb_slice_compare(late.key.bytes, early.key.bytes) < 0);
}

Test(keys, positions_round_trip)
{
	const uint64_t numbers[][2] = {{0, 0}, {1, 2}, {UINT64_MAX, 9999999999u}};
	char text[PDB_POSITION_LEN];
	pdb_keybuf key;
	uint64_t ns;
	uint64_t seq;

	for (size_t i = 0; i < 3; i++) {
		pdb_position_write(text, numbers[i][0], numbers[i][1]);
		cr_assert(pdb_position_read(pdb_slice_of(text, sizeof(text)), &ns, &seq));
		cr_expect(ns == numbers[i][0] && seq == numbers[i][1]);
		pdb_key_timeline_at(&key, pdb_slice_text("t"), pdb_slice_of(text, sizeof(text)));
		ns = seq = 77;
		cr_assert(pdb_key_timeline_position(key.key.bytes, &ns, &seq));
		cr_expect(ns == numbers[i][0] && seq == numbers[i][1]);
	}
}

Test(keys, malformed_positions_are_refused)
{
	const char *const bad[] = {"",
				   "1-2",
				   "0000000000000000000100000000002",
				   "0000000000000000000x-0000000002",
				   "00000000000000000001-000000000x",
				   "99999999999999999999-0000000001",
				   "00000000000000000001-00000000021",
				   "+0000000000000000001-0000000002"};
	uint64_t ns;
	uint64_t seq;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_not(pdb_position_read(pdb_slice_text(bad[i]), &ns, &seq), "%s", bad[i]);
	}
	cr_expect_not(pdb_key_timeline_position(PDB_SLICE("msg:t:m"), &ns, &seq));
	cr_expect_not(pdb_key_timeline_position(PDB_SLICE("thread:t:meta"), &ns, &seq));
	cr_expect_not(pdb_key_timeline_position(
		PDB_SLICE("thread:t:mxg:00000000000000000001-0000000001"), &ns, &seq));
	cr_expect_not(pdb_key_timeline_position(
		PDB_SLICE("version:t:msg:00000000000000000001-0000000001"), &ns, &seq));
}

Test(keys, list_entries_round_trip)
{
	pdb_slice thread;
	pdb_keybuf key;
	uint64_t activity;

	pdb_key_author(&key, pdb_slice_text("we:ird author"), 123456789, pdb_slice_text("t-9"));
	cr_assert(pdb_key_list_entry(key.key.bytes, &activity, &thread));
	cr_expect_eq(activity, 123456789u);
	cr_expect(pdb_slice_is(thread, "t-9"));
	pdb_key_all(&key, UINT64_MAX, pdb_slice_text("t"));
	cr_assert(pdb_key_list_entry(key.key.bytes, &activity, &thread));
	cr_expect_eq(activity, UINT64_MAX);
	cr_expect(pdb_slice_is(thread, "t"));
}

Test(keys, malformed_list_entries_are_refused)
{
	const char *const bad[] = {"",
				   "all:",
				   "author:",
				   "author:a",
				   "author:a:",
				   "lag:t",
				   "all:00000000000000000001",
				   "all:00000000000000000001:",
				   "all:00000000000000000001-t",
				   "all:0000000000000000000x:t",
				   "all:00000000000000000001:t:u",
				   "author:a:b:00000000000000000001:t"};
	uint64_t activity;
	pdb_slice thread;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_not(pdb_key_list_entry(pdb_slice_text(bad[i]), &activity, &thread), "%s",
			      bad[i]);
	}
}

/* Ids that are prefixes of one another, or look like the words between the colons. */
static const char *const TRICKY[] = {"a",  "aa",  "a.",   "a-",     "a~",      "a+",
				     "a@", "msg", "meta", "head",   "all",     "lag",
				     "0",  "00",  "A",    "thread", "version", "author"};
#define TRICKY_COUNT (sizeof(TRICKY) / sizeof(TRICKY[0]))

static bool inside(const pdb_keybuf *prefix, const pdb_keybuf *key)
{
	pdb_keybuf end;

	pdb_key_prefix_end(&end, prefix);
	return pdb_slice_compare(prefix->key.bytes, key->key.bytes) <= 0 &&
	       pdb_slice_compare(key->key.bytes, end.key.bytes) < 0;
}

static void expect_apart(const char *mine, const char *other)
{
	bool same = strcmp(mine, other) == 0;
	pdb_slice t = pdb_slice_text(mine);
	pdb_slice o = pdb_slice_text(other);
	pdb_keybuf prefix;
	pdb_keybuf key;

	pdb_key_timeline_prefix(&prefix, t);
	pdb_key_timeline(&key, o, 5, 5);
	cr_expect_eq(inside(&prefix, &key), same, "timeline %s %s", mine, other);
	pdb_key_thread_meta(&key, o);
	cr_expect_not(inside(&prefix, &key), "meta of %s in the timeline of %s", other, mine);
	pdb_key_version_prefix(&prefix, pdb_slice_text("t"), t);
	pdb_key_version(&key, pdb_slice_text("t"), o, 1);
	cr_expect_eq(inside(&prefix, &key), same, "version %s %s", mine, other);
	pdb_key_version(&key, o, pdb_slice_text("t"), 1);
	cr_expect_not(inside(&prefix, &key), "version thread %s %s", mine, other);
	pdb_key_author_prefix(&prefix, t);
	pdb_key_author(&key, o, 5, pdb_slice_text("t"));
	cr_expect_eq(inside(&prefix, &key), same, "author %s %s", mine, other);
}

Test(keys, no_id_reaches_into_another)
{
	for (size_t i = 0; i < TRICKY_COUNT; i++) {
		cr_assert(pdb_id_valid(pdb_slice_text(TRICKY[i])));
		for (size_t j = 0; j < TRICKY_COUNT; j++) {
			expect_apart(TRICKY[i], TRICKY[j]);
		}
	}
}

Test(keys, authors_with_separators_stay_apart)
{
	const char *const authors[] = {"a", "a:", "a:b", "a%3A", "a%3Ab", ":", "%", "a:b:c"};
	const size_t count = sizeof(authors) / sizeof(authors[0]);
	pdb_keybuf prefix;
	pdb_keybuf key;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < count; j++) {
			pdb_key_author_prefix(&prefix, pdb_slice_text(authors[i]));
			pdb_key_author(&key, pdb_slice_text(authors[j]), 5, pdb_slice_text("t"));
			cr_expect_eq(inside(&prefix, &key), i == j, "%s %s", authors[i],
				     authors[j]);
		}
	}
}

Test(keys, the_longest_ids_fit)
{
	char id[PDB_ID_MAX] = {0};
	uint8_t author[PDB_AUTHOR_MAX];
	pdb_slice thread = pdb_slice_of(id, sizeof(id));
	pdb_slice seen;
	pdb_keybuf key;
	uint64_t activity;

	memset(id, 'x', sizeof(id));
	memset(author, '/', sizeof(author));
	pdb_key_author(&key, pdb_slice_of(author, sizeof(author)), 1, thread);
	cr_expect_eq(key.key.bytes.len, 7 + 3 * PDB_AUTHOR_MAX + 1 + 20 + 1 + PDB_ID_MAX);
	cr_assert(pdb_key_list_entry(key.key.bytes, &activity, &seen));
	cr_expect(pdb_slice_equal(seen, thread));
}

Test(keys, too_long_input_is_cut_and_never_overruns)
{
	static uint8_t huge[4 * PDB_KEY_MAX];
	pdb_slice all = pdb_slice_of(huge, sizeof(huge));
	pdb_keybuf key;

	memset(huge, ':', sizeof(huge));
	pdb_key_message(&key, all, all);
	cr_expect_eq(key.key.bytes.len, PDB_KEY_MAX);
	pdb_key_author(&key, all, 1, all);
	cr_expect_eq(key.key.bytes.len, PDB_KEY_MAX);
	pdb_key_timeline(&key, all, 1, 1);
	cr_expect_eq(key.key.bytes.len, PDB_KEY_MAX);
}
