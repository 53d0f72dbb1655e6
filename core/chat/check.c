/* SPDX-License-Identifier: Apache-2.0 */
/* The check of a database: the walk over all threads, and the rows that speak of them. */
#include "chat/check_private.h"
#include "chat/walk.h"

#define CHUNK       256u
#define CHUNK_BYTES ((size_t)4 * 1024 * 1024)

void pdb__check_fault(pdb__check *c, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	c->report->faults++;
	if (c->fault != NULL) {
		c->fault(c->arg, line);
	}
}

/* -- walking --------------------------------------------------------------------------------- */

typedef struct chunk_row {
	pdb_slice key;
	pdb_slice value;
} chunk_row;

typedef struct chunk {
	pdb__arena *arena;
	chunk_row *rows;
	size_t count;
	size_t bytes;
} chunk;

static pdb_status collect(void *arg, pdb_slice key, pdb_slice value)
{
	chunk *k = arg;
	chunk_row *row = &k->rows[k->count];

	if (!pdb__arena_copy(k->arena, key, &row->key) ||
	    !pdb__arena_copy(k->arena, value, &row->value)) {
		return PDB_ENOMEM;
	}
	k->count++;
	k->bytes += key.len + value.len;
	return k->count == CHUNK || k->bytes > CHUNK_BYTES ? PDB_ESTOP : PDB_OK;
}

/* Reads the next rows into the arena. */
static pdb_status chunk_read(pdb__check *c, const pdb_range *range, chunk *k, pdb_err *err)
{
	pdb_txn txn = {0};
	pdb_status status;

	k->count = 0;
	k->bytes = 0;
	k->rows = pdb__arena_alloc(k->arena, CHUNK * sizeof(*k->rows));
	if (k->rows == NULL) {
		return pdb__no_memory(err);
	}
	status = pdb_store_begin(c->chat->store, false, &txn, err);
	if (status == PDB_OK) {
		status = pdb_txn_scan(&txn, range, collect, k, err);
	}
	pdb_txn_abort(&txn);
	return status;
}

pdb_status pdb__check_walk(pdb__check *c, pdb_range range, pdb__check_row_fn row, void *arg,
			   pdb_err *err)
{
	char from[PDB_KEY_MAX + 1];
	bool over = false;
	pdb_status status = PDB_OK;

	while (!over && status == PDB_OK) {
		chunk k = {.arena = pdb__arena_take(&c->chat->arenas)};

		if (k.arena == NULL) {
			return pdb__no_memory(err);
		}
		status = chunk_read(c, &range, &k, err);
		for (size_t i = 0; i < k.count && status == PDB_OK; i++) {
			status = row(c, arg, k.rows[i].key, k.rows[i].value, err);
		}
		over = k.count == 0;
		if (!over) {
			/* The least key behind the last one. */
			pdb_slice last = k.rows[k.count - 1].key;

			memcpy(from, last.ptr, last.len);
			from[last.len] = '\0';
			range.from = pdb_slice_of(from, last.len + 1);
		}
		pdb__arena_give(&c->chat->arenas, k.arena);
	}
	return status;
}

pdb_status pdb__check_has(pdb__check *c, const pdb_keybuf *key, bool *has, pdb_err *err)
{
	pdb_txn txn = {0};
	pdb_slice value;
	pdb_status status = pdb_store_begin(c->chat->store, false, &txn, err);

	if (status == PDB_OK) {
		status = pdb_txn_get(&txn, &key->key, &value, err);
	}
	pdb_txn_abort(&txn);
	*has = status == PDB_OK;
	return status == PDB_ENOTFOUND ? PDB_OK : status;
}

pdb_status pdb__check_thread_load(pdb__check *c, pdb__arena *arena, pdb_slice thread,
				  pdb__meta *meta, pdb__head *head, bool *found, pdb_err *err)
{
	pdb_txn txn = {0};
	pdb_err why = {0};
	pdb_status status = pdb_store_begin(c->chat->store, false, &txn, err);

	*found = false;
	if (status == PDB_OK) {
		status = pdb__thread_load(&txn, arena, thread, meta, head, found, &why);
	}
	pdb_txn_abort(&txn);
	if (status == PDB_ECORRUPT) {
		pdb__check_fault(c, "%s", why.text);
		return PDB_OK;
	}
	return status;
}

/* -- list rows ------------------------------------------------------------------------------- */

static bool is_member_row(pdb_slice key, pdb_slice thread, const pdb__meta *meta, uint64_t ns)
{
	pdb_keybuf expected;
	size_t cursor = 0;
	pdb_slice one;

	pdb_key_author(&expected, meta->author, ns, thread);
	if (pdb_slice_equal(expected.key.bytes, key)) {
		return true;
	}
	while (pdb__participant_next(meta->participants, &cursor, &one)) {
		pdb_key_author(&expected, one, ns, thread);
		if (pdb_slice_equal(expected.key.bytes, key)) {
			return true;
		}
	}
	return false;
}

static bool is_list_row(bool all, pdb_slice key, pdb_slice thread, const pdb__meta *meta,
			const pdb__head *head)
{
	pdb_keybuf expected;

	if (!all) {
		return is_member_row(key, thread, meta, head->list_ns);
	}
	pdb_key_all(&expected, head->all_ns, thread);
	return pdb_slice_equal(expected.key.bytes, key);
}

static pdb_status list_row(pdb__check *c, void *arg, pdb_slice key, pdb_slice value, pdb_err *err)
{
	const bool *all = arg;
	pdb__arena *arena = pdb__arena_take(&c->chat->arenas);
	uint64_t activity;
	pdb_slice thread;
	pdb__meta meta;
	pdb__head head;
	bool found = false;
	pdb_status status = PDB_OK;

	(void)value;
	if (arena == NULL) {
		return pdb__no_memory(err);
	}
	c->report->list_rows++;
	if (pdb_key_list_entry(key, &activity, &thread)) {
		status = pdb__check_thread_load(c, arena, thread, &meta, &head, &found, err);
	}
	if (status == PDB_OK && (!found || !is_list_row(*all, key, thread, &meta, &head))) {
		pdb__check_fault(c, "the list row %.*s belongs to no thread", PDB_SLICE_ARGS(key));
	}
	pdb__arena_give(&c->chat->arenas, arena);
	return status;
}

/* -- traces ----------------------------------------------------------------------------------- */

static bool is_member_trace(pdb_slice key, pdb_slice thread, const pdb__meta *meta)
{
	pdb_keybuf expected;
	size_t cursor = 0;
	pdb_slice one = meta->author;

	do {
		pdb_key_trace(&expected, one, thread);
		if (pdb_slice_equal(expected.key.bytes, key)) {
			return true;
		}
	} while (pdb__participant_next(meta->participants, &cursor, &one));
	return false;
}

/* Each belongs to a member, or has a twin in the thread. */
static pdb_status trace_row(pdb__check *c, void *arg, pdb_slice key, pdb_slice value, pdb_err *err)
{
	pdb__arena *arena = pdb__arena_take(&c->chat->arenas);
	pdb_keybuf twin;
	pdb_slice thread;
	pdb__meta meta;
	pdb__head head;
	bool found = false;
	pdb_status status = PDB_OK;

	(void)arg, (void)value;
	if (arena == NULL) {
		return pdb__no_memory(err);
	}
	c->report->list_rows++;
	if (pdb_key_trace_entry(key, &thread) && pdb_key_trace_twin(&twin, key)) {
		status = pdb__check_thread_load(c, arena, thread, &meta, &head, &found, err);
	}
	if (status == PDB_OK && found && !is_member_trace(key, thread, &meta)) {
		status = pdb__check_has(c, &twin, &found, err);
	}
	if (status == PDB_OK && !found) {
		pdb__check_fault(c, "the row %.*s belongs to no thread", PDB_SLICE_ARGS(key));
	}
	pdb__arena_give(&c->chat->arenas, arena);
	return status;
}

static pdb_range range_of(const pdb_keybuf *prefix, pdb_keybuf *end)
{
	pdb_range range = {0};

	pdb_key_prefix_end(end, prefix);
	range.partition = prefix->key.partition;
	range.from = prefix->key.bytes;
	range.to = end->key.bytes;
	return range;
}

static pdb_status check_lists(pdb__check *c, bool global, pdb_err *err)
{
	pdb_keybuf prefix;
	pdb_keybuf end;
	bool all = true;
	pdb_status status;

	pdb_key_all_prefix(&prefix);
	status = pdb__check_walk(c, range_of(&prefix, &end), list_row, &all, err);
	if (status == PDB_OK && global) {
		const pdb_range range = {.from = PDB_SLICE("author:"), .to = PDB_SLICE("author;")};

		const pdb_range traces = {.from = PDB_SLICE("trace:"), .to = PDB_SLICE("trace;")};

		all = false;
		status = pdb__check_walk(c, range, list_row, &all, err);
		if (status == PDB_OK) {
			status = pdb__check_walk(c, traces, trace_row, NULL, err);
		}
	}
	return status;
}

/* -- threads ----------------------------------------------------------------------------------- */

static pdb_status check_all_threads(pdb__check *c, pdb_err *err)
{
	char from[PDB_ID_MAX + 16] = "thread:";
	char thread[PDB_ID_MAX + 1];
	pdb_status status = pdb__thread_next(c->chat, from, thread, err);

	while (status == PDB_OK && thread[0] != '\0') {
		status = pdb__check_thread(c, pdb_slice_text(thread), err);
		/* ';' follows ':': the rows of this thread are passed over. */
		(void)snprintf(from, sizeof(from), "thread:%s;", thread);
		if (status == PDB_OK) {
			status = pdb__thread_next(c->chat, from, thread, err);
		}
	}
	return status;
}

static pdb_status listed_thread(pdb__check *c, void *arg, pdb_slice key, pdb_slice value,
				pdb_err *err)
{
	uint64_t activity;
	pdb_slice thread;

	(void)arg;
	(void)value;
	return pdb_key_list_entry(key, &activity, &thread) ? pdb__check_thread(c, thread, err)
							   : PDB_OK;
}

/* An engine that cannot scan across partitions shows the threads it lists. */
static pdb_status check_listed_threads(pdb__check *c, pdb_err *err)
{
	pdb_keybuf prefix;
	pdb_keybuf end;

	pdb_key_all_prefix(&prefix);
	return pdb__check_walk(c, range_of(&prefix, &end), listed_thread, NULL, err);
}

static pdb_status check_counts(pdb__check *c, pdb_err *err)
{
	uint64_t threads = 0;
	uint64_t messages = 0;
	pdb_txn txn = {0};
	pdb_status status = pdb_store_begin(c->chat->store, false, &txn, err);

	if (status == PDB_OK) {
		status = pdb__counts_read(&txn, &threads, &messages, err);
	}
	pdb_txn_abort(&txn);
	if (status == PDB_OK &&
	    (threads != c->counted_threads || messages != c->counted_messages)) {
		pdb__check_fault(c,
				 "the database counts %llu threads and %llu messages, its threads "
				 "%llu and %llu",
				 (unsigned long long)threads, (unsigned long long)messages,
				 (unsigned long long)c->counted_threads,
				 (unsigned long long)c->counted_messages);
	}
	return status;
}

static pdb_status deleted_row(pdb__check *c, void *arg, pdb_slice key, pdb_slice value,
			      pdb_err *err)
{
	uint64_t *count = arg;
	uint64_t ns;
	pdb_slice thread;
	pdb_slice message;

	(void)value, (void)err;
	(*count)++;
	if (!pdb_key_deleted_entry(key, &ns, &thread, &message)) {
		pdb__check_fault(c, "the row %.*s is none of what was deleted",
				 PDB_SLICE_ARGS(key));
	}
	return PDB_OK;
}

/* Each that should be there was seen: more than those are strays. */
static pdb_status check_deleted(pdb__check *c, pdb_err *err)
{
	uint64_t rows = 0;
	pdb_keybuf prefix;
	pdb_keybuf end;
	pdb_status status;

	pdb_key_deleted_prefix(&prefix);
	status = pdb__check_walk(c, range_of(&prefix, &end), deleted_row, &rows, err);
	if (status == PDB_OK && rows != c->deleted) {
		pdb__check_fault(c, "%llu rows tell of deletions, and there are %llu",
				 (unsigned long long)rows, (unsigned long long)c->deleted);
	}
	return status;
}

pdb_status pdb_chat_check(pdb_chat *chat, void (*fault)(void *arg, const char *line), void *arg,
			  pdb_check_report *report, pdb_err *err)
{
	bool global = (pdb_store_capabilities(chat->store) & PDB_STORAGE_GLOBAL_SCAN) != 0;
	pdb__check c = {.chat = chat, .fault = fault, .arg = arg, .report = report};
	pdb_status status;

	memset(report, 0, sizeof(*report));
	status = global ? check_all_threads(&c, err) : check_listed_threads(&c, err);
	if (status == PDB_OK) {
		status = check_lists(&c, global, err);
	}
	if (status == PDB_OK) {
		status = check_deleted(&c, err);
	}
	return status == PDB_OK ? check_counts(&c, err) : status;
}
