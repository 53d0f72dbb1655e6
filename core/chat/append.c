/* SPDX-License-Identifier: Apache-2.0 */
/* Appending: messages, and the thread when there is none, in one transaction. */
#include "base/clock.h"
#include "base/id.h"
#include "chat/draft.h"

/* Posting as somebody makes that author a participant. */
static pdb_status join(pdb__op *op, pdb_slice author, pdb_err *err)
{
	pdb__meta meta = op->meta;
	pdb_buf *text = &op->arena->text;
	pdb_status status;

	if (pdb__member_in(&meta, author)) {
		return PDB_OK;
	}
	if (meta.participant_count >= (uint32_t)op->chat->settings.participants_max) {
		return pdb__invalid(err, "too_many_participants", "/author",
				    "A thread has at most %lld participants.",
				    (long long)op->chat->settings.participants_max);
	}
	pdb_buf_clear(text);
	pdb_buf_add_slice(text, meta.participants);
	pdb__participant_add(text, author);
	if (text->failed || !pdb__arena_copy(op->arena, pdb_buf_slice(text), &meta.participants)) {
		return pdb__no_memory(err);
	}
	meta.participant_count++;
	meta.updated_ts = pdb_clock_now();
	status = pdb__op_put_meta(op, &meta, err);
	return status == PDB_OK ? pdb__member_put(op, author, op->head.list_ns, err) : status;
}

static pdb_status too_large(pdb_err *err)
{
	return pdb_err_set(err, PDB_ETOOLARGE, "batch_too_large",
			   "The messages are too large together.");
}

static void show(pdb__op *op, const pdb__draft *draft, bool first)
{
	pdb__record stored;

	if (op->out == NULL) {
		return;
	}
	if (!first) {
		pdb_buf_add_byte(op->out, ',');
	}
	if (draft->state == PDB__DRAFT_KNOWN) {
		pdb_buf_add_slice(op->out, draft->stored);
	} else if (pdb__record_decode(pdb_buf_slice(&op->arena->row), &stored)) {
		pdb__record_show(&stored, draft->sealed.shown, op->out);
	}
}

/* Writes the timeline row and moves the counters. */
static pdb_status store(pdb__op *op, pdb__drafts *drafts, pdb__draft *draft, uint64_t ns,
			pdb_err *err)
{
	pdb__place place = {.ns = ns, .seq = op->head.last_seq + 1};
	pdb_status status;

	draft->record.seq = place.seq;
	draft->record.ts = draft->ts != 0 ? draft->ts : (int64_t)ns;
	status = pdb__message_put(op, &place, &draft->record, err);
	if (status != PDB_OK) {
		return status;
	}
	drafts->written += op->arena->row.len + 512;
	drafts->added++;
	if (drafts->written > PDB__TXN_MAX) {
		return too_large(err);
	}
	op->head.last_seq = place.seq;
	op->head.last_ns = ns;
	op->head.last_ts = draft->record.ts;
	op->head.message_count++;
	return pdb__op_note(op, PDB_CHANGE_MESSAGE_APPENDED, &draft->record, err);
}

static pdb_status reply_check(pdb__op *op, const pdb__drafts *drafts, size_t i, pdb_err *err)
{
	const pdb__record *record = &drafts->list[i].record;
	char field[48];

	if (record->reply_to.len == 0) {
		return PDB_OK;
	}
	return pdb__reply_check(op, record->id, record->reply_to,
				pdb__draft_field(drafts, i, "reply_to", field), err);
}

static pdb_status append_one(pdb__op *op, pdb__drafts *drafts, size_t i, pdb_err *err)
{
	pdb__draft *draft = &drafts->list[i];
	uint64_t ns = (uint64_t)drafts->now;
	pdb_status status;

	if (draft->state == PDB__DRAFT_KNOWN) {
		show(op, draft, i == 0);
		return PDB_OK;
	}
	/* Time in a key never runs backwards within a thread. */
	if (ns <= op->head.last_ns) {
		ns = op->head.last_ns + 1;
	}
	/* The id row first: it finds out whether the message is known. */
	status = pdb__message_id_put(op, draft->record.id, ns, op->head.last_seq + 1, err);
	if (status == PDB_EEXISTS) {
		draft->state = PDB__DRAFT_MET;
		drafts->met = true;
		return PDB_OK;
	}
	if (status == PDB_OK) {
		status = reply_check(op, drafts, i, err);
	}
	if (status == PDB_OK) {
		status = join(op, draft->author, err);
	}
	if (status == PDB_OK) {
		status = store(op, drafts, draft, ns, err);
	}
	if (status == PDB_OK) {
		show(op, draft, i == 0);
	}
	return status;
}

static pdb_status append_begin(pdb__op *op, const pdb__drafts *drafts, pdb_err *err)
{
	const pdb_thread_input nothing = {0};
	pdb_status status;

	if (!op->found) {
		status = pdb__access_create(op, drafts->list[0].author, err);
		if (status == PDB_OK) {
			status = pdb__notes_settle(op, err);
		}
		return status == PDB_OK
			       ? pdb__thread_begin(op, &nothing, drafts->list[0].author, err)
			       : status;
	}
	/* Who may know of a deleted thread is told that it is one. */
	status = pdb__access_thread(op, PDB_ACTION_MESSAGE_APPEND, true, err);
	if (status == PDB_OK && op->meta.deleted) {
		return pdb_err_set(err, PDB_EEXISTS, "thread_deleted",
				   "The thread is deleted; restore it first.");
	}
	return status == PDB_OK ? pdb__notes_settle(op, err) : status;
}

static pdb_status append_try(pdb__op *op, void *arg, pdb_err *err)
{
	pdb__drafts *drafts = arg;
	pdb_status status;

	drafts->met = false;
	status = append_begin(op, drafts, err);
	drafts->now = pdb_clock_now();
	drafts->written = 0;
	drafts->added = 0;
	for (size_t i = 0; i < drafts->count && status == PDB_OK; i++) {
		if (drafts->list[i].state == PDB__DRAFT_MET) {
			drafts->list[i].state = PDB__DRAFT_NEW;
		}
		status = append_one(op, drafts, i, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	if (drafts->met) {
		return PDB_ESTOP;
	}
	if (drafts->added > 0) {
		op->changed = true;
	}
	if (drafts->added > 0 && op->meta.participant_count + 1 <= PDB__CROWD) {
		status = pdb__list_rows_move(op, err);
	}
	return status;
}

static pdb_status append_run(pdb__op *op, pdb__drafts *drafts, pdb_err *err)
{
	pdb_status status = pdb__drafts_prepare(op, drafts, err);

	if (status != PDB_OK) {
		return status;
	}
	status = pdb__op_write(op, append_try, drafts, err);
	/* Met ids are compared, and hooks run again, outside the lock; what is known then cannot
	 * become unknown. */
	for (int i = 0; i < PDB__TRIES && status == PDB_ESTOP; i++) {
		status = drafts->met ? pdb__drafts_compare(op, drafts, err)
				     : pdb__drafts_seal(op, drafts, err);
		if (status == PDB_OK) {
			status = pdb__op_write(op, append_try, drafts, err);
		}
	}
	if (status == PDB_ESTOP) {
		status = pdb_err_set(err, PDB_EBUSY, NULL, "The server is busy; try again.");
	}
	if (status == PDB_OK) {
		const pdb__draft *last = &drafts->list[drafts->count - 1];

		pdb__count_append(op->chat, drafts->added);
		pdb__op_name_message(op, last->record.id,
				     last->state == PDB__DRAFT_KNOWN ? last->version : 1);
		if (op->outcome != NULL) {
			op->outcome->replayed = drafts->added == 0;
		}
	}
	return status;
}

/* The id of a thread that was not named; the same again for what is sent again. */
static pdb_status thread_name(const pdb_chat *chat, const pdb_caller *caller,
			      const pdb_message_input *first, char *id, pdb_err *err)
{
	pdb_slice author;
	pdb_status status = pdb__draft_author(caller, first, "/author", &author, err);

	if (status != PDB_OK) {
		return status;
	}
	if (first->idempotency_key.ptr != NULL) {
		const pdb_slice parts[3] = {author, first->idempotency_key, PDB_SLICE("append")};

		pdb__id_derive(chat, "thread-", parts, 0, id);
	} else if (first->id.ptr != NULL) {
		const pdb_slice parts[3] = {author, first->id, PDB_SLICE("append-id")};

		pdb__id_derive(chat, "thread-", parts, 0, id);
	} else {
		(void)pdb_id_make(id, "thread-");
	}
	return PDB_OK;
}

/* NOLINTNEXTLINE(readability-function-size): as declared in chat.h. */
pdb_status pdb_chat_append(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
			   const pdb_message_input *inputs, size_t count, pdb_buf *out,
			   pdb_outcome *outcome, pdb_err *err)
{
	pdb__drafts drafts = {.inputs = inputs, .count = count};
	char id[PDB_ID_MAX + 1] = "";
	pdb__op op;
	pdb_status status = PDB_OK;

	if (count == 0 || count > (size_t)chat->settings.batch_max) {
		return pdb__invalid(err, "invalid_batch", "/messages",
				    "A batch has 1 to %lld messages.",
				    (long long)chat->settings.batch_max);
	}
	if (thread.len == 0) {
		status = thread_name(chat, caller, &inputs[0], id, err);
		thread = pdb_slice_text(id);
	}
	if (status != PDB_OK) {
		return status;
	}
	status = pdb__op_init(&op, chat, caller, thread, err);
	if (status == PDB_OK) {
		pdb__op_answer(&op, out, outcome);
		status = append_run(&op, &drafts, err);
	}
	pdb__op_fini(&op);
	return status;
}
