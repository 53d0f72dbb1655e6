/* SPDX-License-Identifier: Apache-2.0 */
/* The stored rows: what is written is read back, and nothing else is. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/id.h"
#include "chat/record.h"
#include "chat/thread_row.h"

static const char SHOWN[] =
	"{\"id\":\"m1\",\"thread\":\"t1\",\"seq\":7,\"author\":\"a\\\"b\",\"role\":"
	"\"user\",\"ts\":-5,\"version\":3,\"body\":[1.0],\"reply_to\":\"m0\","
	"\"reactions\":[{\"id\":\"x\",\"reaction\":\"y\"}],\"edited_ts\":9}";

static pdb__record sample(void)
{
	return (pdb__record){.version = 3,
			     .seq = 7,
			     .ts = -5,
			     .edited_ts = 9,
			     .id = PDB_SLICE("m1"),
			     .thread = PDB_SLICE("t1"),
			     .author = PDB_SLICE("\"a\\\"b\""),
			     .role = PDB_SLICE("user"),
			     .body = PDB_SLICE("[1.0]"),
			     .reply_to = PDB_SLICE("m0"),
			     .reactions = PDB_SLICE("[{\"id\":\"x\",\"reaction\":\"y\"}]")};
}

static void expect_same(const pdb__record *a, const pdb__record *b)
{
	cr_assert_eq(a->deleted, b->deleted);
	cr_assert_eq(a->version, b->version);
	cr_assert_eq(a->seq, b->seq);
	cr_assert_eq(a->ts, b->ts);
	cr_assert_eq(a->edited_ts, b->edited_ts);
	cr_assert(pdb_slice_equal(a->id, b->id));
	cr_assert(pdb_slice_equal(a->thread, b->thread));
	cr_assert(pdb_slice_equal(a->author, b->author));
	cr_assert(pdb_slice_equal(a->role, b->role));
	cr_assert(pdb_slice_equal(a->body, b->body));
	cr_assert(pdb_slice_equal(a->reply_to, b->reply_to));
	cr_assert(pdb_slice_equal(a->reactions, b->reactions));
	cr_assert(pdb_slice_equal(a->attachments, b->attachments));
}

static void add_attachment(pdb_buf *out, pdb_slice tag, pdb_slice bytes)
{
	uint8_t head[PDB__ATTACHMENT_HEAD];

	cr_assert_eq(pdb__attachment_head(head, tag, bytes.len), head + sizeof(head));
	pdb_buf_add(out, head, sizeof(head));
	pdb_buf_add_slice(out, bytes);
}

Test(record, round_trip)
{
	pdb_buf attachments = {0};
	pdb_buf row = {0};
	pdb__record in = sample();
	pdb__record out;

	add_attachment(&attachments, PDB_SLICE("SEAL"), PDB_SLICE("bytes"));
	add_attachment(&attachments, PDB_SLICE("MARK"), PDB_SLICE(""));
	in.attachments = pdb_buf_slice(&attachments);
	pdb_buf_add_text(&row, "before");
	pdb__record_encode(&in, &row);
	cr_assert(pdb__record_decode(pdb_slice_skip(pdb_buf_slice(&row), 6), &out));
	expect_same(&in, &out);
	cr_assert(pdb_slice_is(out.json, SHOWN), "%.*s", PDB_SLICE_ARGS(out.json));
	pdb_buf_fini(&row);
	pdb_buf_fini(&attachments);
}

Test(record, tombstone)
{
	pdb_buf row = {0};
	pdb__record in = sample();
	pdb__record out;

	in.deleted = true;
	in.body = PDB_SLICE("null");
	in.reply_to = in.reactions = pdb_slice_of(NULL, 0);
	pdb__record_encode(&in, &row);
	cr_assert(pdb__record_decode(pdb_buf_slice(&row), &out));
	expect_same(&in, &out);
	cr_assert(pdb_slice_is(out.json,
			       "{\"id\":\"m1\",\"thread\":\"t1\",\"seq\":7,\"author\":\"a\\\"b\","
			       "\"role\":\"user\",\"ts\":-5,\"version\":3,\"body\":null,"
			       "\"edited_ts\":9,\"deleted\":true}"));
	pdb_buf_fini(&row);
}

Test(record, shows_another_body)
{
	pdb_buf row = {0};
	pdb_buf shown = {0};
	pdb__record in = sample();
	pdb__record out;

	in.reply_to = in.reactions = pdb_slice_of(NULL, 0);
	in.edited_ts = 0;
	pdb__record_encode(&in, &row);
	cr_assert(pdb__record_decode(pdb_buf_slice(&row), &out));
	pdb__record_show(&out, PDB_SLICE("{}"), &shown);
	cr_assert(pdb_slice_is(pdb_buf_slice(&shown),
			       "{\"id\":\"m1\",\"thread\":\"t1\",\"seq\":7,\"author\":\"a\\\"b\","
			       "\"role\":\"user\",\"ts\":-5,\"version\":3,\"body\":{}}"));
	pdb_buf_fini(&row);
	pdb_buf_fini(&shown);
}

/* No part of a row is a row, nor a row with a byte more; a changed byte is read safely or refused.
 */
Test(record, damaged_rows)
{
	pdb_buf attachments = {0};
	pdb_buf row = {0};
	pdb__record in = sample();
	pdb__record out;

	add_attachment(&attachments, PDB_SLICE("SEAL"), PDB_SLICE("bytes"));
	in.attachments = pdb_buf_slice(&attachments);
	pdb__record_encode(&in, &row);
	for (size_t len = 0; len < row.len; len++) {
		uint8_t *exact = malloc(len + 1);

		memcpy(exact, row.data, len);
		/* Without its attachments the row is whole again. */
		cr_assert_eq(pdb__record_decode(pdb_slice_of(exact, len), &out),
			     len == row.len - attachments.len, "%zu", len);
		free(exact);
	}
	for (size_t at = 0; at < row.len; at++) {
		for (int bit = 0; bit < 8; bit++) {
			row.data[at] ^= (uint8_t)(1 << bit);
			(void)pdb__record_decode(pdb_buf_slice(&row), &out);
			row.data[at] ^= (uint8_t)(1 << bit);
		}
	}
	row.data[0]++;
	cr_assert_not(pdb__record_decode(pdb_buf_slice(&row), &out));
	pdb_buf_fini(&row);
	pdb_buf_fini(&attachments);
}

Test(record, longest_names)
{
	static char id[PDB_ID_MAX];
	static char author[2 + 2 * PDB_AUTHOR_MAX];
	pdb_buf row = {0};
	pdb__record in = sample();
	pdb__record out;

	memset(id, 'i', sizeof(id));
	memset(author, '\\', sizeof(author));
	in.id = in.thread = in.reply_to = pdb_slice_of(id, sizeof(id));
	in.author = pdb_slice_of(author, sizeof(author));
	in.seq = UINT64_MAX;
	in.ts = in.edited_ts = INT64_MIN;
	in.version = UINT32_MAX;
	pdb__record_encode(&in, &row);
	cr_assert(pdb__record_decode(pdb_buf_slice(&row), &out));
	expect_same(&in, &out);
	pdb_buf_fini(&row);
}

Test(thread_row, counters_without_purged_are_read_too)
{
	uint8_t row[PDB__HEAD_SIZE];
	pdb__head head = {.last_seq = 7, .purged = 3, .counted_messages = 5};
	pdb__head out;

	pdb__head_encode(&head, row);
	row[0] = 1;
	cr_assert(!pdb__head_decode(pdb_slice_of(row, sizeof(row)), &out));
	cr_assert(pdb__head_decode(pdb_slice_of(row, 66), &out));
	cr_assert_eq(out.last_seq, 7);
	cr_assert_eq(out.counted_messages, 5);
	cr_assert_eq(out.purged, 0);
}

Test(thread_row, round_trip)
{
	pdb_buf list = {0};
	pdb_buf row = {0};
	uint8_t head_row[PDB__HEAD_SIZE];
	pdb__meta out;
	pdb__head head = {1, 2, 3, -4, 5, 9, 6, 7, 8, true};
	pdb__head head_out;

	pdb__participant_add(&list, PDB_SLICE("bob"));
	pdb__participant_add(&list, PDB_SLICE("c"));
	const pdb__meta in = {.deleted = true,
			      .created_ts = 1,
			      .updated_ts = 2,
			      .deleted_ts = 3,
			      .digest = {1, 2, 3},
			      .author = PDB_SLICE("ann"),
			      .title = PDB_SLICE("title"),
			      .slug = PDB_SLICE("slug"),
			      .attributes = PDB_SLICE("{}"),
			      .participants = pdb_buf_slice(&list)};

	pdb__meta_encode(&in, &row);
	cr_assert(pdb__meta_decode(pdb_buf_slice(&row), &out));
	cr_assert_eq(out.participant_count, 2);
	cr_assert(out.deleted && out.created_ts == 1 && out.updated_ts == 2 && out.deleted_ts == 3);
	cr_assert_eq(memcmp(out.digest, in.digest, sizeof(in.digest)), 0);
	cr_assert(pdb_slice_is(out.author, "ann") && pdb_slice_is(out.title, "title"));
	cr_assert(pdb_slice_is(out.slug, "slug") && pdb_slice_is(out.attributes, "{}"));
	cr_assert(pdb__participant_in(out.participants, PDB_SLICE("c")));
	cr_assert_not(pdb__participant_in(out.participants, PDB_SLICE("bo")));
	for (size_t len = 0; len < row.len; len++) {
		cr_assert_not(pdb__meta_decode(pdb_slice_of(row.data, len), &out));
	}
	pdb__head_encode(&head, head_row);
	cr_assert(pdb__head_decode(pdb_slice_of(head_row, sizeof(head_row)), &head_out));
	cr_assert_eq(head_out.generation, 1);
	cr_assert(head_out.last_ts == -4 && head_out.counted_messages == 8 &&
		  head_out.counted_thread);
	cr_assert_not(pdb__head_decode(pdb_slice_of(head_row, sizeof(head_row) - 1), &head_out));
	pdb_buf_fini(&row);
	pdb_buf_fini(&list);
}
