/* SPDX-License-Identifier: Apache-2.0 */
/* What lags behind appends: list rows of crowds, the list of all threads, the total counts. */
#include "base/bytes.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "chat/chat_private.h"

#define CHUNK         64u
#define STEP_TIME     (50 * PDB_NS_PER_MS)
#define PERIOD        (2 * PDB_NS_PER_SECOND)
#define COUNTS_FORMAT 1u
#define COUNTS_SIZE   17u

/* -- "meta:counts" ------------------------------------------------------------------------- */

pdb_status pdb__counts_read(pdb_txn *txn, uint64_t *threads, uint64_t *messages, pdb_err *err)
{
	pdb_keybuf key;
	pdb_slice row;
	pdb_status status;

	*threads = 0;
	*messages = 0;
	pdb_key_meta(&key, "counts");
	status = pdb_txn_get(txn, &key.key, &row, err);
	if (status != PDB_OK) {
		return status == PDB_ENOTFOUND ? PDB_OK : status;
	}
	if (row.len != COUNTS_SIZE || row.ptr[0] != COUNTS_FORMAT) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "the counts cannot be read");
	}
	*threads = pdb_le_get(row.ptr + 1, 8);
	*messages = pdb_le_get(row.ptr + 9, 8);
	return PDB_OK;
}

/* Only this job writes the row, so that appends to different threads never meet there. */
pdb_status pdb__counts_move(pdb__op *op, pdb_err *err)
{
	uint8_t row[COUNTS_SIZE] = {COUNTS_FORMAT};
	pdb__head *head = &op->head;
	bool present = pdb__meta_present(&op->meta);
	uint64_t threads;
	uint64_t messages;
	pdb_keybuf key;
	pdb_status status;

	if (head->counted_messages == head->message_count && head->counted_thread == present) {
		return PDB_OK;
	}
	status = pdb__counts_read(&op->txn, &threads, &messages, err);
	if (status != PDB_OK) {
		return status;
	}
	/* Unsigned arithmetic takes a falling count in its stride. */
	threads += (uint64_t)present - (uint64_t)head->counted_thread;
	messages += head->message_count - head->counted_messages;
	head->counted_messages = head->message_count;
	head->counted_thread = present;
	pdb_le_put(row + 1, threads, 8);
	pdb_le_put(row + 9, messages, 8);
	pdb_key_meta(&key, "counts");
	return pdb_txn_put(&op->txn, &key.key, pdb_slice_of(row, sizeof(row)), err);
}

/* -- one thread ---------------------------------------------------------------------------- */

static pdb_status catch_up(pdb__op *op, void *arg, pdb_err *err)
{
	pdb_keybuf key;
	pdb_status status = PDB_OK;

	(void)arg;
	if (op->found) {
		status = pdb__all_row_move(op, err);
		if (status == PDB_OK) {
			status = pdb__list_rows_move(op, err);
		}
		if (status == PDB_OK) {
			status = pdb__counts_move(op, err);
		}
	}
	if (status != PDB_OK) {
		return status;
	}
	pdb_key_lag(&key, op->thread);
	status = pdb_txn_remove(&op->txn, &key.key, err);
	op->changed = true;
	op->lag_removed = true;
	return status == PDB_ENOTFOUND ? PDB_OK : status;
}

static pdb_status thread_catch_up(pdb_chat *chat, pdb_slice thread, pdb_err *err)
{
	const pdb_caller nobody = {.role = PDB_ROLE_ADMIN, .may_block = true};
	pdb__op op;
	pdb_status status = pdb__op_init(&op, chat, &nobody, thread, err);

	if (status == PDB_OK) {
		op.derived = true;
		op.purges = true; /* from its first row to its last one it has rows that lag */
		status = pdb__op_write(&op, catch_up, NULL, err);
	}
	pdb__op_fini(&op);
	return status;
}

/* -- the rows of threads that lag ------------------------------------------------------------- */

typedef struct batch {
	size_t prefix_len;
	size_t count;
	char threads[CHUNK][PDB_ID_MAX + 1];
} batch;

static pdb_status collect(void *arg, pdb_slice key, pdb_slice value)
{
	batch *b = arg;
	pdb_slice thread = pdb_slice_skip(key, b->prefix_len);

	(void)value;
	if (thread.len > 0 && pdb_id_valid(thread)) {
		memcpy(b->threads[b->count], thread.ptr, thread.len);
		b->threads[b->count][thread.len] = '\0';
		b->count++;
	}
	return b->count == CHUNK ? PDB_ESTOP : PDB_OK;
}

/* The next threads behind `after` ("" = from the start). */
static pdb_status batch_read(pdb_txn *txn, const char *after, batch *b, pdb_err *err)
{
	pdb_keybuf prefix;
	pdb_keybuf end;
	char from[PDB_KEY_MAX];
	pdb_range range = {.limit = CHUNK};
	size_t after_len = strlen(after);

	pdb_key_lag_prefix(&prefix);
	pdb_key_prefix_end(&end, &prefix);
	b->count = 0;
	b->prefix_len = prefix.key.bytes.len;
	memcpy(from, prefix.key.bytes.ptr, b->prefix_len);
	memcpy(from + b->prefix_len, after, after_len + 1);
	range.partition = prefix.key.partition;
	range.from = pdb_slice_of(from, b->prefix_len + after_len + (after_len > 0 ? 1 : 0));
	range.to = end.key.bytes;
	return pdb_txn_scan(txn, &range, collect, b, err);
}

static pdb_status batch_next(pdb_chat *chat, const char *after, batch *b, pdb_err *err)
{
	pdb_status status = PDB_ECONFLICT;

	for (int i = 0; i < PDB__TRIES && status == PDB_ECONFLICT; i++) {
		pdb_txn txn = {0};

		status = pdb_store_begin(chat->store, false, &txn, err);
		if (status == PDB_OK) {
			status = batch_read(&txn, after, b, err);
		}
		pdb_txn_abort(&txn);
	}
	return status;
}

pdb_status pdb__crowd_step(pdb_chat *chat, bool *more, pdb_err *err)
{
	int64_t until = pdb_clock_monotonic() + STEP_TIME;
	batch b;
	pdb_status status = batch_next(chat, chat->crowd_cursor, &b, err);

	*more = false;
	for (size_t i = 0; i < b.count && status == PDB_OK; i++) {
		status = thread_catch_up(chat, pdb_slice_text(b.threads[i]), err);
		if (status == PDB_ECORRUPT) {
			/* One damaged thread must not keep all others waiting. */
			pdb_log(PDB_LOG_ERROR, "chat", "%s", err != NULL ? err->text : "damaged");
			status = PDB_OK;
		}
		memcpy(chat->crowd_cursor, b.threads[i], sizeof(b.threads[i]));
		*more = i + 1 < b.count || b.count == CHUNK;
		if (pdb_clock_monotonic() > until) {
			break;
		}
	}
	if (!*more || status != PDB_OK) {
		chat->crowd_cursor[0] = '\0';
	}
	return status;
}

static pdb_status job_step(void *self, pdb_job_run *run, pdb_err *err)
{
	pdb_chat *chat = self;
	bool more;
	pdb_status status = pdb__crowd_step(chat, &more, err);

	if (status == PDB_OK && !more && chat->host != NULL) {
		chat->host->job_done(run);
	}
	return status;
}

const pdb_job pdb_chat_crowd_job = {
	.size = sizeof(pdb_job),
	.name = "chat_lists",
	.period = PERIOD,
	.step = job_step,
};

/* -- counts at the start ----------------------------------------------------------------------- */

typedef struct totals {
	const batch *lagging; /* NULL = read "meta:counts" */
	int64_t threads;
	int64_t messages;
} totals;

/* What one lagging thread has that is not in the row of counts. */
static pdb_status count_thread(pdb__op *op, totals *sum, pdb_slice thread, pdb_err *err)
{
	pdb__meta meta;
	pdb__head head;
	bool found;
	pdb_status status =
		pdb__thread_load(&op->txn, op->arena, thread, &meta, &head, &found, err);

	if (status == PDB_OK && found) {
		sum->messages += (int64_t)(head.message_count - head.counted_messages);
		sum->threads += (int64_t)pdb__meta_present(&meta) - (int64_t)head.counted_thread;
	}
	/* A damaged thread is the check's business, not a reason to refuse to start. */
	return status == PDB_ECORRUPT ? PDB_OK : status;
}

static pdb_status count_try(pdb__op *op, void *arg, pdb_err *err)
{
	totals *sum = arg;
	uint64_t threads = 0;
	uint64_t messages = 0;
	pdb_status status = PDB_OK;

	if (sum->lagging == NULL) {
		status = pdb__counts_read(&op->txn, &threads, &messages, err);
	}
	sum->threads = (int64_t)threads;
	sum->messages = (int64_t)messages;
	for (size_t i = 0; sum->lagging != NULL && i < sum->lagging->count && status == PDB_OK;
	     i++) {
		status = count_thread(op, sum, pdb_slice_text(sum->lagging->threads[i]), err);
	}
	return status;
}

static pdb_status count_add(pdb_chat *chat, const batch *lagging, pdb_err *err)
{
	const pdb_caller nobody = {.role = PDB_ROLE_ADMIN, .may_block = true};
	totals sum = {.lagging = lagging};
	pdb__op op;
	pdb_status status = pdb__op_init(&op, chat, &nobody, pdb_slice_of(NULL, 0), err);

	if (status == PDB_OK) {
		status = pdb__op_read(&op, count_try, &sum, err);
	}
	if (status == PDB_OK) {
		(void)atomic_fetch_add(&chat->live_threads, sum.threads);
		(void)atomic_fetch_add(&chat->live_messages, sum.messages);
	}
	pdb__op_fini(&op);
	return status;
}

pdb_status pdb__counts_load(pdb_chat *chat, pdb_err *err)
{
	char after[PDB_ID_MAX + 1] = "";
	batch b = {.count = CHUNK};
	pdb_status status = count_add(chat, NULL, err);

	while (status == PDB_OK && b.count == CHUNK) {
		status = batch_next(chat, after, &b, err);
		if (status == PDB_OK) {
			status = count_add(chat, &b, err);
		}
		if (b.count > 0) {
			memcpy(after, b.threads[b.count - 1], sizeof(after));
		}
	}
	return status;
}
