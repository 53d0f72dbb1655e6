/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of every call: transaction, retries, locks, counters, and what an answer waits for. */
#include <sched.h>

#include "base/id.h"
#include "base/log.h"
#include "chat/chat_private.h"

pdb_status pdb__no_memory(pdb_err *err)
{
	return pdb_err_set(err, PDB_ENOMEM, NULL, "The server is short of memory; try again.");
}

pdb_status pdb__op_init(pdb__op *op, pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
			pdb_err *err)
{
	memset(op, 0, sizeof(*op));
	if (thread.len > 0 && !pdb_id_valid(thread)) {
		/* No such id can have been stored. */
		return pdb__invalid(err, "invalid_id", "/thread", "The thread id is not valid.");
	}
	if (caller->author.len > 0 && pdb__author_check(caller->author, "/author", err) != PDB_OK) {
		return PDB_EINVAL;
	}
	if (!caller->may_block &&
	    (pdb_store_capabilities(chat->store) & PDB_STORAGE_BLOCKING) != 0) {
		return PDB_EOFFLOAD;
	}
	op->chat = chat;
	op->caller = caller;
	op->thread = thread;
	op->arena = pdb__arena_take(&chat->arenas);
	return op->arena == NULL ? pdb__no_memory(err) : PDB_OK;
}

void pdb__op_fini(pdb__op *op)
{
	if (op->chat != NULL) {
		pdb__arena_give(&op->chat->arenas, op->arena);
	}
	op->arena = NULL;
}

static void text_copy(char *to, size_t size, pdb_slice from)
{
	size_t len = from.len < size ? from.len : size - 1;

	if (len > 0) {
		memcpy(to, from.ptr, len);
	}
	to[len] = '\0';
}

void pdb__op_answer(pdb__op *op, pdb_buf *out, pdb_outcome *outcome)
{
	op->out = out;
	op->mark = out != NULL ? out->len : 0;
	op->outcome = outcome;
	if (outcome != NULL) {
		memset(outcome, 0, sizeof(*outcome));
		text_copy(outcome->thread, sizeof(outcome->thread), op->thread);
	}
}

void pdb__op_name_message(pdb__op *op, pdb_slice message, uint32_t version)
{
	if (op->outcome != NULL) {
		text_copy(op->outcome->message, sizeof(op->outcome->message), message);
		op->outcome->version = version;
	}
}

pdb_status pdb__op_undo(pdb__op *op, pdb_status status)
{
	if (op->out != NULL) {
		op->out->len = op->mark;
		op->out->failed = false;
	}
	return status;
}

static void op_hold(pdb__op *op, uint64_t ticket)
{
	if (op->outcome != NULL) {
		op->outcome->ticket = ticket;
	}
}

/* -- loading ------------------------------------------------------------------------------- */

static pdb_status damaged(pdb_slice thread, const char *what, pdb_err *err)
{
	return pdb_err_set(err, PDB_ECORRUPT, NULL, "the %s of thread %.*s cannot be read", what,
			   PDB_SLICE_ARGS(thread));
}

/* Looks for as many rows as for a thread that is there: time does not tell the one from the other.
 */
static pdb_status absent(pdb_txn *txn, pdb_slice thread, pdb_err *err)
{
	pdb_keybuf key;
	pdb_slice value;
	pdb_status status;

	pdb_key_thread_head(&key, thread);
	status = pdb_txn_get(txn, &key.key, &value, err);
	return status == PDB_ENOTFOUND ? PDB_OK : status;
}

pdb_status pdb__thread_load(pdb_txn *txn, pdb__arena *arena, pdb_slice thread, pdb__meta *meta,
			    pdb__head *head, bool *found, pdb_err *err)
{
	pdb_keybuf key;
	pdb_slice value;
	pdb_status status;

	*found = false;
	pdb_key_thread_meta(&key, thread);
	status = pdb_txn_get(txn, &key.key, &value, err);
	if (status == PDB_ENOTFOUND) {
		return head == NULL ? PDB_OK : absent(txn, thread, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	if (!pdb__arena_copy(arena, value, &value)) {
		return pdb__no_memory(err);
	}
	if (!pdb__meta_decode(value, meta)) {
		return damaged(thread, "meta row", err);
	}
	if (head == NULL) {
		*found = true;
		return PDB_OK;
	}
	pdb_key_thread_head(&key, thread);
	status = pdb_txn_get(txn, &key.key, &value, err);
	if (status != PDB_OK && status != PDB_ENOTFOUND) {
		return status;
	}
	if (status == PDB_ENOTFOUND || !pdb__head_decode(value, head)) {
		return damaged(thread, "head row", err);
	}
	*found = true;
	return PDB_OK;
}

/* A thread that is being purged is gone for readers, one that is being imported not there yet. A
 * writer must wait for the rest: it would make a new one between the rows of the old. */
static pdb_status hide_partial(pdb__op *op, bool writing, pdb_err *err)
{
	bool seen = op->purges || (op->imports && !op->meta.purging);

	if (!op->found || seen || (!op->meta.purging && !op->meta.importing)) {
		return PDB_OK;
	}
	if (writing && !op->meta.purging) {
		return pdb_err_set(err, PDB_EEXISTS, "thread_importing",
				   "The thread is being imported.");
	}
	if (writing) {
		return pdb_err_set(err, PDB_EBUSY, "thread_purging",
				   "The thread is being removed; try again.");
	}
	op->found = false;
	memset(&op->meta, 0, sizeof(op->meta));
	memset(&op->head, 0, sizeof(op->head));
	return PDB_OK;
}

static pdb_status op_load(pdb__op *op, bool writing, pdb_err *err)
{
	pdb_status status;

	op->found = false;
	op->changed = false;
	op->judged = false;
	op->lag_removed = false;
	op->notes = NULL;
	memset(&op->meta, 0, sizeof(op->meta));
	memset(&op->head, 0, sizeof(op->head));
	(void)pdb__op_undo(op, PDB_OK);
	op->inside = true;
	if (op->thread.len == 0) {
		return PDB_OK;
	}
	status = pdb__thread_load(&op->txn, op->arena, op->thread, &op->meta, &op->head, &op->found,
				  err);
	return status == PDB_OK ? hide_partial(op, writing, err) : status;
}

/* Default deny: what the table was not asked about does not get out. */
static pdb_status op_out_status(const pdb__op *op, pdb_err *err)
{
	if (!op->judged && op->caller->role != PDB_ROLE_ADMIN) {
		return pdb_err_set(err, PDB_EINTERNAL, NULL, "a call went by the access table");
	}
	return op->out != NULL ? pdb_buf_status(op->out, err) : PDB_OK;
}

/* After the last try a conflict is the server being busy. */
static pdb_status op_end(pdb__op *op, pdb_status status, pdb_err *err)
{
	if (status == PDB_OK) {
		return PDB_OK;
	}
	if (status == PDB_ECONFLICT) {
		status = pdb_err_set(err, PDB_EBUSY, NULL, "The server is busy; try again.");
	}
	return pdb__op_undo(op, status);
}

/* -- reads --------------------------------------------------------------------------------- */

static pdb_status read_once(pdb__op *op, pdb__op_fn fn, void *arg, pdb_err *err)
{
	pdb_status status = pdb_store_begin(op->chat->store, false, &op->txn, err);

	if (status == PDB_OK) {
		status = op_load(op, false, err);
	}
	if (status == PDB_OK) {
		status = fn(op, arg, err);
	}
	if (status == PDB_OK) {
		status = op_out_status(op, err);
	}
	pdb_txn_abort(&op->txn);
	op->inside = false;
	return status;
}

pdb_status pdb__op_read(pdb__op *op, pdb__op_fn fn, void *arg, pdb_err *err)
{
	pdb_status status = PDB_ECONFLICT;

	for (int i = 0; i < PDB__TRIES && status == PDB_ECONFLICT; i++) {
		status = read_once(op, fn, arg, err);
	}
	if (status == PDB_OK && op->thread.len > 0) {
		op_hold(op, pdb__stripe_hold(op->chat, op->thread));
	}
	return op_end(op, status, err);
}

/* -- writes -------------------------------------------------------------------------------- */

typedef struct attempt {
	pdb__stripe *stripe;
	pdb__news *news;
	uint64_t ticket;
	uint64_t messages; /* before */
	bool present;
	bool lag_put;
} attempt;

static bool op_present(const pdb__op *op)
{
	return op->found && pdb__meta_present(&op->meta);
}

/* True when list rows or the database's counters are behind this thread. */
static bool op_lags(const pdb__op *op)
{
	const pdb__head *head = &op->head;

	return head->all_ns != head->last_ns || head->list_ns != head->last_ns ||
	       head->counted_messages != head->message_count ||
	       head->counted_thread != op_present(op);
}

static pdb_status head_put(pdb__op *op, pdb_err *err)
{
	uint8_t row[PDB__HEAD_SIZE];
	pdb_keybuf key;

	op->head.generation++;
	pdb__head_encode(&op->head, row);
	pdb_key_thread_head(&key, op->thread);
	return pdb_txn_put(&op->txn, &key.key, pdb_slice_of(row, sizeof(row)), err);
}

static pdb_status finish_rows(pdb__op *op, attempt *a, pdb_err *err)
{
	pdb_keybuf key;
	pdb_status status;

	if (!op->found) {
		return PDB_OK;
	}
	status = head_put(op, err);
	if (status != PDB_OK || !op_lags(op) || pdb__stripe_marked(a->stripe, op->thread)) {
		return status;
	}
	pdb_key_lag(&key, op->thread);
	a->lag_put = true;
	return pdb_txn_put(&op->txn, &key.key, pdb_slice_of(NULL, 0), err);
}

/*
 * After an uncertain commit: the generation in the head row tells whether it happened. If so, one
 * more commit is made, because only a commit that is known has a ticket to wait for.
 */
static pdb_status settle(pdb__op *op, uint64_t *ticket, pdb_err *err)
{
	pdb_status status = PDB_ECONFLICT;

	for (int i = 0; i < PDB__TRIES && (status == PDB_ECONFLICT || status == PDB_EUNCERTAIN);
	     i++) {
		uint8_t row[PDB__HEAD_SIZE];
		pdb_keybuf key;
		pdb_slice value;
		pdb__head head;

		status = pdb_store_begin(op->chat->store, true, &op->txn, err);
		if (status != PDB_OK) {
			continue;
		}
		pdb_key_thread_head(&key, op->thread);
		status = pdb_txn_get(&op->txn, &key.key, &value, err);
		if (status == PDB_ENOTFOUND ||
		    (status == PDB_OK &&
		     (!pdb__head_decode(value, &head) || head.generation != op->head.generation))) {
			pdb_txn_abort(&op->txn);
			return PDB_ECONFLICT;
		}
		if (status == PDB_OK) {
			pdb__head_encode(&head, row);
			status = pdb_txn_put(&op->txn, &key.key, pdb_slice_of(row, sizeof(row)),
					     err);
		}
		if (status == PDB_OK) {
			status = pdb_txn_commit(&op->txn, ticket, err);
		}
		pdb_txn_abort(&op->txn);
	}
	if (status == PDB_OK) {
		return PDB_OK;
	}
	return pdb_err_set(err, PDB_EUNCERTAIN, NULL, "The outcome is not known; try again.");
}

static void publish(pdb__op *op, attempt *a)
{
	pdb_chat *chat = op->chat;

	if (!op->derived) {
		pdb__stripe_raise(a->stripe, op->thread, a->ticket);
	}
	if (op->lag_removed) {
		pdb__stripe_unmark(a->stripe, op->thread);
	}
	if (a->lag_put) {
		pdb__stripe_mark(a->stripe, op->thread);
	}
	(void)atomic_fetch_add_explicit(&chat->live_messages,
					(int64_t)(op->head.message_count - a->messages),
					memory_order_relaxed);
	(void)atomic_fetch_add_explicit(&chat->live_threads,
					(int64_t)op_present(op) - (int64_t)a->present,
					memory_order_relaxed);
	if (a->news != NULL) {
		pdb__feed_post(&chat->feed, a->news, a->ticket);
		a->news = NULL;
	}
	op_hold(op, a->ticket);
}

static pdb_status write_commit(pdb__op *op, attempt *a, pdb_err *err)
{
	pdb_status status = finish_rows(op, a, err);

	if (status == PDB_OK) {
		status = pdb__feed_pack(&op->chat->feed, op->notes, &a->news, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	atomic_store(&a->stripe->busy, true);
	status = pdb_txn_commit(&op->txn, &a->ticket, err);
	if (status == PDB_EUNCERTAIN && op->found) {
		status = settle(op, &a->ticket, err);
	}
	if (status == PDB_OK) {
		publish(op, a);
	}
	return status;
}

static pdb_status write_once(pdb__op *op, attempt *a, pdb__op_fn fn, void *arg, pdb_err *err)
{
	pdb_status status = pdb_store_begin(op->chat->store, true, &op->txn, err);

	a->lag_put = false;
	if (status == PDB_OK) {
		status = op_load(op, true, err);
	}
	a->messages = op->head.message_count;
	a->present = op_present(op);
	if (status == PDB_OK) {
		status = fn(op, arg, err);
	}
	if (status == PDB_OK) {
		status = op_out_status(op, err);
	}
	if (status == PDB_OK && op->changed) {
		status = write_commit(op, a, err);
	} else if (status == PDB_OK) {
		op_hold(op, pdb__stripe_ticket(op->chat, op->thread));
	}
	pdb_txn_abort(&op->txn);
	op->inside = false;
	pdb__news_destroy(&a->news);
	return status;
}

pdb_status pdb__op_write(pdb__op *op, pdb__op_fn fn, void *arg, pdb_err *err)
{
	attempt a = {.stripe = pdb__stripe_of(op->chat, op->thread)};
	pdb_status status = PDB_ECONFLICT;

	(void)pthread_mutex_lock(&a.stripe->lock);
	for (int i = 0; i < PDB__TRIES && status == PDB_ECONFLICT; i++) {
		if (i > 0) {
			pdb__count_conflict(op->chat);
			(void)sched_yield();
		}
		status = write_once(op, &a, fn, arg, err);
	}
	atomic_store(&a.stripe->busy, false);
	(void)pthread_mutex_unlock(&a.stripe->lock);
	return op_end(op, status, err);
}

pdb_status pdb__op_put_meta(pdb__op *op, const pdb__meta *meta, pdb_err *err)
{
	pdb_buf *row = &op->arena->row;
	pdb_keybuf key;
	pdb_status status;

	pdb_buf_clear(row);
	pdb__meta_encode(meta, row);
	status = pdb_buf_status(row, err);
	if (status != PDB_OK) {
		return status;
	}
	pdb_key_thread_meta(&key, op->thread);
	status = pdb_txn_put(&op->txn, &key.key, pdb_buf_slice(row), err);
	op->meta = *meta;
	op->changed = true;
	return status;
}

pdb_status pdb__op_note(pdb__op *op, pdb_change_kind kind, const pdb__record *record, pdb_err *err)
{
	pdb__note *note;

	if (!op->chat->feed.started) {
		return PDB_OK;
	}
	note = pdb__arena_alloc(op->arena, sizeof(*note));
	if (note == NULL) {
		return pdb__no_memory(err);
	}
	memset(note, 0, sizeof(*note));
	note->change.kind = kind;
	note->change.thread = op->thread;
	if (record != NULL) {
		note->change.message = record->id;
		note->change.seq = record->seq;
		note->change.version = record->version;
	}
	note->next = op->notes;
	op->notes = note;
	return PDB_OK;
}
