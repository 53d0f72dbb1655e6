/* SPDX-License-Identifier: Apache-2.0 */
/* Record hooks: what plugins do to messages on their way in and out. */
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "chat/chat_private.h"

struct pdb_record {
	pdb_slice thread;
	pdb_slice message;
	pdb_slice author;
	pdb_slice role;
	uint32_t version;
	pdb_slice body;
	pdb_slice attachments;
	pdb_slice tag;        /* of the hook that runs */
	pdb_slice attachment; /* its own */
	pdb__op *op;
	bool changed;
	bool going_in;
	bool again; /* it is stored already */
};

pdb_slice pdb_record_thread(const pdb_record *record)
{
	return record->thread;
}

pdb_slice pdb_record_message(const pdb_record *record)
{
	return record->message;
}

pdb_slice pdb_record_author(const pdb_record *record)
{
	return record->author;
}

pdb_slice pdb_record_role(const pdb_record *record)
{
	return record->role;
}

uint32_t pdb_record_version(const pdb_record *record)
{
	return record->version;
}

pdb_slice pdb_record_body(const pdb_record *record)
{
	return record->body;
}

/* Into what was made for as many bytes; NULL when there was no memory. */
static pdb_status fill(uint8_t *room, pdb_slice bytes)
{
	if (room != NULL && bytes.len > 0) {
		memcpy(room, bytes.ptr, bytes.len);
	}
	return room != NULL ? PDB_OK : PDB_ENOMEM;
}

uint8_t *pdb_record_make_body(pdb_record *record, size_t len)
{
	uint8_t *room = pdb__arena_alloc(record->op->arena, len);

	if (room != NULL) {
		record->changed = true;
		record->body = pdb_slice_of(room, len);
	}
	return room;
}

pdb_status pdb_record_set_body(pdb_record *record, pdb_slice body)
{
	return fill(pdb_record_make_body(record, body.len), body);
}

/* Four letters, or none. */
static pdb_slice tag_of(const pdb_record_hook *hook)
{
	return pdb_slice_of(hook->tag, hook->tag[0] != '\0' ? PDB__TAG_SIZE : 0);
}

static bool is_tag(pdb_slice tag, pdb_slice wanted)
{
	return wanted.len == PDB__TAG_SIZE && memcmp(tag.ptr, wanted.ptr, PDB__TAG_SIZE) == 0;
}

pdb_slice pdb__note_of(pdb_slice all, pdb_slice of_tag)
{
	size_t cursor = 0;
	pdb_slice tag = {0};
	pdb_slice bytes = {0};

	while (pdb__attachment_next(all, &cursor, &tag, &bytes)) {
		if (is_tag(tag, of_tag)) {
			return bytes;
		}
	}
	return pdb_slice_of(NULL, 0);
}

/* The attachments `all` with those of a tag replaced by one of `len` bytes, or by none; where these
 * bytes go, or NULL without memory. */
static uint8_t *attachments_make(pdb__arena *arena, pdb_slice all, pdb_slice of_tag, size_t len,
				 pdb_slice *out)
{
	uint8_t *bytes = pdb__arena_alloc(arena, all.len + PDB__ATTACHMENT_HEAD + len);
	uint8_t *at = bytes;
	size_t cursor = 0;
	pdb_slice tag = {0};
	pdb_slice kept = {0};

	if (bytes == NULL) {
		return NULL;
	}
	while (pdb__attachment_next(all, &cursor, &tag, &kept)) {
		if (!is_tag(tag, of_tag)) {
			at = pdb__attachment_head(at, tag, kept.len);
			memcpy(at, kept.ptr, kept.len);
			at += kept.len;
		}
	}
	if (len > 0) {
		at = pdb__attachment_head(at, of_tag, len);
	}
	*out = pdb_slice_of(bytes, (size_t)(at - bytes) + len);
	return at;
}

pdb_slice pdb_record_attachment(const pdb_record *record)
{
	return record->attachment;
}

static bool may_attach(const pdb_record *record, size_t len)
{
	return record->tag.len > 0 && len <= PDB_VALUE_MAX;
}

uint8_t *pdb_record_make_attachment(pdb_record *record, size_t len)
{
	uint8_t *room;

	if (!may_attach(record, len)) {
		return NULL;
	}
	room = attachments_make(record->op->arena, record->attachments, record->tag, len,
				&record->attachments);
	if (room != NULL) {
		record->attachment = pdb_slice_of(len > 0 ? room : NULL, len);
	}
	return room;
}

pdb_status pdb_record_set_attachment(pdb_record *record, pdb_slice bytes)
{
	if (!may_attach(record, bytes.len)) {
		return PDB_EINVAL;
	}
	return fill(pdb_record_make_attachment(record, bytes.len), bytes);
}

pdb_status pdb_record_may_block(pdb_record *record)
{
	return record->op->caller->may_block ? PDB_OK : PDB_EOFFLOAD;
}

pdb_status pdb_record_thread_note(pdb_record *record, pdb_slice *note_out, pdb_err *err)
{
	pdb_status status;

	*note_out = pdb_slice_of(NULL, 0);
	if (record->tag.len == 0) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "a hook without a tag has no notes");
	}
	status = pdb__notes_look(record->op, err);
	if (status == PDB_OK) {
		*note_out = pdb__note_of(record->op->notes_now, record->tag);
	}
	return status;
}

pdb_status pdb_record_set_thread_note(pdb_record *record, pdb_slice note)
{
	pdb__op *op = record->op;
	pdb_slice copy = {0};
	uint8_t *room;

	if (record->tag.len == 0 || note.len > PDB_NOTE_MAX || !record->going_in) {
		return PDB_EINVAL;
	}
	if (pdb__notes_look(op, NULL) != PDB_OK) {
		return PDB_ENOMEM;
	}
	room = attachments_make(op->arena, op->notes_now, record->tag, note.len, &copy);
	if (fill(room, note) != PDB_OK) {
		return PDB_ENOMEM;
	}
	op->notes_now = copy;
	op->notes_set = true;
	return PDB_OK;
}

/* Most authors are as they are written; false without memory. */
static bool author_text(pdb__arena *arena, pdb_slice json, pdb_slice *out)
{
	char *text;

	if (memchr(json.ptr, '\\', json.len) == NULL) {
		*out = pdb_slice_of(json.ptr + 1, json.len - 2);
		return true;
	}
	text = pdb__arena_alloc(arena, json.len + 1);
	if (text == NULL) {
		return false;
	}
	*out = pdb_slice_of(text, pdb_json_unescape(json, text));
	return true;
}

static pdb_status record_begin(pdb__op *op, const pdb__record *from, pdb_record *record,
			       pdb_err *err)
{
	*record = (pdb_record){.thread = from->thread,
			       .message = from->id,
			       .role = from->role,
			       .version = from->version,
			       .body = from->body,
			       .attachments = from->attachments,
			       .op = op};
	return author_text(op->arena, from->author, &record->author) ? PDB_OK : pdb__no_memory(err);
}

/* Whose turn it is. */
static void record_turn(pdb_record *record, const pdb_record_hook *hook)
{
	record->tag = tag_of(hook);
	record->attachment = pdb__note_of(record->attachments, record->tag);
}

/* A hook may say why in `err`; when it does not, the status must still have words. */
static pdb_status hook_run(pdb_status (*fn)(void *, pdb_record *, pdb_err *),
			   const pdb_socket_entry *entry, pdb_record *record, pdb_err *err)
{
	const pdb_record_hook *hook = entry->ops;
	pdb_err words; /* not zeroed: it is large, and mostly not used */
	pdb_status status;

	words.status = PDB_OK;
	status = fn(entry->self, record, &words);
	if (status == PDB_OK) {
		return PDB_OK;
	}
	if (words.status != status) {
		(void)pdb_err_set(&words, status, NULL, "the record hook %s refused", hook->name);
	}
	if (err != NULL) {
		*err = words;
	}
	return status;
}

static pdb_status body_judge(const pdb_record_hook *hook, pdb_record *record, pdb_err *err)
{
	pdb_err why = {0};

	if (!record->changed) {
		return PDB_OK;
	}
	record->changed = false;
	if (pdb_json_check(record->body, &record->body, &why) == PDB_OK) {
		return PDB_OK;
	}
	return pdb_err_set(err, PDB_EINTERNAL, NULL,
			   "the record hook %s gave a body that is not JSON: %s", hook->name,
			   why.text);
}

static pdb_status hooks_in(const pdb_chat *chat, pdb_record *record, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < chat->hooks->count && status == PDB_OK; i++) {
		const pdb_record_hook *hook = chat->hooks->entries[i].ops;

		/* One that keeps nothing of a record has judged it when it came. */
		if (hook->in == NULL || (record->again && hook->tag[0] == '\0')) {
			continue;
		}
		record_turn(record, hook);
		status = hook_run(hook->in, &chat->hooks->entries[i], record, err);
		if (status == PDB_OK) {
			status = body_judge(hook, record, err);
		}
	}
	return status;
}

/* Hooks whose attachment the record carries, in falling order. */
static pdb_status hooks_out(const pdb_chat *chat, pdb_record *record, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (size_t i = chat->hooks->count; i > 0 && status == PDB_OK; i--) {
		const pdb_record_hook *hook = chat->hooks->entries[i - 1].ops;

		record_turn(record, hook);
		if (hook->out != NULL && record->attachment.ptr != NULL) {
			status = hook_run(hook->out, &chat->hooks->entries[i - 1], record, err);
		}
	}
	return status;
}

/* Who opens attachments with this tag. */
static const pdb_socket_entry *opener_of(const pdb_chat *chat, pdb_slice tag)
{
	for (size_t i = 0; i < chat->hooks->count; i++) {
		const pdb_record_hook *hook = chat->hooks->entries[i].ops;

		if (hook->out != NULL && is_tag(tag, tag_of(hook))) {
			return &chat->hooks->entries[i];
		}
	}
	return NULL;
}

/* An attachment whose hook is gone cannot be opened: nobody else knows what it is. */
static bool all_known(const pdb_chat *chat, pdb_slice attachments)
{
	size_t cursor = 0;
	pdb_slice tag = {0};
	pdb_slice bytes = {0};

	while (pdb__attachment_next(attachments, &cursor, &tag, &bytes)) {
		if (opener_of(chat, tag) == NULL) {
			return false;
		}
	}
	return true;
}

pdb_status pdb__hooks_purge(const pdb_chat *chat, pdb_slice thread, pdb_slice notes, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < chat->hooks->count && status == PDB_OK; i++) {
		const pdb_record_hook *hook = chat->hooks->entries[i].ops;
		pdb_slice note = pdb__note_of(notes, tag_of(hook));

		if (note.len > 0 && PDB_HAS(hook, purge)) {
			status = hook->purge(chat->hooks->entries[i].self, thread, note, err);
		}
	}
	return status;
}

static bool shows(const pdb_record_hook *hook, const pdb_caller *caller)
{
	return caller->role == PDB_ROLE_ADMIN && PDB_HAS(hook, show);
}

pdb_status pdb__hooks_show_judge(const pdb_chat *chat, const pdb_caller *caller)
{
	for (size_t i = 0; i < chat->hooks->count && !caller->may_block; i++) {
		if (shows(chat->hooks->entries[i].ops, caller)) {
			return PDB_EOFFLOAD;
		}
	}
	return PDB_OK;
}

static void add_member(void *out, const char *name, pdb_slice json)
{
	pdb_json_add_key(out, name);
	pdb_buf_add_slice(out, json);
}

void pdb__hooks_show(const pdb__op *op, pdb_slice notes)
{
	const pdb_socket_list *hooks = op->chat->hooks;

	for (size_t i = 0; i < hooks->count && !op->out->failed; i++) {
		const pdb_record_hook *hook = hooks->entries[i].ops;
		pdb_slice note = pdb__note_of(notes, pdb_slice_text(hook->tag));

		if (note.len > 0 && shows(hook, op->caller)) {
			op->out->len--; /* the brace */
			hook->show(hooks->entries[i].self, note, add_member, op->out);
			pdb_buf_add_byte(op->out, '}');
		}
	}
}

pdb__row_head pdb__hooks_head(const pdb_chat *chat, pdb_slice attachments)
{
	const pdb_socket_entry *opener;
	const pdb_record_hook *hook;
	size_t cursor = 0;
	pdb_slice tag;
	pdb_slice bytes;

	if (!pdb__attachment_next(attachments, &cursor, &tag, &bytes) || cursor < attachments.len) {
		return (pdb__row_head){0};
	}
	opener = opener_of(chat, tag);
	hook = opener != NULL ? opener->ops : NULL;
	if (hook == NULL || !PDB_HAS(hook, ahead) || bytes.len <= hook->head) {
		return (pdb__row_head){0};
	}
	return (pdb__row_head){.opener = opener, .bytes = pdb_slice_of(bytes.ptr, hook->head)};
}

bool pdb__hooks_ahead(const pdb__row_head *now, const pdb__row_head *next)
{
	const pdb_socket_entry *asked = now->opener != NULL ? now->opener : next->opener;
	const pdb_record_hook *hook;

	if (asked == NULL) {
		return true;
	}
	hook = asked->ops;
	return hook->ahead(asked->self, now->bytes,
			   next->opener == asked ? next->bytes : pdb_slice_of(NULL, 0));
}

pdb_status pdb__hooks_open(pdb__op *op, const pdb__record *from, pdb_slice *body_out, pdb_err *err)
{
	pdb_record record;
	pdb_status status;

	*body_out = from->body;
	if (from->attachments.len == 0) {
		return PDB_OK;
	}
	if (!all_known(op->chat, from->attachments)) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, "plugin_missing",
				   "The message cannot be opened: a plugin is not loaded.");
	}
	status = record_begin(op, from, &record, err);
	if (status == PDB_OK) {
		status = hooks_out(op->chat, &record, err);
	}
	if (status == PDB_OK) {
		*body_out = record.body;
	}
	return status;
}

pdb_status pdb__hooks_seal(pdb__op *op, const pdb__record *from, pdb__sealed *out, pdb_err *err)
{
	pdb__record stored = *from;
	pdb_record record;
	pdb_status status;

	out->body = from->body;
	out->shown = from->body;
	out->attachments = pdb_slice_of(NULL, 0);
	if (op->chat->hooks->count == 0) {
		return PDB_OK;
	}
	status = record_begin(op, from, &record, err);
	record.going_in = true;
	record.again = op->rewrites;
	if (status == PDB_OK) {
		status = hooks_in(op->chat, &record, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	out->body = record.body;
	out->attachments = record.attachments;
	stored.body = record.body;
	stored.attachments = record.attachments;
	return pdb__hooks_open(op, &stored, &out->shown, err);
}

/* What another try may open is no unreadable record: a client must not take it for one. */
static bool must_tell(pdb_status status)
{
	return status == PDB_EOFFLOAD || status == PDB_ENOMEM || status == PDB_EBUSY ||
	       status == PDB_EUNAVAILABLE;
}

pdb_status pdb__record_render(pdb__op *op, const pdb__record *record, pdb_buf *out, pdb_err *err)
{
	pdb_err why; /* set by what fails */
	pdb_slice body = {0};
	pdb_status status;

	if (record->attachments.len == 0) {
		pdb_buf_add_slice(out, record->json);
		return PDB_OK;
	}
	status = pdb__hooks_open(op, record, &body, &why);
	if (must_tell(status) && all_known(op->chat, record->attachments)) {
		if (err != NULL) {
			*err = why;
		}
		return status;
	}
	if (status != PDB_OK) {
		pdb_log(PDB_LOG_ERROR, "chat", "message %.*s of thread %.*s cannot be opened: %s",
			PDB_SLICE_ARGS(record->id), PDB_SLICE_ARGS(record->thread), why.text);
		body = PDB_SLICE(PDB__BODY_UNREADABLE);
	}
	pdb__record_show(record, body, out);
	return PDB_OK;
}
