/* SPDX-License-Identifier: Apache-2.0 */
/* The stored form of one version of one message. */
#include "chat/record.h"

#include "base/bytes.h"

#define FORMAT       1u
#define FLAG_DELETED 0x1u
#define HEADER_SIZE  56u

/* Where the parts of the header lie. */
enum {
	AT_FORMAT = 0,
	AT_FLAGS = 1,
	AT_ID_LEN = 2,
	AT_THREAD_LEN = 3,
	AT_ROLE_LEN = 4,
	AT_REPLY_LEN = 5,
	AT_AUTHOR_LEN = 6,
	AT_VERSION = 8,
	AT_JSON_LEN = 12,
	AT_SEQ = 16,
	AT_TS = 24,
	AT_EDITED_TS = 32,
	AT_BODY = 40,
	AT_BODY_LEN = 44,
	AT_REACTIONS_LEN = 48,
	AT_AUTHOR = 52,
	AT_ROLE = 54
};

static const char TEXT_ID[] = "{\"id\":\"";
static const char TEXT_THREAD[] = "\",\"thread\":\"";
static const char TEXT_REPLY[] = ",\"reply_to\":\"";
static const char TEXT_REACTIONS[] = ",\"reactions\":";

#define TEXT_LEN(text) (sizeof(text) - 1)

/* A part of the JSON; false when it does not lie inside. */
static bool part(pdb_slice json, size_t at, size_t len, pdb_slice *out)
{
	if (at > json.len || len > json.len - at) {
		return false;
	}
	*out = pdb_slice_of(json.ptr + at, len);
	return true;
}

static bool attachments_valid(pdb_slice attachments)
{
	size_t cursor = 0;
	pdb_slice tag;
	pdb_slice bytes;

	while (pdb__attachment_next(attachments, &cursor, &tag, &bytes)) {
	}
	return cursor == attachments.len;
}

static bool decode_tail(const uint8_t *row, size_t at, pdb__record *out)
{
	size_t reply_len = row[AT_REPLY_LEN];
	size_t reactions_len = (size_t)pdb_le_get(row + AT_REACTIONS_LEN, 4);

	out->reply_to = pdb_slice_of(NULL, 0);
	out->reactions = pdb_slice_of(NULL, 0);
	if (reply_len > 0) {
		if (!part(out->json, at + TEXT_LEN(TEXT_REPLY), reply_len, &out->reply_to)) {
			return false;
		}
		at += TEXT_LEN(TEXT_REPLY) + reply_len + 1;
	}
	return reactions_len == 0 ||
	       part(out->json, at + TEXT_LEN(TEXT_REACTIONS), reactions_len, &out->reactions);
}

static bool decode_parts(const uint8_t *row, pdb__record *out)
{
	size_t id_len = row[AT_ID_LEN];
	size_t thread_at = TEXT_LEN(TEXT_ID) + id_len + TEXT_LEN(TEXT_THREAD);
	size_t author_at = (size_t)pdb_le_get(row + AT_AUTHOR, 2);
	size_t author_len = (size_t)pdb_le_get(row + AT_AUTHOR_LEN, 2);
	size_t role_at = (size_t)pdb_le_get(row + AT_ROLE, 2);
	size_t body_at = (size_t)pdb_le_get(row + AT_BODY, 4);
	size_t body_len = (size_t)pdb_le_get(row + AT_BODY_LEN, 4);

	return author_len >= 2 && body_len > 0 &&
	       part(out->json, TEXT_LEN(TEXT_ID), id_len, &out->id) &&
	       part(out->json, thread_at, row[AT_THREAD_LEN], &out->thread) &&
	       part(out->json, author_at, author_len, &out->author) &&
	       part(out->json, role_at, row[AT_ROLE_LEN], &out->role) &&
	       part(out->json, body_at, body_len, &out->body) &&
	       decode_tail(row, body_at + body_len, out);
}

bool pdb__record_decode(pdb_slice row, pdb__record *out)
{
	size_t json_len;

	if (row.len < HEADER_SIZE || row.ptr[AT_FORMAT] != FORMAT ||
	    (row.ptr[AT_FLAGS] & ~FLAG_DELETED) != 0) {
		return false;
	}
	json_len = (size_t)pdb_le_get(row.ptr + AT_JSON_LEN, 4);
	if (json_len > row.len - HEADER_SIZE) {
		return false;
	}
	out->deleted = (row.ptr[AT_FLAGS] & FLAG_DELETED) != 0;
	out->version = (uint32_t)pdb_le_get(row.ptr + AT_VERSION, 4);
	out->seq = pdb_le_get(row.ptr + AT_SEQ, 8);
	out->ts = (int64_t)pdb_le_get(row.ptr + AT_TS, 8);
	out->edited_ts = (int64_t)pdb_le_get(row.ptr + AT_EDITED_TS, 8);
	out->json = pdb_slice_of(row.ptr + HEADER_SIZE, json_len);
	out->attachments = pdb_slice_skip(row, HEADER_SIZE + json_len);
	return decode_parts(row.ptr, out) && attachments_valid(out->attachments);
}

static void add_tail(const pdb__record *record, pdb_buf *out)
{
	if (record->reply_to.len > 0) {
		pdb_buf_add(out, TEXT_REPLY, TEXT_LEN(TEXT_REPLY));
		pdb_buf_add_slice(out, record->reply_to);
		pdb_buf_add_byte(out, '"');
	}
	if (record->reactions.len > 0) {
		pdb_buf_add(out, TEXT_REACTIONS, TEXT_LEN(TEXT_REACTIONS));
		pdb_buf_add_slice(out, record->reactions);
	}
	if (record->edited_ts != 0) {
		pdb_buf_add_text(out, ",\"edited_ts\":");
		pdb_buf_add_int(out, record->edited_ts);
	}
	if (record->deleted) {
		pdb_buf_add_text(out, ",\"deleted\":true");
	}
	pdb_buf_add_byte(out, '}');
}

/* Appends the JSON at `start` and notes where author, role and body lie. */
static void add_json(const pdb__record *record, pdb_buf *out, size_t start, uint8_t *header)
{
	pdb_buf_add(out, TEXT_ID, TEXT_LEN(TEXT_ID));
	pdb_buf_add_slice(out, record->id);
	pdb_buf_add(out, TEXT_THREAD, TEXT_LEN(TEXT_THREAD));
	pdb_buf_add_slice(out, record->thread);
	pdb_buf_add_text(out, "\",\"seq\":");
	pdb_buf_add_uint(out, record->seq);
	pdb_buf_add_text(out, ",\"author\":");
	pdb_le_put(header + AT_AUTHOR, out->len - start, 2);
	pdb_buf_add_slice(out, record->author);
	pdb_buf_add_text(out, ",\"role\":\"");
	pdb_le_put(header + AT_ROLE, out->len - start, 2);
	pdb_buf_add_slice(out, record->role);
	pdb_buf_add_text(out, "\",\"ts\":");
	pdb_buf_add_int(out, record->ts);
	pdb_buf_add_text(out, ",\"version\":");
	pdb_buf_add_uint(out, record->version);
	pdb_buf_add_text(out, ",\"body\":");
	pdb_le_put(header + AT_BODY, out->len - start, 4);
	pdb_buf_add_slice(out, record->body);
	add_tail(record, out);
}

static void fill_header(const pdb__record *record, uint8_t *header)
{
	header[AT_FORMAT] = FORMAT;
	header[AT_FLAGS] = record->deleted ? FLAG_DELETED : 0;
	header[AT_ID_LEN] = (uint8_t)record->id.len;
	header[AT_THREAD_LEN] = (uint8_t)record->thread.len;
	header[AT_ROLE_LEN] = (uint8_t)record->role.len;
	header[AT_REPLY_LEN] = (uint8_t)record->reply_to.len;
	pdb_le_put(header + AT_AUTHOR_LEN, record->author.len, 2);
	pdb_le_put(header + AT_VERSION, record->version, 4);
	pdb_le_put(header + AT_SEQ, record->seq, 8);
	pdb_le_put(header + AT_TS, (uint64_t)record->ts, 8);
	pdb_le_put(header + AT_EDITED_TS, (uint64_t)record->edited_ts, 8);
	pdb_le_put(header + AT_BODY_LEN, record->body.len, 4);
	pdb_le_put(header + AT_REACTIONS_LEN, record->reactions.len, 4);
}

void pdb__record_encode(const pdb__record *record, pdb_buf *out)
{
	uint8_t header[HEADER_SIZE] = {0};
	size_t start = out->len;

	/* One reservation for the whole row: 256 covers the fixed text and the numbers. */
	if (!pdb_buf_reserve(out, HEADER_SIZE + 256 + record->id.len + record->thread.len +
					  record->author.len + record->role.len + record->body.len +
					  record->reply_to.len + record->reactions.len +
					  record->attachments.len)) {
		return;
	}
	fill_header(record, header);
	pdb_buf_add(out, header, sizeof(header));
	add_json(record, out, start + HEADER_SIZE, header);
	if (out->failed) {
		return;
	}
	pdb_le_put(header + AT_JSON_LEN, out->len - start - HEADER_SIZE, 4);
	memcpy(out->data + start, header, sizeof(header));
	pdb_buf_add_slice(out, record->attachments);
}

void pdb__record_show(const pdb__record *record, pdb_slice body, pdb_buf *out)
{
	size_t before = (size_t)(record->body.ptr - record->json.ptr);

	pdb_buf_add(out, record->json.ptr, before);
	pdb_buf_add_slice(out, body);
	pdb_buf_add_slice(out, pdb_slice_skip(record->json, before + record->body.len));
}

bool pdb__attachment_next(pdb_slice attachments, size_t *cursor, pdb_slice *tag, pdb_slice *bytes)
{
	pdb_slice rest = pdb_slice_skip(attachments, *cursor);
	size_t len;

	if (rest.len < PDB__ATTACHMENT_HEAD) {
		return false;
	}
	len = (size_t)pdb_le_get(rest.ptr + PDB__TAG_SIZE, 4);
	if (len > rest.len - PDB__ATTACHMENT_HEAD) {
		return false;
	}
	*tag = pdb_slice_of(rest.ptr, PDB__TAG_SIZE);
	*bytes = pdb_slice_of(rest.ptr + PDB__ATTACHMENT_HEAD, len);
	*cursor += PDB__ATTACHMENT_HEAD + len;
	return true;
}

uint8_t *pdb__attachment_head(uint8_t *at, pdb_slice tag, size_t len)
{
	memcpy(at, tag.ptr, PDB__TAG_SIZE);
	pdb_le_put(at + PDB__TAG_SIZE, len, 4);
	return at + PDB__ATTACHMENT_HEAD;
}
