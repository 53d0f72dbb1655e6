/* SPDX-License-Identifier: Apache-2.0 */
/* Walks in pieces: rows that are read in one transaction and worked on outside of it. */
#include "chat/walk.h"

static const pdb_caller the_server = {.role = PDB_ROLE_ADMIN, .may_block = true};

/* -- chunks ----------------------------------------------------------------------------------- */

static pdb_status collect(void *arg, pdb_slice key, pdb_slice value)
{
	pdb__chunk *c = arg;

	if (!pdb__arena_copy(c->op->arena, key, &c->keys[c->count]) ||
	    (c->values && !pdb__arena_copy(c->op->arena, value, &c->rows[c->count]))) {
		return PDB_ENOMEM;
	}
	c->count++;
	return c->count == c->range.limit ? PDB_ESTOP : PDB_OK;
}

pdb_status pdb__chunk_read(pdb__op *op, void *arg, pdb_err *err)
{
	pdb__chunk *c = arg;

	c->count = 0;
	return pdb_txn_scan(&op->txn, &c->range, collect, c, err);
}

void pdb__chunk_limit(pdb__chunk *c, size_t limit)
{
	c->range.limit = limit < PDB__CHUNK ? limit : PDB__CHUNK;
}

pdb_status pdb__chunk_aim(pdb__chunk *c, pdb_keybuf *from, pdb_keybuf *to, pdb_slice after,
			  bool reverse, pdb_err *err)
{
	pdb_key_prefix_end(to, from);
	if (after.len > 0) {
		pdb_keybuf *end = reverse ? to : from;
		size_t len = from->key.bytes.len;

		if (after.len >= PDB_CURSOR_SIZE || len + after.len + 1 > sizeof(end->text)) {
			return pdb_err_set(err, PDB_EINVAL, "invalid_cursor",
					   "The cursor is not one of this walk.");
		}
		*end = *from;
		memcpy(end->text + len, after.ptr, after.len);
		end->text[len + after.len] = '\0';
		end->key.partition = from->key.partition;
		/* a key and a NUL is the least one behind it */
		end->key.bytes = pdb_slice_of(end->text, len + after.len + (reverse ? 0 : 1));
	}
	c->range.partition = from->key.partition;
	c->range.from = from->key.bytes;
	c->range.to = to->key.bytes;
	c->range.reverse = reverse;
	return PDB_OK;
}

pdb_status pdb__chunk_messages(pdb__op *op, pdb__chunk *c, pdb_slice after, size_t limit,
			       pdb_err *err)
{
	pdb_keybuf prefix;
	pdb_keybuf to;
	pdb_status status;

	c->op = op;
	c->values = true;
	pdb__chunk_limit(c, limit);
	pdb_key_timeline_prefix(&prefix, op->thread);
	status = pdb__chunk_aim(c, &prefix, &to, after, false, err);
	if (status == PDB_OK) {
		status = pdb__op_read(op, pdb__chunk_read, c, err);
	}
	return status == PDB_OK && !op->found ? pdb__no_thread(err) : status;
}

pdb_slice pdb__chunk_position(pdb_slice key)
{
	return pdb_slice_skip(key, key.len - PDB_POSITION_LEN);
}

/* -- versions --------------------------------------------------------------------------------- */

typedef struct visit {
	pdb_slice message;
	pdb__version_fn fn;
	void *arg;
	uint32_t next;    /* what this transaction begins with */
	uint32_t reached; /* and the next one */
	bool more;
} visit;

static pdb_status visit_try(pdb__op *op, void *arg, pdb_err *err)
{
	visit *v = arg;
	pdb__place place;
	size_t bytes = 0;
	pdb_status status =
		op->found ? pdb__message_find(op, v->message, &place, err) : PDB_ENOTFOUND;

	v->more = false;
	if (status != PDB_OK) {
		return status == PDB_ENOTFOUND ? PDB_OK : status;
	}
	v->reached = v->next;
	while (status == PDB_OK && v->reached <= place.record.version && bytes < PDB__TXN_MAX / 2) {
		pdb__record record;

		status = pdb__version_find(op, &place, v->reached++, &record, err);
		if (status == PDB_OK) {
			bytes += record.json.len + record.attachments.len;
			status = v->fn(op, &place, &record, v->arg, err);
		}
		status = status == PDB_ENOTFOUND ? PDB_OK : status;
	}
	v->more = v->reached <= place.record.version;
	return status;
}

pdb_status pdb__versions_visit(pdb_chat *chat, const pdb_message_ref *ref, pdb__version_fn fn,
			       void *arg, pdb_err *err)
{
	visit v = {.message = ref->message, .fn = fn, .arg = arg, .reached = 1, .more = true};
	pdb_status status = PDB_OK;

	while (status == PDB_OK && v.more) {
		pdb__op op;

		v.next = v.reached;
		status = pdb__op_init(&op, chat, &the_server, ref->thread, err);
		op.imports = true;
		if (status == PDB_OK) {
			status = pdb__op_write(&op, visit_try, &v, err);
		}
		pdb__op_fini(&op);
	}
	return status;
}

/* -- threads by their ids --------------------------------------------------------------------- */

static pdb_status first_row(void *arg, pdb_slice key, pdb_slice value)
{
	char *thread = arg;
	pdb_slice rest = pdb_slice_skip(key, strlen("thread:"));
	size_t len = 0;

	(void)value;
	while (len < rest.len && len < PDB_ID_MAX && rest.ptr[len] != ':') {
		len++;
	}
	if (len > 0) {
		memcpy(thread, rest.ptr, len);
	}
	thread[len] = '\0';
	return PDB_ESTOP;
}

pdb_status pdb__thread_next(pdb_chat *chat, const char *from, char thread[PDB_ID_MAX + 1],
			    pdb_err *err)
{
	pdb_range range = {.to = PDB_SLICE("thread;"), .limit = 1};
	pdb_txn txn = {0};
	pdb_status status = pdb_store_begin(chat->store, false, &txn, err);

	range.from = pdb_slice_text(from);
	thread[0] = '\0';
	if (status == PDB_OK) {
		status = pdb_txn_scan(&txn, &range, first_row, thread, err);
	}
	pdb_txn_abort(&txn);
	return status;
}
