/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of threads: a walk down the rows of one author, or of all. */
#include "base/id.h"
#include "base/text.h"
#include "chat/chat_private.h"

#define CHUNK       256u
#define VISITED_MAX 10000u

typedef struct entry {
	uint64_t activity;
	pdb_slice thread;
} entry;

/* Where a walk is. Plain data, so that a chunk that met a conflict can be done again. */
typedef struct place {
	uint32_t count;
	uint32_t visited;
	bool over;
	bool more;
	bool begun;
	uint64_t activity; /* of the last row looked at */
	char thread[PDB_ID_MAX + 1];
	uint64_t ticket;
} place;

typedef struct walk {
	const pdb_thread_query *query;
	uint32_t limit;
	bool all;
	place done; /* up to the last chunk */
	place now;
	pdb__op *op;
	entry *entries;
	size_t entry_count;
	size_t asked;
} walk;

static bool cursor_read(pdb_slice cursor, place *at)
{
	const uint8_t *dash = memchr(cursor.ptr, '-', cursor.len);
	pdb_slice thread;
	size_t digits;

	if (dash == NULL) {
		return false;
	}
	digits = (size_t)(dash - cursor.ptr);
	thread = pdb_slice_skip(cursor, digits + 1);
	if (!pdb_text_to_uint(pdb_slice_of(cursor.ptr, digits), &at->activity) || thread.len == 0 ||
	    !pdb_id_valid(thread)) {
		return false;
	}
	memcpy(at->thread, thread.ptr, thread.len);
	at->thread[thread.len] = '\0';
	at->begun = true;
	return true;
}

static bool title_matches(pdb_slice title, pdb_slice part)
{
	for (size_t i = 0; i + part.len <= title.len; i++) {
		if (pdb_text_equal_nocase(pdb_slice_of(title.ptr + i, part.len), part)) {
			return true;
		}
	}
	return false;
}

static bool matches(const walk *w, const pdb__meta *meta)
{
	const pdb_thread_query *query = w->query;

	return pdb__access_lists(w->op->caller, meta, query->with_deleted) &&
	       (query->slug.len == 0 || pdb_slice_equal(query->slug, meta->slug)) &&
	       (query->title.len == 0 || title_matches(meta->title, query->title));
}

static pdb_status collect(void *arg, pdb_slice key, pdb_slice value)
{
	walk *w = arg;
	entry *e = &w->entries[w->entry_count];

	(void)value;
	if (!pdb_key_list_entry(key, &e->activity, &e->thread)) {
		return PDB_OK;
	}
	if (!pdb__arena_copy(w->op->arena, e->thread, &e->thread)) {
		return PDB_ENOMEM;
	}
	w->entry_count++;
	return w->entry_count == w->asked ? PDB_ESTOP : PDB_OK;
}

static void row_key(const walk *w, pdb_keybuf *key, uint64_t activity, pdb_slice thread)
{
	if (w->all) {
		pdb_key_all(key, activity, thread);
	} else {
		pdb_key_author(key, w->op->caller->author, activity, thread);
	}
}

/* Fills `entries` with the next rows: one more than may be shown, to know whether more follow. */
static pdb_status next_rows(walk *w, pdb_err *err)
{
	pdb_keybuf prefix;
	pdb_keybuf end;
	pdb_keybuf from;
	char after[PDB_KEY_MAX + 1];
	pdb_range range = {0};

	if (w->all) {
		pdb_key_all_prefix(&prefix);
	} else {
		pdb_key_author_prefix(&prefix, w->op->caller->author);
	}
	pdb_key_prefix_end(&end, &prefix);
	range.partition = prefix.key.partition;
	range.from = prefix.key.bytes;
	range.to = end.key.bytes;
	if (w->now.begun) {
		/* The least key behind the last row. */
		row_key(w, &from, w->now.activity, pdb_slice_text(w->now.thread));
		memcpy(after, from.key.bytes.ptr, from.key.bytes.len);
		after[from.key.bytes.len] = '\0';
		range.from = pdb_slice_of(after, from.key.bytes.len + 1);
	}
	w->asked = w->limit - w->now.count + 1;
	if (w->asked > CHUNK || w->query->title.len > 0 || w->query->slug.len > 0) {
		w->asked = CHUNK;
	}
	range.limit = w->asked;
	w->entry_count = 0;
	return pdb_txn_scan(&w->op->txn, &range, collect, w, err);
}

static void show(walk *w, const entry *e, const pdb__meta *meta, const pdb__head *head)
{
	uint64_t ticket = pdb__stripe_hold(w->op->chat, e->thread);

	if (w->now.count > 0) {
		pdb_buf_add_byte(w->op->out, ',');
	}
	pdb__thread_show(meta, head, e->thread, w->op->out);
	pdb__hooks_show(w->op, meta->notes);
	w->now.count++;
	w->now.ticket = ticket > w->now.ticket ? ticket : w->now.ticket;
}

/* A row whose thread is not there is passed over; the check reports it. */
static pdb_status look(walk *w, const entry *e, pdb_err *err)
{
	pdb__meta meta;
	pdb__head head;
	bool found;
	pdb_status status =
		pdb__thread_load(&w->op->txn, w->op->arena, e->thread, &meta, &head, &found, err);

	if (status == PDB_OK && found && matches(w, &meta)) {
		show(w, e, &meta, &head);
	}
	w->now.visited++;
	w->now.begun = true;
	w->now.activity = e->activity;
	memcpy(w->now.thread, e->thread.ptr, e->thread.len);
	w->now.thread[e->thread.len] = '\0';
	return status;
}

static pdb_status chunk_try(pdb__op *op, void *arg, pdb_err *err)
{
	walk *w = arg;
	pdb_status status;
	size_t at = 0;

	w->now = w->done;
	w->op = op;
	status = pdb__access_list(op, &w->all, err);
	if (status == PDB_OK) {
		status = next_rows(w, err);
	}
	while (status == PDB_OK && at < w->entry_count && w->now.count < w->limit &&
	       w->now.visited < VISITED_MAX) {
		status = look(w, &w->entries[at++], err);
	}
	w->now.more = at < w->entry_count || w->entry_count == w->asked;
	w->now.over = !w->now.more || w->now.count >= w->limit || w->now.visited >= VISITED_MAX;
	return status;
}

static pdb_status walk_run(pdb__op *op, walk *w, pdb_err *err)
{
	pdb_status status = PDB_OK;

	w->entries = pdb__arena_alloc(op->arena, CHUNK * sizeof(*w->entries));
	if (w->entries == NULL) {
		return pdb__no_memory(err);
	}
	while (status == PDB_OK && !w->done.over) {
		size_t mark = op->mark;

		/* A failure takes back all of the page; a conflict only this chunk. */
		op->mark = op->out->len;
		status = pdb__op_read(op, chunk_try, w, err);
		op->mark = mark;
		w->done = w->now;
	}
	return status == PDB_OK ? PDB_OK : pdb__op_undo(op, status);
}

static pdb_status walk_begin(walk *w, const pdb_chat *chat, pdb_err *err)
{
	const pdb_thread_query *query = w->query;
	pdb_status status;

	w->limit = query->limit;
	status = pdb__limit_check(chat, &w->limit, err);
	if (status == PDB_OK && query->cursor.len > 0 && !cursor_read(query->cursor, &w->done)) {
		status = pdb__invalid(err, "invalid_cursor", "/cursor",
				      "The cursor is not one that a page gave.");
	}
	return status;
}

pdb_status pdb_chat_thread_list(pdb_chat *chat, const pdb_caller *caller,
				const pdb_thread_query *query, pdb_buf *out, pdb_thread_page *page,
				pdb_outcome *outcome, pdb_err *err)
{
	walk w = {.query = query};
	pdb__op op;
	pdb_status status = walk_begin(&w, chat, err);

	if (status != PDB_OK) {
		return status;
	}
	status = pdb__op_init(&op, chat, caller, pdb_slice_of(NULL, 0), err);
	if (status == PDB_OK) {
		status = pdb__hooks_show_judge(chat, caller);
	}
	if (status == PDB_OK) {
		pdb__op_answer(&op, out, outcome);
		status = walk_run(&op, &w, err);
	}
	if (status == PDB_OK) {
		memset(page, 0, sizeof(*page));
		page->count = w.done.count;
		if (w.done.more) {
			(void)snprintf(page->cursor, sizeof(page->cursor), "%llu-%s",
				       (unsigned long long)w.done.activity, w.done.thread);
		}
		if (outcome != NULL) {
			outcome->ticket = w.done.ticket;
		}
	}
	pdb__op_fini(&op);
	return status;
}
