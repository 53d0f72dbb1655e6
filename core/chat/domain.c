/* SPDX-License-Identifier: Apache-2.0 */
/* The domain as plugins may use it: walks that hold no transaction, and the work of jobs. */
#include <stdio.h>

#include "base/json.h"
#include "chat/erase.h"
#include "chat/walk.h"

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

static pdb_status stop_is_ok(pdb_status status)
{
	return status == PDB_ESTOP ? PDB_OK : status;
}

/* -- threads ---------------------------------------------------------------------------------- */

typedef struct thread_walk {
	pdb__chunk chunk;
	pdb_thread_fn fn;
	void *arg;
	size_t prefix_len;
	size_t told;
	char last[PDB_CURSOR_SIZE]; /* of the chunk */
	char mark;                  /* in front of cursors; 0 = none */
} thread_walk;

/* The thread of a row in a list of any kind. */
static bool listed(pdb_slice key, pdb_slice *thread)
{
	uint64_t activity;

	return pdb_key_list_entry(key, &activity, thread) || pdb_key_trace_entry(key, thread);
}

static pdb_status threads_try(pdb__op *op, void *arg, pdb_err *err)
{
	pdb__chunk *c = arg;
	pdb_status status = pdb__chunk_read(op, c, err);

	for (size_t i = 0; i < c->count && status == PDB_OK; i++) {
		pdb_slice thread;

		c->found[i] = false;
		if (listed(c->keys[i], &thread)) {
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
	const pdb__chunk *c = &w->chunk;
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < c->count && status == PDB_OK; i++) {
		pdb_thread_view view = {.size = sizeof(view)};
		char cursor[PDB_CURSOR_SIZE];

		if (!c->found[i] || c->metas[i].purging || !listed(c->keys[i], &view.id)) {
			continue;
		}
		view.cursor = pdb_slice_skip(c->keys[i], w->prefix_len);
		if (w->mark != '\0') {
			(void)snprintf(cursor, sizeof(cursor), "%c%.*s", w->mark,
				       PDB_SLICE_ARGS(view.cursor));
			view.cursor = pdb_slice_text(cursor);
		}
		fill_view(&view, &c->metas[i], &c->heads[i]);
		w->told++;
		status = w->fn(w->arg, &view);
	}
	return status;
}

static pdb_status walk_chunk(pdb_keybuf from, pdb_slice after, bool reverse, thread_walk *w,
			     pdb_err *err)
{
	pdb__chunk *c = &w->chunk;
	pdb_keybuf to;
	pdb__op op;
	pdb_status status = begin(&op, pdb_slice_of(NULL, 0), err);

	c->op = &op;
	if (status == PDB_OK) {
		status = pdb__chunk_aim(c, &from, &to, after, reverse, err);
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
	pdb__chunk_limit(&w->chunk, limit);
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

/* Cursors say which of the two walks they are of: one that was begun goes on as it was. */
static pdb_status threads_touched(pdb_slice user, pdb_slice after, size_t limit, pdb_thread_fn fn,
				  void *arg, pdb_err *err)
{
	thread_walk w = {.fn = fn, .arg = arg};
	pdb_keybuf prefix;
	pdb_chat *chat;
	bool traced;
	pdb_status status = pdb__author_check(user, "/user", err);

	if (status == PDB_OK) {
		status = need_chat(&chat, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	traced = after.len > 0 ? after.ptr[0] == 't' : atomic_load(&chat->traced);
	/* a job that an older program began has a cursor without a mark */
	after = pdb_slice_skip(after, after.len > 0 && (traced || after.ptr[0] == 'a') ? 1 : 0);
	w.mark = traced ? 't' : 'a';
	if (traced) {
		pdb_key_trace_prefix(&prefix, user);
	} else {
		pdb_key_all_prefix(&prefix);
	}
	return walk_threads(&prefix, after, !traced, limit, &w, err);
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

/* Reads messages of a thread; the op is to be ended. */
static pdb_status read_messages(pdb__op *op, pdb__chunk *c, pdb_slice thread, pdb_slice after,
				size_t limit, pdb_err *err)
{
	pdb_status status = begin(op, thread, err);

	return status == PDB_OK ? pdb__chunk_messages(op, c, after, limit, err) : status;
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
	pdb__chunk c = {0};
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
			view.cursor = pdb__chunk_position(c.keys[i]);
			view.id = record.id;
			view.seq = record.seq;
			view.ts = record.ts;
			view.edited_ts = record.edited_ts;
			view.reactions = record.reactions;
			status = fn(arg, &view);
		}
	}
	pdb__op_fini(&op);
	return stop_is_ok(status);
}

/* -- deletions -------------------------------------------------------------------------------- */

static pdb_status tell_deletions(const pdb__chunk *c, pdb_deletion_fn fn, void *arg)
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
	pdb__chunk c = {0};
	pdb__op op;
	pdb_status status = begin(&op, pdb_slice_of(NULL, 0), err);

	c.op = &op;
	pdb__chunk_limit(&c, limit);
	if (status == PDB_OK) {
		pdb_key_deleted_prefix(&prefix);
		status = pdb__chunk_aim(&c, &prefix, &to, after, false, err);
	}
	if (status == PDB_OK) {
		/* ';' follows the ':' that ends the time */
		pdb_key_deleted(&last, (uint64_t)until, pdb_slice_of(NULL, 0),
				pdb_slice_of(NULL, 0));
		last.text[last.key.bytes.len - 1] = ';';
		c.range.to = last.key.bytes;
		status = pdb_slice_compare(c.range.from, c.range.to) < 0
				 ? pdb__op_read(&op, pdb__chunk_read, &c, err)
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

static pdb_status erase_user(pdb_slice thread, pdb_slice user, pdb_slice after, size_t limit,
			     pdb_piece *out, pdb_err *err)
{
	pdb__op op;
	pdb_status status = pdb__author_check(user, "/user", err);

	*out = (pdb_piece){.size = sizeof(*out)};
	pdb__piece_reach(out, after);
	if (status != PDB_OK) {
		return status;
	}
	status = begin(&op, thread, err);
	if (status == PDB_OK) {
		status = pdb__erase_piece(&op, user, limit, out, err);
	}
	pdb__op_fini(&op);
	return status;
}

static pdb_status rewrite(pdb_slice thread, pdb_slice after, size_t limit, pdb_job_run *job,
			  pdb_piece *out, pdb_err *err)
{
	pdb__chunk c = {0};
	pdb__op op;
	pdb_status status;

	*out = (pdb_piece){.size = sizeof(*out)};
	pdb__piece_reach(out, after);
	status = read_messages(&op, &c, thread, after, limit, err);
	for (size_t i = 0; i < c.count && status == PDB_OK; i++) {
		pdb__record record;

		status = pdb__record_open(thread, c.rows[i], &record, err);
		if (status == PDB_OK) {
			pdb__piece_reach(out, pdb__chunk_position(c.keys[i]));
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
	.threads_touched = threads_touched,
};
