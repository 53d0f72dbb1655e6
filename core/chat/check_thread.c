/* SPDX-License-Identifier: Apache-2.0 */
/* The check of one thread: its timeline against its counters and indexes. */
#include "chat/check_private.h"

/* What the timeline says of the thread. */
typedef struct tally {
	pdb_slice thread;
	const pdb__meta *meta;
	uint64_t rows;
	uint64_t last_seq;
	uint64_t last_ns;
	int64_t last_ts;
	uint64_t messages; /* not deleted */
	uint64_t old_versions;
} tally;

typedef struct versions {
	const tally *tally;
	pdb_slice thread;
	pdb_slice message;
	uint32_t expected;
} versions;

static pdb_status need(pdb__check *c, const pdb_keybuf *key, pdb_err *err)
{
	bool has;
	pdb_status status = pdb__check_has(c, key, &has, err);

	if (status == PDB_OK && !has) {
		pdb__check_fault(c, "the list row %.*s is missing", PDB_SLICE_ARGS(key->key.bytes));
	}
	return status;
}

/* Who wrote it or reacted is a member, whose row is looked for with the thread, or a guest. */
static pdb_status check_users(pdb__check *c, const tally *t, const pdb__record *record,
			      pdb_err *err)
{
	char text[PDB__USER_SIZE];
	size_t cursor = 0;
	pdb_slice user;
	pdb_keybuf key;
	pdb_status status = PDB_OK;

	if (!atomic_load(&c->chat->traced)) {
		return PDB_OK;
	}
	while (status == PDB_OK && pdb__record_user(record, &cursor, text, &user)) {
		if (!pdb__member_in(t->meta, user)) {
			pdb_key_guest(&key, t->thread, user);
			status = need(c, &key, err);
		}
	}
	return status;
}

static pdb_status version_row(pdb__check *c, void *arg, pdb_slice key, pdb_slice value,
			      pdb_err *err)
{
	versions *v = arg;
	pdb__record record;
	pdb_keybuf expected;

	c->report->versions++;
	v->expected++;
	pdb_key_version(&expected, v->thread, v->message, v->expected);
	if (!pdb_slice_equal(expected.key.bytes, key)) {
		pdb__check_fault(c, "thread %.*s: version %u of message %.*s is missing",
				 PDB_SLICE_ARGS(v->thread), v->expected,
				 PDB_SLICE_ARGS(v->message));
	} else if (!pdb__record_decode(value, &record) || record.version != v->expected ||
		   !pdb_slice_equal(record.id, v->message)) {
		pdb__check_fault(c, "thread %.*s: version %u of message %.*s cannot be read",
				 PDB_SLICE_ARGS(v->thread), v->expected,
				 PDB_SLICE_ARGS(v->message));
	} else {
		return check_users(c, v->tally, &record, err);
	}
	return PDB_OK;
}

/* Versions 1 to n - 1 lie beside the latest. */
static pdb_status check_versions(pdb__check *c, const tally *t, const pdb__record *record,
				 pdb_err *err)
{
	versions v = {.tally = t, .thread = t->thread, .message = record->id};
	pdb_range range = {0};
	pdb_keybuf prefix;
	pdb_keybuf end;
	pdb_status status;

	if (record->version == 1) {
		return PDB_OK;
	}
	pdb_key_version_prefix(&prefix, t->thread, record->id);
	pdb_key_prefix_end(&end, &prefix);
	range.partition = prefix.key.partition;
	range.from = prefix.key.bytes;
	range.to = end.key.bytes;
	status = pdb__check_walk(c, range, version_row, &v, err);
	if (status == PDB_OK && v.expected != record->version - 1) {
		pdb__check_fault(c, "thread %.*s: message %.*s is at version %u and has %u before",
				 PDB_SLICE_ARGS(t->thread), PDB_SLICE_ARGS(record->id),
				 record->version, v.expected);
	}
	return status;
}

static pdb_status check_id_row(pdb__check *c, const tally *t, const pdb__record *record,
			       pdb_slice position, pdb_err *err)
{
	pdb_txn txn = {0};
	pdb_keybuf key;
	pdb_slice value;
	pdb_status status = pdb_store_begin(c->chat->store, false, &txn, err);

	if (status == PDB_OK) {
		pdb_key_message(&key, t->thread, record->id);
		status = pdb_txn_get(&txn, &key.key, &value, err);
	}
	if (status == PDB_ENOTFOUND || (status == PDB_OK && !pdb_slice_equal(value, position))) {
		pdb__check_fault(c, "thread %.*s: the id row of message %.*s is wrong or missing",
				 PDB_SLICE_ARGS(t->thread), PDB_SLICE_ARGS(record->id));
		status = PDB_OK;
	}
	pdb_txn_abort(&txn);
	return status;
}

static pdb_status check_deleted_row(pdb__check *c, int64_t ts, pdb_slice thread, pdb_slice message,
				    pdb_err *err)
{
	pdb_keybuf key;

	pdb_key_deleted(&key, (uint64_t)ts, thread, message);
	return need(c, &key, err);
}

static pdb_status timeline_row(pdb__check *c, void *arg, pdb_slice key, pdb_slice value,
			       pdb_err *err)
{
	tally *t = arg;
	pdb__record record;
	uint64_t ns;
	uint64_t seq;
	pdb_status status;

	c->report->messages++;
	t->rows++;
	if (!pdb_key_timeline_position(key, &ns, &seq) || !pdb__record_decode(value, &record) ||
	    record.seq != seq || !pdb_slice_equal(record.thread, t->thread) ||
	    record.version == 0) {
		pdb__check_fault(c, "the message row %.*s cannot be read", PDB_SLICE_ARGS(key));
		t->last_seq++;
		return PDB_OK;
	}
	/* What was purged leaves its place empty; how many there are stands in the head row. */
	if (seq <= t->last_seq || ns <= t->last_ns) {
		pdb__check_fault(c, "thread %.*s: seq %llu follows %llu", PDB_SLICE_ARGS(t->thread),
				 (unsigned long long)seq, (unsigned long long)t->last_seq);
	}
	t->last_seq = seq;
	t->last_ns = ns;
	t->last_ts = record.ts;
	t->messages += record.deleted ? 0 : 1;
	c->deleted += record.deleted ? 1 : 0;
	t->old_versions += record.version - 1;
	status = check_id_row(c, t, &record, pdb_slice_skip(key, key.len - PDB_POSITION_LEN), err);
	if (status == PDB_OK && record.deleted) {
		status = check_deleted_row(c, record.edited_ts, t->thread, record.id, err);
	}
	if (status == PDB_OK) {
		status = check_users(c, t, &record, err);
	}
	return status == PDB_OK ? check_versions(c, t, &record, err) : status;
}

static pdb_status count_row(pdb__check *c, void *arg, pdb_slice key, pdb_slice value, pdb_err *err)
{
	uint64_t *count = arg;

	(void)c;
	(void)key;
	(void)value;
	(void)err;
	(*count)++;
	return PDB_OK;
}

/* Every id row and version row that should be there was seen: more than those are strays. */
static pdb_status check_strays(pdb__check *c, const tally *t, pdb_err *err)
{
	uint64_t ids = 0;
	uint64_t old = 0;
	pdb_keybuf key;
	pdb_keybuf end;
	pdb_range range = {0};
	pdb_status status;

	pdb_key_message(&key, t->thread, pdb_slice_of(NULL, 0));
	pdb_key_prefix_end(&end, &key);
	range.partition = key.key.partition;
	range.from = key.key.bytes;
	range.to = end.key.bytes;
	status = pdb__check_walk(c, range, count_row, &ids, err);
	if (status != PDB_OK) {
		return status;
	}
	/* "version:msg:<t>:", for every message of the thread. */
	pdb_key_version_prefix(&key, t->thread, pdb_slice_of(NULL, 0));
	key.key.bytes.len--;
	pdb_key_prefix_end(&end, &key);
	range.from = key.key.bytes;
	range.to = end.key.bytes;
	status = pdb__check_walk(c, range, count_row, &old, err);
	if (status == PDB_OK && ids != t->rows) {
		pdb__check_fault(c, "thread %.*s: %llu id rows for %llu messages",
				 PDB_SLICE_ARGS(t->thread), (unsigned long long)ids,
				 (unsigned long long)t->rows);
	}
	if (status == PDB_OK && old != t->old_versions) {
		pdb__check_fault(c, "thread %.*s: %llu version rows, and messages tell of %llu",
				 PDB_SLICE_ARGS(t->thread), (unsigned long long)old,
				 (unsigned long long)t->old_versions);
	}
	return status;
}

static void check_head(pdb__check *c, const tally *t, const pdb__head *head)
{
	bool same = head->last_seq == t->rows + head->purged && head->last_seq >= t->last_seq &&
		    head->message_count == t->messages;

	if (t->rows > 0 && head->last_seq == t->last_seq) {
		same = same && head->last_ns == t->last_ns && head->last_ts == t->last_ts;
	}
	if (!same) {
		pdb__check_fault(c,
				 "thread %.*s: its counters say seq %llu and %llu messages, its "
				 "timeline %llu and %llu",
				 PDB_SLICE_ARGS(t->thread), (unsigned long long)head->last_seq,
				 (unsigned long long)head->message_count,
				 (unsigned long long)t->last_seq, (unsigned long long)t->messages);
	}
}

static pdb_status guest_row(pdb__check *c, void *arg, pdb_slice key, pdb_slice value, pdb_err *err)
{
	pdb_keybuf twin;

	(void)arg, (void)value;
	if (!pdb_key_trace_twin(&twin, key)) {
		pdb__check_fault(c, "the row %.*s names no user", PDB_SLICE_ARGS(key));
		return PDB_OK;
	}
	return need(c, &twin, err);
}

/* The traces of members and guests. */
static pdb_status check_traces(pdb__check *c, pdb_slice thread, const pdb__meta *meta, pdb_err *err)
{
	pdb_keybuf key;
	pdb_keybuf end;
	pdb_range range = {0};
	size_t cursor = 0;
	pdb_slice one = meta->author;
	pdb_status status = PDB_OK;

	while (status == PDB_OK && one.len > 0 && atomic_load(&c->chat->traced)) {
		pdb_key_trace(&key, one, thread);
		status = need(c, &key, err);
		if (!pdb__participant_next(meta->participants, &cursor, &one)) {
			break;
		}
	}
	if (status != PDB_OK) {
		return status;
	}
	pdb_key_guest_prefix(&key, thread);
	pdb_key_prefix_end(&end, &key);
	range.partition = key.key.partition;
	range.from = key.key.bytes;
	range.to = end.key.bytes;
	return pdb__check_walk(c, range, guest_row, NULL, err);
}

static pdb_status check_member_rows(pdb__check *c, pdb_slice thread, const pdb__meta *meta,
				    const pdb__head *head, pdb_err *err)
{
	pdb_keybuf key;
	size_t cursor = 0;
	pdb_slice one;
	pdb_status status;

	pdb_key_author(&key, meta->author, head->list_ns, thread);
	status = need(c, &key, err);
	while (status == PDB_OK && pdb__participant_next(meta->participants, &cursor, &one)) {
		pdb_key_author(&key, one, head->list_ns, thread);
		status = need(c, &key, err);
	}
	if (status == PDB_OK) {
		pdb_key_all(&key, head->all_ns, thread);
		status = need(c, &key, err);
	}
	return status;
}

static pdb_status check_list_rows(pdb__check *c, pdb_slice thread, const pdb__meta *meta,
				  const pdb__head *head, pdb_err *err)
{
	bool lags = head->list_ns != head->last_ns || head->all_ns != head->last_ns ||
		    head->counted_messages != head->message_count ||
		    head->counted_thread != pdb__meta_present(meta);
	pdb_keybuf key;
	pdb_status status = PDB_OK;

	/* No list has a thread that is being imported. */
	if (!meta->importing) {
		status = check_member_rows(c, thread, meta, head, err);
	}
	if (status == PDB_OK && meta->deleted) {
		c->deleted++;
		status = check_deleted_row(c, meta->deleted_ts, thread, pdb_slice_of(NULL, 0), err);
	}
	if (status == PDB_OK && lags) {
		pdb_key_lag(&key, thread);
		status = need(c, &key, err);
	}
	return status;
}

pdb_status pdb__check_thread(pdb__check *c, pdb_slice thread, pdb_err *err)
{
	pdb__arena *arena = pdb__arena_take(&c->chat->arenas);
	pdb__meta meta;
	tally t = {.thread = thread, .meta = &meta};
	pdb_range range = {0};
	pdb_keybuf prefix;
	pdb_keybuf end;
	pdb__head head;
	bool found;
	pdb_status status;

	if (arena == NULL) {
		return pdb__no_memory(err);
	}
	c->report->threads++;
	status = pdb__check_thread_load(c, arena, thread, &meta, &head, &found, err);
	if (status == PDB_OK && !found) {
		pdb__check_fault(c, "thread %.*s has rows but cannot be read",
				 PDB_SLICE_ARGS(thread));
	}
	if (status == PDB_OK && found) {
		pdb_key_timeline_prefix(&prefix, thread);
		pdb_key_prefix_end(&end, &prefix);
		range.partition = prefix.key.partition;
		range.from = prefix.key.bytes;
		range.to = end.key.bytes;
		status = pdb__check_walk(c, range, timeline_row, &t, err);
	}
	if (status == PDB_OK && found) {
		check_head(c, &t, &head);
		c->counted_messages += head.counted_messages;
		c->counted_threads += head.counted_thread ? 1 : 0;
		status = check_strays(c, &t, err);
	}
	if (status == PDB_OK && found) {
		status = check_list_rows(c, thread, &meta, &head, err);
	}
	if (status == PDB_OK && found) {
		status = check_traces(c, thread, &meta, err);
	}
	pdb__arena_give(&c->chat->arenas, arena);
	return status;
}
