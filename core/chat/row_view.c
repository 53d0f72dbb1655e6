/* SPDX-License-Identifier: Apache-2.0 */
/* A stored row as JSON, for operators: what is known is spelled out, what is secret is not shown.
 */
#include "base/json.h"
#include "base/text.h"
#include "chat/chat_private.h"

static void add_base64(pdb_buf *out, pdb_slice bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t at = 0; at < bytes.len; at += 3) {
		size_t left = bytes.len - at;
		uint32_t three = (uint32_t)bytes.ptr[at] << 16;

		three |= left > 1 ? (uint32_t)bytes.ptr[at + 1] << 8 : 0;
		three |= left > 2 ? (uint32_t)bytes.ptr[at + 2] : 0;
		pdb_buf_add_byte(out, (uint8_t)digits[three >> 18]);
		pdb_buf_add_byte(out, (uint8_t)digits[three >> 12 & 63]);
		pdb_buf_add_byte(out, left > 1 ? (uint8_t)digits[three >> 6 & 63] : '=');
		pdb_buf_add_byte(out, left > 2 ? (uint8_t)digits[three & 63] : '=');
	}
}

static void add_text(pdb_buf *out, const char *name, pdb_slice text)
{
	pdb_json_add_key(out, name);
	pdb_json_add_string(out, text);
}

static void add_number(pdb_buf *out, const char *name, int64_t number)
{
	pdb_json_add_key(out, name);
	pdb_buf_add_int(out, number);
}

static void add_bytes(pdb_buf *out, pdb_slice value)
{
	pdb_json_add_key(out, "base64");
	pdb_buf_add_byte(out, '"');
	add_base64(out, value);
	pdb_buf_add_byte(out, '"');
}

static void add_participants(pdb_buf *out, pdb_slice list)
{
	size_t cursor = 0;
	pdb_slice participant;
	bool first = true;

	pdb_json_add_key(out, "participants");
	pdb_buf_add_byte(out, '[');
	while (pdb__participant_next(list, &cursor, &participant)) {
		if (!first) {
			pdb_buf_add_byte(out, ',');
		}
		first = false;
		pdb_json_add_string(out, participant);
	}
	pdb_buf_add_byte(out, ']');
}

static bool add_meta(pdb_buf *out, pdb_slice value)
{
	pdb__meta meta;

	if (!pdb__meta_decode(value, &meta)) {
		return false;
	}
	pdb_json_add_key(out, "value");
	pdb_buf_add_byte(out, '{');
	add_text(out, "author", meta.author);
	add_text(out, "title", meta.title);
	add_text(out, "slug", meta.slug);
	pdb_json_add_key(out, "attributes");
	pdb_buf_add_slice(out, meta.attributes.len > 0 ? meta.attributes : PDB_SLICE("{}"));
	add_participants(out, meta.participants);
	add_number(out, "created_ts", meta.created_ts);
	add_number(out, "updated_ts", meta.updated_ts);
	add_number(out, "deleted_ts", meta.deleted_ts);
	if (meta.importing) {
		pdb_buf_add_text(out, ",\"importing\":true");
	}
	pdb_buf_add_byte(out, '}');
	return true;
}

static bool add_head(pdb_buf *out, pdb_slice value)
{
	pdb__head head;

	if (!pdb__head_decode(value, &head)) {
		return false;
	}
	pdb_json_add_key(out, "value");
	pdb_buf_add_byte(out, '{');
	add_number(out, "generation", (int64_t)head.generation);
	add_number(out, "last_seq", (int64_t)head.last_seq);
	add_number(out, "last_ns", (int64_t)head.last_ns);
	add_number(out, "last_ts", head.last_ts);
	add_number(out, "message_count", (int64_t)head.message_count);
	add_number(out, "list_ns", (int64_t)head.list_ns);
	add_number(out, "all_ns", (int64_t)head.all_ns);
	pdb_buf_add_byte(out, '}');
	return true;
}

/* The JSON as it is stored: what a hook sealed is not in it. */
static bool add_record(pdb_buf *out, pdb_slice value)
{
	pdb__record record;
	size_t cursor = 0;
	pdb_slice tag;
	pdb_slice bytes;

	if (!pdb__record_decode(value, &record)) {
		return false;
	}
	pdb_json_add_key(out, "value");
	pdb_buf_add_slice(out, record.json);
	pdb_json_add_key(out, "attachments");
	pdb_buf_add_byte(out, '[');
	while (pdb__attachment_next(record.attachments, &cursor, &tag, &bytes)) {
		pdb_buf_add_text(out, out->data[out->len - 1] == '[' ? "{" : ",{");
		add_text(out, "tag", tag);
		add_number(out, "size", (int64_t)bytes.len);
		pdb_buf_add_byte(out, '}');
		if (out->failed) {
			return true;
		}
	}
	pdb_buf_add_byte(out, ']');
	return true;
}

/* JSON as such, other text as a string. */
static bool add_plain(pdb_buf *out, pdb_slice value)
{
	pdb_slice span;

	if (!pdb_utf8_valid(value)) {
		return false;
	}
	pdb_json_add_key(out, "value");
	if (value.len > 0 && pdb_json_check(value, &span, NULL) == PDB_OK) {
		pdb_buf_add_slice(out, span);
	} else {
		pdb_json_add_string(out, value);
	}
	return true;
}

static bool add_nothing(pdb_buf *out, pdb_slice value)
{
	(void)out;
	(void)value;
	return true;
}

static bool add_opaque(pdb_buf *out, pdb_slice value)
{
	(void)out;
	(void)value;
	return false;
}

/* The first that fits decides; a key fits when it begins with `prefix` and ends with `tail`. */
typedef struct row_kind {
	const char *prefix;
	const char *tail;
	const char *name;
	bool (*add)(pdb_buf *out, pdb_slice value);
} row_kind;

static const row_kind kinds[] = {
	{"thread:", ":meta", "thread", add_meta},
	{"thread:", ":head", "head", add_head},
	{"thread:", "", "message", add_record},
	{"version:msg:", "", "version", add_record},
	{"msg:", "", "position", add_plain},
	{"author:", "", "list", add_nothing},
	{"all:", "", "list", add_nothing},
	{"lag:", "", "list", add_nothing},
	{"trace:", "", "list", add_nothing},
	{"guest:", "", "list", add_nothing},
	/* keys live in these: their size must do */
	{"meta:secret", "", "secret", add_nothing},
	{"meta:plugin:", "", "plugin", add_nothing},
	{"meta:", "", "meta", add_plain},
	{"", "", "unknown", add_opaque},
};

static bool ends_with(pdb_slice text, const char *tail)
{
	size_t len = strlen(tail);

	return text.len >= len &&
	       pdb_slice_equal(pdb_slice_skip(text, text.len - len), pdb_slice_of(tail, len));
}

static const row_kind *kind_of(pdb_slice key)
{
	const row_kind *kind = kinds;

	while (!pdb_slice_starts(key, pdb_slice_text(kind->prefix)) ||
	       !ends_with(key, kind->tail)) {
		kind++;
	}
	return kind;
}

pdb_status pdb_chat_row_view(pdb_slice key, pdb_slice value, pdb_buf *out, pdb_err *err)
{
	const row_kind *kind = kind_of(key);
	size_t mark;

	pdb_buf_add_byte(out, '{');
	if (pdb_utf8_valid(key)) {
		add_text(out, "key", key);
	} else {
		pdb_json_add_key(out, "key_base64");
		pdb_buf_add_byte(out, '"');
		add_base64(out, key);
		pdb_buf_add_byte(out, '"');
	}
	add_number(out, "size", (int64_t)value.len);
	add_text(out, "kind", pdb_slice_text(kind->name));
	mark = out->len;
	if (!kind->add(out, value)) {
		out->len = mark;
		add_bytes(out, value);
	}
	pdb_buf_add_byte(out, '}');
	return pdb_buf_status(out, err);
}
