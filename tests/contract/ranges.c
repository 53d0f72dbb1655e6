/* SPDX-License-Identifier: Apache-2.0 */
/* Scans: order, bounds, direction, limit, and how a caller ends one. */
#include "backend.h"

static void fill(backend *b, const char *keys)
{
	void *txn = begin(b, true);
	char key[2] = "";

	for (; *keys != '\0'; keys++) {
		key[0] = *keys;
		put(b, txn, key, "v");
	}
	commit(b, &txn);
}

static pdb_range range_of(const char *from, const char *to, size_t limit, bool reverse)
{
	pdb_range range = {PDB_SLICE("p"), pdb_slice_text(from), pdb_slice_text(to), limit,
			   reverse};

	return range;
}

static void check(backend *b, void *txn, pdb_range range, const char *keys)
{
	expect_scan(b, txn, &range, keys);
}

CONTRACT(ranges, from_is_in_and_to_is_out)
{
	backend *b = backend_open(param);
	void *txn;

	fill(b, "gbedcaf");
	txn = begin(b, false);
	check(b, txn, range_of("b", "e", 0, false), "b c d");
	check(b, txn, range_of("b", "e", 0, true), "d c b");
	check(b, txn, range_of("", "c", 0, false), "a b");
	check(b, txn, range_of("", "c", 0, true), "b a");
	check(b, txn, range_of("f", "", 0, false), "f g");
	check(b, txn, range_of("f", "", 0, true), "g f");
	check(b, txn, range_of("", "", 0, false), "a b c d e f g");
	check(b, txn, range_of("", "", 0, true), "g f e d c b a");
	b->ops->abort(&txn);
	backend_close(b);
}

CONTRACT(ranges, bounds_need_not_exist)
{
	backend *b = backend_open(param);
	void *txn;

	fill(b, "bdf");
	txn = begin(b, false);
	check(b, txn, range_of("a", "z", 0, false), "b d f");
	check(b, txn, range_of("a", "z", 0, true), "f d b");
	check(b, txn, range_of("c", "e", 0, false), "d");
	check(b, txn, range_of("c", "e", 0, true), "d");
	check(b, txn, range_of("dd", "ee", 0, false), "");
	check(b, txn, range_of("dd", "ee", 0, true), "");
	b->ops->abort(&txn);
	backend_close(b);
}

CONTRACT(ranges, empty_ones_show_nothing)
{
	backend *b = backend_open(param);
	void *txn = begin(b, false);

	check(b, txn, range_of("", "", 0, false), "");
	check(b, txn, range_of("", "", 0, true), "");
	b->ops->abort(&txn);
	fill(b, "bdf");
	txn = begin(b, false);
	check(b, txn, range_of("d", "d", 0, false), "");
	check(b, txn, range_of("d", "d", 0, true), "");
	check(b, txn, range_of("f", "b", 0, false), "");
	check(b, txn, range_of("f", "b", 0, true), "");
	check(b, txn, range_of("g", "", 0, false), "");
	check(b, txn, range_of("g", "", 0, true), "");
	check(b, txn, range_of("", "b", 0, false), "");
	check(b, txn, range_of("", "b", 0, true), "");
	b->ops->abort(&txn);
	backend_close(b);
}

CONTRACT(ranges, limit_ends_them)
{
	backend *b = backend_open(param);
	void *txn;

	fill(b, "abcde");
	txn = begin(b, false);
	check(b, txn, range_of("", "", 1, false), "a");
	check(b, txn, range_of("", "", 1, true), "e");
	check(b, txn, range_of("b", "e", 2, false), "b c");
	check(b, txn, range_of("b", "e", 2, true), "d c");
	check(b, txn, range_of("b", "e", 3, false), "b c d");
	check(b, txn, range_of("b", "e", 4, true), "d c b");
	b->ops->abort(&txn);
	backend_close(b);
}

CONTRACT(ranges, own_writes_are_in_them)
{
	backend *b = backend_open(param);
	pdb_key c = KEY("c");
	void *txn;

	fill(b, "ace");
	txn = begin(b, true);
	put(b, txn, "b", "v");
	put(b, txn, "f", "v");
	cr_assert_eq(b->ops->remove(txn, &c, NULL), PDB_OK);
	check(b, txn, range_of("", "", 0, false), "a b e f");
	check(b, txn, range_of("", "", 0, true), "f e b a");
	put(b, txn, "c", "v");
	check(b, txn, range_of("b", "", 0, false), "b c e f");
	b->ops->abort(&txn);
	txn = begin(b, false);
	check(b, txn, range_of("", "", 0, false), "a c e");
	b->ops->abort(&txn);
	backend_close(b);
}

CONTRACT(ranges, removed_rows_are_not_in_them)
{
	backend *b = backend_open(param);
	void *txn;

	fill(b, "abcde");
	store(b, "a", NULL);
	store(b, "c", NULL);
	store(b, "e", NULL);
	txn = begin(b, false);
	check(b, txn, range_of("", "", 0, false), "b d");
	check(b, txn, range_of("a", "e", 1, false), "b");
	check(b, txn, range_of("a", "f", 1, true), "d");
	b->ops->abort(&txn);
	backend_close(b);
}

/* A shorter key sorts before those it begins; bytes are unsigned. */
CONTRACT(ranges, order_is_by_bytes)
{
	static const char *const keys[] = {"a",     "aa",    "ab",    "b", "b\x01",
					   "b\x7f", "b\x80", "b\xff", "c"};
	char all[128] = "";
	backend *b = backend_open(param);
	void *txn = begin(b, true);
	const size_t count = sizeof(keys) / sizeof(keys[0]);

	for (size_t i = 0; i < count; i++) {
		put(b, txn, keys[(i * 5) % count], "v");
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
			       i > 0 ? " " : "", keys[i]);
	}
	commit(b, &txn);
	txn = begin(b, false);
	check(b, txn, range_of("", "", 0, false), all);
	b->ops->abort(&txn);
	backend_close(b);
}

typedef struct stopper {
	size_t seen;
	size_t stop_at;
	pdb_status with;
} stopper;

static pdb_status stop(void *arg, pdb_slice key, pdb_slice value)
{
	stopper *s = arg;

	cr_expect(pdb_slice_is(value, "v"), "the value of %.*s", PDB_SLICE_ARGS(key));
	return ++s->seen == s->stop_at ? s->with : PDB_OK;
}

CONTRACT(ranges, the_caller_may_stop)
{
	backend *b = backend_open(param);
	pdb_range range = range_of("", "", 0, false);
	stopper s = {.stop_at = 2, .with = PDB_ESTOP};
	void *txn;

	fill(b, "abcde");
	txn = begin(b, false);
	cr_expect_eq(b->ops->scan(txn, &range, stop, &s, NULL), PDB_OK, "PDB_ESTOP is no error");
	cr_expect_eq(s.seen, 2);
	s = (stopper){.stop_at = 3, .with = PDB_ERULE};
	cr_expect_eq(b->ops->scan(txn, &range, stop, &s, NULL), PDB_ERULE, "others are returned");
	cr_expect_eq(s.seen, 3);
	range.limit = 3;
	s = (stopper){.stop_at = 3, .with = PDB_ERULE};
	cr_expect_eq(b->ops->scan(txn, &range, stop, &s, NULL), PDB_ERULE, "also at the limit");
	check(b, txn, range_of("", "", 0, false), "a b c d e");
	b->ops->abort(&txn);
	backend_close(b);
}

CONTRACT(ranges, a_callers_failure_does_not_spoil_the_transaction)
{
	backend *b = backend_open(param);
	pdb_range range = range_of("", "", 0, false);
	stopper s = {.stop_at = 1, .with = PDB_ERULE};
	void *txn;

	fill(b, "ab");
	txn = begin(b, true);
	put(b, txn, "c", "v");
	cr_expect_eq(b->ops->scan(txn, &range, stop, &s, NULL), PDB_ERULE);
	commit(b, &txn);
	expect_stored(b, "c", "v");
	backend_close(b);
}

static pdb_status count_sorted(void *arg, pdb_slice key, pdb_slice value)
{
	size_t *count = arg;
	char expected[16];

	(void)value;
	(void)snprintf(expected, sizeof(expected), "%08zu", *count);
	(*count)++;
	return pdb_slice_is(key, expected) ? PDB_OK : PDB_ECORRUPT;
}

#define MANY 100000u

CONTRACT(ranges, a_hundred_thousand_rows)
{
	backend *b = backend_open(param);
	pdb_range range = range_of("", "", 0, false);
	size_t count = 0;
	char key[16];
	void *txn;

	/* 7,919 is coprime to the count: every number once, in a scattered order. */
	for (size_t i = 0; i < MANY; i += 1000) {
		txn = begin(b, true);
		for (size_t j = i; j < i + 1000; j++) {
			(void)snprintf(key, sizeof(key), "%08zu", j * 7919u % MANY);
			put(b, txn, key, "v");
		}
		commit(b, &txn);
	}
	txn = begin(b, false);
	cr_expect_eq(b->ops->scan(txn, &range, count_sorted, &count, NULL), PDB_OK);
	cr_expect_eq(count, MANY);
	check(b, txn, range_of("00050000", "", 3, false), "00050000 00050001 00050002");
	check(b, txn, range_of("", "00050000", 2, true), "00049999 00049998");
	b->ops->abort(&txn);
	backend_close(b);
}
