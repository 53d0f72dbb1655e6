/* SPDX-License-Identifier: Apache-2.0 */
/* A thread as lines and back: equal in another world, whatever fails on the way. */
#include "base/json.h"
#include "world.h"

static world w;
static world other;

static void open_worlds(void)
{
	world_open(&w);
	world_open(&other);
}

static void close_one(world *one)
{
	catch_up_all(one);
	cr_expect_eq(check_all(one), 0);
	world_close(one);
}

static void close_worlds(void)
{
	world_faults_end();
	close_one(&w);
	close_one(&other);
}

TestSuite(transfer, .init = open_worlds, .fini = close_worlds);

/* Messages with versions, marks and reactions, a guest, one purged in between and one at the end.
 */
static void fill(int count)
{
	char id[16];
	pdb_message_ref ref = {PDB_SLICE("t1"), PDB_SLICE("m2")};

	cr_assert_eq(make_thread(&w, front("ann"), "t1"), PDB_OK);
	for (int i = 1; i <= count; i++) {
		(void)snprintf(id, sizeof(id), "m%d", i);
		cr_assert_eq(
			post(&w, admin(i % 3 == 0 ? "guest" : "ann"), "t1", id, "{\"n\": 1e2}"),
			PDB_OK);
		for (int n = 0; n < i % 4; n++) {
			cr_assert_eq(edit(&w, admin("ann"), "t1", id, "[ \"\\u00e9\" ]"), PDB_OK);
		}
		if (i % 5 == 0) {
			cr_assert_eq(react(&w, admin("bob"), "t1", id, "b\"ob", "+1"), PDB_OK);
			cr_assert_eq(erase(&w, admin("ann"), "t1", id), PDB_OK);
		}
		if (i % 10 == 0) {
			cr_assert_eq(restore(&w, admin("ann"), "t1", id, 0), PDB_OK);
		}
	}
	cr_assert_eq(pdb_chat_purge_message(w.chat, &ref, 0, &w.err), PDB_OK);
	ref.message = pdb_slice_text(id);
	cr_assert_eq(pdb_chat_purge_message(w.chat, &ref, 0, &w.err), PDB_OK);
}

/* All lines of the thread, one after the other, read in pages of `limit`. */
static void export(world *one, size_t limit, pdb_buf *lines)
{
	pdb_export_query query = {.limit = limit};
	char cursor[64] = "";
	pdb_slice list;
	pdb_slice page;
	pdb_slice key;
	pdb_slice value;

	pdb_buf_clear(lines);
	do {
		size_t at = 0;

		clear_answer(one);
		query.cursor = pdb_slice_text(cursor);
		cr_assert_eq(pdb_chat_export(one->chat, PDB_SLICE("t1"), &query, &one->out,
					     &one->outcome, &one->err),
			     PDB_OK, "%s", one->err.text);
		end_answer(one);
		page = pdb_slice_text(answer(one));
		cr_assert(pdb_json_member(page, "lines", &list));
		while (pdb_json_next(list, &at, &key, &value)) {
			pdb_buf_add_slice(lines, value);
			pdb_buf_add_byte(lines, '\n');
		}
		cr_assert(pdb_json_member(page, "pagination", &page));
		cursor[0] = '\0';
		if (pdb_json_member(page, "cursor", &value)) {
			cursor[pdb_json_unescape(value, cursor)] = '\0';
		}
	} while (cursor[0] != '\0');
}

static pdb_status import(world *one, pdb_slice lines, size_t count, size_t *stored)
{
	pdb_buf text = {0};
	pdb_status status;

	pdb_buf_add_text(&text, "{\"lines\":[");
	for (size_t i = 0; i < count; i++) {
		const uint8_t *end = memchr(lines.ptr, '\n', lines.len);
		size_t len = (size_t)(end - lines.ptr);

		pdb_buf_add_text(&text, i > 0 ? "," : "");
		pdb_buf_add(&text, lines.ptr, len);
		lines = pdb_slice_skip(lines, len + 1);
	}
	pdb_buf_add_text(&text, "]}");
	clear_answer(one);
	status = pdb_chat_import(one->chat, PDB_SLICE("t1"), pdb_buf_slice(&text), stored,
				 &one->outcome, &one->err);
	pdb_buf_fini(&text);
	return status;
}

static pdb_slice after(pdb_slice lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const uint8_t *end = memchr(lines.ptr, '\n', lines.len);

		lines = pdb_slice_skip(lines, (size_t)(end - lines.ptr) + 1);
	}
	return lines;
}

static size_t count_of(const pdb_buf *lines)
{
	size_t count = 0;

	for (size_t i = 0; i < lines->len; i++) {
		count += lines->data[i] == '\n';
	}
	return count;
}

/* Batch by batch, each again until it is through. */
static void import_all(world *one, const pdb_buf *lines, size_t batch)
{
	pdb_slice rest = pdb_buf_slice(lines);
	size_t left = count_of(lines);
	size_t stored;

	while (left > 0) {
		size_t now = batch < left ? batch : left;
		pdb_status status = PDB_EBUSY;

		for (int i = 0; i < 1000 && status != PDB_OK; i++) {
			status = import(one, rest, now, &stored);
		}
		cr_assert_eq(status, PDB_OK, "%s", one->err.text);
		rest = after(rest, now);
		left -= now;
	}
}

static void same(const pdb_buf *lines)
{
	pdb_buf again = {0};

	export(&other, 1000, &again);
	cr_assert_eq(again.len, lines->len);
	cr_assert_arr_eq(again.data, lines->data, lines->len);
	pdb_buf_fini(&again);
}

Test(transfer, pages_and_batches_of_any_size_are_the_same)
{
	static const size_t sizes[] = {1, 2, 3, 7, 1000};
	pdb_buf lines = {0};
	pdb_buf again = {0};

	fill(23);
	export(&w, 1000, &lines);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		export(&w, sizes[i], &again);
		cr_assert(pdb_slice_equal(pdb_buf_slice(&again), pdb_buf_slice(&lines)));
		world_close(&other);
		other = (world){0};
		world_open(&other);
		import_all(&other, &lines, sizes[i]);
		same(&lines);
		catch_up_all(&other);
		cr_assert_eq(check_all(&other), 0);
	}
	pdb_buf_fini(&again);
	pdb_buf_fini(&lines);
}

Test(transfer, the_check_is_clean_after_every_line)
{
	pdb_buf lines = {0};
	pdb_slice rest;
	size_t stored;

	fill(12);
	export(&w, 1000, &lines);
	rest = pdb_buf_slice(&lines);
	while (rest.len > 0) {
		cr_assert_eq(get_thread(&other, admin(""), "t1"), PDB_ENOTFOUND);
		cr_assert_eq(import(&other, rest, 1, &stored), PDB_OK, "%s", other.err.text);
		cr_assert_eq(stored, 1);
		cr_assert_eq(import(&other, rest, 1, &stored), PDB_OK, "%s", other.err.text);
		cr_assert_eq(stored, 0);
		world_reopen(&other);
		catch_up_all(&other);
		cr_assert_eq(check_all(&other), 0);
		rest = after(rest, 1);
		cr_assert_eq(atomic_load(&other.chat->live_threads), rest.len == 0);
		cr_assert_eq(post(&other, admin("ann"), "t1", "x", "1"),
			     rest.len > 0 ? PDB_EEXISTS : PDB_OK);
	}
	pdb_buf_fini(&lines);
}

Test(transfer, conflicts_and_lost_commits_change_nothing)
{
	static const unsigned every[][3] = {{2, 0, 0}, {0, 3, 0}, {0, 0, 3}, {5, 7, 4}};
	pdb_buf lines = {0};

	fill(20);
	export(&w, 1000, &lines);
	for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
		world_close(&other);
		other = (world){0};
		world_open(&other);
		atomic_store(&faults.conflict_every, every[i][0]);
		atomic_store(&faults.lose_every, every[i][1]);
		atomic_store(&faults.keep_every, every[i][2]);
		import_all(&other, &lines, 3);
		world_faults_end();
		same(&lines);
		catch_up_all(&other);
		cr_assert_eq(check_all(&other), 0);
	}
	pdb_buf_fini(&lines);
}

Test(transfer, what_was_given_up_is_purged)
{
	pdb_buf lines = {0};
	bool more = true;
	size_t stored;

	fill(12);
	export(&w, 1000, &lines);
	cr_assert_eq(import(&other, pdb_buf_slice(&lines), 15, &stored), PDB_OK);
	while (more) {
		cr_assert_eq(
			pdb_chat_purge_thread(other.chat, PDB_SLICE("t1"), 0, 4, &more, &other.err),
			PDB_OK, "%s", other.err.text);
		catch_up_all(&other);
		cr_assert_eq(check_all(&other), 0);
		if (more) {
			cr_assert_eq(import(&other, pdb_buf_slice(&lines), 1, &stored), PDB_EBUSY);
		}
	}
	import_all(&other, &lines, 1000);
	same(&lines);
	pdb_buf_fini(&lines);
}

/* The line with another value of a member; false when it has none. */
static bool changed(pdb_slice line, const char *name, pdb_buf *out)
{
	char wanted[32];
	int len = snprintf(wanted, sizeof(wanted), "\"%s\":", name);
	const uint8_t *at = memmem(line.ptr, line.len, wanted, (size_t)len);
	uint8_t *last;

	if (at == NULL) {
		return false;
	}
	pdb_buf_clear(out);
	pdb_buf_add_slice(out, line);
	last = out->data + (at - line.ptr) + len;
	while (strchr("}],", last[1]) == NULL) {
		last++;
	}
	last -= *last == '"';
	*last = (uint8_t)(*last < '5' ? *last + 1 : *last - 1);
	pdb_buf_add_byte(out, '\n');
	return true;
}

Test(transfer, another_content_is_refused)
{
	static const char *const names[] = {
		"stored_ts",  "seq",      "author",    "role",          "ts",
		"n",          "reaction", "edited_ts", "title",         "created_ts",
		"updated_ts", "last_ts",  "last_seq",  "message_count", "activity_ts"};
	bool met[sizeof(names) / sizeof(names[0])] = {false};
	pdb_buf lines = {0};
	pdb_buf line = {0};
	pdb_slice rest;
	size_t stored;

	fill(12);
	export(&w, 1000, &lines);
	import_all(&other, &lines, 1000);
	for (rest = pdb_buf_slice(&lines); rest.len > 0; rest = after(rest, 1)) {
		size_t len = rest.len - after(rest, 1).len - 1;

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			if (!changed(pdb_slice_of(rest.ptr, len), names[i], &line)) {
				continue;
			}
			cr_assert_eq(import(&other, pdb_buf_slice(&line), 1, &stored), PDB_EEXISTS,
				     "%s: %s", names[i], other.err.text);
			met[i] = true;
		}
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_assert(met[i], "%s", names[i]);
	}
	same(&lines);
	pdb_buf_fini(&line);
	pdb_buf_fini(&lines);
}
