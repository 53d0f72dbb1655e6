/* SPDX-License-Identifier: Apache-2.0 */
/* New versions of a message: edit, delete, restore. */
#include "base/clock.h"
#include "chat/chat_private.h"

typedef enum change_kind {
	EDIT,
	DELETE,
	RESTORE
} change_kind;

static const pdb_action actions[] = {
	[EDIT] = PDB_ACTION_MESSAGE_EDIT,
	[DELETE] = PDB_ACTION_MESSAGE_DELETE,
	[RESTORE] = PDB_ACTION_MESSAGE_RESTORE,
};

/*
 * A change is made in three steps, because hooks may block and must not do so under the lock:
 * look at the message, make the next version, write it if the message is still as it was.
 */
typedef struct change {
	change_kind kind;
	pdb_slice message;
	const pdb_message_input *input; /* EDIT */
	uint32_t if_match;
	uint32_t version; /* RESTORE: which; 0 = the one before the deletion */
	/* of the present try */
	pdb__place seen;
	pdb__record source; /* whose content the next version has */
	pdb__record next;
	pdb__sealed sealed;
	bool nothing; /* there is nothing to do */
} change;

static pdb_status if_match(const change *c, pdb_err *err)
{
	if (c->if_match == 0 || c->if_match == c->seen.record.version) {
		return PDB_OK;
	}
	return pdb_err_set(err, PDB_ESTALE, NULL, "The message has changed: its version is %u.",
			   c->seen.record.version);
}

static pdb_status version_read(pdb__op *op, const change *c, uint32_t version, pdb__record *record,
			       pdb_err *err)
{
	pdb_status status = pdb__version_find(op, &c->seen, version, record, err);

	if (status == PDB_ENOTFOUND) {
		return pdb_err_set(err, PDB_ENOTFOUND, "version_not_found",
				   "The message has no such version.");
	}
	return status;
}

static pdb_status restore_source(pdb__op *op, change *c, pdb_err *err)
{
	pdb__record alive = c->seen.record;
	pdb_status status = PDB_OK;

	if (alive.deleted) {
		status = version_read(op, c, alive.version - 1, &alive, err);
	} else if (c->version == 0) {
		c->nothing = true;
		return PDB_OK;
	}
	c->source = alive;
	if (status == PDB_OK && c->version != 0) {
		status = version_read(op, c, c->version, &c->source, err);
	}
	if (status == PDB_OK && c->source.deleted) {
		return pdb__invalid(err, "version_is_deleted", "/version",
				    "This version is a deletion; it has no content.");
	}
	return status;
}

static pdb_status look_try(pdb__op *op, void *arg, pdb_err *err)
{
	change *c = arg;
	pdb_status status = pdb__access_thread(op, actions[c->kind], false, err);

	if (status != PDB_OK) {
		return status;
	}
	status = pdb__message_find(op, c->message, &c->seen, err);
	if (status == PDB_ENOTFOUND) {
		return pdb__no_message(err);
	}
	if (status == PDB_OK) {
		status = pdb__access_message(op, actions[c->kind], false, &c->seen.record, err);
	}
	if (status == PDB_OK) {
		status = if_match(c, err);
	}
	c->nothing = false;
	c->source = c->seen.record;
	if (status == PDB_OK && c->kind == RESTORE) {
		status = restore_source(op, c, err);
	}
	return status;
}

static void make_tombstone(change *c)
{
	const pdb_slice none = {NULL, 0};

	c->next.deleted = true;
	c->next.body = PDB_SLICE("null");
	c->next.reply_to = none;
	c->next.attachments = none;
	c->sealed.shown = c->next.body;
}

static pdb_status make_next(pdb__op *op, change *c, pdb_err *err)
{
	const pdb_message_input *input = c->input;
	pdb_status status = PDB_OK;

	c->next = c->source;
	c->next.version = c->seen.record.version + 1;
	c->next.edited_ts = pdb_clock_now();
	if (c->kind == DELETE) {
		make_tombstone(c);
		return PDB_OK;
	}
	if (input != NULL && input->role.ptr != NULL) {
		c->next.role = input->role;
	}
	if (input != NULL && input->reply_to.ptr != NULL) {
		c->next.reply_to = input->reply_to;
	}
	if (input != NULL && input->body.ptr != NULL) {
		c->next.body = pdb__trim(input->body);
	} else {
		/* Sealed bytes are bound to their version: they are opened and sealed anew. */
		status = pdb__hooks_open(op, &c->source, &c->next.body, err);
	}
	c->next.attachments = pdb_slice_of(NULL, 0);
	if (status == PDB_OK) {
		status = pdb__hooks_seal(op, &c->next, &c->sealed, err);
	}
	if (status == PDB_OK) {
		c->next.body = c->sealed.body;
		c->next.attachments = c->sealed.attachments;
	}
	return status;
}

static pdb_status old_put(pdb__op *op, const pdb__place *place, pdb_err *err)
{
	pdb_keybuf key;

	pdb_key_version(&key, op->thread, place->record.id, place->record.version);
	return pdb_txn_put(&op->txn, &key.key, place->row, err);
}

static pdb_status note(pdb__op *op, const change *c, pdb_err *err)
{
	static const pdb_change_kind kinds[] = {
		[EDIT] = PDB_CHANGE_MESSAGE_EDITED,
		[DELETE] = PDB_CHANGE_MESSAGE_DELETED,
		[RESTORE] = PDB_CHANGE_MESSAGE_RESTORED,
	};

	return pdb__op_note(op, kinds[c->kind], &c->next, err);
}

static void show(pdb__op *op, const change *c)
{
	pdb__record stored;

	if (op->out != NULL && pdb__record_decode(pdb_buf_slice(&op->arena->row), &stored)) {
		pdb__record_show(&stored, c->sealed.shown, op->out);
	}
}

/* What is soft-deleted stands in an index, by when it was. */
static pdb_status deleted_rows(pdb__op *op, const pdb__record *before, const pdb__record *after,
			       pdb_err *err)
{
	pdb_status status = PDB_OK;

	if (before->deleted) {
		status = pdb__deleted_row_remove(op, before->edited_ts, before->id, err);
	}
	if (status == PDB_OK && after->deleted) {
		status = pdb__deleted_row_put(op, after->edited_ts, after->id, err);
	}
	return status;
}

pdb_status pdb__version_put(pdb__op *op, const pdb__place *place, const pdb__record *next,
			    pdb_err *err)
{
	pdb_status status = old_put(op, place, err);

	if (status == PDB_OK) {
		status = pdb__message_put(op, place, next, err);
	}
	if (status == PDB_OK) {
		status = deleted_rows(op, &place->record, next, err);
	}
	op->head.message_count += (uint64_t)place->record.deleted;
	op->head.message_count -= (uint64_t)next->deleted;
	return status;
}

/* Reactions belong to the message, not to a version: a tombstone hides those it had. They are read
 * when they are written: one that came or went since the message was looked at made no version. */
static pdb_status reactions_now(pdb__op *op, const change *c, const pdb__place *place,
				pdb_slice *reactions, pdb_err *err)
{
	pdb__record record = place->record;
	pdb_status status = PDB_OK;

	if (c->kind == RESTORE && record.deleted) {
		status = version_read(op, c, record.version - 1, &record, err);
	}
	*reactions = c->kind == DELETE ? pdb_slice_of(NULL, 0) : record.reactions;
	return status;
}

static pdb_status write_try(pdb__op *op, void *arg, pdb_err *err)
{
	change *c = arg;
	pdb__place place;
	pdb_status status = pdb__access_thread(op, actions[c->kind], false, err);

	if (status != PDB_OK) {
		return status;
	}
	status = pdb__message_find(op, c->message, &place, err);
	if (status != PDB_OK) {
		return status == PDB_ENOTFOUND ? pdb__no_message(err) : status;
	}
	if (place.record.version != c->seen.record.version) {
		return PDB_ESTOP;
	}
	status = pdb__notes_settle(op, err);
	if (status != PDB_OK) {
		return status;
	}
	if (c->kind == EDIT && c->input->reply_to.ptr != NULL) {
		status = pdb__reply_check(op, c->message, c->input->reply_to, "/reply_to", err);
	}
	if (status == PDB_OK) {
		status = reactions_now(op, c, &place, &c->next.reactions, err);
	}
	if (status == PDB_OK) {
		status = pdb__version_put(op, &place, &c->next, err);
	}
	if (status == PDB_OK) {
		status = note(op, c, err);
	}
	if (status == PDB_OK) {
		show(op, c);
	}
	return status;
}

/* Nothing to restore: the message is shown as it is, so that a restore can be sent twice. */
static pdb_status show_present(pdb__op *op, const change *c, pdb_err *err)
{
	pdb_status status = pdb__record_render(op, &c->seen.record, op->out, err);

	if (status == PDB_OK) {
		status = pdb_buf_status(op->out, err);
	}
	pdb__op_name_message(op, c->message, c->seen.record.version);
	return status == PDB_OK ? PDB_OK : pdb__op_undo(op, status);
}

static pdb_status change_once(pdb__op *op, change *c, pdb_err *err)
{
	pdb_status status = pdb__op_read(op, look_try, c, err);

	if (status == PDB_OK && c->nothing) {
		return show_present(op, c, err);
	}
	if (status == PDB_OK) {
		status = make_next(op, c, err);
	}
	if (status == PDB_OK) {
		status = pdb__op_write(op, write_try, c, err);
	}
	if (status == PDB_OK) {
		pdb__op_name_message(op, c->message, c->next.version);
	}
	return status;
}

static pdb_status change_run(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread, change *c,
			     pdb_buf *out, pdb_outcome *outcome, pdb_err *err)
{
	pdb__op op = {0};
	pdb_status status = pdb__id_check(c->message, "/message", err);

	if (status == PDB_OK) {
		status = pdb__op_init(&op, chat, caller, thread, err);
	}
	if (status == PDB_OK) {
		pdb__op_answer(&op, out, outcome);
		status = PDB_ESTOP;
	}
	for (int i = 0; i < PDB__TRIES && status == PDB_ESTOP; i++) {
		status = change_once(&op, c, err);
	}
	pdb__op_fini(&op);
	if (status == PDB_ESTOP) {
		status = pdb_err_set(err, PDB_EBUSY, NULL, "The server is busy; try again.");
	}
	return status;
}

static pdb_status input_check(pdb_chat *chat, const pdb_caller *caller,
			      const pdb_message_input *input, pdb_err *err)
{
	pdb_slice body = input->body;
	pdb_status status = PDB_OK;

	if (body.ptr == NULL && input->role.ptr == NULL && input->reply_to.ptr == NULL) {
		return pdb__invalid(err, "nothing_to_change", "",
				    "An edit needs a body, a role or a reply_to.");
	}
	if (body.ptr != NULL) {
		status = pdb__body_check(&body, "/body", err);
	}
	if (status == PDB_OK && input->role.ptr != NULL) {
		status = pdb__role_check(chat, caller, input->role, "/role", err);
	}
	if (status == PDB_OK && input->reply_to.ptr != NULL) {
		status = pdb__id_check(input->reply_to, "/reply_to", err);
	}
	return status;
}

/* NOLINTNEXTLINE(readability-function-size): as declared in chat.h. */
pdb_status pdb_chat_message_edit(pdb_chat *chat, const pdb_caller *caller,
				 const pdb_message_ref *ref, const pdb_message_input *input,
				 uint32_t if_match_version, pdb_buf *out, pdb_outcome *outcome,
				 pdb_err *err)
{
	change c = {.kind = EDIT,
		    .message = ref->message,
		    .input = input,
		    .if_match = if_match_version};
	pdb_status status = input_check(chat, caller, input, err);

	return status == PDB_OK ? change_run(chat, caller, ref->thread, &c, out, outcome, err)
				: status;
}

pdb_status pdb_chat_message_delete(pdb_chat *chat, const pdb_caller *caller,
				   const pdb_message_ref *ref, uint32_t if_match_version,
				   pdb_outcome *outcome, pdb_err *err)
{
	change c = {.kind = DELETE, .message = ref->message, .if_match = if_match_version};

	return change_run(chat, caller, ref->thread, &c, NULL, outcome, err);
}

pdb_status pdb_chat_message_restore(pdb_chat *chat, const pdb_caller *caller,
				    const pdb_message_ref *ref, uint32_t version, pdb_buf *out,
				    pdb_outcome *outcome, pdb_err *err)
{
	change c = {.kind = RESTORE, .message = ref->message, .version = version};

	return change_run(chat, caller, ref->thread, &c, out, outcome, err);
}
