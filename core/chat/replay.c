/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that were sent before: the same is answered again, another is a conflict. */
#include "chat/draft.h"

/* The version that was sent, and the present one. */
typedef struct meeting {
	pdb__record first;
	pdb__record present;
} meeting;

typedef struct meetings {
	pdb__drafts *drafts;
	meeting *list;
} meetings;

static pdb_status meet(pdb__op *op, pdb_slice id, meeting *m, pdb_err *err)
{
	pdb__place place;
	pdb_status status = pdb__message_find(op, id, &place, err);

	if (status == PDB_ENOTFOUND) {
		/* It was met among the messages of this very call. */
		return pdb__invalid(err, "duplicate_id", "/messages",
				    "Two messages of the batch have the same id.");
	}
	if (status != PDB_OK) {
		return status;
	}
	m->present = place.record;
	status = pdb__version_find(op, &place, 1, &m->first, err);
	if (status == PDB_ENOTFOUND) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL,
				   "version 1 of message %.*s of thread %.*s is missing",
				   PDB_SLICE_ARGS(id), PDB_SLICE_ARGS(op->thread));
	}
	return status;
}

static pdb_status meet_all(pdb__op *op, void *arg, pdb_err *err)
{
	meetings *all = arg;
	pdb_status status = pdb__access_thread(op, PDB_ACTION_MESSAGE_APPEND, true, err);

	for (size_t i = 0; i < all->drafts->count && status == PDB_OK; i++) {
		const pdb__draft *draft = &all->drafts->list[i];

		if (draft->state == PDB__DRAFT_MET) {
			status = meet(op, draft->record.id, &all->list[i], err);
		}
	}
	return status;
}

static bool same(const pdb__draft *draft, const pdb__record *first, pdb_slice body)
{
	return pdb_slice_equal(draft->record.author, first->author) &&
	       pdb_slice_equal(draft->sealed.shown, body) &&
	       (!draft->role_given || pdb_slice_equal(draft->record.role, first->role)) &&
	       (draft->record.reply_to.len == 0 ||
		pdb_slice_equal(draft->record.reply_to, first->reply_to));
}

static pdb_status compare(pdb__op *op, pdb__draft *draft, const meeting *m, pdb_err *err)
{
	pdb_buf *text = &op->arena->text;
	pdb_slice body;
	pdb_status status = pdb__hooks_open(op, &m->first, &body, err);

	if (status != PDB_OK) {
		return status;
	}
	if (!same(draft, &m->first, body)) {
		return pdb_err_set(err, PDB_EEXISTS, "id_conflict",
				   "Another message is stored under this id.");
	}
	pdb_buf_clear(text);
	status = pdb__record_render(op, &m->present, text, err);
	if (status != PDB_OK) {
		return status;
	}
	if (text->failed || !pdb__arena_copy(op->arena, pdb_buf_slice(text), &draft->stored)) {
		return pdb__no_memory(err);
	}
	draft->version = m->present.version;
	draft->state = PDB__DRAFT_KNOWN;
	return PDB_OK;
}

pdb_status pdb__drafts_compare(pdb__op *op, pdb__drafts *drafts, pdb_err *err)
{
	meetings all = {.drafts = drafts};
	pdb_status status;

	all.list = pdb__arena_alloc(op->arena, drafts->count * sizeof(*all.list));
	if (all.list == NULL) {
		return pdb__no_memory(err);
	}
	status = pdb__op_read(op, meet_all, &all, err);
	/* The hooks run when no transaction is open any more: they may take their time. */
	for (size_t i = 0; i < drafts->count && status == PDB_OK; i++) {
		if (drafts->list[i].state == PDB__DRAFT_MET) {
			status = compare(op, &drafts->list[i], &all.list[i], err);
		}
	}
	return status;
}
