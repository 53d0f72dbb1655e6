/* SPDX-License-Identifier: Apache-2.0 */
/* One message by its id: where it is, and reading it. */
#include "chat/chat_private.h"

#include "base/log.h"

pdb_status pdb__record_open(pdb_slice thread, pdb_slice row, pdb__record *record, pdb_err *err)
{
	if (pdb__record_decode(row, record)) {
		return PDB_OK;
	}
	return pdb_err_set(err, PDB_ECORRUPT, NULL, "a message row of thread %.*s cannot be read",
			   PDB_SLICE_ARGS(thread));
}

/* The value of one row, in the arena. */
static pdb_status row_get(pdb__op *op, const pdb_keybuf *key, pdb_slice *row, pdb_err *err)
{
	pdb_status status = pdb_txn_get(&op->txn, &key->key, row, err);

	if (status != PDB_OK) {
		return status;
	}
	return pdb__arena_copy(op->arena, *row, row) ? PDB_OK : pdb__no_memory(err);
}

pdb_status pdb__message_find(pdb__op *op, pdb_slice message, pdb__place *place, pdb_err *err)
{
	char position[PDB_POSITION_LEN];
	pdb_keybuf key;
	pdb_slice value;
	pdb_status status;

	pdb_key_message(&key, op->thread, message);
	status = pdb_txn_get(&op->txn, &key.key, &value, err);
	if (status != PDB_OK) {
		return status;
	}
	if (!pdb_position_read(value, &place->ns, &place->seq)) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL,
				   "the id row of message %.*s of thread %.*s cannot be read",
				   PDB_SLICE_ARGS(message), PDB_SLICE_ARGS(op->thread));
	}
	memcpy(position, value.ptr, sizeof(position));
	pdb_key_timeline_at(&key, op->thread, pdb_slice_of(position, sizeof(position)));
	status = row_get(op, &key, &place->row, err);
	if (status == PDB_ENOTFOUND) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL,
				   "message %.*s of thread %.*s is missing from its timeline",
				   PDB_SLICE_ARGS(message), PDB_SLICE_ARGS(op->thread));
	}
	return status == PDB_OK ? pdb__record_open(op->thread, place->row, &place->record, err)
				: status;
}

pdb_status pdb__version_find(pdb__op *op, const pdb__place *place, uint32_t version,
			     pdb__record *record, pdb_err *err)
{
	pdb_keybuf key;
	pdb_slice row;
	pdb_status status;

	if (version == place->record.version) {
		*record = place->record;
		return PDB_OK;
	}
	if (version == 0 || version > place->record.version) {
		return PDB_ENOTFOUND;
	}
	pdb_key_version(&key, op->thread, place->record.id, version);
	status = row_get(op, &key, &row, err);
	return status == PDB_OK ? pdb__record_open(op->thread, row, record, err) : status;
}

pdb_status pdb__record_put(pdb__op *op, const pdb_keybuf *key, const pdb__record *record,
			   pdb_err *err)
{
	pdb_buf *row = &op->arena->row;
	pdb_status status;

	pdb_buf_clear(row);
	pdb__record_encode(record, row);
	status = pdb_buf_status(row, err);
	if (status != PDB_OK) {
		return status;
	}
	if (row->len > PDB_VALUE_MAX) {
		return pdb_err_set(err, PDB_ETOOLARGE, "message_too_large",
				   "The message is too large.");
	}
	op->changed = true;
	return pdb_txn_put(&op->txn, &key->key, pdb_buf_slice(row), err);
}

pdb_status pdb__message_put(pdb__op *op, const pdb__place *place, const pdb__record *record,
			    pdb_err *err)
{
	pdb_keybuf key;

	pdb_key_timeline(&key, op->thread, place->ns, place->seq);
	return pdb__record_put(op, &key, record, err);
}

pdb_status pdb__message_id_put(pdb__op *op, pdb_slice message, uint64_t ns, uint64_t seq,
			       pdb_err *err)
{
	char position[PDB_POSITION_LEN];
	pdb_keybuf key;

	pdb_position_write(position, ns, seq);
	pdb_key_message(&key, op->thread, message);
	return pdb_txn_insert(&op->txn, &key.key, pdb_slice_of(position, sizeof(position)), err);
}

pdb_status pdb__reply_check(pdb__op *op, pdb_slice id, pdb_slice reply_to, const char *field,
			    pdb_err *err)
{
	pdb_status status = PDB_ENOTFOUND;
	pdb_keybuf key;
	pdb_slice value;

	if (!pdb_slice_equal(id, reply_to)) {
		pdb_key_message(&key, op->thread, reply_to);
		status = pdb_txn_get(&op->txn, &key.key, &value, err);
	}
	if (status != PDB_ENOTFOUND) {
		return status;
	}
	return pdb__invalid(err, "reply_to_unknown", field,
			    "There is no such message to reply to in this thread.");
}

/* -- get ------------------------------------------------------------------------------------- */

typedef struct look {
	pdb_slice message;
	bool with_deleted;
	pdb__place place;
} look;

static pdb_status look_try(pdb__op *op, void *arg, pdb_err *err)
{
	look *l = arg;
	pdb_status status = pdb__access_thread(op, PDB_ACTION_MESSAGE_GET, l->with_deleted, err);

	if (status == PDB_OK) {
		status = pdb__message_find(op, l->message, &l->place, err);
	}
	if (status != PDB_OK) {
		return status == PDB_ENOTFOUND && op->judged ? pdb__no_message(err) : status;
	}
	return pdb__access_message(op, PDB_ACTION_MESSAGE_GET, l->with_deleted, &l->place.record,
				   err);
}

/* Ends an answer with the record it is about; `status` is how it went until here. */
static pdb_status show_last(pdb__op *op, const pdb__record *record, pdb_status status, pdb_err *err)
{
	if (status == PDB_OK) {
		status = pdb__record_render(op, record, op->out, err);
	}
	if (status == PDB_OK) {
		status = pdb_buf_status(op->out, err);
	}
	if (status != PDB_OK) {
		return pdb__op_undo(op, status);
	}
	pdb__op_name_message(op, record->id, record->version);
	return PDB_OK;
}

static pdb_status get_run(pdb__op *op, look *l, pdb_err *err)
{
	pdb_status status = pdb__op_read(op, look_try, l, err);

	return show_last(op, &l->place.record, status, err);
}

pdb_status pdb_chat_message_get(pdb_chat *chat, const pdb_caller *caller,
				const pdb_message_ref *ref, bool with_deleted, pdb_buf *out,
				pdb_outcome *outcome, pdb_err *err)
{
	look l = {.message = ref->message, .with_deleted = with_deleted};
	pdb__op op = {0};
	pdb_status status = pdb__id_check(ref->message, "/message", err);

	if (status == PDB_OK) {
		status = pdb__op_init(&op, chat, caller, ref->thread, err);
	}
	if (status == PDB_OK) {
		pdb__op_answer(&op, out, outcome);
		status = get_run(&op, &l, err);
	}
	pdb__op_fini(&op);
	return status;
}

/* -- versions -------------------------------------------------------------------------------- */

typedef struct old_row {
	struct old_row *next;
	pdb_slice row;
} old_row;

typedef struct history {
	pdb_slice message;
	pdb__place place;
	pdb__op *op;
	old_row *first;
	old_row **end;
	size_t bytes;
} history;

static pdb_status collect(void *arg, pdb_slice key, pdb_slice value)
{
	history *h = arg;
	old_row *old = pdb__arena_alloc(h->op->arena, sizeof(*old));

	(void)key;
	if (old == NULL || !pdb__arena_copy(h->op->arena, value, &old->row)) {
		return PDB_ENOMEM;
	}
	old->next = NULL;
	*h->end = old;
	h->end = &old->next;
	h->bytes += value.len;
	return h->bytes > PDB__ANSWER_MAX ? PDB_ETOOLARGE : PDB_OK;
}

static pdb_status versions_try(pdb__op *op, void *arg, pdb_err *err)
{
	history *h = arg;
	pdb_keybuf prefix;
	pdb_keybuf end;
	pdb_range range = {0};
	pdb_status status = pdb__access_thread(op, PDB_ACTION_MESSAGE_VERSIONS, false, err);

	if (status != PDB_OK) {
		return status;
	}
	status = pdb__message_find(op, h->message, &h->place, err);
	if (status == PDB_ENOTFOUND) {
		return pdb__no_message(err);
	}
	if (status == PDB_OK) {
		status = pdb__access_message(op, PDB_ACTION_MESSAGE_VERSIONS, false,
					     &h->place.record, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	h->op = op;
	h->first = NULL;
	h->end = &h->first;
	h->bytes = 0;
	pdb_key_version_prefix(&prefix, op->thread, h->message);
	pdb_key_prefix_end(&end, &prefix);
	range.partition = prefix.key.partition;
	range.from = prefix.key.bytes;
	range.to = end.key.bytes;
	status = pdb_txn_scan(&op->txn, &range, collect, h, err);
	if (status == PDB_ETOOLARGE) {
		return pdb_err_set(err, status, "too_many_versions",
				   "The versions are too large for one answer.");
	}
	return status;
}

static pdb_status versions_run(pdb__op *op, history *h, pdb_err *err)
{
	pdb_status status = pdb__op_read(op, versions_try, h, err);
	pdb__record record;

	for (const old_row *old = h->first; old != NULL && status == PDB_OK; old = old->next) {
		status = pdb__record_open(op->thread, old->row, &record, err);
		if (status == PDB_OK) {
			status = pdb__record_render(op, &record, op->out, err);
		}
		pdb_buf_add_byte(op->out, ',');
	}
	return show_last(op, &h->place.record, status, err);
}

pdb_status pdb_chat_message_versions(pdb_chat *chat, const pdb_caller *caller,
				     const pdb_message_ref *ref, pdb_buf *out, pdb_outcome *outcome,
				     pdb_err *err)
{
	history h = {.message = ref->message};
	pdb__op op = {0};
	pdb_status status = pdb__id_check(ref->message, "/message", err);

	if (status == PDB_OK) {
		status = pdb__op_init(&op, chat, caller, ref->thread, err);
	}
	if (status == PDB_OK) {
		pdb__op_answer(&op, out, outcome);
		status = versions_run(&op, &h, err);
	}
	pdb__op_fini(&op);
	return status;
}
