/* SPDX-License-Identifier: Apache-2.0 */
/* The two rows of a thread: what it is, and its counters. */
#include "chat/thread_row.h"

#include "base/bytes.h"
#include "chat/record.h"

#define META_FORMAT 1u
#define HEAD_FORMAT 2u
/* Format 1 ends before `purged`, which was nought. */
#define HEAD_SIZE_1    66u
#define FLAG_DELETED   0x1u
#define FLAG_PURGING   0x2u
#define FLAG_IMPORTING 0x4u
#define FLAG_COUNTED   0x1u

/* Where the parts of the meta row lie. */
enum {
	META_FLAGS = 1,
	META_AUTHOR_LEN = 2,
	META_CREATED_TS = 4,
	META_UPDATED_TS = 12,
	META_DELETED_TS = 20,
	META_DIGEST = 28,
	META_TITLE_LEN = 44,
	META_SLUG_LEN = 46,
	META_ATTRIBUTES_LEN = 48,
	META_PARTICIPANTS_LEN = 52,
	META_SIZE = 56
};

/* Takes `len` bytes off the front of *rest. */
static bool take(pdb_slice *rest, size_t len, pdb_slice *out)
{
	if (len > rest->len) {
		return false;
	}
	*out = pdb_slice_of(rest->ptr, len);
	*rest = pdb_slice_skip(*rest, len);
	return true;
}

/* What follows the fixed parts: attachments, or nothing in rows of threads without notes. */
static bool notes_take(pdb_slice rest, pdb_slice *out)
{
	size_t cursor = 0;
	pdb_slice tag;
	pdb_slice bytes;

	*out = rest;
	while (pdb__attachment_next(rest, &cursor, &tag, &bytes)) {
	}
	return cursor == rest.len;
}

static bool participants_count(pdb_slice list, uint32_t *count_out)
{
	size_t cursor = 0;
	pdb_slice participant;

	*count_out = 0;
	while (pdb__participant_next(list, &cursor, &participant)) {
		(*count_out)++;
	}
	return cursor == list.len;
}

bool pdb__meta_decode(pdb_slice row, pdb__meta *out)
{
	const uint8_t *at = row.ptr;
	pdb_slice rest = pdb_slice_skip(row, META_SIZE);

	if (row.len < META_SIZE || at[0] != META_FORMAT ||
	    (at[META_FLAGS] & ~(FLAG_DELETED | FLAG_PURGING | FLAG_IMPORTING)) != 0) {
		return false;
	}
	out->deleted = (at[META_FLAGS] & FLAG_DELETED) != 0;
	out->purging = (at[META_FLAGS] & FLAG_PURGING) != 0;
	out->importing = (at[META_FLAGS] & FLAG_IMPORTING) != 0;
	out->created_ts = (int64_t)pdb_le_get(at + META_CREATED_TS, 8);
	out->updated_ts = (int64_t)pdb_le_get(at + META_UPDATED_TS, 8);
	out->deleted_ts = (int64_t)pdb_le_get(at + META_DELETED_TS, 8);
	memcpy(out->digest, at + META_DIGEST, sizeof(out->digest));
	return take(&rest, (size_t)pdb_le_get(at + META_AUTHOR_LEN, 2), &out->author) &&
	       take(&rest, (size_t)pdb_le_get(at + META_TITLE_LEN, 2), &out->title) &&
	       take(&rest, (size_t)pdb_le_get(at + META_SLUG_LEN, 2), &out->slug) &&
	       take(&rest, (size_t)pdb_le_get(at + META_ATTRIBUTES_LEN, 4), &out->attributes) &&
	       take(&rest, (size_t)pdb_le_get(at + META_PARTICIPANTS_LEN, 4), &out->participants) &&
	       participants_count(out->participants, &out->participant_count) &&
	       notes_take(rest, &out->notes);
}

void pdb__meta_encode(const pdb__meta *meta, pdb_buf *out)
{
	uint8_t head[META_SIZE] = {0};

	head[0] = META_FORMAT;
	head[META_FLAGS] =
		(uint8_t)((meta->deleted ? FLAG_DELETED : 0) | (meta->purging ? FLAG_PURGING : 0) |
			  (meta->importing ? FLAG_IMPORTING : 0));
	pdb_le_put(head + META_AUTHOR_LEN, meta->author.len, 2);
	pdb_le_put(head + META_CREATED_TS, (uint64_t)meta->created_ts, 8);
	pdb_le_put(head + META_UPDATED_TS, (uint64_t)meta->updated_ts, 8);
	pdb_le_put(head + META_DELETED_TS, (uint64_t)meta->deleted_ts, 8);
	memcpy(head + META_DIGEST, meta->digest, sizeof(meta->digest));
	pdb_le_put(head + META_TITLE_LEN, meta->title.len, 2);
	pdb_le_put(head + META_SLUG_LEN, meta->slug.len, 2);
	pdb_le_put(head + META_ATTRIBUTES_LEN, meta->attributes.len, 4);
	pdb_le_put(head + META_PARTICIPANTS_LEN, meta->participants.len, 4);
	pdb_buf_add(out, head, sizeof(head));
	pdb_buf_add_slice(out, meta->author);
	pdb_buf_add_slice(out, meta->title);
	pdb_buf_add_slice(out, meta->slug);
	pdb_buf_add_slice(out, meta->attributes);
	pdb_buf_add_slice(out, meta->participants);
	pdb_buf_add_slice(out, meta->notes);
}

bool pdb__head_decode(pdb_slice row, pdb__head *out)
{
	const uint8_t *at = row.ptr;

	bool old = row.len == HEAD_SIZE_1 && at[0] == 1;

	if ((!old && (row.len != PDB__HEAD_SIZE || at[0] != HEAD_FORMAT)) ||
	    (at[1] & ~FLAG_COUNTED) != 0) {
		return false;
	}
	out->counted_thread = (at[1] & FLAG_COUNTED) != 0;
	out->generation = pdb_le_get(at + 2, 8);
	out->last_seq = pdb_le_get(at + 10, 8);
	out->last_ns = pdb_le_get(at + 18, 8);
	out->last_ts = (int64_t)pdb_le_get(at + 26, 8);
	out->message_count = pdb_le_get(at + 34, 8);
	out->list_ns = pdb_le_get(at + 42, 8);
	out->all_ns = pdb_le_get(at + 50, 8);
	out->counted_messages = pdb_le_get(at + 58, 8);
	out->purged = old ? 0 : pdb_le_get(at + HEAD_SIZE_1, 8);
	return true;
}

void pdb__head_encode(const pdb__head *head, uint8_t out[PDB__HEAD_SIZE])
{
	out[0] = HEAD_FORMAT;
	out[1] = head->counted_thread ? FLAG_COUNTED : 0;
	pdb_le_put(out + 2, head->generation, 8);
	pdb_le_put(out + 10, head->last_seq, 8);
	pdb_le_put(out + 18, head->last_ns, 8);
	pdb_le_put(out + 26, (uint64_t)head->last_ts, 8);
	pdb_le_put(out + 34, head->message_count, 8);
	pdb_le_put(out + 42, head->list_ns, 8);
	pdb_le_put(out + 50, head->all_ns, 8);
	pdb_le_put(out + 58, head->counted_messages, 8);
	pdb_le_put(out + HEAD_SIZE_1, head->purged, 8);
}

bool pdb__participant_next(pdb_slice list, size_t *cursor, pdb_slice *participant)
{
	pdb_slice rest = pdb_slice_skip(list, *cursor);

	if (rest.len == 0 || rest.ptr[0] == 0 || rest.ptr[0] > rest.len - 1) {
		return false;
	}
	*participant = pdb_slice_of(rest.ptr + 1, rest.ptr[0]);
	*cursor += 1 + participant->len;
	return true;
}

void pdb__participant_add(pdb_buf *list, pdb_slice participant)
{
	pdb_buf_add_byte(list, (uint8_t)participant.len);
	pdb_buf_add_slice(list, participant);
}

/* A walk, because a list in order of joining needs no second index: 1,000 take a few µs. */
bool pdb__participant_in(pdb_slice list, pdb_slice participant)
{
	size_t cursor = 0;
	pdb_slice one;

	while (pdb__participant_next(list, &cursor, &one)) {
		if (pdb_slice_equal(one, participant)) {
			return true;
		}
	}
	return false;
}

bool pdb__member_in(const pdb__meta *meta, pdb_slice user)
{
	return pdb_slice_equal(meta->author, user) || pdb__participant_in(meta->participants, user);
}
