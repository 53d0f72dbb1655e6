/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: create, read, change, delete, restore. */
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "chat/chat_private.h"

#define TITLE_DEFAULT "New Thread"

/* -- showing ------------------------------------------------------------------------------- */

static void add_string(pdb_buf *out, const char *name, pdb_slice text)
{
	pdb_json_add_key(out, name);
	pdb_json_add_string(out, text);
}

static void add_int(pdb_buf *out, const char *name, int64_t number)
{
	pdb_json_add_key(out, name);
	pdb_buf_add_int(out, number);
}

static void add_participants(pdb_buf *out, pdb_slice list)
{
	size_t cursor = 0;
	pdb_slice one;
	bool first = true;

	pdb_json_add_key(out, "participants");
	pdb_buf_add_byte(out, '[');
	while (pdb__participant_next(list, &cursor, &one)) {
		if (!first) {
			pdb_buf_add_byte(out, ',');
		}
		pdb_json_add_string(out, one);
		first = false;
	}
	pdb_buf_add_byte(out, ']');
}

void pdb__thread_show(const pdb__meta *meta, const pdb__head *head, pdb_slice id, pdb_buf *out)
{
	pdb_buf_add_byte(out, '{');
	add_string(out, "id", id);
	add_string(out, "title", meta->title);
	add_string(out, "slug", meta->slug);
	add_string(out, "author", meta->author);
	add_participants(out, meta->participants);
	pdb_json_add_key(out, "attributes");
	pdb_buf_add_slice(out, meta->attributes);
	add_int(out, "created_ts", meta->created_ts);
	add_int(out, "updated_ts", meta->updated_ts);
	add_int(out, "last_ts", head->last_ts);
	add_int(out, "last_seq", (int64_t)head->last_seq);
	add_int(out, "message_count", (int64_t)head->message_count);
	if (meta->deleted) {
		pdb_buf_add_text(out, ",\"deleted\":true");
		add_int(out, "deleted_ts", meta->deleted_ts);
	}
	pdb_buf_add_byte(out, '}');
}

static pdb_status show(pdb__op *op)
{
	if (op->out != NULL) {
		pdb__thread_show(&op->meta, &op->head, op->thread, op->out);
	}
	return PDB_OK;
}

/* Begins a call that shows a thread. */
static pdb_status begin(pdb__op *op, pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
			pdb_err *err)
{
	pdb_status status = pdb__op_init(op, chat, caller, thread, err);

	return status == PDB_OK ? pdb__hooks_show_judge(chat, caller) : status;
}

/* What hooks tell of it is asked for outside of the transaction. */
static pdb_status end(pdb__op *op, pdb_status status, pdb_err *err)
{
	if (status == PDB_OK && op->out != NULL) {
		pdb__hooks_show(op, op->meta.notes);
		status = pdb_buf_status(op->out, err);
		status = status == PDB_OK ? PDB_OK : pdb__op_undo(op, status);
	}
	pdb__op_fini(op);
	return status;
}

/* -- creating ------------------------------------------------------------------------------ */

/* Judges what was given and puts it into `meta`, in the arena. */
static pdb_status fill_meta(pdb__op *op, const pdb_thread_input *input, pdb__meta *meta,
			    pdb_err *err)
{
	pdb_buf *text = &op->arena->text;
	pdb_status status = PDB_OK;

	if (input->attributes.ptr != NULL) {
		meta->attributes = input->attributes;
		status = pdb__attributes_check(op->chat, &meta->attributes, err);
	}
	if (status == PDB_OK && input->participants != NULL) {
		pdb_buf_clear(text);
		status = pdb__participants_check(op->chat, input, meta->author, text, err);
		if (status == PDB_OK &&
		    !pdb__arena_copy(op->arena, pdb_buf_slice(text), &meta->participants)) {
			status = pdb__no_memory(err);
		}
	}
	if (status != PDB_OK || input->title.ptr == NULL) {
		return status;
	}
	status = pdb__title_check(op->chat, input->title, err);
	if (status != PDB_OK) {
		return status;
	}
	meta->title = input->title;
	pdb_buf_clear(text);
	pdb__slug_add(meta->title, op->thread, text);
	return pdb__arena_copy(op->arena, pdb_buf_slice(text), &meta->slug) && !text->failed
		       ? PDB_OK
		       : pdb__no_memory(err);
}

pdb_status pdb__thread_begin(pdb__op *op, const pdb_thread_input *input, pdb_slice author,
			     pdb_err *err)
{
	pdb_thread_input given = *input;
	pdb__meta meta = {.author = author, .attributes = PDB_SLICE("{}")};
	int64_t now = pdb_clock_now();
	pdb_status status;

	if (given.title.ptr == NULL) {
		given.title = PDB_SLICE(TITLE_DEFAULT);
	}
	status = fill_meta(op, &given, &meta, err);
	if (status != PDB_OK) {
		return status;
	}
	meta.created_ts = now;
	meta.updated_ts = now;
	if (op->notes_seen && op->notes_set) {
		meta.notes = op->notes_now;
	}
	pdb__digest_thread(op->chat, input, meta.digest);
	status = pdb__op_put_meta(op, &meta, err);
	if (status != PDB_OK) {
		return status;
	}
	op->found = true;
	op->head.last_ns = (uint64_t)now;
	op->head.last_ts = now;
	op->head.list_ns = (uint64_t)now;
	op->head.all_ns = (uint64_t)now;
	status = pdb__list_rows_first(op, err);
	return status == PDB_OK ? pdb__op_note(op, PDB_CHANGE_THREAD_CREATED, NULL, err) : status;
}

static pdb_status create_again(pdb__op *op, const pdb_thread_input *input, pdb_err *err)
{
	uint8_t digest[16];

	pdb__digest_thread(op->chat, input, digest);
	if (!pdb_slice_equal(op->meta.author, op->caller->author) ||
	    memcmp(digest, op->meta.digest, sizeof(digest)) != 0) {
		return pdb_err_set(err, PDB_EEXISTS, "id_conflict",
				   "Another thread is stored under this id.");
	}
	if (op->outcome != NULL) {
		op->outcome->replayed = true;
	}
	return show(op);
}

static pdb_status create_try(pdb__op *op, void *arg, pdb_err *err)
{
	const pdb_thread_input *input = arg;
	pdb_status status = pdb__access_create(op, op->caller->author, err);

	if (status != PDB_OK) {
		return status;
	}
	if (op->found) {
		return create_again(op, input, err);
	}
	status = pdb__thread_begin(op, input, op->caller->author, err);
	return status == PDB_OK ? show(op) : status;
}

pdb_status pdb_chat_thread_create(pdb_chat *chat, const pdb_caller *caller,
				  const pdb_thread_input *input, pdb_buf *out, pdb_outcome *outcome,
				  pdb_err *err)
{
	char id[PDB_ID_MAX + 1];
	pdb_thread_input given = *input;
	pdb_slice thread = input->id;
	pdb__op op;
	pdb_status status;

	if (caller->author.len == 0) {
		return pdb__author_required(err);
	}
	if (thread.ptr != NULL) {
		status = pdb__id_check(thread, "/id", err);
		if (status != PDB_OK) {
			return status;
		}
	} else {
		if (input->idempotency_key.ptr != NULL) {
			const pdb_slice parts[3] = {caller->author, input->idempotency_key,
						    PDB_SLICE("create")};

			pdb__id_derive(chat, "thread-", parts, 0, id);
		} else {
			(void)pdb_id_make(id, "thread-");
		}
		thread = pdb_slice_text(id);
	}
	status = begin(&op, chat, caller, thread, err);
	if (status == PDB_OK) {
		pdb__op_answer(&op, out, outcome);
		status = pdb__op_write(&op, create_try, &given, err);
	}
	return end(&op, status, err);
}

/* -- the rest ------------------------------------------------------------------------------ */

static pdb_status get_try(pdb__op *op, void *arg, pdb_err *err)
{
	const bool *with_deleted = arg;
	pdb_status status = pdb__access_thread(op, PDB_ACTION_THREAD_GET, *with_deleted, err);

	return status == PDB_OK ? show(op) : status;
}

pdb_status pdb_chat_thread_get(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
			       bool with_deleted, pdb_buf *out, pdb_outcome *outcome, pdb_err *err)
{
	pdb__op op;
	pdb_status status = begin(&op, chat, caller, thread, err);

	if (status == PDB_OK) {
		pdb__op_answer(&op, out, outcome);
		status = pdb__op_read(&op, get_try, &with_deleted, err);
	}
	return end(&op, status, err);
}

/* Rows of those who are in `from` and not in `to` (nor the author). */
static pdb_status rows_differ(pdb__op *op, pdb_slice from, pdb_slice to,
			      pdb_status (*act)(pdb__op *, pdb_slice, uint64_t, pdb_err *),
			      pdb_err *err)
{
	size_t cursor = 0;
	pdb_slice one;
	pdb_status status = PDB_OK;

	while (status == PDB_OK && pdb__participant_next(from, &cursor, &one)) {
		if (!pdb__participant_in(to, one)) {
			status = act(op, one, op->head.list_ns, err);
		}
	}
	return status;
}

static pdb_status update_try(pdb__op *op, void *arg, pdb_err *err)
{
	const pdb_thread_input *input = arg;
	pdb_slice before;
	pdb__meta meta;
	pdb_status status = pdb__access_thread(op, PDB_ACTION_THREAD_UPDATE, false, err);

	if (status != PDB_OK) {
		return status;
	}
	if (input->title.ptr == NULL && input->attributes.ptr == NULL &&
	    input->participants == NULL) {
		return show(op);
	}
	meta = op->meta;
	before = meta.participants;
	status = fill_meta(op, input, &meta, err);
	if (status == PDB_OK) {
		status = rows_differ(op, before, meta.participants, pdb__member_remove, err);
	}
	if (status == PDB_OK) {
		status = rows_differ(op, meta.participants, before, pdb__member_put, err);
	}
	if (status == PDB_OK) {
		meta.updated_ts = pdb_clock_now();
		status = pdb__op_put_meta(op, &meta, err);
	}
	if (status == PDB_OK) {
		status = pdb__op_note(op, PDB_CHANGE_THREAD_UPDATED, NULL, err);
	}
	return status == PDB_OK ? show(op) : status;
}

pdb_status pdb_chat_thread_update(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
				  const pdb_thread_input *input, pdb_buf *out, pdb_outcome *outcome,
				  pdb_err *err)
{
	pdb_thread_input given = *input;
	pdb__op op;
	pdb_status status = begin(&op, chat, caller, thread, err);

	if (status == PDB_OK) {
		pdb__op_answer(&op, out, outcome);
		status = pdb__op_write(&op, update_try, &given, err);
	}
	return end(&op, status, err);
}

static pdb_status set_deleted(pdb__op *op, bool deleted, pdb_err *err)
{
	const pdb_slice none = {NULL, 0};
	pdb__meta meta = op->meta;
	pdb_status status;

	meta.deleted = deleted;
	meta.updated_ts = pdb_clock_now();
	meta.deleted_ts = deleted ? meta.updated_ts : 0;
	status = deleted ? pdb__deleted_row_put(op, meta.deleted_ts, none, err)
			 : pdb__deleted_row_remove(op, op->meta.deleted_ts, none, err);
	if (status == PDB_OK) {
		status = pdb__op_put_meta(op, &meta, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	return pdb__op_note(op, deleted ? PDB_CHANGE_THREAD_DELETED : PDB_CHANGE_THREAD_RESTORED,
			    NULL, err);
}

static pdb_status delete_try(pdb__op *op, void *arg, pdb_err *err)
{
	pdb_status status = pdb__access_thread(op, PDB_ACTION_THREAD_DELETE, false, err);

	(void)arg;
	return status == PDB_OK ? set_deleted(op, true, err) : status;
}

pdb_status pdb_chat_thread_delete(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
				  pdb_outcome *outcome, pdb_err *err)
{
	pdb__op op;
	pdb_status status = pdb__op_init(&op, chat, caller, thread, err);

	if (status == PDB_OK) {
		pdb__op_answer(&op, NULL, outcome);
		status = pdb__op_write(&op, delete_try, NULL, err);
	}
	pdb__op_fini(&op);
	return status;
}

/* A thread that is not deleted is left alone, so that a restore can be sent twice. */
static pdb_status restore_try(pdb__op *op, void *arg, pdb_err *err)
{
	pdb_status status = pdb__access_thread(op, PDB_ACTION_THREAD_RESTORE, false, err);

	(void)arg;
	if (status == PDB_OK && op->meta.deleted) {
		status = set_deleted(op, false, err);
	}
	return status == PDB_OK ? show(op) : status;
}

pdb_status pdb_chat_thread_restore(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
				   pdb_buf *out, pdb_outcome *outcome, pdb_err *err)
{
	pdb__op op;
	pdb_status status = begin(&op, chat, caller, thread, err);

	if (status == PDB_OK) {
		pdb__op_answer(&op, out, outcome);
		status = pdb__op_write(&op, restore_try, NULL, err);
	}
	return end(&op, status, err);
}
