/* SPDX-License-Identifier: Apache-2.0 */
/* Taking stored records out through the hooks and in again, as they are configured now. */
#include "chat/chat_private.h"
#include "jobs/jobs.h"

static const pdb_caller the_server = {.role = PDB_ROLE_ADMIN, .may_block = true};

/*
 * One stored version of a message. As with an edit, hooks may block and so run neither in a
 * transaction nor under the lock: look, make the new row, write it if the old one is still there.
 */
typedef struct rewriting {
	pdb_slice message;
	uint32_t version;
	pdb_job_run *job; /* or NULL */
	pdb_slice state;  /* of the job, once this is done */
	bool last;        /* the state goes with this one */
	/* of the present try */
	pdb__place place;
	pdb__record seen;
	pdb_slice row; /* as it was */
	pdb__record next;
	bool gone;
} rewriting;

static pdb_status version_row(pdb__op *op, const rewriting *r, pdb_keybuf *key, pdb_slice *row,
			      pdb_err *err)
{
	pdb_slice value;
	pdb_status status;

	if (r->version == r->place.record.version) {
		pdb_key_timeline(key, op->thread, r->place.ns, r->place.seq);
		*row = r->place.row;
		return PDB_OK;
	}
	pdb_key_version(key, op->thread, r->message, r->version);
	status = pdb_txn_get(&op->txn, &key->key, &value, err);
	if (status != PDB_OK) {
		return status;
	}
	return pdb__arena_copy(op->arena, value, row) ? PDB_OK : pdb__no_memory(err);
}

static pdb_status look_try(pdb__op *op, void *arg, pdb_err *err)
{
	rewriting *r = arg;
	pdb_keybuf key;
	pdb_status status =
		op->found ? pdb__message_find(op, r->message, &r->place, err) : PDB_ENOTFOUND;

	r->gone = status == PDB_ENOTFOUND;
	if (status != PDB_OK) {
		return r->gone ? PDB_OK : status;
	}
	status = version_row(op, r, &key, &r->row, err);
	r->gone = status == PDB_ENOTFOUND;
	if (status != PDB_OK) {
		return r->gone ? PDB_OK : status;
	}
	return pdb__record_open(op->thread, r->row, &r->seen, err);
}

static pdb_status make_next(pdb__op *op, rewriting *r, pdb_err *err)
{
	pdb__sealed sealed;
	pdb_status status;

	r->next = r->seen;
	if (r->seen.deleted) {
		return PDB_OK; /* a tombstone holds nothing */
	}
	status = pdb__hooks_open(op, &r->seen, &r->next.body, err);
	r->next.attachments = pdb_slice_of(NULL, 0);
	if (status == PDB_OK) {
		status = pdb__hooks_seal(op, &r->next, &sealed, err);
	}
	if (status == PDB_OK) {
		r->next.body = sealed.body;
		r->next.attachments = sealed.attachments;
	}
	return status;
}

static pdb_status write_try(pdb__op *op, void *arg, pdb_err *err)
{
	rewriting *r = arg;
	pdb_keybuf key;
	pdb_slice row;
	pdb_status status =
		op->found ? pdb__message_find(op, r->message, &r->place, err) : PDB_ENOTFOUND;

	if (status == PDB_OK) {
		status = version_row(op, r, &key, &row, err);
	}
	if (status != PDB_OK || !pdb_slice_equal(row, r->row)) {
		return status == PDB_OK || status == PDB_ENOTFOUND ? PDB_ESTOP : status;
	}
	status = pdb__notes_settle(op, err);
	if (status == PDB_OK && !r->seen.deleted) {
		status = pdb__record_put(op, &key, &r->next, err);
	}
	if (status == PDB_OK && r->last && r->job != NULL) {
		op->changed = true;
		status = pdb_job_put_state(r->job, &op->txn, r->state, err);
	}
	return status;
}

static pdb_status once(pdb__op *op, rewriting *r, pdb_err *err)
{
	pdb_status status = pdb__op_read(op, look_try, r, err);

	if (status != PDB_OK || r->gone) {
		return status;
	}
	status = make_next(op, r, err);
	return status == PDB_OK ? pdb__op_write(op, write_try, r, err) : status;
}

static pdb_status version_rewrite(pdb_chat *chat, pdb_slice thread, rewriting *r, pdb_err *err)
{
	pdb_status status = PDB_ESTOP;

	for (int i = 0; i < PDB__TRIES && status == PDB_ESTOP; i++) {
		pdb__op op;

		status = pdb__op_init(&op, chat, &the_server, thread, err);
		if (status == PDB_OK) {
			op.rewrites = true;
			status = once(&op, r, err);
		}
		pdb__op_fini(&op);
	}
	return status == PDB_ESTOP
		       ? pdb_err_set(err, PDB_EBUSY, NULL, "The message changes all the time.")
		       : status;
}

pdb_status pdb__rewrite_message(pdb_chat *chat, const pdb__record *message, pdb_job_run *job,
				const char *cursor, pdb_err *err)
{
	rewriting r = {.message = message->id, .job = job};
	pdb_buf state = {0};
	pdb_status status = PDB_OK;

	if (job != NULL) {
		pdb__rewrite_state(pdb_job_saved(job), cursor, &state);
		status = pdb_buf_status(&state, err);
		r.state = pdb_buf_slice(&state);
	}
	for (r.version = 1; r.version <= message->version && status == PDB_OK; r.version++) {
		r.last = r.version == message->version;
		status = version_rewrite(chat, message->thread, &r, err);
	}
	if (status == PDB_OK && job != NULL) {
		status = pdb_job_adopt(job, r.state, err);
	}
	pdb_buf_fini(&state);
	return status;
}

/* What stands up to the first line end is the job's own; behind it lies the cursor. */
void pdb__rewrite_state(pdb_slice saved, const char *cursor, pdb_buf *out)
{
	const uint8_t *end = saved.len > 0 ? memchr(saved.ptr, '\n', saved.len) : NULL;

	pdb_buf_add_slice(
		out, pdb_slice_of(saved.ptr, end != NULL ? (size_t)(end - saved.ptr) : saved.len));
	pdb_buf_add_byte(out, '\n');
	pdb_buf_add_text(out, cursor);
}
