/* SPDX-License-Identifier: Apache-2.0 */
/* The domain as plugins may use it: walks that hold no transaction, and the work of jobs. */
#include <pdb/domain.h>
#include <stdio.h>

#include "base/json.h"
#include "chat/chat_private.h"

#define CHUNK 128u

/* The one domain of the process; set while it is open. */
static pdb_chat *_Atomic the_chat;

static const pdb_caller the_server = {.role = PDB_ROLE_ADMIN, .may_block = true};
/* Sees every thread, and of each what clients see. */
static const pdb_caller a_backend = {.role = PDB_ROLE_BACKEND, .may_block = true};

void pdb_chat_offer(pdb_chat *chat)
{
	atomic_store(&the_chat, chat);
}

static pdb_status need_chat(pdb_chat **out, pdb_err *err)
{
	*out = atomic_load(&the_chat);
	return *out != NULL ? PDB_OK
			    : pdb_err_set(err, PDB_EUNAVAILABLE, "not_ready",
					  "The server is not ready.");
}

static pdb_status begin(pdb__op *op, pdb_slice thread, pdb_err *err)
{
	pdb_chat *chat = atomic_load(&the_chat);

	memset(op, 0, sizeof(*op));
	if (chat == NULL) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, "not_ready", "The server is not ready.");
	}
	return pdb__op_init(op, chat, &the_server, thread, err);
}

bool pdb__thread_held(const pdb__meta *meta)
{
	pdb_slice value;

	return meta->attributes.len > 0 &&
	       pdb_json_member(meta->attributes, "legal_hold", &value) &&
	       pdb_slice_is(value, "true");
}

/* -- chunks ----------------------------------------------------------------------------------- */

/* Keys, and values where they are wanted, of one read; in the arena of `op`. */
typedef struct chunk {
	pdb__op *op;
	pdb_range range;
	bool values;
	size_t count;
	pdb_slice keys[CHUNK];
	pdb_slice rows[CHUNK];
	/* of threads */
	pdb__meta metas[CHUNK];
	pdb__head heads[CHUNK];
	bool found[CHUNK];
} chunk;

static pdb_status collect(void *arg, pdb_slice key, pdb_slice value)
{
	chunk *c = arg;

	if (!pdb__arena_copy(c->op->arena, key, &c->keys[c->count]) ||
	    (c->values && !pdb__arena_copy(c->op->arena, value, &c->rows[c->count]))) {
		return PDB_ENOMEM;
	}
	c->count++;
	return c->count == c->range.limit ? PDB_ESTOP : PDB_OK;
}

static pdb_status scan_try(pdb__op *op, void *arg, pdb_err *err)
{
	chunk *c = arg;

	c->count = 0;
	return pdb_txn_scan(&op->txn, &c->range, collect, c, err);
}

static void set_limit(chunk *c, size_t limit)
{
	c->range.limit = limit < CHUNK ? limit : CHUNK;
}

/* From the whole prefix, or behind a key of it when a cursor names its end. */
static pdb_status aim(chunk *c, pdb_keybuf *from, pdb_keybuf *to, pdb_slice after, bool reverse,
		      pdb_err *err)
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

static pdb_status stop_is_ok(pdb_status status)
{
	return status == PDB_ESTOP ? PDB_OK : status;
}

/* -- threads ---------------------------------------------------------------------------------- */

typedef struct thread_walk {
	chunk chunk;
	pdb_thread_fn fn;
	void *arg;
	size_t prefix_len;
	size_t told;
	char last[PDB_CURSOR_SIZE]; /* of the chunk */
} thread_walk;

static pdb_status threads_try(pdb__op *op, void *arg, pdb_err *err)
{
	chunk *c = arg;
	pdb_status status = scan_try(op, c, err);

	for (size_t i = 0; i < c->count && status == PDB_OK; i++) {
		uint64_t activity;
		pdb_slice thread;

		c->found[i] = false;
		if (pdb_key_list_entry(c->keys[i], &activity, &thread)) {
			status = pdb__thread_load(&op->txn, op->arena, thread, &c->metas[i],
						  &c->heads[i], &c->found[i], err);
		}
		/* A damaged thread is the check's business. */
		status = status == PDB_ECORRUPT ? PDB_OK : status;
	}
	return status;
}

static void fill_view(pdb_thread_view *view, const pdb__meta *meta, const pdb__head *head)
{
	view->deleted = meta->deleted;
	view->held = pdb__thread_held(meta);
	view->author = meta->author;
	view->last_seq = head->last_seq;
	view->message_count = head->message_count;
	view->created_ts = meta->created_ts;
	view->last_ts = head->last_ts;
	view->deleted_ts = meta->deleted_ts;
}

static pdb_status tell_threads(thread_walk *w)
{
	const chunk *c = &w->chunk;
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < c->count && status == PDB_OK; i++) {
		uint64_t activity;
		pdb_thread_view view = {.size = sizeof(view)};

		if (!c->found[i] || c->metas[i].purging ||
		    !pdb_key_list_entry(c->keys[i], &activity, &view.id)) {
			continue;
		}
		view.cursor = pdb_slice_skip(c->keys[i], w->prefix_len);
		fill_view(&view, &c->metas[i], &c->heads[i]);
		w->told++;
		status = w->fn(w->arg, &view);
	}
	return status;
}

static pdb_status walk_chunk(pdb_keybuf from, pdb_slice after, bool reverse, thread_walk *w,
			     pdb_err *err)
{
	chunk *c = &w->chunk;
	pdb_keybuf to;
	pdb__op op;
	pdb_status status = begin(&op, pdb_slice_of(NULL, 0), err);

	c->op = &op;
	if (status == PDB_OK) {
		status = aim(c, &from, &to, after, reverse, err);
	}
	if (status == PDB_OK) {
		status = pdb__op_read(&op, threads_try, c, err);
	}
	if (status == PDB_OK && c->count > 0) {
		(void)snprintf(
			w->last, sizeof(w->last), "%.*s",
			PDB_SLICE_ARGS(pdb_slice_skip(c->keys[c->count - 1], w->prefix_len)));
		status = tell_threads(w);
	}
	pdb__op_fini(&op);
	c->op = NULL;
	return status;
}

/* Nothing told means the end: chunks of threads that are passed over are not. */
static pdb_status walk_threads(const pdb_keybuf *prefix, pdb_slice after, bool reverse,
			       size_t limit, thread_walk *w, pdb_err *err)
{
	pdb_status status;

	w->prefix_len = prefix->key.bytes.len;
	set_limit(&w->chunk, limit);
	do {
		w->chunk.count = 0;
		status = walk_chunk(*prefix, after, reverse, w, err);
		after = pdb_slice_text(w->last);
	} while (status == PDB_OK && w->told == 0 && w->chunk.count > 0 &&
		 w->chunk.count == w->chunk.range.limit);
	return stop_is_ok(status);
}

static pdb_status threads(pdb_slice after, size_t limit, pdb_thread_fn fn, void *arg, pdb_err *err)
{
	thread_walk w = {.fn = fn, .arg = arg};
	pdb_keybuf prefix;

	pdb_key_all_prefix(&prefix);
	return walk_threads(&prefix, after, true, limit, &w, err);
}

static pdb_status latest(pdb_slice after, size_t limit, pdb_thread_fn fn, void *arg, pdb_err *err)
{
	thread_walk w = {.fn = fn, .arg = arg};
	pdb_keybuf prefix;

	pdb_key_all_prefix(&prefix);
	return walk_threads(&prefix, after, false, limit, &w, err);
}

static pdb_status threads_of(pdb_slice author, pdb_slice after, size_t limit, pdb_thread_fn fn,
			     void *arg, pdb_err *err)
{
	thread_walk w = {.fn = fn, .arg = arg};
	pdb_keybuf prefix;
	pdb_status status = pdb__author_check(author, "/author", err);

	if (status != PDB_OK) {
		return status;
	}
	pdb_key_author_prefix(&prefix, author);
	return walk_threads(&prefix, after, false, limit, &w, err);
}

static pdb_status nothing_more(pdb__op *op, void *arg, pdb_err *err)
{
	(void)arg;
	return op->found && !op->meta.purging ? PDB_OK : pdb__no_thread(err);
}

static pdb_status thread(pdb_slice id, const char *tag, pdb_note_fn fn, void *arg, pdb_err *err)
{
	pdb_thread_view view = {.size = sizeof(view), .id = id};
	pdb__op op;
	pdb_status status = pdb__id_check(id, "/thread", err);

	if (status != PDB_OK) {
		return status;
	}
	status = begin(&op, id, err);
	op.imports = true; /* an operator may look at it, and purge it */
	if (status == PDB_OK) {
		status = pdb__op_read(&op, nothing_more, NULL, err);
	}
	if (status == PDB_OK) {
		fill_view(&view, &op.meta, &op.head);
		status = fn(arg, &view, pdb__note_of(op.meta.notes, pdb_slice_text(tag)));
	}
	pdb__op_fini(&op);
	return status;
}

/* -- messages --------------------------------------------------------------------------------- */

/* Reads a chunk of the timeline; *status_out says how it went, and the op is to be ended. */
static pdb_status read_messages(pdb__op *op, chunk *c, pdb_slice thread, pdb_slice after,
				size_t limit, pdb_err *err)
{
	pdb_keybuf prefix;
	pdb_keybuf to;
	pdb_status status = begin(op, thread, err);

	c->op = op;
	c->values = true;
	set_limit(c, limit);
	if (status == PDB_OK) {
		pdb_key_timeline_prefix(&prefix, thread);
		status = aim(c, &prefix, &to, after, false, err);
	}
	if (status == PDB_OK) {
		status = pdb__op_read(op, scan_try, c, err);
	}
	return status == PDB_OK && !op->found ? pdb__no_thread(err) : status;
}

static pdb_slice position_of(pdb_slice key)
{
	return pdb_slice_skip(key, key.len - PDB_POSITION_LEN);
}

/* The author as text, in the arena. */
static pdb_status text_of(pdb__op *op, pdb_slice json, pdb_slice *out, pdb_err *err)
{
	char *text = pdb__arena_alloc(op->arena, json.len + 1);

	if (text == NULL) {
		return pdb__no_memory(err);
	}
	*out = pdb_slice_of(text, pdb_json_unescape(json, text));
	return PDB_OK;
}

static pdb_status messages(pdb_slice thread, pdb_slice after, size_t limit, pdb_message_fn fn,
			   void *arg, pdb_err *err)
{
	chunk c = {0};
	pdb__op op;
	pdb_status status = read_messages(&op, &c, thread, after, limit, err);

	for (size_t i = 0; i < c.count && status == PDB_OK; i++) {
		pdb_message_view view = {.size = sizeof(view)};
		pdb__record record;

		status = pdb__record_open(thread, c.rows[i], &record, err);
		if (status == PDB_OK) {
			status = text_of(&op, record.author, &view.author, err);
		}
		if (status == PDB_OK) {
			view.deleted = record.deleted;
			view.version = record.version;
			view.cursor = position_of(c.keys[i]);
			view.id = record.id;
			view.seq = record.seq;
			view.ts = record.ts;
			view.edited_ts = record.edited_ts;
			status = fn(arg, &view);
		}
	}
	pdb__op_fini(&op);
	return stop_is_ok(status);
}

/* -- deletions -------------------------------------------------------------------------------- */

static pdb_status tell_deletions(const chunk *c, pdb_deletion_fn fn, void *arg)
{
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < c->count && status == PDB_OK; i++) {
		pdb_deletion view = {.size = sizeof(view),
				     .cursor = pdb_slice_skip(c->keys[i], strlen("deleted:"))};
		uint64_t ns;

		if (pdb_key_deleted_entry(c->keys[i], &ns, &view.thread, &view.message)) {
			view.deleted_ts = (int64_t)ns;
			status = fn(arg, &view);
		}
	}
	return status;
}

static pdb_status deletions(pdb_slice after, int64_t until, size_t limit, pdb_deletion_fn fn,
			    void *arg, pdb_err *err)
{
	pdb_keybuf prefix;
	pdb_keybuf to;
	pdb_keybuf last;
	chunk c = {0};
	pdb__op op;
	pdb_status status = begin(&op, pdb_slice_of(NULL, 0), err);

	c.op = &op;
	set_limit(&c, limit);
	if (status == PDB_OK) {
		pdb_key_deleted_prefix(&prefix);
		status = aim(&c, &prefix, &to, after, false, err);
	}
	if (status == PDB_OK) {
		/* ';' follows the ':' that ends the time */
		pdb_key_deleted(&last, (uint64_t)until, pdb_slice_of(NULL, 0),
				pdb_slice_of(NULL, 0));
		last.text[last.key.bytes.len - 1] = ';';
		c.range.to = last.key.bytes;
		status = pdb_slice_compare(c.range.from, c.range.to) < 0
				 ? pdb__op_read(&op, scan_try, &c, err)
				 : PDB_OK;
	}
	if (status == PDB_OK) {
		status = tell_deletions(&c, fn, arg);
	}
	pdb__op_fini(&op);
	return stop_is_ok(status);
}

/* -- as clients see it ------------------------------------------------------------------------ */

static pdb_status show(pdb_status status, pdb_buf *text, pdb_text_fn fn, void *arg, pdb_err *err)
{
	status = status == PDB_OK ? pdb_buf_status(text, err) : status;
	status = status == PDB_OK ? fn(arg, pdb_buf_slice(text)) : status;
	pdb_buf_fini(text);
	return stop_is_ok(status);
}

static pdb_status show_thread(pdb_slice id, pdb_text_fn fn, void *arg, pdb_err *err)
{
	pdb_buf text = {0};
	pdb_outcome outcome;
	pdb_chat *chat;
	pdb_status status = need_chat(&chat, err);

	if (status == PDB_OK) {
		status = pdb_chat_thread_get(chat, &a_backend, id, true, &text, &outcome, err);
	}
	return show(status, &text, fn, arg, err);
}

static pdb_status show_versions(pdb_slice id, pdb_slice message, pdb_text_fn fn, void *arg,
				pdb_err *err)
{
	const pdb_message_ref ref = {id, message};
	pdb_buf text = {0};
	pdb_outcome outcome;
	pdb_chat *chat;
	pdb_status status = need_chat(&chat, err);

	pdb_buf_add_byte(&text, '[');
	if (status == PDB_OK) {
		status = pdb_chat_message_versions(chat, &the_server, &ref, &text, &outcome, err);
	}
	pdb_buf_add_byte(&text, ']');
	return show(status, &text, fn, arg, err);
}

static pdb_status export_thread(pdb_slice id, pdb_slice after, size_t limit, pdb_text_fn fn,
				void *arg, pdb_err *err)
{
	const pdb_export_query query = {.cursor = after, .limit = limit};
	pdb_buf text = {0};
	pdb_outcome outcome = {0};
	pdb_chat *chat;
	pdb_status status = need_chat(&chat, err);

	if (status == PDB_OK) {
		status = pdb_chat_export(chat, id, &query, &text, &outcome, err);
	}
	if (status == PDB_OK) {
		/* what a crash would undo must not be in a file */
		pdb_store_wait(chat->store, outcome.ticket);
	}
	return show(status, &text, fn, arg, err);
}

/* -- changes ---------------------------------------------------------------------------------- */

static pdb_status purge_message(pdb_slice thread, pdb_slice message, int64_t until, pdb_err *err)
{
	const pdb_message_ref ref = {thread, message};
	pdb_chat *chat;
	pdb_status status = need_chat(&chat, err);

	return status == PDB_OK ? pdb_chat_purge_message(chat, &ref, until, err) : status;
}

static pdb_status purge_thread(pdb_slice thread, int64_t until, size_t limit, bool *more,
			       pdb_err *err)
{
	pdb_chat *chat;
	pdb_status status = need_chat(&chat, err);

	return status == PDB_OK ? pdb_chat_purge_thread(chat, thread, until, limit, more, err)
				: status;
}

static pdb_status import_thread(pdb_slice thread, pdb_slice lines, size_t *stored_out, pdb_err *err)
{
	pdb_outcome outcome = {0};
	pdb_chat *chat;
	pdb_status status = need_chat(&chat, err);

	*stored_out = 0;
	if (status == PDB_OK) {
		status = pdb_chat_import(chat, thread, lines, stored_out, &outcome, err);
	}
	if (status == PDB_OK) {
		pdb_store_wait(chat->store, outcome.ticket);
	}
	return status;
}

static void set_cursor(pdb_piece *out, pdb_slice cursor)
{
	size_t len = cursor.len < sizeof(out->cursor) ? cursor.len : sizeof(out->cursor) - 1;

	if (len > 0) {
		memcpy(out->cursor, cursor.ptr, len);
	}
	out->cursor[len] = '\0';
}

static bool has_reaction(const pdb__record *record, pdb_slice user_json)
{
	size_t cursor = 0;
	pdb_slice key;
	pdb_slice entry;
	pdb_slice id;

	while (record->reactions.len > 0 &&
	       pdb_json_next(record->reactions, &cursor, &key, &entry)) {
		if (pdb_json_member(entry, "id", &id) && pdb_slice_equal(id, user_json)) {
			return true;
		}
	}
	return false;
}

typedef struct erasing {
	pdb_slice thread;
	pdb_slice user;
	pdb_slice user_json;
	pdb_piece *out;
} erasing;

static pdb_status erase_one(pdb_chat *chat, const erasing *e, const pdb__record *record,
			    pdb_err *err)
{
	const pdb_message_ref ref = {e->thread, record->id};
	pdb_outcome outcome;
	pdb_status status = PDB_OK;

	if (pdb_slice_equal(record->author, e->user_json)) {
		status = pdb_chat_purge_message(chat, &ref, 0, err);
		e->out->done++;
	} else if (has_reaction(record, e->user_json)) {
		status = pdb_chat_reaction_remove(chat, &the_server, &ref, e->user, &outcome, err);
		e->out->done++;
	}
	return status == PDB_ENOTFOUND ? PDB_OK : status;
}

static pdb_status leave_try(pdb__op *op, void *arg, pdb_err *err)
{
	const pdb_slice *user = arg;
	pdb_buf list = {0};
	pdb__meta meta = op->meta;
	size_t cursor = 0;
	pdb_slice one;
	pdb_status status = PDB_OK;

	if (!op->found || !pdb__participant_in(op->meta.participants, *user)) {
		return PDB_OK;
	}
	while (pdb__participant_next(op->meta.participants, &cursor, &one)) {
		if (!pdb_slice_equal(one, *user)) {
			pdb__participant_add(&list, one);
		}
	}
	if (list.failed || !pdb__arena_copy(op->arena, pdb_buf_slice(&list), &meta.participants)) {
		status = pdb__no_memory(err);
	}
	pdb_buf_fini(&list);
	if (status == PDB_OK) {
		status = pdb__list_row_remove(op, *user, op->head.list_ns, err);
	}
	if (status == PDB_OK) {
		status = pdb__op_put_meta(op, &meta, err);
	}
	return status == PDB_OK ? pdb__op_note(op, PDB_CHANGE_THREAD_UPDATED, NULL, err) : status;
}

static pdb_status leave(pdb_slice thread, pdb_slice user, pdb_err *err)
{
	pdb__op op;
	pdb_status status = begin(&op, thread, err);

	if (status == PDB_OK) {
		status = pdb__op_write(&op, leave_try, &user, err);
	}
	pdb__op_fini(&op);
	return status;
}

static pdb_status erase_chunk(pdb__op *op, const chunk *c, erasing *e, pdb_err *err)
{
	pdb_buf *text = &op->arena->text;
	pdb_status status;

	pdb_buf_clear(text);
	pdb_json_add_string(text, e->user);
	status = pdb_buf_status(text, err);
	e->user_json = pdb_buf_slice(text);
	if (status == PDB_OK && pdb__thread_held(&op->meta)) {
		return pdb_err_set(err, PDB_EDENIED, "legal_hold",
				   "The thread is under legal hold.");
	}
	for (size_t i = 0; i < c->count && status == PDB_OK; i++) {
		pdb__record record;

		status = pdb__record_open(e->thread, c->rows[i], &record, err);
		if (status == PDB_OK) {
			status = erase_one(op->chat, e, &record, err);
		}
		if (status == PDB_OK) {
			set_cursor(e->out, position_of(c->keys[i]));
		}
	}
	return status;
}

static pdb_status erase_user(pdb_slice thread, pdb_slice user, pdb_slice after, size_t limit,
			     pdb_piece *out, pdb_err *err)
{
	erasing e = {.thread = thread, .user = user, .out = out};
	chunk c = {0};
	pdb__op op;
	pdb_status status;

	*out = (pdb_piece){.size = sizeof(*out)};
	set_cursor(out, after);
	status = read_messages(&op, &c, thread, after, limit, err);
	if (status == PDB_OK) {
		status = erase_chunk(&op, &c, &e, err);
	}
	pdb__op_fini(&op);
	out->more = status == PDB_OK && c.count == c.range.limit;
	return status == PDB_OK && !out->more ? leave(thread, user, err) : status;
}

static pdb_status rewrite(pdb_slice thread, pdb_slice after, size_t limit, pdb_job_run *job,
			  pdb_piece *out, pdb_err *err)
{
	chunk c = {0};
	pdb__op op;
	pdb_status status;

	*out = (pdb_piece){.size = sizeof(*out)};
	set_cursor(out, after);
	status = read_messages(&op, &c, thread, after, limit, err);
	for (size_t i = 0; i < c.count && status == PDB_OK; i++) {
		pdb__record record;

		status = pdb__record_open(thread, c.rows[i], &record, err);
		if (status == PDB_OK) {
			set_cursor(out, position_of(c.keys[i]));
			status = pdb__rewrite_message(op.chat, &record, job, out->cursor, err);
			out->done++;
		}
	}
	out->more = status == PDB_OK && c.count == c.range.limit;
	pdb__op_fini(&op);
	return status;
}

const pdb_host_domain pdb_chat_domain = {
	.size = sizeof(pdb_host_domain),
	.threads = threads,
	.threads_of = threads_of,
	.messages = messages,
	.deletions = deletions,
	.purge_message = purge_message,
	.purge_thread = purge_thread,
	.erase_user = erase_user,
	.rewrite = rewrite,
	.thread = thread,
	.latest = latest,
	.show_thread = show_thread,
	.show_versions = show_versions,
	.export_thread = export_thread,
	.import_thread = import_thread,
};
