/* SPDX-License-Identifier: Apache-2.0 */
/* Putting a thread back as an export has it: look what is there, run the hooks, write. */
#include "chat/import.h"

static const pdb_caller the_server = {.role = PDB_ROLE_ADMIN, .may_block = true};

/*
 * Until its last line has come a thread is marked as importing: nobody sees it and no list has it.
 * The rows are whole after every batch, so that a crash leaves what the same lines go on with.
 */
typedef struct importing {
	pdb__lines lines;
	/* of the present try */
	uint64_t generation; /* of the thread as it was looked at; 0 = there was none */
	pdb__meta meta;
	pdb__head head;
	size_t stored;
	size_t written; /* bytes of this transaction */
} importing;

static pdb_status conflict(const pdb__line *line, const char *what, pdb_err *err)
{
	if (line->closes) {
		return pdb_err_set(err, PDB_EEXISTS, "import_conflict",
				   "The thread exists, and with another \"%s\".", what);
	}
	return pdb_err_set(err, PDB_EEXISTS, "import_conflict",
			   "The thread exists, and has version %u of message %.*s with another "
			   "\"%s\".",
			   line->record.version, PDB_SLICE_ARGS(line->record.id), what);
}

/* -- looking ---------------------------------------------------------------------------------- */

static pdb_status look_line(pdb__op *op, pdb__line *line, pdb_err *err)
{
	bool whole = op->found && !op->meta.importing;
	pdb_status status = PDB_ENOTFOUND;

	line->known = line->closes && whole;
	if (line->closes) {
		return PDB_OK;
	}
	if (op->found) {
		status = pdb__message_find(op, line->record.id, &line->place, err);
	}
	if (status == PDB_OK) {
		status = pdb__version_find(op, &line->place, line->record.version, &line->stored,
					   err);
	}
	line->known = status == PDB_OK;
	if (status != PDB_ENOTFOUND) {
		return status;
	}
	return !whole ? PDB_OK
		      : pdb_err_set(err, PDB_EEXISTS, "import_conflict",
				    "The thread exists, and has no version %u of message %.*s.",
				    line->record.version, PDB_SLICE_ARGS(line->record.id));
}

static pdb_status look_try(pdb__op *op, void *arg, pdb_err *err)
{
	importing *run = arg;
	pdb_status status = PDB_OK;

	run->generation = op->found ? op->head.generation : 0;
	run->meta = op->meta;
	run->head = op->head;
	for (size_t i = 0; i < run->lines.count && status == PDB_OK; i++) {
		status = pdb__line_blame(i, look_line(op, &run->lines.list[i], err), err);
	}
	return status;
}

/* -- what is there already --------------------------------------------------------------------- */

static const char *thread_difference(const importing *run, const pdb__line *line)
{
	const pdb__meta *a = &line->meta;
	const pdb__meta *b = &run->meta;
	const struct {
		const char *name;
		bool same;
	} parts[] = {
		{"title", pdb_slice_equal(a->title, b->title)},
		{"author", pdb_slice_equal(a->author, b->author)},
		{"participants", pdb_slice_equal(a->participants, b->participants)},
		{"attributes", pdb_slice_equal(a->attributes, b->attributes)},
		{"created_ts", a->created_ts == b->created_ts},
		{"updated_ts", a->updated_ts == b->updated_ts},
		{"deleted_ts", a->deleted_ts == b->deleted_ts && a->deleted == b->deleted},
		{"last_seq", line->last_seq == run->head.last_seq},
		{"last_ts", line->last_ts == run->head.last_ts},
		{"message_count", line->message_count == run->head.message_count},
		{"activity_ts", line->ns == run->head.last_ns},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!parts[i].same) {
			return parts[i].name;
		}
	}
	return NULL;
}

static const char *message_difference(const pdb__line *line, pdb_slice body)
{
	const pdb__record *a = &line->record;
	const pdb__record *b = &line->stored;
	const struct {
		const char *name;
		bool same;
	} parts[] = {
		{"stored_ts", line->ns == line->place.ns},
		{"seq", a->seq == b->seq},
		{"author", pdb_slice_equal(a->author, b->author)},
		{"role", pdb_slice_equal(a->role, b->role)},
		{"ts", a->ts == b->ts},
		{"body", pdb_slice_equal(a->body, body)},
		{"reply_to", pdb_slice_equal(a->reply_to, b->reply_to)},
		{"reactions", pdb_slice_equal(a->reactions, b->reactions)},
		{"edited_ts", a->edited_ts == b->edited_ts},
		{"deleted", a->deleted == b->deleted},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!parts[i].same) {
			return parts[i].name;
		}
	}
	return NULL;
}

/* The same content again is nothing to do; another is refused. */
static pdb_status compare(pdb__op *op, const importing *run, const pdb__line *line, pdb_err *err)
{
	pdb_slice body = {0};
	const char *difference;
	pdb_status status = PDB_OK;

	if (line->closes) {
		difference = thread_difference(run, line);
	} else {
		status = pdb__hooks_open(op, &line->stored, &body, err);
		difference = status == PDB_OK ? message_difference(line, body) : NULL;
	}
	return difference == NULL ? status : conflict(line, difference, err);
}

/* What hooks make of a version must open as the bytes that the line has. */
static pdb_status seal(pdb__op *op, pdb__line *line, pdb_err *err)
{
	pdb_status status;

	line->sealed = (pdb__sealed){.body = line->record.body, .shown = line->record.body};
	if (line->closes || line->record.deleted) {
		return PDB_OK;
	}
	status = pdb__hooks_seal(op, &line->record, &line->sealed, err);
	if (status == PDB_OK && !pdb_slice_equal(line->sealed.shown, line->record.body)) {
		return pdb__invalid(err, "body_changed", "/body", "A plugin changes the body.");
	}
	return status;
}

/* -- writing ---------------------------------------------------------------------------------- */

static pdb_status begin_thread(pdb__op *op, pdb_err *err)
{
	pdb__meta meta = {.importing = true, .attributes = PDB_SLICE("{}")};

	if (op->notes_seen && op->notes_set) {
		meta.notes = op->notes_now;
	}
	op->found = true;
	return pdb__op_put_meta(op, &meta, err);
}

static pdb_status put_first(pdb__op *op, const pdb__line *line, const pdb__record *record,
			    pdb_err *err)
{
	const pdb__place place = {.ns = line->ns, .seq = record->seq};
	pdb__head *head = &op->head;
	pdb_status status;

	if (record->seq <= head->last_seq || line->ns <= head->last_ns) {
		return pdb__invalid(err, "out_of_order", "/seq",
				    "Message %.*s does not come behind seq %llu of its thread.",
				    PDB_SLICE_ARGS(record->id), (unsigned long long)head->last_seq);
	}
	status = pdb__message_id_put(op, record->id, place.ns, place.seq, err);
	if (status == PDB_EEXISTS) {
		return pdb__invalid(err, "duplicate_id", "/id",
				    "Another message of the thread has the id %.*s.",
				    PDB_SLICE_ARGS(record->id));
	}
	if (status == PDB_OK) {
		status = pdb__message_put(op, &place, record, err);
	}
	/* What was purged has left its place empty. */
	head->purged += record->seq - head->last_seq - 1;
	head->last_seq = record->seq;
	head->last_ts = record->ts;
	head->last_ns = line->ns;
	head->list_ns = line->ns;
	head->all_ns = line->ns;
	head->message_count++;
	return status == PDB_OK ? pdb__op_note(op, PDB_CHANGE_MESSAGE_APPENDED, record, err)
				: status;
}

static pdb_status put_next(pdb__op *op, importing *run, const pdb__line *line,
			   const pdb__record *record, pdb_err *err)
{
	pdb__place place;
	pdb_status status = pdb__message_find(op, record->id, &place, err);

	if (status == PDB_ENOTFOUND ||
	    (status == PDB_OK && place.record.version + 1 != record->version)) {
		return pdb__invalid(err, "version_missing", "/version",
				    "Version %u of message %.*s does not follow the one before.",
				    record->version, PDB_SLICE_ARGS(record->id));
	}
	if (status != PDB_OK) {
		return status;
	}
	if (place.ns != line->ns || place.seq != record->seq || place.record.ts != record->ts ||
	    !pdb_slice_equal(place.record.author, record->author)) {
		return pdb__invalid(err, "invalid_version", "/version",
				    "All versions of message %.*s have one seq, author, ts and "
				    "stored_ts.",
				    PDB_SLICE_ARGS(record->id));
	}
	run->written += place.row.len;
	status = pdb__version_put(op, &place, record, err);
	if (status != PDB_OK) {
		return status;
	}
	return pdb__op_note(
		op, record->deleted ? PDB_CHANGE_MESSAGE_DELETED : PDB_CHANGE_MESSAGE_EDITED,
		record, err);
}

static pdb_status put_message(pdb__op *op, importing *run, const pdb__line *line, pdb_err *err)
{
	pdb__record record = line->record;
	pdb_status status;

	record.body = line->sealed.body;
	record.attachments = line->sealed.attachments;
	status = record.version == 1 ? put_first(op, line, &record, err)
				     : put_next(op, run, line, &record, err);
	if (status == PDB_OK) {
		status = pdb__record_note(op, &record, err);
	}
	run->written += op->arena->row.len + 512;
	if (status == PDB_OK && run->written > PDB__TXN_MAX) {
		return pdb_err_set(err, PDB_ETOOLARGE, "batch_too_large",
				   "The lines are too large together.");
	}
	return status;
}

/* The counters that the messages add up to must be those of the thread. */
static pdb_status judge_end(const pdb__head *head, const pdb__line *line, pdb_err *err)
{
	bool rows = head->last_seq > head->purged;
	bool last = rows && line->last_seq == head->last_seq;

	if (line->message_count != head->message_count || line->last_seq < head->last_seq ||
	    (last && (line->ns != head->last_ns || line->last_ts != head->last_ts)) ||
	    (rows && !last && line->ns <= head->last_ns) || line->ns == 0) {
		return pdb__invalid(err, "incomplete_thread", "/last_seq",
				    "The thread tells of %llu messages up to seq %llu, and its "
				    "lines of %llu up to %llu.",
				    (unsigned long long)line->message_count,
				    (unsigned long long)line->last_seq,
				    (unsigned long long)head->message_count,
				    (unsigned long long)head->last_seq);
	}
	return PDB_OK;
}

/* The last line: from here on the thread is seen. */
static pdb_status put_thread(pdb__op *op, const pdb__line *line, pdb_err *err)
{
	pdb__meta meta = line->meta;
	pdb__head *head = &op->head;
	pdb_status status = judge_end(head, line, err);

	if (status != PDB_OK) {
		return status;
	}
	head->purged += line->last_seq - head->last_seq;
	head->last_seq = line->last_seq;
	head->last_ts = line->last_ts;
	head->last_ns = line->ns;
	head->list_ns = line->ns;
	head->all_ns = line->ns;
	meta.notes = op->meta.notes;
	status = pdb__op_put_meta(op, &meta, err);
	if (status == PDB_OK) {
		status = pdb__list_rows_first(op, err);
	}
	if (status == PDB_OK && meta.deleted) {
		status = pdb__deleted_row_put(op, meta.deleted_ts, pdb_slice_of(NULL, 0), err);
	}
	if (status == PDB_OK) {
		status = pdb__op_note(op, PDB_CHANGE_THREAD_CREATED, NULL, err);
	}
	return status == PDB_OK && meta.deleted
		       ? pdb__op_note(op, PDB_CHANGE_THREAD_DELETED, NULL, err)
		       : status;
}

static pdb_status put_line(pdb__op *op, importing *run, const pdb__line *line, pdb_err *err)
{
	pdb_status status = op->found ? PDB_OK : begin_thread(op, err);

	if (status != PDB_OK) {
		return status;
	}
	if (!op->meta.importing) {
		return pdb__invalid(err, "out_of_order", "/type",
				    "The line comes behind the one of its thread.");
	}
	run->stored++;
	return line->closes ? put_thread(op, line, err) : put_message(op, run, line, err);
}

static pdb_status write_try(pdb__op *op, void *arg, pdb_err *err)
{
	importing *run = arg;
	pdb_status status;

	run->stored = 0;
	run->written = 0;
	if ((op->found ? op->head.generation : 0) != run->generation) {
		return PDB_ESTOP;
	}
	status = pdb__notes_settle(op, err);
	for (size_t i = 0; i < run->lines.count && status == PDB_OK; i++) {
		const pdb__line *line = &run->lines.list[i];

		if (!line->known) {
			status = pdb__line_blame(i, put_line(op, run, line, err), err);
		}
	}
	return status;
}

/* -- all -------------------------------------------------------------------------------------- */

static pdb_status once(pdb__op *op, importing *run, pdb_err *err)
{
	bool fresh = false;
	pdb_status status = pdb__op_read(op, look_try, run, err);

	/* Hooks may block: not in a transaction, and not under the lock. */
	for (size_t i = 0; i < run->lines.count && status == PDB_OK; i++) {
		pdb__line *line = &run->lines.list[i];

		fresh = fresh || !line->known;
		status = line->known ? compare(op, run, line, err) : seal(op, line, err);
		status = pdb__line_blame(i, status, err);
	}
	run->stored = 0;
	return status == PDB_OK && fresh ? pdb__op_write(op, write_try, run, err) : status;
}

pdb_status pdb_chat_import(pdb_chat *chat, pdb_slice thread, pdb_slice text, size_t *stored_out,
			   pdb_outcome *outcome, pdb_err *err)
{
	importing run = {0};
	pdb__op op = {0};
	pdb_status status = pdb__id_check(thread, "/thread", err);

	if (status == PDB_OK) {
		status = pdb__op_init(&op, chat, &the_server, thread, err);
	}
	if (status == PDB_OK) {
		op.imports = true;
		pdb__op_answer(&op, NULL, outcome);
		status = pdb__lines_read(&op, text, &run.lines, err);
	}
	if (status == PDB_OK) {
		status = PDB_ESTOP;
	}
	for (int i = 0; i < PDB__TRIES && status == PDB_ESTOP; i++) {
		status = once(&op, &run, err);
	}
	pdb__op_fini(&op);
	*stored_out = run.stored;
	if (status == PDB_ESTOP) {
		status = pdb_err_set(err, PDB_EBUSY, NULL, "The server is busy; try again.");
	}
	return status;
}
