/* SPDX-License-Identifier: Apache-2.0 */
/* What lines of an export may hold: each judged by itself, as strictly as what callers send. */
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "chat/import.h"

#define SEQ_MAX    INT64_C(9999999999) /* ten digits, as in keys */
#define FUTURE_MAX (60 * PDB_NS_PER_SECOND)

/* The members of a line. Strings are decoded, other values as they stand in the text. */
typedef struct raw {
	pdb_slice id;
	pdb_slice thread;
	pdb_slice author;
	pdb_slice role;
	pdb_slice reply_to;
	pdb_slice title;
	pdb_slice body;
	pdb_slice reactions;
	pdb_slice attributes;
	pdb_slice participants;
	int64_t ns;
	int64_t seq;
	int64_t ts;
	int64_t version;
	int64_t edited_ts;
	int64_t created_ts;
	int64_t updated_ts;
	int64_t deleted_ts;
	int64_t message_count;
	bool deleted;
} raw;

typedef enum kind {
	TEXT,
	ARRAY,
	OBJECT,
	VALUE,
	COUNT,
	TIME,
	MARK,
	DERIVED /* says what follows from the rest */
} kind;

typedef struct member {
	const char *name;
	kind kind;
	bool needed;
	size_t offset;
} member;

#define AT(field) offsetof(raw, field)

static const member message_members[] = {
	{"type", DERIVED, true, 0},
	{"stored_ts", TIME, true, AT(ns)},
	{"id", TEXT, true, AT(id)},
	{"thread", TEXT, true, AT(thread)},
	{"seq", COUNT, true, AT(seq)},
	{"author", TEXT, true, AT(author)},
	{"role", TEXT, true, AT(role)},
	{"ts", TIME, true, AT(ts)},
	{"version", COUNT, true, AT(version)},
	{"body", VALUE, true, AT(body)},
	{"reply_to", TEXT, false, AT(reply_to)},
	{"reactions", ARRAY, false, AT(reactions)},
	{"edited_ts", TIME, false, AT(edited_ts)},
	{"deleted", MARK, false, AT(deleted)},
	{0},
};

static const member thread_members[] = {
	{"type", DERIVED, true, 0},
	{"activity_ts", TIME, true, AT(ns)},
	{"id", TEXT, true, AT(id)},
	{"title", TEXT, true, AT(title)},
	{"slug", DERIVED, false, 0},
	{"author", TEXT, true, AT(author)},
	{"participants", ARRAY, true, AT(participants)},
	{"attributes", OBJECT, true, AT(attributes)},
	{"created_ts", TIME, true, AT(created_ts)},
	{"updated_ts", TIME, true, AT(updated_ts)},
	{"last_ts", TIME, true, AT(ts)},
	{"last_seq", COUNT, true, AT(seq)},
	{"message_count", COUNT, true, AT(message_count)},
	{"deleted", MARK, false, AT(deleted)},
	{"deleted_ts", TIME, false, AT(deleted_ts)},
	{0},
};

pdb_status pdb__line_blame(size_t index, pdb_status status, pdb_err *err)
{
	char field[sizeof(err->field)];

	if (status != PDB_OK && err != NULL) {
		(void)snprintf(field, sizeof(field), "%s", err->field);
		(void)pdb_err_at(err, "/lines/%zu%.200s", index, field);
	}
	return status;
}

/* -- members ---------------------------------------------------------------------------------- */

static pdb_status text_of(pdb__op *op, pdb_slice json, pdb_slice *out, pdb_err *err)
{
	char *text = pdb__arena_alloc(op->arena, json.len);

	if (text == NULL) {
		return pdb__no_memory(err);
	}
	*out = pdb_slice_of(text, pdb_json_unescape(json, text));
	return PDB_OK;
}

static bool number_of(const member *m, pdb_slice value, int64_t *out)
{
	int64_t last = m->kind == TIME ? pdb_clock_now() + FUTURE_MAX : SEQ_MAX;

	return pdb_json_to_int(value, out) && *out >= 0 && *out <= last;
}

static bool type_fits(const member *m, pdb_slice value)
{
	static const pdb_json_type wanted[] = {
		[TEXT] = PDB_JSON_STRING,   [ARRAY] = PDB_JSON_ARRAY, [OBJECT] = PDB_JSON_OBJECT,
		[COUNT] = PDB_JSON_NUMBER,  [TIME] = PDB_JSON_NUMBER, [MARK] = PDB_JSON_TRUE,
		[DERIVED] = PDB_JSON_STRING};

	return m->kind == VALUE || pdb_json_type_of(value) == wanted[m->kind];
}

static pdb_status take(pdb__op *op, const member *m, pdb_slice value, raw *out, pdb_err *err)
{
	char field[32];
	char *to = (char *)out + m->offset;

	(void)snprintf(field, sizeof(field), "/%s", m->name);
	if (!type_fits(m, value)) {
		return pdb__invalid(err, "invalid_type", field,
				    "\"%s\" is not of the type that an export has there.", m->name);
	}
	switch (m->kind) {
	case TEXT:
		return text_of(op, value, (pdb_slice *)to, err);
	case ARRAY:
	case OBJECT:
	case VALUE:
		*(pdb_slice *)to = value;
		return PDB_OK;
	case COUNT:
	case TIME:
		return number_of(m, value, (int64_t *)to)
			       ? PDB_OK
			       : pdb__invalid(err, "invalid_number", field,
					      "\"%s\" is not a number that can stand there%s.",
					      m->name,
					      m->kind == TIME ? ", or a time in the future" : "");
	case MARK:
		*(bool *)to = true;
		return PDB_OK;
	case DERIVED:
		return PDB_OK;
	}
	return PDB_EINTERNAL;
}

static size_t find(const member *members, pdb_slice key)
{
	size_t at = 0;

	while (members[at].name != NULL && !pdb_json_key_is(key, members[at].name)) {
		at++;
	}
	return at;
}

static pdb_status read_members(pdb__op *op, const member *members, pdb_slice object, raw *out,
			       pdb_err *err)
{
	uint32_t seen = 0;
	size_t cursor = 0;
	pdb_slice key;
	pdb_slice value;
	pdb_status status = PDB_OK;

	while (status == PDB_OK && pdb_json_next(object, &cursor, &key, &value)) {
		size_t at = find(members, key);

		if (members[at].name == NULL) {
			return pdb__invalid(err, "unknown_member", "",
					    "\"%.*s\" is nothing that such a line has.",
					    (int)(key.len < 64 ? key.len : 64),
					    (const char *)key.ptr);
		}
		seen |= UINT32_C(1) << at;
		status = take(op, &members[at], value, out, err);
	}
	for (size_t i = 0; members[i].name != NULL && status == PDB_OK; i++) {
		if (members[i].needed && (seen & (UINT32_C(1) << i)) == 0) {
			return pdb__invalid(err, "member_missing", "", "\"%s\" is missing.",
					    members[i].name);
		}
	}
	return status;
}

/* -- a version of a message -------------------------------------------------------------------- */

static pdb_status author_json(pdb__op *op, pdb_slice author, pdb_slice *out, pdb_err *err)
{
	pdb_buf *text = &op->arena->text;

	pdb_buf_clear(text);
	pdb_json_add_string(text, author);
	return !text->failed && pdb__arena_copy(op->arena, pdb_buf_slice(text), out)
		       ? PDB_OK
		       : pdb__no_memory(err);
}

/* A first version was never edited, a later one always; a tombstone says nothing else. */
static pdb_status judge_version(const raw *r, pdb_err *err)
{
	if (r->version < 1 || r->version >= UINT32_MAX || r->seq < 1 || r->ns < 1) {
		return pdb__invalid(err, "invalid_number", "/version",
				    "A message has a version, a seq and a stored_ts from 1 on.");
	}
	if ((r->version > 1) != (r->edited_ts != 0) || (r->version == 1 && r->deleted)) {
		return pdb__invalid(err, "invalid_version", "/edited_ts",
				    "Versions behind the first have edited_ts, and no other.");
	}
	if (r->deleted && (pdb_json_type_of(r->body) != PDB_JSON_NULL || r->reply_to.len > 0 ||
			   r->reactions.len > 0)) {
		return pdb__invalid(err, "invalid_version", "/deleted",
				    "A deleted version has the body null and nothing else.");
	}
	return PDB_OK;
}

static pdb_status read_body(pdb__op *op, const raw *r, pdb__record *record, pdb_err *err)
{
	pdb_status status;

	record->body = r->body;
	if (r->deleted) {
		return PDB_OK;
	}
	status = pdb__body_check(&record->body, "/body", err);
	if (status == PDB_OK) {
		/* by itself it must be what a client may send, however deep it lies here */
		status = pdb_json_check(record->body, NULL, err);
	}
	if (status == PDB_OK && r->reactions.len > 0) {
		status = pdb__reactions_read(op, r->reactions, &record->reactions, err);
	}
	return status;
}

static pdb_status read_message(pdb__op *op, const raw *r, pdb__line *line, pdb_err *err)
{
	pdb__record *record = &line->record;
	pdb_status status = judge_version(r, err);

	if (status == PDB_OK && !pdb_slice_equal(r->thread, op->thread)) {
		status = pdb__invalid(err, "other_thread", "/thread",
				      "The line is of another thread.");
	}
	if (status == PDB_OK) {
		status = pdb__id_check(r->id, "/id", err);
	}
	if (status == PDB_OK && r->reply_to.len > 0) {
		status = pdb__id_check(r->reply_to, "/reply_to", err);
	}
	if (status == PDB_OK) {
		status = pdb__author_check(r->author, "/author", err);
	}
	if (status == PDB_OK) {
		status = pdb__role_check(op->chat, op->caller, r->role, "/role", err);
	}
	if (status == PDB_OK) {
		status = author_json(op, r->author, &record->author, err);
	}
	line->ns = (uint64_t)r->ns;
	record->id = r->id;
	record->thread = op->thread;
	record->role = r->role;
	record->reply_to = r->reply_to;
	record->seq = (uint64_t)r->seq;
	record->ts = r->ts;
	record->version = (uint32_t)r->version;
	record->edited_ts = r->edited_ts;
	record->deleted = r->deleted;
	return status == PDB_OK ? read_body(op, r, record, err) : status;
}

/* -- a thread ---------------------------------------------------------------------------------- */

static pdb_status read_participants(pdb__op *op, const raw *r, pdb__meta *meta, pdb_err *err)
{
	size_t room = (size_t)op->chat->settings.participants_max + 1;
	pdb_slice *list = pdb__arena_alloc(op->arena, room * sizeof(*list));
	pdb_thread_input input = {.participants = list};
	pdb_buf *text = &op->arena->text;
	size_t cursor = 0;
	pdb_slice key;
	pdb_slice one;
	pdb_status status = PDB_OK;

	if (list == NULL) {
		return pdb__no_memory(err);
	}
	while (status == PDB_OK && input.participant_count < room &&
	       pdb_json_next(r->participants, &cursor, &key, &one)) {
		if (pdb_json_type_of(one) != PDB_JSON_STRING) {
			return pdb__invalid(err, "invalid_type", "/participants",
					    "A participant is a string.");
		}
		status = text_of(op, one, &list[input.participant_count++], err);
	}
	pdb_buf_clear(text);
	if (status == PDB_OK) {
		status = pdb__participants_check(op->chat, &input, meta->author, text, err);
	}
	if (status == PDB_OK &&
	    !pdb__arena_copy(op->arena, pdb_buf_slice(text), &meta->participants)) {
		status = pdb__no_memory(err);
	}
	meta->participant_count = (uint32_t)input.participant_count;
	return status;
}

static pdb_status read_slug(pdb__op *op, pdb__meta *meta, pdb_err *err)
{
	pdb_buf *text = &op->arena->text;

	pdb_buf_clear(text);
	pdb__slug_add(meta->title, op->thread, text);
	return !text->failed && pdb__arena_copy(op->arena, pdb_buf_slice(text), &meta->slug)
		       ? PDB_OK
		       : pdb__no_memory(err);
}

static pdb_status judge_thread(const pdb__op *op, const raw *r, pdb_err *err)
{
	if (!pdb_slice_equal(r->id, op->thread)) {
		return pdb__invalid(err, "other_thread", "/id", "The line is of another thread.");
	}
	if (r->deleted != (r->deleted_ts != 0)) {
		return pdb__invalid(err, "invalid_thread", "/deleted_ts",
				    "A deleted thread has a deleted_ts, and no other.");
	}
	return PDB_OK;
}

static pdb_status read_thread(pdb__op *op, const raw *r, pdb__line *line, pdb_err *err)
{
	pdb__meta *meta = &line->meta;
	pdb_status status = judge_thread(op, r, err);

	if (status == PDB_OK) {
		status = pdb__author_check(r->author, "/author", err);
	}
	if (status == PDB_OK) {
		status = pdb__title_check(op->chat, r->title, err);
	}
	meta->attributes = r->attributes;
	if (status == PDB_OK) {
		status = pdb__attributes_check(op->chat, &meta->attributes, err);
	}
	meta->author = r->author;
	meta->title = r->title;
	meta->created_ts = r->created_ts;
	meta->updated_ts = r->updated_ts;
	meta->deleted = r->deleted;
	meta->deleted_ts = r->deleted_ts;
	line->closes = true;
	line->ns = (uint64_t)r->ns;
	line->last_seq = (uint64_t)r->seq;
	line->last_ts = r->ts;
	line->message_count = (uint64_t)r->message_count;
	if (status == PDB_OK) {
		status = read_participants(op, r, meta, err);
	}
	return status == PDB_OK ? read_slug(op, meta, err) : status;
}

/* -- all -------------------------------------------------------------------------------------- */

static pdb_status read_line(pdb__op *op, pdb_slice object, pdb__line *line, pdb_err *err)
{
	pdb_slice type = {0};
	bool closes;
	raw r = {0};
	pdb_status status;

	if (pdb_json_type_of(object) != PDB_JSON_OBJECT ||
	    !pdb_json_member(object, "type", &type) ||
	    !(pdb_slice_is(type, "\"message\"") || pdb_slice_is(type, "\"thread\""))) {
		return pdb__invalid(err, "invalid_line", "/type",
				    "A line is an object of the type message or thread.");
	}
	closes = pdb_slice_is(type, "\"thread\"");
	status = read_members(op, closes ? thread_members : message_members, object, &r, err);
	if (status != PDB_OK) {
		return status;
	}
	return closes ? read_thread(op, &r, line, err) : read_message(op, &r, line, err);
}

static pdb_status invalid_lines(const pdb__op *op, pdb_err *err)
{
	return pdb__invalid(err, "invalid_batch", "/lines",
			    "The body is {\"lines\":[…]} with 1 to %lld lines.",
			    (long long)op->chat->settings.batch_max);
}

pdb_status pdb__lines_read(pdb__op *op, pdb_slice text, pdb__lines *lines, pdb_err *err)
{
	size_t most = (size_t)op->chat->settings.batch_max;
	pdb_slice object = {0};
	pdb_slice list = {0};
	size_t cursor = 0;
	pdb_slice key;
	pdb_slice one;
	/* The payload's size bounds the values; depth is that of a body, and of what is around. */
	pdb_status status =
		pdb_json_check_within(text, PDB_JSON_DEPTH_MAX + 3, UINT32_MAX, &object, err);

	if (status != PDB_OK) {
		return status;
	}
	if (pdb_json_type_of(object) != PDB_JSON_OBJECT ||
	    !pdb_json_member(object, "lines", &list) || pdb_json_type_of(list) != PDB_JSON_ARRAY) {
		return invalid_lines(op, err);
	}
	lines->list = pdb__arena_alloc(op->arena, most * sizeof(*lines->list));
	if (lines->list == NULL) {
		return pdb__no_memory(err);
	}
	while (status == PDB_OK && pdb_json_next(list, &cursor, &key, &one)) {
		if (lines->count == most) {
			return invalid_lines(op, err);
		}
		memset(&lines->list[lines->count], 0, sizeof(*lines->list));
		status = pdb__line_blame(lines->count,
					 read_line(op, one, &lines->list[lines->count], err), err);
		lines->count++;
	}
	return status == PDB_OK && lines->count == 0 ? invalid_lines(op, err) : status;
}
