/* SPDX-License-Identifier: Apache-2.0 */
/* A thread as lines for another database: every version of its messages, then the thread itself. */
#include "base/json.h"
#include "base/text.h"
#include "chat/chat_private.h"

/* What one page reads, but for its last row. */
#define PAGE_BYTES ((size_t)4 * 1024 * 1024)
#define PAGE_MAX   1000u

static const pdb_caller the_server = {.role = PDB_ROLE_ADMIN, .may_block = true};

/* A row of the page, in the arena. */
typedef struct taken {
	struct taken *next;
	uint64_t ns;
	pdb_slice row;
} taken;

/* A place in the walk: behind this version of the message that stands there. */
typedef struct place {
	uint64_t ns;
	uint64_t seq;
	uint32_t version; /* 0 = before everything */
} place;

typedef struct page {
	pdb__op *op;
	place from;
	size_t limit;
	/* of the present try */
	taken *first;
	taken **end;
	size_t count;
	size_t bytes;
	bool ended; /* every message was told */
	/* of the message whose versions are read */
	uint64_t ns;
} page;

static bool is_full(const page *p)
{
	return p->count >= p->limit || p->bytes >= PAGE_BYTES;
}

static pdb_status take(page *p, uint64_t ns, pdb_slice row)
{
	taken *one = pdb__arena_alloc(p->op->arena, sizeof(*one));

	if (one == NULL || !pdb__arena_copy(p->op->arena, row, &one->row)) {
		return PDB_ENOMEM;
	}
	one->next = NULL;
	one->ns = ns;
	*p->end = one;
	p->end = &one->next;
	p->count++;
	p->bytes += row.len;
	return PDB_OK;
}

static pdb_status take_version(void *arg, pdb_slice key, pdb_slice value)
{
	page *p = arg;
	pdb_status status = take(p, p->ns, value);

	(void)key;
	return status == PDB_OK && is_full(p) ? PDB_ESTOP : status;
}

/* The versions of a message behind `version`, the latest being `row`. */
static pdb_status take_message(page *p, pdb_slice row, uint64_t ns, uint32_t version, pdb_err *err)
{
	pdb__op *op = p->op;
	pdb_range range = {0};
	pdb_keybuf from;
	pdb_keybuf to;
	pdb__record record;
	pdb_status status = pdb__record_open(op->thread, row, &record, err);

	p->ns = ns;
	if (status == PDB_OK && version + 1 < record.version) {
		pdb_key_version(&from, op->thread, record.id, version + 1);
		pdb_key_version(&to, op->thread, record.id, record.version);
		range.partition = from.key.partition;
		range.from = from.key.bytes;
		range.to = to.key.bytes;
		status = pdb_txn_scan(&op->txn, &range, take_version, p, err);
	}
	if (status == PDB_OK && version < record.version && !is_full(p)) {
		status = take(p, ns, row);
	}
	return status;
}

/* The message at which the page before ended may have more versions. */
static pdb_status take_rest(page *p, pdb_err *err)
{
	pdb__op *op = p->op;
	pdb_keybuf key;
	pdb_slice row;
	pdb_status status;

	if (p->from.version == 0) {
		return PDB_OK;
	}
	pdb_key_timeline(&key, op->thread, p->from.ns, p->from.seq);
	status = pdb_txn_get(&op->txn, &key.key, &row, err);
	if (status != PDB_OK) {
		return status == PDB_ENOTFOUND ? PDB_OK : status; /* purged meanwhile */
	}
	return pdb__arena_copy(op->arena, row, &row)
		       ? take_message(p, row, p->from.ns, p->from.version, err)
		       : pdb__no_memory(err);
}

/* Rows of the timeline, in the arena. A scan must not be left to read versions. */
typedef struct rows {
	pdb__op *op;
	taken *first;
	taken **end;
	size_t count;
	size_t bytes;
	size_t limit;
	bool over; /* there is no row behind them */
} rows;

static pdb_status gather(void *arg, pdb_slice key, pdb_slice value)
{
	rows *r = arg;
	taken *one;
	uint64_t seq;

	if (r->count == r->limit || r->bytes >= PAGE_BYTES) {
		r->over = false;
		return PDB_ESTOP;
	}
	one = pdb__arena_alloc(r->op->arena, sizeof(*one));
	if (one == NULL || !pdb__arena_copy(r->op->arena, value, &one->row)) {
		return PDB_ENOMEM;
	}
	if (!pdb_key_timeline_position(key, &one->ns, &seq)) {
		return PDB_ECORRUPT;
	}
	one->next = NULL;
	*r->end = one;
	r->end = &one->next;
	r->count++;
	r->bytes += value.len;
	return PDB_OK;
}

static pdb_status take_next(page *p, pdb_err *err)
{
	rows r = {.op = p->op, .limit = p->limit - p->count, .over = true};
	pdb_range range = {0};
	pdb_keybuf from;
	pdb_keybuf to;
	pdb_status status;

	pdb_key_timeline_prefix(&from, p->op->thread);
	pdb_key_prefix_end(&to, &from);
	if (p->from.version != 0) {
		pdb_key_timeline(&from, p->op->thread, p->from.ns, p->from.seq);
		/* with a NUL it is the least key behind it */
		from.text[from.key.bytes.len++] = '\0';
	}
	range.partition = from.key.partition;
	range.from = from.key.bytes;
	range.to = to.key.bytes;
	r.end = &r.first;
	status = pdb_txn_scan(&p->op->txn, &range, gather, &r, err);
	for (taken *one = r.first; one != NULL && status == PDB_OK && !is_full(p);
	     one = one->next) {
		status = take_message(p, one->row, one->ns, 0, err);
	}
	p->ended = r.over && !is_full(p);
	return status;
}

static pdb_status page_try(pdb__op *op, void *arg, pdb_err *err)
{
	page *p = arg;
	pdb_status status = op->found ? PDB_OK : pdb__no_thread(err);

	p->first = NULL;
	p->end = &p->first;
	p->count = 0;
	p->bytes = 0;
	p->ended = false;
	if (status == PDB_OK) {
		status = take_rest(p, err);
	}
	return status == PDB_OK && !is_full(p) ? take_next(p, err) : status;
}

/* -- showing ---------------------------------------------------------------------------------- */

/* Begins a line; the object that is added next becomes the rest of it. */
static size_t line_begin(pdb_buf *out, bool first, const char *type, const char *name,
			 uint64_t number)
{
	pdb_buf_add_text(out, first ? "" : ",");
	pdb_buf_printf(out, "{\"type\":\"%s\",\"%s\":%llu", type, name, (unsigned long long)number);
	return out->len;
}

static void line_end(pdb_buf *out, size_t joint)
{
	if (!out->failed) {
		out->data[joint] = ',';
	}
}

static pdb_status show_rows(page *p, place *last, pdb_err *err)
{
	pdb_buf *out = p->op->out;
	pdb_status status = PDB_OK;

	for (const taken *one = p->first; one != NULL && status == PDB_OK; one = one->next) {
		size_t joint = line_begin(out, one == p->first, "message", "stored_ts", one->ns);
		pdb__record record;

		status = pdb__record_open(p->op->thread, one->row, &record, err);
		if (status == PDB_OK) {
			status = pdb__record_render(p->op, &record, out, err);
		}
		if (status == PDB_OK) {
			line_end(out, joint);
			*last = (place){one->ns, record.seq, record.version};
		}
	}
	return status;
}

static pdb_status show_page(page *p, pdb_err *err)
{
	pdb__op *op = p->op;
	place last = p->from;
	char position[PDB_POSITION_LEN];
	pdb_status status;

	pdb_buf_add_text(op->out, "{\"lines\":[");
	status = show_rows(p, &last, err);
	if (status == PDB_OK && p->ended) {
		size_t joint = line_begin(op->out, p->count == 0, "thread", "activity_ts",
					  op->head.last_ns);

		pdb__thread_show(&op->meta, &op->head, op->thread, op->out);
		line_end(op->out, joint);
		pdb_buf_add_text(op->out, "],\"pagination\":{\"has_more\":false}}");
	} else if (status == PDB_OK) {
		pdb_position_write(position, last.ns, last.seq);
		pdb_buf_printf(op->out,
			       "],\"pagination\":{\"has_more\":true,\"cursor\":\"%.*s.%u\"}}",
			       (int)sizeof(position), position, last.version);
	}
	return status == PDB_OK ? pdb_buf_status(op->out, err) : status;
}

static bool cursor_read(pdb_slice cursor, place *out)
{
	pdb_slice rest = pdb_slice_skip(cursor, PDB_POSITION_LEN);
	uint64_t version = 0;

	if (rest.len < 2 || rest.ptr[0] != '.' ||
	    !pdb_position_read(pdb_slice_of(cursor.ptr, PDB_POSITION_LEN), &out->ns, &out->seq) ||
	    !pdb_text_to_uint(pdb_slice_skip(rest, 1), &version) || version == 0 ||
	    version >= UINT32_MAX) {
		return false;
	}
	out->version = (uint32_t)version;
	return true;
}

pdb_status pdb_chat_export(pdb_chat *chat, pdb_slice thread, const pdb_export_query *query,
			   pdb_buf *out, pdb_outcome *outcome, pdb_err *err)
{
	page p = {.limit = query->limit < PAGE_MAX ? query->limit : PAGE_MAX};
	pdb__op op = {0};
	pdb_status status = pdb__id_check(thread, "/thread", err);

	if (status == PDB_OK && query->cursor.len > 0 && !cursor_read(query->cursor, &p.from)) {
		status = pdb__invalid(err, "invalid_cursor", "/cursor",
				      "The cursor is not one of this export.");
	}
	if (status == PDB_OK) {
		status = pdb__op_init(&op, chat, &the_server, thread, err);
	}
	if (status == PDB_OK) {
		pdb__op_answer(&op, out, outcome);
		p.op = &op;
		status = pdb__op_read(&op, page_try, &p, err);
	}
	/* Hooks run when no transaction is open any more. */
	if (status == PDB_OK) {
		status = show_page(&p, err);
		status = status == PDB_OK ? PDB_OK : pdb__op_undo(&op, status);
	}
	pdb__op_fini(&op);
	return status;
}
