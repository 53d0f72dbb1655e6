/* SPDX-License-Identifier: Apache-2.0 */
/* What only the WiredTiger backend does: mend a damaged log, refuse foreign configuration. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend.h"
#include "base/log.h"

static backend *open_wiredtiger(void)
{
	backend_name name = {PDB_TEST_PLUGINS, "wiredtiger", "",
			     "storage.wiredtiger.cache_size=32M"};

	return backend_open(&name);
}

/* Writes synced rows in a process that is then killed: the rows are only in the log. */
static void write_and_be_killed(backend *b)
{
	int state;
	pid_t child = fork();

	cr_assert(child >= 0);
	if (child == 0) {
		backend_reopen(b);
		for (unsigned i = 0; i < 100; i++) {
			char key[16];

			(void)snprintf(key, sizeof(key), "%04u", i);
			store(b, key, "v");
		}
		if (b->ops->sync(b->db, NULL) == PDB_OK) {
			(void)raise(SIGKILL);
		}
		_exit(1);
	}
	cr_assert_eq(waitpid(child, &state, 0), child);
	cr_assert(WIFSIGNALED(state));
}

/* The entry that begins with `prefix` and sorts last; false when there is none. */
static bool find_last(const char *directory, const char *prefix, char *name, size_t size)
{
	DIR *listing = opendir(directory);
	const struct dirent *entry;

	name[0] = '\0';
	cr_assert_not_null(listing);
	while ((entry = readdir(listing)) != NULL) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
		    strcmp(entry->d_name, name) > 0) {
			(void)snprintf(name, size, "%s", entry->d_name);
		}
	}
	(void)closedir(listing);
	return name[0] != '\0';
}

static int open_newest_log(const backend *b)
{
	char name[256];
	char path[1024];
	int fd;

	cr_assert(find_last(b->directory, "WiredTigerLog.", name, sizeof(name)));
	(void)snprintf(path, sizeof(path), "%s/%s", b->directory, name);
	fd = open(path, O_RDWR);
	cr_assert(fd >= 0);
	return fd;
}

/* The newest log file is there and empty: what a power cut at a switch of files can leave. */
static void cut_log(const backend *b)
{
	int fd = open_newest_log(b);

	cr_assert_eq(ftruncate(fd, 0), 0);
	(void)close(fd);
}

/* The newest log file begins with nonsense: no power cut does that. */
static void scribble_log(const backend *b)
{
	uint8_t nonsense[256];
	int fd = open_newest_log(b);

	memset(nonsense, 0xa5, sizeof(nonsense));
	cr_assert_eq(pwrite(fd, nonsense, sizeof(nonsense), 0), (ssize_t)sizeof(nonsense));
	(void)close(fd);
}

Test(wiredtiger, a_cut_log_is_salvaged_with_a_copy_first, .fini = backend_clean)
{
	backend *b = open_wiredtiger();
	char name[256];
	char path[1024];
	struct stat info;
	pdb_err err = {0};

	store(b, "before", "1");
	backend_close(b);
	write_and_be_killed(b);
	cut_log(b);
	pdb_log_set_fd(-1);
	cr_assert_eq(b->ops->open(&b->params, &b->db, &err), PDB_OK, "%s", err.text);
	expect_stored(b, "before", "1");
	store(b, "after", "1");
	cr_assert(find_last(b->directory, "before-salvage-", name, sizeof(name)));
	(void)snprintf(path, sizeof(path), "%s/%s/WiredTiger.turtle", b->directory, name);
	cr_expect_eq(stat(path, &info), 0, "the copy has the engine's files");
	backend_reopen(b);
	expect_stored(b, "after", "1");
	backend_close(b);
}

Test(wiredtiger, a_foreign_log_is_corrupt_and_left_alone, .fini = backend_clean)
{
	backend *b = open_wiredtiger();
	char name[256];
	pdb_err err = {0};

	backend_close(b);
	write_and_be_killed(b);
	scribble_log(b);
	pdb_log_set_fd(-1);
	cr_expect_eq(b->ops->open(&b->params, &b->db, &err), PDB_ECORRUPT, "%s", err.text);
	cr_expect_null(b->db);
	cr_expect_not(find_last(b->directory, "before-salvage-", name, sizeof(name)));
}

/* The engine alone would put the rest aside and begin an empty database. */
Test(wiredtiger, a_lost_turtle_is_refused_and_nothing_is_touched, .fini = backend_clean)
{
	backend *b = open_wiredtiger();
	char turtle[512];
	char aside[512];
	char name[256];
	pdb_err err = {0};

	store(b, "before", "1");
	backend_reopen(b); /* its checkpoint writes the table */
	backend_close(b);
	(void)snprintf(turtle, sizeof(turtle), "%s/WiredTiger.turtle", b->directory);
	(void)snprintf(aside, sizeof(aside), "%s/aside", b->directory);
	cr_assert_eq(rename(turtle, aside), 0);
	cr_expect_eq(b->ops->open(&b->params, &b->db, &err), PDB_ECORRUPT);
	cr_expect_not_null(strstr(err.text, "WiredTiger.turtle"), "%s", err.text);
	cr_expect_null(b->db);
	cr_expect_not(find_last(b->directory, "WiredTiger.wt.", name, sizeof(name)));
	cr_assert_eq(rename(aside, turtle), 0);
	backend_reopen(b);
	expect_stored(b, "before", "1");
}

Test(wiredtiger, a_config_file_is_refused, .fini = backend_clean)
{
	backend *b = open_wiredtiger();
	char path[512];
	pdb_err err = {0};

	backend_close(b);
	(void)snprintf(path, sizeof(path), "%s/WiredTiger.config", b->directory);
	(void)close(open(path, O_CREAT | O_WRONLY, 0600));
	cr_expect_eq(b->ops->open(&b->params, &b->db, &err), PDB_EDENIED);
	cr_expect_null(b->db);
	cr_expect_not_null(strstr(err.text, "WiredTiger.config"), "%s", err.text);
}

Test(wiredtiger, a_second_open_is_busy, .fini = backend_clean)
{
	backend *b = open_wiredtiger();
	pdb_err err = {0};
	void *second = NULL;

	cr_expect_eq(b->ops->open(&b->params, &second, &err), PDB_EBUSY, "%s", err.text);
	cr_expect_null(second);
	backend_close(b);
}

static void expect_zero(void *arg, const char *name, double value)
{
	size_t *seen = arg;

	if (strcmp(name, "wiredtiger_lookaside_rows") == 0 ||
	    strcmp(name, "wiredtiger_overflow_reads") == 0) {
		cr_expect_eq(value, 0, "%s", name);
		(*seen)++;
	}
}

/* The largest rows are no overflow items, before and after they have been on disk. */
Test(wiredtiger, there_are_no_overflow_items, .fini = backend_clean)
{
	static uint8_t bytes[PDB_VALUE_MAX];
	backend *b = open_wiredtiger();
	pdb_slice value;
	size_t seen = 0;
	void *txn;

	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(i * i >> 7);
	}
	for (unsigned i = 0; i < 8; i++) {
		pdb_key key = key_of(pdb_slice_of(bytes + i, PDB_KEY_MAX - 1));

		txn = begin(b, true);
		cr_assert_eq(b->ops->put(txn, &key, pdb_slice_of(bytes, sizeof(bytes) >> i), NULL),
			     PDB_OK);
		commit(b, &txn);
	}
	backend_reopen(b);
	txn = begin(b, false);
	for (unsigned i = 0; i < 8; i++) {
		pdb_key key = key_of(pdb_slice_of(bytes + i, PDB_KEY_MAX - 1));

		cr_assert_eq(b->ops->get(txn, &key, &value, NULL), PDB_OK);
		cr_expect_eq(value.len, sizeof(bytes) >> i);
	}
	b->ops->abort(&txn);
	cr_expect_eq(b->ops->stats(b->db, expect_zero, &seen), PDB_OK);
	cr_expect_eq(seen, 2);
	backend_close(b);
}
