/* SPDX-License-Identifier: Apache-2.0 */
/* What outlives a close, a kill and the directory itself; and the largest rows there are. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend.h"

static bool survives(const backend *b)
{
	return (b->capabilities & PDB_STORAGE_VOLATILE) == 0;
}

CONTRACT(durability, committed_rows_outlive_close)
{
	backend *b = backend_open(param);
	void *txn;

	store(b, "a", "1");
	store(b, "b", "2");
	store(b, "a", NULL);
	store(b, "c", "");
	txn = begin(b, true);
	put(b, txn, "d", "lost");
	b->ops->abort(&txn);
	backend_reopen(b);
	if (survives(b)) {
		expect_stored(b, "b", "2");
		expect_stored(b, "c", "");
	}
	expect_stored(b, "a", NULL);
	expect_stored(b, "d", NULL);
	backend_close(b);
}

CONTRACT(durability, sync_succeeds_at_any_time)
{
	backend *b = backend_open(param);
	void *txn;

	cr_expect_eq(b->ops->sync(b->db, NULL), PDB_OK, "with nothing written");
	store(b, "a", "1");
	cr_expect_eq(b->ops->sync(b->db, NULL), PDB_OK);
	txn = begin(b, true);
	put(b, txn, "b", "2");
	cr_expect_eq(b->ops->sync(b->db, NULL), PDB_OK, "with a transaction open");
	commit(b, &txn);
	expect_stored(b, "b", "2");
	backend_close(b);
}

#define ROUNDS 200

/* Writes rows, syncs, and says so on the pipe, until it is killed. */
static void write_until_killed(backend *b, int pipe_out)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		char key[16];

		(void)snprintf(key, sizeof(key), "%04u", i);
		store(b, key, "v");
		if (b->ops->sync(b->db, NULL) != PDB_OK || write(pipe_out, &i, sizeof(i)) < 0) {
			_exit(1);
		}
	}
	(void)pause();
}

/* A killed process loses nothing that was synced. */
CONTRACT(durability, synced_rows_outlive_a_kill)
{
	backend *b = backend_open(param);
	unsigned last = 0;
	int ends[2];
	int state;
	pid_t child;

	backend_close(b);
	cr_assert_eq(pipe(ends), 0);
	child = fork();
	cr_assert(child >= 0);
	if (child == 0) {
		backend_reopen(b);
		write_until_killed(b, ends[1]);
		_exit(0);
	}
	while (last < ROUNDS / 2) {
		cr_assert_eq(read(ends[0], &last, sizeof(last)), (ssize_t)sizeof(last));
	}
	(void)kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, &state, 0), child);
	backend_reopen(b);
	for (unsigned i = 0; survives(b) && i <= last; i++) {
		char key[16];

		(void)snprintf(key, sizeof(key), "%04u", i);
		expect_stored(b, key, "v");
	}
	backend_close(b);
}

/* Bytes that do not compress to nothing and differ at every place. */
static void fill_bytes(uint8_t *bytes, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1664525u + 1013904223u;
		bytes[i] = (uint8_t)(seed >> 24);
	}
}

static void expect_bytes(backend *b, const char *key, pdb_slice value)
{
	pdb_key at = KEY(key);
	pdb_slice got = {NULL, 0};
	void *txn = begin(b, false);

	cr_assert_eq(b->ops->get(txn, &at, &got, NULL), PDB_OK);
	cr_expect(pdb_slice_equal(got, value), "%s: %zu bytes for %zu", key, got.len, value.len);
	b->ops->abort(&txn);
}

CONTRACT(durability, large_values_come_back)
{
	static const size_t sizes[] = {4096, 16384, 65536, 1024 * 1024, PDB_VALUE_MAX};
	static uint8_t bytes[PDB_VALUE_MAX];
	backend *b = backend_open(param);

	fill_bytes(bytes, sizeof(bytes), 1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char key[2] = {(char)('a' + i), '\0'};
		pdb_key at = KEY(key);
		void *txn = begin(b, true);

		cr_assert_eq(b->ops->put(txn, &at, pdb_slice_of(bytes, sizes[i]), NULL), PDB_OK);
		commit(b, &txn);
		expect_bytes(b, key, pdb_slice_of(bytes, sizes[i]));
	}
	backend_reopen(b);
	for (size_t i = 0; survives(b) && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char key[2] = {(char)('a' + i), '\0'};

		expect_bytes(b, key, pdb_slice_of(bytes, sizes[i]));
	}
	backend_close(b);
}

/* A transaction near its limit of 10 MiB. */
CONTRACT(durability, large_transactions_commit)
{
	static uint8_t bytes[1024 * 1024];
	backend *b = backend_open(param);
	void *txn = begin(b, true);

	fill_bytes(bytes, sizeof(bytes), 2);
	for (char name = 'a'; name < 'a' + 9; name++) {
		char key[2] = {name, '\0'};
		pdb_key at = KEY(key);

		cr_assert_eq(b->ops->put(txn, &at, pdb_slice_of(bytes, sizeof(bytes)), NULL),
			     PDB_OK);
	}
	commit(b, &txn);
	expect_bytes(b, "i", pdb_slice_of(bytes, sizeof(bytes)));
	backend_close(b);
}

CONTRACT(durability, large_keys_work)
{
	uint8_t bytes[PDB_KEY_MAX - 1];
	backend *b = backend_open(param);
	void *txn = begin(b, true);
	pdb_slice got = {NULL, 0};
	pdb_key key = key_of(pdb_slice_of(bytes, sizeof(bytes)));

	/* The partition takes one byte of the limit. Keys that differ only at the end. */
	fill_bytes(bytes, sizeof(bytes), 3);
	for (unsigned i = 0; i < 256; i++) {
		bytes[sizeof(bytes) - 1] = (uint8_t)i;
		cr_assert_eq(
			b->ops->put(txn, &key, pdb_slice_of(bytes + sizeof(bytes) - 1, 1), NULL),
			PDB_OK);
	}
	commit(b, &txn);
	backend_reopen(b);
	txn = begin(b, false);
	for (unsigned i = 0; survives(b) && i < 256; i++) {
		bytes[sizeof(bytes) - 1] = (uint8_t)i;
		cr_assert_eq(b->ops->get(txn, &key, &got, NULL), PDB_OK);
		cr_expect(got.len == 1 && got.ptr[0] == i);
	}
	b->ops->abort(&txn);
	backend_close(b);
}

/* -- backup, check, stats: where they are offered --------------------------------------------- */

CONTRACT(durability, a_backup_is_a_database_of_its_own)
{
	backend *b = backend_open(param);
	char directory[256];
	pdb_err err = {0};
	pdb_status status;
	void *txn;

	store(b, "a", "1");
	store(b, "b", "2");
	backend_directory(directory, sizeof(directory));
	txn = begin(b, true);
	put(b, txn, "c", "not yet");
	status = PDB_HAS(b->ops, backup) ? b->ops->backup(b->db, directory, &err) : PDB_ENOTSUP;
	commit(b, &txn);
	if (status == PDB_ENOTSUP) {
		backend_close(b);
		return;
	}
	cr_assert_eq(status, PDB_OK, "%s", err.text);
	store(b, "a", "changed");
	backend_close(b);
	b->params.directory = directory;
	cr_assert_eq(b->ops->open(&b->params, &b->db, &err), PDB_OK, "%s", err.text);
	expect_stored(b, "a", "1");
	expect_stored(b, "b", "2");
	expect_stored(b, "c", NULL);
	store(b, "d", "it can be written");
	backend_close(b);
}

CONTRACT(durability, check_finds_nothing_wrong)
{
	backend *b = backend_open(param);
	pdb_err err = {0};
	pdb_status status;
	void *reader;

	for (unsigned i = 0; i < 2500; i++) {
		char key[16];

		(void)snprintf(key, sizeof(key), "%04u", i);
		store(b, key, "v");
	}
	status = PDB_HAS(b->ops, check) ? b->ops->check(b->db, &err) : PDB_ENOTSUP;
	cr_expect(status == PDB_OK || status == PDB_ENOTSUP, "%s", err.text);
	reader = begin(b, false);
	expect_in(b, reader, "0000", "v");
	status = PDB_HAS(b->ops, check) ? b->ops->check(b->db, &err) : PDB_ENOTSUP;
	cr_expect(status == PDB_OK || status == PDB_ENOTSUP, "in use: %s", err.text);
	expect_in(b, reader, "0000", "v");
	b->ops->abort(&reader);
	store(b, "after", "1");
	backend_close(b);
}

static void see_stat(void *arg, const char *name, double value)
{
	size_t *count = arg;

	cr_expect(name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0', "%s", name);
	cr_expect(value >= 0, "%s", name);
	(*count)++;
}

CONTRACT(durability, stats_are_named_numbers)
{
	backend *b = backend_open(param);
	size_t count = 0;

	if (PDB_HAS(b->ops, stats)) {
		cr_expect_eq(b->ops->stats(b->db, see_stat, &count), PDB_OK);
		cr_expect_gt(count, 0);
	}
	backend_close(b);
}
