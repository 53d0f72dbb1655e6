/* SPDX-License-Identifier: Apache-2.0 */
/* Several transactions at once: snapshots, conflicts, and counters that lose nothing. */
#include <pthread.h>
#include <stdlib.h>

#include "backend.h"

CONTRACT(isolation, a_reader_sees_the_state_of_its_begin)
{
	pdb_range all = {PDB_SLICE("p"), {NULL, 0}, {NULL, 0}, 0, false};
	backend *b = backend_open(param);
	void *reader;

	store(b, "a", "1");
	store(b, "b", "1");
	reader = begin(b, false);
	store(b, "a", "2");
	store(b, "b", NULL);
	store(b, "c", "2");
	expect_in(b, reader, "a", "1");
	expect_in(b, reader, "b", "1");
	expect_in(b, reader, "c", NULL);
	expect_scan(b, reader, &all, "a b");
	b->ops->abort(&reader);
	reader = begin(b, false);
	expect_in(b, reader, "a", "2");
	expect_scan(b, reader, &all, "a c");
	b->ops->abort(&reader);
	backend_close(b);
}

CONTRACT(isolation, uncommitted_writes_are_nobody_elses)
{
	backend *b = backend_open(param);
	void *writer = begin(b, true);
	void *reader;

	put(b, writer, "a", "1");
	expect_stored(b, "a", NULL);
	reader = begin(b, false);
	commit(b, &writer);
	expect_in(b, reader, "a", NULL);
	b->ops->abort(&reader);
	expect_stored(b, "a", "1");
	backend_close(b);
}

/* What the loser of a conflict does: any of its calls may be the one that says so. */
typedef pdb_status (*write_fn)(backend *b, void *txn);

static pdb_status write_put(backend *b, void *txn)
{
	pdb_key key = KEY("k");

	return b->ops->put(txn, &key, PDB_SLICE("late"), NULL);
}

static pdb_status write_insert(backend *b, void *txn)
{
	pdb_key key = KEY("new");

	return b->ops->insert(txn, &key, PDB_SLICE("late"), NULL);
}

static pdb_status write_remove(backend *b, void *txn)
{
	pdb_key key = KEY("k");

	return b->ops->remove(txn, &key, NULL);
}

/* Begins, lets `early` commit, then writes the same; must end in a conflict, then retry well. */
static void expect_conflict(backend *b, write_fn early, write_fn late, pdb_status retried)
{
	void *loser = begin(b, true);
	void *winner = begin(b, true);
	pdb_status status;

	cr_assert_eq(early(b, winner), PDB_OK);
	commit(b, &winner);
	status = late(b, loser);
	if (status == PDB_OK) {
		status = b->ops->commit(&loser, NULL);
	}
	cr_expect_eq(status, PDB_ECONFLICT, "the second writer lost, and was told %d", status);
	b->ops->abort(&loser);
	loser = begin(b, true);
	cr_expect_eq(late(b, loser), retried, "the retry sees the winner's write");
	b->ops->abort(&loser);
}

CONTRACT(isolation, the_second_writer_of_a_row_conflicts)
{
	backend *b = backend_open(param);

	store(b, "k", "0");
	expect_conflict(b, write_put, write_put, PDB_OK);
	expect_stored(b, "k", "late");
	expect_conflict(b, write_put, write_remove, PDB_OK);
	expect_conflict(b, write_insert, write_insert, PDB_EEXISTS);
	expect_conflict(b, write_remove, write_put, PDB_OK);
	expect_stored(b, "k", NULL);
	backend_close(b);
}

/* Both hold a write to the row before either commits. */
CONTRACT(isolation, overlapping_writers_do_not_both_win)
{
	backend *b = backend_open(param);
	void *one;
	void *two;
	pdb_status first;
	pdb_status second;

	if ((b->capabilities & PDB_STORAGE_BLOCKING) != 0) {
		backend_close(b);
		return; /* the second write may wait for the first to end */
	}
	store(b, "k", "0");
	one = begin(b, true);
	two = begin(b, true);
	first = write_put(b, one);
	second = write_put(b, two);
	first = first == PDB_OK ? b->ops->commit(&one, NULL) : first;
	second = second == PDB_OK ? b->ops->commit(&two, NULL) : second;
	cr_expect((first == PDB_OK && second == PDB_ECONFLICT) ||
			  (first == PDB_ECONFLICT && second == PDB_OK),
		  "%d and %d", first, second);
	b->ops->abort(&one);
	b->ops->abort(&two);
	backend_close(b);
}

CONTRACT(isolation, a_failed_operation_cannot_be_committed_away)
{
	backend *b = backend_open(param);
	void *loser;
	void *winner;
	pdb_status status;

	store(b, "k", "0");
	loser = begin(b, true);
	winner = begin(b, true);
	put(b, loser, "other", "1");
	cr_assert_eq(write_put(b, winner), PDB_OK);
	commit(b, &winner);
	(void)write_put(b, loser);
	status = b->ops->commit(&loser, NULL);
	cr_expect_neq(status, PDB_OK, "commit after a conflict");
	cr_expect_null(loser, "commit ends the transaction whatever it returns");
	expect_stored(b, "other", NULL);
	backend_close(b);
}

CONTRACT(isolation, writers_of_different_rows_both_win)
{
	backend *b = backend_open(param);
	void *one = begin(b, true);
	void *two = begin(b, true);

	put(b, one, "a", "1");
	put(b, two, "b", "2");
	commit(b, &two);
	commit(b, &one);
	expect_stored(b, "a", "1");
	expect_stored(b, "b", "2");
	backend_close(b);
}

/* -- a counter under many threads ------------------------------------------------------------- */

#define THREADS    8
#define INCREMENTS 500
#define COUNTERS   3

typedef struct worker {
	backend *b;
	unsigned seed;
	uint64_t done[COUNTERS];
	uint64_t conflicts;
	pdb_status failed;
} worker;

static pdb_status increment(backend *b, void *txn, const pdb_key *key)
{
	char text[24];
	pdb_slice value = {NULL, 0};
	unsigned long number = 0;
	pdb_status status = b->ops->get(txn, key, &value, NULL);
	int len;

	if (status == PDB_OK) {
		(void)snprintf(text, sizeof(text), "%.*s", PDB_SLICE_ARGS(value));
		number = strtoul(text, NULL, 10);
	} else if (status != PDB_ENOTFOUND) {
		return status;
	}
	len = snprintf(text, sizeof(text), "%lu", number + 1);
	return b->ops->put(txn, key, pdb_slice_of(text, (size_t)len), NULL);
}

/* The journal row moves with the counter, in one transaction. */
static pdb_status try_once(worker *w, unsigned which, unsigned step)
{
	char names[2][32];
	void *txn = NULL;
	pdb_key counter;
	pdb_key journal;
	pdb_status status = w->b->ops->begin(w->b->db, true, &txn, NULL);

	if (status != PDB_OK) {
		return status;
	}
	(void)snprintf(names[0], sizeof(names[0]), "counter-%u", which);
	(void)snprintf(names[1], sizeof(names[1]), "journal-%u-%u-%u", which, w->seed, step);
	counter = KEY(names[0]);
	journal = KEY(names[1]);
	status = increment(w->b, txn, &counter);
	if (status == PDB_OK) {
		status = w->b->ops->insert(txn, &journal, PDB_SLICE("1"), NULL);
	}
	if (status == PDB_OK) {
		return w->b->ops->commit(&txn, NULL);
	}
	w->b->ops->abort(&txn);
	return status;
}

static void *work(void *arg)
{
	worker *w = arg;

	for (unsigned i = 0; i < INCREMENTS && w->failed == PDB_OK; i++) {
		unsigned which = (i + w->seed) % COUNTERS;
		pdb_status status;

		while ((status = try_once(w, which, i)) == PDB_ECONFLICT) {
			w->conflicts++;
		}
		w->failed = status;
		w->done[which] += status == PDB_OK ? 1 : 0;
	}
	return NULL;
}

static pdb_status count_row(void *arg, pdb_slice key, pdb_slice value)
{
	(void)key;
	(void)value;
	(*(uint64_t *)arg)++;
	return PDB_OK;
}

static void expect_counter(backend *b, unsigned which, uint64_t sum)
{
	char name[32];
	char end[32];
	char text[24];
	uint64_t rows = 0;
	void *txn = begin(b, false);
	pdb_range range = {.partition = PDB_SLICE("p")};

	(void)snprintf(name, sizeof(name), "counter-%u", which);
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)sum);
	expect_in(b, txn, name, text);
	(void)snprintf(name, sizeof(name), "journal-%u-", which);
	(void)snprintf(end, sizeof(end), "journal-%u.", which);
	range.from = pdb_slice_text(name);
	range.to = pdb_slice_text(end);
	cr_assert_eq(b->ops->scan(txn, &range, count_row, &rows, NULL), PDB_OK);
	cr_expect_eq(rows, sum, "journal of counter %u", which);
	b->ops->abort(&txn);
}

CONTRACT(isolation, retried_counters_lose_nothing)
{
	backend *b = backend_open(param);
	pthread_t threads[THREADS];
	worker workers[THREADS] = {{0}};
	uint64_t sums[COUNTERS] = {0};

	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (worker){.b = b, .seed = i};
		cr_assert_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		(void)pthread_join(threads[i], NULL);
		cr_expect_eq(workers[i].failed, PDB_OK, "worker %u: %d", i, workers[i].failed);
		for (unsigned j = 0; j < COUNTERS; j++) {
			sums[j] += workers[i].done[j];
		}
	}
	cr_expect_eq(sums[0] + sums[1] + sums[2], THREADS * INCREMENTS);
	for (unsigned j = 0; j < COUNTERS; j++) {
		expect_counter(b, j, sums[j]);
	}
	backend_close(b);
}
