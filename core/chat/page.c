/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: a walk along the timeline that stops at the limit, and stored bytes copied out. */
#include "base/log.h"
#include "chat/chat_private.h"

/* Rows passed over (deleted ones) before the scan is taken up anew. */
#define CHUNK_EXTRA 256u

typedef struct row {
	pdb_slice bytes;
	pdb__row_head head; /* with an opener, its attachments were cut to this */
	uint64_t ns;
	uint64_t seq;
} row;

/* One walk from a place, forward or back. Gathers up to `want` rows, and whether more follow. */
typedef struct walk {
	pdb__op *op;
	bool with_deleted;
	bool reverse;
	bool whole; /* rows are copied with all their attachments */
	uint32_t want;
	row *rows; /* in the order met */
	uint32_t count;
	size_t bytes;
	bool more;
	bool torn;   /* ended early: a row was cut that no hook has in memory */
	size_t seen; /* rows of this chunk */
	uint64_t last_ns;
	uint64_t last_seq;
} walk;

typedef struct page {
	const pdb_message_query *query;
	uint32_t limit;
	bool whole;
	walk before; /* shown first, last row first */
	walk after;
	pdb_message_page *result;
} page;

/* Copies the row, with as much of its attachments as may do to open it. */
static bool row_copy(const walk *w, row *r, const pdb__record *record, pdb_slice value)
{
	size_t before = value.len - record->attachments.len;
	size_t len = value.len;
	uint8_t *copy;

	r->head = w->whole ? (pdb__row_head){0} : pdb__hooks_head(w->op->chat, record->attachments);
	if (r->head.opener != NULL) {
		len = before + PDB__ATTACHMENT_HEAD + r->head.bytes.len;
	}
	copy = pdb__arena_alloc(w->op->arena, len);
	if (copy == NULL) {
		return false;
	}
	memcpy(copy, value.ptr, len);
	r->bytes = pdb_slice_of(copy, len);
	if (r->head.opener != NULL) {
		r->head.bytes.ptr =
			pdb__attachment_head(copy + before, record->attachments, r->head.bytes.len);
	}
	return true;
}

/* Whether the row gathered last, if it was cut, is in memory. */
static bool last_is_kept(const walk *w, const pdb__row_head *next)
{
	pdb__row_head last = w->count > 0 ? w->rows[w->count - 1].head : (pdb__row_head){0};

	return pdb__hooks_ahead(&last, next);
}

static pdb_status gather(void *arg, pdb_slice key, pdb_slice value)
{
	walk *w = arg;
	pdb__record record;
	row *r;

	w->seen++;
	if (!pdb_key_timeline_position(key, &w->last_ns, &w->last_seq)) {
		return PDB_OK;
	}
	if (!pdb__record_decode(value, &record)) {
		/* One damaged row must not hide the others. */
		pdb_log(PDB_LOG_ERROR, "chat", "the message row %.*s cannot be read",
			PDB_SLICE_ARGS(key));
		return PDB_OK;
	}
	if (record.deleted && !w->with_deleted) {
		return PDB_OK;
	}
	if (w->count == w->want || (w->count > 0 && w->bytes + value.len > PDB__ANSWER_MAX)) {
		w->more = true;
		return PDB_ESTOP;
	}
	r = &w->rows[w->count];
	if (!row_copy(w, r, &record, value)) {
		return PDB_ENOMEM;
	}
	if (!last_is_kept(w, &r->head)) {
		w->torn = true;
		return PDB_ESTOP;
	}
	r->ns = w->last_ns;
	r->seq = w->last_seq;
	w->count++;
	w->bytes += value.len;
	return PDB_OK;
}

/*
 * Walks from the place (ns, seq): forward with that place included, back without it. In chunks,
 * each a seek of its own, so that a long run of deleted messages is no long scan.
 */
static pdb_status walk_run(walk *w, uint64_t ns, uint64_t seq, pdb_err *err)
{
	pdb_slice thread = w->op->thread;
	pdb_keybuf prefix;
	pdb_keybuf end;
	pdb_keybuf edge;
	pdb_range range = {.limit = w->want + 1 + CHUNK_EXTRA, .reverse = w->reverse};
	pdb_status status;

	pdb_key_timeline_prefix(&prefix, thread);
	pdb_key_prefix_end(&end, &prefix);
	range.partition = prefix.key.partition;
	do {
		pdb_key_timeline(&edge, thread, ns, seq);
		range.from = w->reverse ? prefix.key.bytes : edge.key.bytes;
		range.to = w->reverse ? edge.key.bytes : end.key.bytes;
		w->seen = 0;
		status = pdb_txn_scan(&w->op->txn, &range, gather, w, err);
		ns = w->last_ns;
		seq = w->reverse ? w->last_seq : w->last_seq + 1;
	} while (status == PDB_OK && !w->more && w->seen == range.limit);
	w->torn = w->torn || !last_is_kept(w, &(pdb__row_head){0});
	return status;
}

static pdb_status walk_begin(walk *w, pdb__op *op, const page *p, bool reverse, pdb_err *err)
{
	uint32_t want = w->want;

	memset(w, 0, sizeof(*w));
	w->op = op;
	w->with_deleted = pdb__access_shows(op->caller, PDB_ACTION_MESSAGE_PAGE, true,
					    p->query->with_deleted);
	w->reverse = reverse;
	w->whole = p->whole;
	w->want = want;
	w->rows = pdb__arena_alloc(op->arena, ((size_t)want + 1) * sizeof(*w->rows));
	return w->rows == NULL ? pdb__no_memory(err) : PDB_OK;
}

/* Splits the limit between what comes before the place and what comes from it on. */
static void page_split(page *p)
{
	switch (p->query->anchor) {
	case PDB_ANCHOR_AFTER:
		p->before.want = 0;
		p->after.want = p->limit;
		break;
	case PDB_ANCHOR_AROUND:
		p->before.want = p->limit / 2;
		p->after.want = p->limit - p->limit / 2;
		break;
	case PDB_ANCHOR_NEWEST:
	case PDB_ANCHOR_BEFORE:
	default:
		p->before.want = p->limit;
		p->after.want = 0;
		break;
	}
}

static pdb_status page_anchor(pdb__op *op, const page *p, uint64_t *ns, uint64_t *seq, pdb_err *err)
{
	pdb_status status;

	if (p->query->anchor == PDB_ANCHOR_NEWEST) {
		*ns = op->head.last_ns + 1;
		*seq = 0;
		return PDB_OK;
	}
	status = pdb__locate(op, p->query, ns, seq, err);
	if (status == PDB_OK && p->query->anchor == PDB_ANCHOR_AFTER) {
		(*seq)++;
	}
	return status;
}

/* What the second half left over is the first's. */
static pdb_status page_fill(page *p, pdb__op *op, uint64_t ns, uint64_t seq, pdb_err *err)
{
	pdb_status status;

	if (p->query->anchor != PDB_ANCHOR_AROUND || p->after.more || !p->before.more ||
	    p->after.count == p->after.want) {
		return PDB_OK;
	}
	p->before.want = p->limit - p->after.count;
	status = walk_begin(&p->before, op, p, true, err);
	return status == PDB_OK ? walk_run(&p->before, ns, seq, err) : status;
}

static pdb_status page_try(pdb__op *op, void *arg, pdb_err *err)
{
	page *p = arg;
	uint64_t ns;
	uint64_t seq;
	pdb_status status =
		pdb__access_thread(op, PDB_ACTION_MESSAGE_PAGE, p->query->with_deleted, err);

	if (status == PDB_OK) {
		status = page_anchor(op, p, &ns, &seq, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	page_split(p);
	status = walk_begin(&p->before, op, p, true, err);
	if (status == PDB_OK) {
		status = walk_run(&p->before, ns, seq, err);
	}
	if (status == PDB_OK && p->query->anchor == PDB_ANCHOR_AROUND) {
		/* What the first half left over is the second's. */
		p->after.want = p->limit - p->before.count;
	}
	if (status == PDB_OK) {
		status = walk_begin(&p->after, op, p, false, err);
	}
	if (status == PDB_OK && p->query->anchor != PDB_ANCHOR_NEWEST) {
		status = walk_run(&p->after, ns, seq, err);
	}
	if (status == PDB_OK) {
		status = page_fill(p, op, ns, seq, err);
	}
	p->result->last_seq = op->head.last_seq;
	return status;
}

/* The row shown at `index`, oldest first. */
static const row *page_row(const page *p, uint32_t index)
{
	if (index < p->before.count) {
		return &p->before.rows[p->before.count - 1 - index];
	}
	return &p->after.rows[index - p->before.count];
}

/* PDB_ESTOP when what the row was cut for is no longer in memory. */
static pdb_status row_show(pdb__op *op, const row *r, pdb_err *err)
{
	pdb__record record;
	pdb_slice body;
	pdb_status status = pdb__record_open(op->thread, r->bytes, &record, err);

	if (status != PDB_OK) {
		return status;
	}
	if (r->head.opener == NULL) {
		return pdb__record_render(op, &record, op->out, err);
	}
	if (pdb__hooks_open(op, &record, &body, NULL) != PDB_OK) {
		return PDB_ESTOP;
	}
	pdb__record_show(&record, body, op->out);
	return PDB_OK;
}

static pdb_status page_show(pdb__op *op, const page *p, pdb_err *err)
{
	uint32_t count = p->before.count + p->after.count;
	pdb_status status = PDB_OK;

	if (!pdb_buf_reserve(op->out, p->before.bytes + p->after.bytes)) {
		return pdb__no_memory(err);
	}
	for (uint32_t i = 0; i < count && status == PDB_OK; i++) {
		if (i > 0) {
			pdb_buf_add_byte(op->out, ',');
		}
		status = row_show(op, page_row(p, i), err);
	}
	return status == PDB_OK ? pdb_buf_status(op->out, err) : status;
}

static void position_copy(char out[PDB_POSITION_LEN + 1], const row *r)
{
	pdb_position_write(out, r->ns, r->seq);
	out[PDB_POSITION_LEN] = '\0';
}

static void page_finish(const page *p)
{
	pdb_message_page *result = p->result;

	result->count = p->before.count + p->after.count;
	result->has_before = p->before.more;
	result->has_after = p->after.more;
	result->before[0] = '\0';
	result->after[0] = '\0';
	if (result->count > 0) {
		position_copy(result->before, page_row(p, 0));
		position_copy(result->after, page_row(p, result->count - 1));
	}
}

static pdb_status page_read(pdb__op *op, page *p, pdb_err *err)
{
	pdb_status status = pdb__op_read(op, page_try, p, err);

	if (status == PDB_OK && (p->before.torn || p->after.torn)) {
		return PDB_ESTOP;
	}
	return status == PDB_OK ? page_show(op, p, err) : status;
}

static pdb_status page_run(pdb__op *op, page *p, pdb_err *err)
{
	pdb_status status = page_read(op, p, err);

	if (status == PDB_ESTOP) {
		p->whole = true;
		status = page_read(op, p, err);
	}
	if (status == PDB_OK) {
		page_finish(p);
	}
	return status == PDB_OK ? PDB_OK : pdb__op_undo(op, status);
}

pdb_status pdb_chat_message_page(pdb_chat *chat, const pdb_caller *caller,
				 const pdb_message_query *query, pdb_buf *out,
				 pdb_message_page *result, pdb_outcome *outcome, pdb_err *err)
{
	page p = {.query = query, .limit = query->limit, .result = result};
	pdb__op op = {0};
	pdb_status status = pdb__limit_check(chat, &p.limit, err);

	if (status == PDB_OK && query->thread.len == 0) {
		status = pdb__no_thread(err);
	}
	if (status == PDB_OK) {
		status = pdb__op_init(&op, chat, caller, query->thread, err);
	}
	if (status == PDB_OK) {
		pdb__op_answer(&op, out, outcome);
		status = page_run(&op, &p, err);
	}
	pdb__op_fini(&op);
	return status;
}
