/* SPDX-License-Identifier: Apache-2.0 */
/* A user taken out of a thread of somebody else, piece by piece. */
#include "chat/erase.h"

#include "base/json.h"

typedef struct erasing {
	pdb_slice user;
	pdb_slice user_json;
	bool held;  /* nothing may be changed: what is found is told */
	bool found; /* in the present message */
	bool back;  /* it left something since the beginning */
} erasing;

void pdb__piece_reach(pdb_piece *out, pdb_slice cursor)
{
	size_t len = cursor.len < sizeof(out->cursor) ? cursor.len : sizeof(out->cursor) - 1;

	if (len > 0) {
		memcpy(out->cursor, cursor.ptr, len);
	}
	out->cursor[len] = '\0';
}

/* -- reactions -------------------------------------------------------------------------------- */

/* A deletion hides reactions, and an edit leaves those that there were then in the older version:
 * each version is looked at. */
static pdb_status drop_reaction(pdb__op *op, const pdb__place *place, pdb__record *version,
				void *arg, pdb_err *err)
{
	erasing *e = arg;
	bool latest = version->version == place->record.version;
	pdb_keybuf key;
	pdb_status status;

	if (!pdb__reaction_in(version->reactions, e->user_json)) {
		return PDB_OK;
	}
	e->found = true;
	if (e->held) {
		return PDB_OK;
	}
	status = pdb__reaction_drop(op, version, e->user_json, err);
	if (status != PDB_OK) {
		return status;
	}
	if (latest) {
		pdb_key_timeline(&key, op->thread, place->ns, place->seq);
	} else {
		pdb_key_version(&key, op->thread, version->id, version->version);
	}
	status = pdb__record_put(op, &key, version, err);
	return status == PDB_OK && latest
		       ? pdb__op_note(op, PDB_CHANGE_REACTION_REMOVED, version, err)
		       : status;
}

/* -- messages --------------------------------------------------------------------------------- */

static pdb_status erase_message(pdb_chat *chat, erasing *e, const pdb__record *record, pdb_err *err)
{
	const pdb_message_ref ref = {record->thread, record->id};
	pdb_status status = PDB_OK;

	e->found = pdb_slice_equal(record->author, e->user_json);
	if (e->found && !e->held) {
		status = pdb_chat_purge_message(chat, &ref, 0, err);
	} else if (!e->found &&
		   (record->version > 1 || pdb__reaction_in(record->reactions, e->user_json))) {
		status = pdb__versions_visit(chat, &ref, drop_reaction, e, err);
	}
	if (e->found && e->held) {
		return pdb__held(err);
	}
	return status == PDB_ENOTFOUND ? PDB_OK : status;
}

/* -- its part in the thread ------------------------------------------------------------------- */

static pdb_status take_out(pdb__op *op, pdb_slice user, pdb_err *err)
{
	pdb_buf *list = &op->arena->text;
	pdb__meta meta = op->meta;
	size_t cursor = 0;
	pdb_slice one;
	pdb_status status;

	pdb_buf_clear(list);
	meta.participant_count--;
	while (pdb__participant_next(op->meta.participants, &cursor, &one)) {
		if (!pdb_slice_equal(one, user)) {
			pdb__participant_add(list, one);
		}
	}
	if (list->failed || !pdb__arena_copy(op->arena, pdb_buf_slice(list), &meta.participants)) {
		return pdb__no_memory(err);
	}
	status = pdb__list_row_remove(op, user, op->head.list_ns, err);
	if (status == PDB_OK) {
		status = pdb__op_put_meta(op, &meta, err);
	}
	return status == PDB_OK ? pdb__op_note(op, PDB_CHANGE_THREAD_UPDATED, NULL, err) : status;
}

/* With it the user is out, and marked: what it leaves from now on takes the mark away. */
static pdb_status begin_try(pdb__op *op, void *arg, pdb_err *err)
{
	const erasing *e = arg;
	pdb_status status = PDB_OK;

	if (!op->found || op->meta.purging || op->meta.importing) {
		return pdb__no_thread(err);
	}
	if (pdb__thread_held(&op->meta) && pdb__member_in(&op->meta, e->user)) {
		return pdb__held(err);
	}
	if (pdb__participant_in(op->meta.participants, e->user)) {
		status = take_out(op, e->user, err);
	}
	op->changed = true;
	return status == PDB_OK ? pdb__guest_mark(op, e->user, err) : status;
}

static pdb_status end_try(pdb__op *op, void *arg, pdb_err *err)
{
	erasing *e = arg;
	bool marked = false;
	pdb_status status = PDB_OK;

	e->back = false;
	if (!op->found) {
		return PDB_OK;
	}
	status = pdb__guest_marked(op, e->user, &marked, err);
	e->back = !marked || pdb__member_in(&op->meta, e->user);
	if (status != PDB_OK || e->back) {
		return status;
	}
	op->changed = true;
	return pdb__trace_remove(op, e->user, err);
}

static pdb_status erase_messages(pdb__op *op, erasing *e, const pdb__chunk *c, pdb_piece *out,
				 pdb_err *err)
{
	pdb_status status = PDB_OK;

	e->held = pdb__thread_held(&op->meta);
	for (size_t i = 0; i < c->count && status == PDB_OK; i++) {
		pdb__record record;

		status = pdb__record_open(op->thread, c->rows[i], &record, err);
		if (status == PDB_OK) {
			status = erase_message(op->chat, e, &record, err);
			out->done += e->found;
		}
		if (status == PDB_OK) {
			pdb__piece_reach(out, pdb__chunk_position(c->keys[i]));
		}
	}
	return status;
}

/* Who came back before the last message was looked at may have reacted to an earlier one. */
static pdb_status end(pdb__op *op, erasing *e, pdb_piece *out, pdb_err *err)
{
	pdb_status status = pdb__op_write(op, end_try, e, err);

	if (status == PDB_OK && e->back) {
		out->more = true;
		out->cursor[0] = '\0';
	}
	return status;
}

pdb_status pdb__erase_piece(pdb__op *op, pdb_slice user, size_t limit, pdb_piece *out, pdb_err *err)
{
	erasing e = {.user = user};
	pdb__chunk c = {0};
	pdb_buf json = {0};
	pdb_status status;

	pdb_json_add_string(&json, user);
	status = pdb_buf_status(&json, err);
	e.user_json = pdb_buf_slice(&json);
	if (status == PDB_OK && out->cursor[0] == '\0') {
		op->purges = true; /* what is purged or imported is none, not one to wait for */
		status = pdb__op_write(op, begin_try, &e, err);
		op->purges = false;
	}
	if (status == PDB_OK) {
		status = pdb__chunk_messages(op, &c, pdb_slice_text(out->cursor), limit, err);
	}
	if (status == PDB_OK) {
		status = erase_messages(op, &e, &c, out, err);
	}
	out->more = status == PDB_OK && c.count == c.range.limit;
	if (status == PDB_OK && !out->more) {
		status = end(op, &e, out, err);
	}
	pdb_buf_fini(&json);
	return status;
}
