/* SPDX-License-Identifier: Apache-2.0 */
/* Purging: messages and threads that are removed for good, row by row. */
#include "base/clock.h"
#include "chat/chat_private.h"

/* What one transaction removes at most, versions counted. */
#define ROWS_MAX 2000u

static const pdb_caller the_server = {.role = PDB_ROLE_ADMIN, .may_block = true};

typedef struct purge {
	pdb_slice message; /* empty: the thread */
	int64_t until;     /* 0 = whatever its state, else only what was soft-deleted by then */
	size_t limit;
	bool more;
	pdb_buf notes; /* of the thread */
} purge;

static pdb_status not_deleted(pdb_err *err)
{
	return pdb_err_set(err, PDB_ENOTFOUND, "not_deleted",
			   "It is not deleted, or not any more.");
}

/* Whether a thread that is being imported is held is told by its last line only. */
static pdb_status check_import(const pdb__op *op, pdb_err *err)
{
	if (!op->meta.importing) {
		return PDB_OK;
	}
	return pdb_err_set(err, PDB_EDENIED, "thread_importing", "The thread is being imported.");
}

/* `attributes.legal_hold: true` wins over every purge. */
pdb_status pdb__held(pdb_err *err)
{
	return pdb_err_set(err, PDB_EDENIED, "legal_hold", "The thread is under legal hold.");
}

static pdb_status check_hold(const pdb__op *op, pdb_err *err)
{
	return pdb__thread_held(&op->meta) ? pdb__held(err) : PDB_OK;
}

static pdb_status remove_row(pdb__op *op, const pdb_keybuf *key, pdb_err *err)
{
	pdb_status status = pdb_txn_remove(&op->txn, &key->key, err);

	return status == PDB_ENOTFOUND ? PDB_OK : status;
}

/* -- one message ------------------------------------------------------------------------------ */

static pdb_status remove_versions(pdb__op *op, const pdb__record *record, pdb_err *err)
{
	pdb_keybuf key;
	pdb_status status = PDB_OK;

	for (uint32_t version = 1; version < record->version && status == PDB_OK; version++) {
		pdb_key_version(&key, op->thread, record->id, version);
		status = remove_row(op, &key, err);
	}
	return status;
}

/* All rows of a message, and its part in the counters. */
static pdb_status remove_message(pdb__op *op, uint64_t ns, const pdb__record *record, pdb_err *err)
{
	pdb_keybuf key;
	pdb_status status = remove_versions(op, record, err);

	if (status == PDB_OK && record->deleted) {
		status = pdb__deleted_row_remove(op, record->edited_ts, record->id, err);
	}
	if (status == PDB_OK) {
		pdb_key_message(&key, op->thread, record->id);
		status = remove_row(op, &key, err);
	}
	if (status == PDB_OK) {
		pdb_key_timeline(&key, op->thread, ns, record->seq);
		status = remove_row(op, &key, err);
	}
	op->head.message_count -= record->deleted ? 0 : 1;
	op->head.purged++;
	op->changed = true;
	return status;
}

static pdb_status message_try(pdb__op *op, void *arg, pdb_err *err)
{
	const purge *p = arg;
	pdb__place place;
	pdb_status status = op->found ? check_import(op, err) : pdb__no_thread(err);

	if (status == PDB_OK) {
		status = check_hold(op, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	status = pdb__message_find(op, p->message, &place, err);
	if (status != PDB_OK) {
		return status == PDB_ENOTFOUND ? pdb__no_message(err) : status;
	}
	if (p->until != 0 && !(place.record.deleted && place.record.edited_ts <= p->until)) {
		return not_deleted(err);
	}
	status = remove_message(op, place.ns, &place.record, err);
	return status == PDB_OK ? pdb__op_note(op, PDB_CHANGE_MESSAGE_PURGED, &place.record, err)
				: status;
}

/* -- a thread --------------------------------------------------------------------------------- */

/* From here on nobody sees it, and a crash leaves it so. */
static pdb_status mark(pdb__op *op, pdb_err *err)
{
	pdb__meta meta = op->meta;
	pdb_status status = PDB_OK;

	if (!meta.deleted) {
		meta.deleted = true;
		meta.deleted_ts = pdb_clock_now();
		status = pdb__deleted_row_put(op, meta.deleted_ts, pdb_slice_of(NULL, 0), err);
	}
	meta.purging = true;
	return status == PDB_OK ? pdb__op_put_meta(op, &meta, err) : status;
}

typedef struct piece {
	pdb__op *op;
	size_t limit;
	size_t rows; /* that removing what was gathered takes away */
	size_t count;
	struct gathered {
		uint64_t ns;
		pdb__record record;
	} * list;
	bool damaged;
} piece;

static pdb_status gather(void *arg, pdb_slice key, pdb_slice value)
{
	piece *p = arg;
	struct gathered *one = &p->list[p->count];
	uint64_t seq;
	pdb_slice row;

	if (!pdb__arena_copy(p->op->arena, value, &row)) {
		return PDB_ENOMEM;
	}
	if (!pdb_key_timeline_position(key, &one->ns, &seq) ||
	    !pdb__record_decode(row, &one->record) || one->record.seq != seq) {
		p->damaged = true;
		return PDB_ESTOP;
	}
	p->count++;
	p->rows += 3 + one->record.version;
	return p->count == p->limit || p->rows >= ROWS_MAX ? PDB_ESTOP : PDB_OK;
}

static pdb_status gather_piece(pdb__op *op, piece *p, pdb_err *err)
{
	pdb_keybuf prefix;
	pdb_keybuf end;
	pdb_range range = {0};
	pdb_status status;

	p->op = op;
	p->list = pdb__arena_alloc(op->arena, p->limit * sizeof(*p->list));
	if (p->list == NULL) {
		return pdb__no_memory(err);
	}
	pdb_key_timeline_prefix(&prefix, op->thread);
	pdb_key_prefix_end(&end, &prefix);
	range.partition = prefix.key.partition;
	range.from = prefix.key.bytes;
	range.to = end.key.bytes;
	status = pdb_txn_scan(&op->txn, &range, gather, p, err);
	if (status == PDB_OK && p->damaged) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL,
				   "a message row of thread %.*s cannot be read",
				   PDB_SLICE_ARGS(op->thread));
	}
	return status;
}

static pdb_status forget_member(pdb__op *op, pdb_slice user, pdb_err *err)
{
	pdb_status status = pdb__list_row_remove(op, user, op->head.list_ns, err);

	return status == PDB_OK ? pdb__trace_remove(op, user, err) : status;
}

static pdb_status remove_list_rows(pdb__op *op, pdb_err *err)
{
	pdb_keybuf key;
	size_t cursor = 0;
	pdb_slice one;
	pdb_status status = forget_member(op, op->meta.author, err);

	while (status == PDB_OK && pdb__participant_next(op->meta.participants, &cursor, &one)) {
		status = forget_member(op, one, err);
	}
	if (status == PDB_OK) {
		status = pdb__deleted_row_remove(op, op->meta.deleted_ts, pdb_slice_of(NULL, 0),
						 err);
	}
	if (status == PDB_OK) {
		pdb_key_all(&key, op->head.all_ns, op->thread);
		status = remove_row(op, &key, err);
	}
	if (status == PDB_OK) {
		pdb_key_lag(&key, op->thread);
		status = remove_row(op, &key, err);
	}
	return status;
}

/* The last rows, with which the thread is gone. */
static pdb_status remove_thread(pdb__op *op, pdb_err *err)
{
	pdb_keybuf key;
	pdb_status status = pdb__counts_move(op, err);

	if (status == PDB_OK) {
		status = remove_list_rows(op, err);
	}
	if (status == PDB_OK) {
		pdb_key_thread_head(&key, op->thread);
		status = remove_row(op, &key, err);
	}
	if (status == PDB_OK) {
		pdb_key_thread_meta(&key, op->thread);
		status = remove_row(op, &key, err);
	}
	op->lag_removed = true;
	op->found = false;
	op->changed = true;
	return status == PDB_OK ? pdb__op_note(op, PDB_CHANGE_THREAD_PURGED, NULL, err) : status;
}

static pdb_status judge_thread(const pdb__op *op, const purge *p, pdb_err *err)
{
	if (!op->found) {
		return pdb__no_thread(err);
	}
	if (op->meta.purging) {
		return PDB_OK; /* it was judged when that began */
	}
	if (p->until != 0 && !(op->meta.deleted && op->meta.deleted_ts <= p->until)) {
		return not_deleted(err);
	}
	return check_hold(op, err);
}

static pdb_status thread_try(pdb__op *op, void *arg, pdb_err *err)
{
	purge *p = arg;
	piece gathered = {.limit = p->limit};
	pdb_status status = judge_thread(op, p, err);

	if (status == PDB_OK && !op->meta.purging) {
		status = mark(op, err);
	}
	if (status == PDB_OK) {
		status = gather_piece(op, &gathered, err);
	}
	for (size_t i = 0; i < gathered.count && status == PDB_OK; i++) {
		status = remove_message(op, gathered.list[i].ns, &gathered.list[i].record, err);
	}
	p->more = gathered.count == gathered.limit || gathered.rows >= ROWS_MAX;
	if (status == PDB_OK && !p->more) {
		status = pdb__guests_remove(op, &p->more, err);
	}
	return status == PDB_OK && !p->more ? remove_thread(op, err) : status;
}

/* The mark alone, when hooks have something to end before the rows go. */
static pdb_status mark_try(pdb__op *op, void *arg, pdb_err *err)
{
	purge *p = arg;
	pdb_status status = judge_thread(op, p, err);

	pdb_buf_clear(&p->notes);
	if (status != PDB_OK || op->meta.notes.len == 0) {
		return status;
	}
	pdb_buf_add_slice(&p->notes, op->meta.notes);
	status = pdb_buf_status(&p->notes, err);
	return status == PDB_OK && !op->meta.purging ? mark(op, err) : status;
}

/* -- calls ------------------------------------------------------------------------------------ */

static pdb_status run(pdb_chat *chat, pdb_slice thread, pdb__op_fn fn, purge *p, pdb_err *err)
{
	pdb__op op = {0};
	pdb_status status = pdb__op_init(&op, chat, &the_server, thread, err);

	if (status == PDB_OK) {
		op.purges = p->message.len == 0;
		op.imports = true; /* and tells what it does not purge of it */
		status = pdb__op_write(&op, fn, p, err);
	}
	pdb__op_fini(&op);
	return status;
}

pdb_status pdb_chat_purge_message(pdb_chat *chat, const pdb_message_ref *ref, int64_t until,
				  pdb_err *err)
{
	purge p = {.message = ref->message, .until = until};
	pdb_status status = pdb__id_check(ref->message, "/message", err);

	return status == PDB_OK ? run(chat, ref->thread, message_try, &p, err) : status;
}

pdb_status pdb_chat_purge_thread(pdb_chat *chat, pdb_slice thread, int64_t until, size_t limit,
				 bool *more, pdb_err *err)
{
	purge p = {.until = until, .limit = limit > 0 ? limit : 1};
	pdb_status status = pdb__id_check(thread, "/thread", err);

	if (status == PDB_OK && chat->hooks->count > 0) {
		status = run(chat, thread, mark_try, &p, err);
	}
	if (status == PDB_OK && p.notes.len > 0) {
		status = pdb__hooks_purge(chat, thread, pdb_buf_slice(&p.notes), err);
	}
	if (status == PDB_OK) {
		status = run(chat, thread, thread_try, &p, err);
	}
	pdb_buf_fini(&p.notes);
	*more = status == PDB_OK && p.more;
	return status;
}
