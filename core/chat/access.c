/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: one table. */
#include "base/json.h"
#include "chat/chat_private.h"

/* How an author stands to a thread; each has the rights of those before. */
typedef enum relation {
	STRANGER = 0,
	MEMBER = 1, /* takes part */
	OWNER = 2,  /* is its author */
	NEVER = 3
} relation;

/* The kinds of callers. */
typedef enum standing {
	FRONTEND,   /* a signed user */
	BACKEND_AS, /* a backend key that acts as somebody */
	BACKEND,    /* a backend key that named nobody */
	ADMIN,
	STANDINGS
} standing;

/* The least relation to a thread, and to one that is soft-deleted. */
typedef struct rule {
	uint8_t live;
	uint8_t deleted;
} rule;

static const rule table[PDB__ACTIONS][STANDINGS] = {
	/*                     FRONTEND          BACKEND_AS        BACKEND               ADMIN */
	[PDB__SEE] = {{MEMBER, NEVER}, {MEMBER, NEVER}, {STRANGER, NEVER}, {STRANGER, NEVER}},
	[PDB__SEE_DELETED] = {{MEMBER, OWNER},
			      {MEMBER, OWNER},
			      {STRANGER, STRANGER},
			      {STRANGER, STRANGER}},
	[PDB__CHANGE] = {{OWNER, NEVER}, {OWNER, NEVER}, {NEVER, NEVER}, {STRANGER, NEVER}},
	[PDB__RESTORE] = {{OWNER, OWNER}, {OWNER, OWNER}, {NEVER, NEVER}, {STRANGER, STRANGER}},
	[PDB__READ] = {{MEMBER, NEVER}, {MEMBER, NEVER}, {STRANGER, NEVER}, {STRANGER, NEVER}},
	[PDB__READ_DELETED] = {{MEMBER, NEVER},
			       {MEMBER, NEVER},
			       {STRANGER, NEVER},
			       {STRANGER, STRANGER}},
	/* For a deleted thread: who is told that it is one. */
	[PDB__APPEND] = {{MEMBER, OWNER},
			 {STRANGER, STRANGER},
			 {STRANGER, STRANGER},
			 {STRANGER, STRANGER}},
	[PDB__WRITE] = {{MEMBER, NEVER}, {MEMBER, NEVER}, {NEVER, NEVER}, {STRANGER, NEVER}},
	[PDB__REACT] = {{MEMBER, NEVER}, {MEMBER, NEVER}, {STRANGER, NEVER}, {STRANGER, NEVER}},
};

static standing standing_of(const pdb_caller *caller)
{
	switch (caller->role) {
	case PDB_ROLE_ADMIN:
		return ADMIN;
	case PDB_ROLE_BACKEND:
		return caller->author.len > 0 ? BACKEND_AS : BACKEND;
	case PDB_ROLE_FRONTEND:
	case PDB_ROLE_NONE:
	default:
		return FRONTEND;
	}
}

static relation relation_to(const pdb_caller *caller, const pdb__meta *meta)
{
	if (caller->author.len == 0) {
		return STRANGER;
	}
	if (pdb_slice_equal(meta->author, caller->author)) {
		return OWNER;
	}
	return pdb__participant_in(meta->participants, caller->author) ? MEMBER : STRANGER;
}

pdb_status pdb__author_required(pdb_err *err)
{
	return pdb__invalid(err, "author_required", "/author",
			    "An author is required: sign in, or name one.");
}

/* The same words whether it is unknown or forbidden. */
pdb_status pdb__no_thread(pdb_err *err)
{
	return pdb_err_set(err, PDB_ENOTFOUND, "thread_not_found", "There is no such thread.");
}

pdb_status pdb__no_message(pdb_err *err)
{
	return pdb_err_set(err, PDB_ENOTFOUND, "message_not_found", "There is no such message.");
}

static pdb_status refuse(relation has, pdb__action action, pdb_err *err)
{
	if (has == STRANGER) {
		return pdb__no_thread(err);
	}
	return pdb_err_set(err, PDB_EDENIED, NULL,
			   action == PDB__WRITE ? "Only the author of a message may change it."
						: "Only the author of the thread may do this.");
}

pdb_status pdb__access_thread(const pdb__op *op, pdb__action action, pdb_err *err)
{
	standing who = standing_of(op->caller);
	const rule *needed = &table[action][who];
	relation has;

	if (needed->live == NEVER) {
		return pdb__author_required(err);
	}
	if (!op->found) {
		return pdb__no_thread(err);
	}
	has = relation_to(op->caller, &op->meta);
	if (!op->meta.deleted) {
		return has >= needed->live || who == ADMIN ? PDB_OK : refuse(has, action, err);
	}
	if (needed->deleted == NEVER || has < needed->deleted) {
		return pdb__no_thread(err);
	}
	if (action == PDB__APPEND) {
		return pdb_err_set(err, PDB_EEXISTS, "thread_deleted",
				   "The thread is deleted; restore it first.");
	}
	return PDB_OK;
}

bool pdb__access_sees(const pdb_caller *caller, const pdb__meta *meta, bool with_deleted)
{
	const rule *needed =
		&table[with_deleted ? PDB__SEE_DELETED : PDB__SEE][standing_of(caller)];
	uint8_t least = meta->deleted ? needed->deleted : needed->live;

	return least != NEVER && relation_to(caller, meta) >= least;
}

static pdb_status is_author(pdb__op *op, const pdb__record *record, bool *is, pdb_err *err)
{
	pdb_buf *text = &op->arena->text;

	*is = false;
	if (op->caller->author.len == 0) {
		return PDB_OK;
	}
	/* The stored author is a JSON string: compare in that form. */
	pdb_buf_clear(text);
	pdb_json_add_string(text, op->caller->author);
	*is = pdb_slice_equal(pdb_buf_slice(text), record->author);
	return pdb_buf_status(text, err);
}

pdb_status pdb__access_author(pdb__op *op, const pdb__record *record, pdb_err *err)
{
	bool is = op->caller->role == PDB_ROLE_ADMIN;
	pdb_status status = is ? PDB_OK : is_author(op, record, &is, err);

	return status != PDB_OK || is ? status : refuse(MEMBER, PDB__WRITE, err);
}

/* Old versions of a deleted message hold what was deleted: they are its author's. */
pdb_status pdb__access_history(pdb__op *op, const pdb__record *record, pdb_err *err)
{
	standing who = standing_of(op->caller);
	bool is = !record->deleted || who == ADMIN || who == BACKEND;
	pdb_status status = is ? PDB_OK : is_author(op, record, &is, err);

	return status != PDB_OK || is ? status : pdb__no_message(err);
}
