/* SPDX-License-Identifier: Apache-2.0 */
/* A message on its way in: judged, named and sealed, not yet stored. */
#include "chat/draft.h"

#include "base/id.h"
#include "base/json.h"

const char *pdb__draft_field(const pdb__drafts *drafts, size_t index, const char *name, char *out)
{
	if (drafts->count == 1) {
		(void)snprintf(out, 48, "/%s", name);
	} else {
		(void)snprintf(out, 48, "/messages/%zu/%s", index, name);
	}
	return out;
}

pdb_status pdb__draft_author(const pdb_caller *caller, const pdb_message_input *input,
			     const char *field, pdb_slice *author_out, pdb_err *err)
{
	*author_out = caller->author;
	if (input->author.ptr != NULL) {
		pdb_status status = pdb__author_check(input->author, field, err);

		if (status != PDB_OK) {
			return status;
		}
		if (caller->role != PDB_ROLE_ADMIN && caller->role != PDB_ROLE_BACKEND &&
		    !pdb_slice_equal(input->author, caller->author)) {
			(void)pdb_err_set(err, PDB_EDENIED, "author_mismatch",
					  "The author is not the one who signed in.");
			(void)pdb_err_at(err, "%s", field);
			return PDB_EDENIED;
		}
		*author_out = input->author;
	}
	return author_out->len == 0 ? pdb__author_required(err) : PDB_OK;
}

/* A batch is mostly of one author: its JSON is made once. */
static pdb_status author_json(pdb__op *op, pdb__drafts *drafts, size_t i, pdb_err *err)
{
	pdb__draft *draft = &drafts->list[i];
	pdb_buf *text = &op->arena->text;

	if (i > 0 && pdb_slice_equal(draft->author, drafts->list[i - 1].author)) {
		draft->record.author = drafts->list[i - 1].record.author;
		return PDB_OK;
	}
	pdb_buf_clear(text);
	pdb_json_add_string(text, draft->author);
	if (text->failed ||
	    !pdb__arena_copy(op->arena, pdb_buf_slice(text), &draft->record.author)) {
		return pdb__no_memory(err);
	}
	return PDB_OK;
}

static pdb_status name(pdb__op *op, pdb__drafts *drafts, size_t i, pdb_err *err)
{
	const pdb_message_input *input = &drafts->inputs[i];
	pdb__draft *draft = &drafts->list[i];
	char field[48];
	char id[PDB_ID_MAX + 1];

	if (input->id.ptr != NULL) {
		draft->record.id = input->id;
		return pdb__id_check(input->id, pdb__draft_field(drafts, i, "id", field), err);
	}
	if (input->idempotency_key.ptr != NULL) {
		const pdb_slice parts[3] = {draft->author, op->thread, input->idempotency_key};

		pdb__id_derive(op->chat, "msg-", parts, i, id);
	} else {
		(void)pdb_id_make(id, "msg-");
	}
	return pdb__arena_copy(op->arena, pdb_slice_text(id), &draft->record.id)
		       ? PDB_OK
		       : pdb__no_memory(err);
}

static pdb_status judge(pdb__op *op, pdb__drafts *drafts, size_t i, pdb_err *err)
{
	const pdb_message_input *input = &drafts->inputs[i];
	pdb__draft *draft = &drafts->list[i];
	pdb__record *record = &draft->record;
	char field[48];
	pdb_status status;

	record->body = input->body;
	status = pdb__body_check(&record->body, pdb__draft_field(drafts, i, "body", field), err);
	if (status != PDB_OK) {
		return status;
	}
	draft->clear = record->body;
	record->role = PDB_SLICE("user");
	if (input->role.ptr != NULL) {
		record->role = input->role;
		draft->role_given = true;
		status = pdb__role_check(op->chat, op->caller, input->role,
					 pdb__draft_field(drafts, i, "role", field), err);
	}
	if (status == PDB_OK && input->reply_to.ptr != NULL) {
		record->reply_to = input->reply_to;
		status = pdb__id_check(input->reply_to,
				       pdb__draft_field(drafts, i, "reply_to", field), err);
	}
	if (status == PDB_OK) {
		status = pdb__ts_check(input->ts, pdb__draft_field(drafts, i, "ts", field),
				       &draft->ts, err);
	}
	return status;
}

static pdb_status prepare(pdb__op *op, pdb__drafts *drafts, size_t i, pdb_err *err)
{
	pdb__draft *draft = &drafts->list[i];
	char field[48];
	pdb_status status = pdb__draft_author(op->caller, &drafts->inputs[i],
					      pdb__draft_field(drafts, i, "author", field),
					      &draft->author, err);

	draft->record.version = 1;
	draft->record.thread = op->thread;
	if (status == PDB_OK) {
		status = author_json(op, drafts, i, err);
	}
	if (status == PDB_OK) {
		status = name(op, drafts, i, err);
	}
	if (status == PDB_OK) {
		status = judge(op, drafts, i, err);
	}
	return status;
}

pdb_status pdb__drafts_seal(pdb__op *op, pdb__drafts *drafts, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < drafts->count && status == PDB_OK; i++) {
		pdb__draft *draft = &drafts->list[i];

		if (draft->state == PDB__DRAFT_KNOWN) {
			continue;
		}
		draft->record.body = draft->clear;
		draft->record.attachments = pdb_slice_of(NULL, 0);
		status = pdb__hooks_seal(op, &draft->record, &draft->sealed, err);
		draft->record.body = draft->sealed.body;
		draft->record.attachments = draft->sealed.attachments;
	}
	return status;
}

pdb_status pdb__drafts_prepare(pdb__op *op, pdb__drafts *drafts, pdb_err *err)
{
	size_t size = drafts->count * sizeof(*drafts->list);
	pdb_status status = PDB_OK;

	drafts->list = pdb__arena_alloc(op->arena, size);
	if (drafts->list == NULL) {
		return pdb__no_memory(err);
	}
	memset(drafts->list, 0, size);
	for (size_t i = 0; i < drafts->count && status == PDB_OK; i++) {
		status = prepare(op, drafts, i, err);
	}
	/* Hooks may be dear: only when everything else is right. */
	return status == PDB_OK ? pdb__drafts_seal(op, drafts, err) : status;
}
