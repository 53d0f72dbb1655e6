/* SPDX-License-Identifier: Apache-2.0 */
/* Traces: in which threads a user may have left something, and the work of finding out. */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "chat/walk.h"

#define STEP_TIME (50 * PDB_NS_PER_MS)
#define PERIOD    (10 * PDB_NS_PER_SECOND)
/* What a guest row holds from the beginning of an erasure until the user comes back. */
#define ERASING PDB_SLICE("e")

static const pdb_caller the_server = {.role = PDB_ROLE_ADMIN, .may_block = true};

/* -- rows ------------------------------------------------------------------------------------- */

pdb_status pdb__trace_put(pdb__op *op, pdb_slice user, pdb_err *err)
{
	pdb_keybuf key;

	pdb_key_trace(&key, user, op->thread);
	return pdb_txn_put(&op->txn, &key.key, pdb_slice_of(NULL, 0), err);
}

static pdb_status guest_write(pdb__op *op, pdb_slice user, pdb_slice value, pdb_err *err)
{
	pdb_keybuf key;

	pdb_key_guest(&key, op->thread, user);
	return pdb_txn_put(&op->txn, &key.key, value, err);
}

pdb_status pdb__guest_put(pdb__op *op, pdb_slice user, pdb_err *err)
{
	return guest_write(op, user, pdb_slice_of(NULL, 0), err);
}

pdb_status pdb__guest_mark(pdb__op *op, pdb_slice user, pdb_err *err)
{
	pdb_status status = guest_write(op, user, ERASING, err);

	return status == PDB_OK ? pdb__trace_put(op, user, err) : status;
}

pdb_status pdb__guest_marked(pdb__op *op, pdb_slice user, bool *marked, pdb_err *err)
{
	pdb_keybuf key;
	pdb_slice value;
	pdb_status status;

	pdb_key_guest(&key, op->thread, user);
	status = pdb_txn_get(&op->txn, &key.key, &value, err);
	*marked = status == PDB_OK && pdb_slice_equal(value, ERASING);
	return status == PDB_ENOTFOUND ? PDB_OK : status;
}

pdb_status pdb__guest_note(pdb__op *op, pdb_slice user, pdb_err *err)
{
	pdb_keybuf key;
	pdb_slice value;
	pdb_status status;

	if (pdb__member_in(&op->meta, user)) {
		return PDB_OK;
	}
	pdb_key_guest(&key, op->thread, user);
	status = pdb_txn_get(&op->txn, &key.key, &value, err);
	if (status != PDB_ENOTFOUND && (status != PDB_OK || value.len == 0)) {
		return status;
	}
	op->changed = true;
	status = pdb__guest_put(op, user, err);
	return status == PDB_OK ? pdb__trace_put(op, user, err) : status;
}

static pdb_status remove_row(pdb__op *op, const pdb_keybuf *key, pdb_err *err)
{
	pdb_status status = pdb_txn_remove(&op->txn, &key->key, err);

	return status == PDB_ENOTFOUND ? PDB_OK : status;
}

pdb_status pdb__trace_remove(pdb__op *op, pdb_slice user, pdb_err *err)
{
	pdb_keybuf key;
	pdb_status status;

	pdb_key_trace(&key, user, op->thread);
	status = remove_row(op, &key, err);
	pdb_key_guest(&key, op->thread, user);
	return status == PDB_OK ? remove_row(op, &key, err) : status;
}

pdb_status pdb__guests_remove(pdb__op *op, bool *more, pdb_err *err)
{
	pdb__chunk *c = pdb__arena_alloc(op->arena, sizeof(*c));
	pdb_keybuf from;
	pdb_keybuf to;
	pdb_status status;

	if (c == NULL) {
		return pdb__no_memory(err);
	}
	memset(c, 0, sizeof(*c));
	c->op = op;
	pdb__chunk_limit(c, PDB__CHUNK);
	pdb_key_guest_prefix(&from, op->thread);
	status = pdb__chunk_aim(c, &from, &to, pdb_slice_of(NULL, 0), false, err);
	if (status == PDB_OK) {
		status = pdb__chunk_read(op, c, err);
	}
	for (size_t i = 0; i < c->count && status == PDB_OK; i++) {
		const pdb_key row = {.partition = op->thread, .bytes = c->keys[i]};

		if (pdb_key_trace_twin(&to, c->keys[i])) {
			status = remove_row(op, &to, err);
		}
		status = status == PDB_OK ? pdb_txn_remove(&op->txn, &row, err) : status;
	}
	op->changed = op->changed || c->count > 0;
	*more = c->count == PDB__CHUNK;
	return status;
}

/* -- who a record speaks of ------------------------------------------------------------------- */

static bool next_json(const pdb__record *record, size_t *cursor, pdb_slice *json)
{
	size_t inner = *cursor - 1;
	pdb_slice key;
	pdb_slice entry;

	if (record->reactions.len == 0 || !pdb_json_next(record->reactions, &inner, &key, &entry)) {
		return false;
	}
	*cursor = inner + 1;
	if (!pdb_json_member(entry, "id", json)) {
		*json = pdb_slice_of(NULL, 0);
	}
	return true;
}

bool pdb__record_user(const pdb__record *record, size_t *cursor, char out[PDB__USER_SIZE],
		      pdb_slice *user)
{
	pdb_slice json = record->author;

	do {
		if (*cursor == 0) {
			*cursor = 1;
		} else if (!next_json(record, cursor, &json)) {
			return false;
		}
		/* nobody has an id that is longer, or none */
	} while (json.len < 2 || json.len > PDB__USER_SIZE || json.ptr[0] != '"');
	*user = pdb_slice_of(out, pdb_json_unescape(json, out));
	return true;
}

pdb_status pdb__record_note(pdb__op *op, const pdb__record *record, pdb_err *err)
{
	char text[PDB__USER_SIZE];
	size_t cursor = 0;
	pdb_slice user;
	pdb_status status = PDB_OK;

	while (status == PDB_OK && pdb__record_user(record, &cursor, text, &user)) {
		status = pdb__guest_note(op, user, err);
	}
	return status;
}

/* -- rows that an older program did not make -------------------------------------------------- */

/* Where the work is: in `thread`, behind `after`. */
typedef struct filling {
	char thread[PDB_ID_MAX + 1];
	char after[PDB_POSITION_LEN + 1];
} filling;

static pdb_status note_version(pdb__op *op, const pdb__place *place, pdb__record *version,
			       void *arg, pdb_err *err)
{
	(void)place, (void)arg;
	return pdb__record_note(op, version, err);
}

static pdb_status note_members(pdb__op *op, void *arg, pdb_err *err)
{
	size_t cursor = 0;
	pdb_slice one;
	pdb_status status;

	(void)arg;
	if (!op->found || op->meta.importing) {
		return PDB_OK; /* who is in it is told last */
	}
	op->changed = true;
	status = pdb__trace_put(op, op->meta.author, err);
	while (status == PDB_OK && pdb__participant_next(op->meta.participants, &cursor, &one)) {
		status = pdb__trace_put(op, one, err);
	}
	return status;
}

/* False for most: a first version by a member, to which only members reacted. */
static bool has_guests(const pdb__meta *meta, const pdb__record *record)
{
	char text[PDB__USER_SIZE];
	size_t cursor = 0;
	pdb_slice user;

	while (pdb__record_user(record, &cursor, text, &user)) {
		if (!pdb__member_in(meta, user)) {
			return true;
		}
	}
	return record->version > 1;
}

static pdb_status note_message(pdb__op *op, pdb_slice row, pdb_err *err)
{
	pdb__record record;
	pdb_status status = pdb__record_open(op->thread, row, &record, err);
	const pdb_message_ref ref = {op->thread, record.id};

	if (status != PDB_OK || !has_guests(&op->meta, &record)) {
		return status;
	}
	return pdb__versions_visit(op->chat, &ref, note_version, NULL, err);
}

/* A damaged row must not keep all others waiting; it is the check's business. */
static pdb_status pass_over(pdb_status status, const pdb_err *err)
{
	if (status != PDB_ECORRUPT) {
		return status;
	}
	pdb_log(PDB_LOG_ERROR, "chat", "%s", err != NULL ? err->text : "damaged");
	return PDB_OK;
}

/* The next messages of a thread, and its members with the first; *more says that there are others.
 */
static pdb_status fill_messages(pdb__op *op, filling *f, bool *more, pdb_err *err)
{
	pdb__chunk c = {0};
	pdb_status status = pdb__chunk_messages(op, &c, pdb_slice_text(f->after), PDB__CHUNK, err);

	if (status == PDB_OK && f->after[0] == '\0') {
		status = pdb__op_write(op, note_members, NULL, err);
	}
	for (size_t i = 0; i < c.count && status == PDB_OK; i++) {
		status = pass_over(note_message(op, c.rows[i], err), err);
		(void)snprintf(f->after, sizeof(f->after), "%.*s",
			       PDB_SLICE_ARGS(pdb__chunk_position(c.keys[i])));
	}
	*more = status == PDB_OK && c.count == c.range.limit;
	return status;
}

static pdb_status fill_piece(pdb_chat *chat, filling *f, bool *more, pdb_err *err)
{
	pdb__op op;
	pdb_status status = pdb__op_init(&op, chat, &the_server, pdb_slice_text(f->thread), err);

	*more = false;
	op.imports = true;
	if (status == PDB_OK) {
		status = fill_messages(&op, f, more, err);
	}
	pdb__op_fini(&op);
	/* one that is being purged is done with */
	return status == PDB_ENOTFOUND ? PDB_OK : pass_over(status, err);
}

static pdb_status advance(pdb_chat *chat, filling *f, bool *more, pdb_err *err)
{
	char from[sizeof("thread:") + sizeof(f->thread)];
	bool inside = false;
	pdb_status status = PDB_OK;

	if (f->thread[0] != '\0') {
		status = fill_piece(chat, f, &inside, err);
	}
	if (status == PDB_OK && !inside) {
		/* ';' follows ':': the rows of this thread are passed over */
		(void)snprintf(from, sizeof(from), "thread:%s%s", f->thread,
			       f->thread[0] != '\0' ? ";" : "");
		f->after[0] = '\0';
		status = pdb__thread_next(chat, from, f->thread, err);
	}
	*more = status == PDB_OK && f->thread[0] != '\0';
	return status;
}

/* Reads "<t>:<position>"; empty at first. */
static void filling_read(filling *f, pdb_slice text)
{
	const uint8_t *colon = text.len > 0 ? memchr(text.ptr, ':', text.len) : NULL;
	size_t len = colon != NULL ? (size_t)(colon - text.ptr) : 0;

	(void)snprintf(f->thread, sizeof(f->thread), "%.*s",
		       PDB_SLICE_ARGS(pdb_slice_of(text.ptr, len)));
	(void)snprintf(f->after, sizeof(f->after), "%.*s",
		       PDB_SLICE_ARGS(pdb_slice_skip(text, len + 1)));
}

/* False with PDB_OK when nothing is to be done. */
static pdb_status load(pdb_chat *chat, filling *f, bool *found, pdb_err *err)
{
	pdb_txn txn = {0};
	pdb_keybuf key;
	pdb_slice value;
	pdb_status status = pdb_store_begin(chat->store, false, &txn, err);

	*found = false;
	pdb_key_meta(&key, PDB_META_UNTRACED);
	if (status == PDB_OK) {
		status = pdb_txn_get(&txn, &key.key, &value, err);
	}
	if (status == PDB_OK) {
		filling_read(f, value);
		*found = true;
	}
	pdb_txn_abort(&txn);
	return status == PDB_ENOTFOUND ? PDB_OK : status;
}

/* Writes how far it is; with `done` that is all the way. */
static pdb_status save(pdb_chat *chat, const filling *f, bool done, pdb_err *err)
{
	char text[sizeof(*f) + 1];
	pdb_txn txn = {0};
	pdb_keybuf key;
	pdb_status status = pdb_store_begin(chat->store, true, &txn, err);

	pdb_key_meta(&key, PDB_META_UNTRACED);
	(void)snprintf(text, sizeof(text), "%s:%s", f->thread, f->after);
	if (status == PDB_OK) {
		status = done ? pdb_txn_remove(&txn, &key.key, err)
			      : pdb_txn_put(&txn, &key.key, pdb_slice_text(text), err);
	}
	if (status == PDB_OK || status == PDB_ENOTFOUND) {
		status = pdb_txn_commit(&txn, NULL, err);
	}
	pdb_txn_abort(&txn);
	return status;
}

pdb_status pdb__traces_load(pdb_chat *chat, pdb_err *err)
{
	filling f;
	bool found;
	pdb_status status = load(chat, &f, &found, err);

	atomic_store(&chat->traced, status == PDB_OK && !found);
	return status;
}

static pdb_status fill_a_while(pdb_chat *chat, filling *f, bool *more, pdb_err *err)
{
	int64_t until = pdb_clock_monotonic() + STEP_TIME;
	pdb_status status;

	do {
		status = advance(chat, f, more, err);
	} while (status == PDB_OK && *more && pdb_clock_monotonic() < until);
	return status;
}

/* With an engine that cannot scan across partitions all threads are looked at for good. */
pdb_status pdb__traces_step(pdb_chat *chat, bool *more, pdb_err *err)
{
	filling f;
	bool found = false;
	pdb_status status = PDB_OK;

	*more = false;
	if (!atomic_load(&chat->traced) &&
	    (pdb_store_capabilities(chat->store) & PDB_STORAGE_GLOBAL_SCAN) != 0) {
		status = load(chat, &f, &found, err);
	}
	if (status != PDB_OK || !found) {
		return status;
	}
	status = fill_a_while(chat, &f, more, err);
	if (status == PDB_OK) {
		status = save(chat, &f, !*more, err);
	}
	if (status == PDB_OK && !*more) {
		atomic_store(&chat->traced, true);
		pdb_log(PDB_LOG_INFO, "chat", "the traces of all users are complete");
	}
	return status;
}

static pdb_status job_step(void *self, pdb_job_run *run, pdb_err *err)
{
	pdb_chat *chat = self;
	bool more;
	pdb_status status = pdb__traces_step(chat, &more, err);

	if (status == PDB_OK && !more && chat->host != NULL) {
		chat->host->job_done(run);
	}
	return status;
}

const pdb_job pdb_chat_trace_job = {
	.size = sizeof(pdb_job),
	.name = "chat_traces",
	.period = PERIOD,
	.step = job_step,
};
