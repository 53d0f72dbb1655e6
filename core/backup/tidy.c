/* SPDX-License-Identifier: Apache-2.0 */
/* Names of sets, and their removal: the left-overs and the oldest. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "backup/backup_private.h"
#include "base/log.h"

#define ID_LEN     8
#define PART_AFTER ".part"

void pdb__set_name(char out[PDB__SET_NAME_SIZE], int64_t made_ts, const char *database)
{
	time_t seconds = (time_t)(made_ts / INT64_C(1000000000));
	struct tm date = {0};
	char text[32];

	(void)gmtime_r(&seconds, &date);
	(void)strftime(text, sizeof(text), "%Y%m%dT%H%M%S", &date);
	(void)snprintf(out, PDB__SET_NAME_SIZE, "%s.%03dZ-%.*s", text,
		       (int)(made_ts / 1000000 % 1000), ID_LEN, database);
}

void pdb__set_part_name(char out[PDB__SET_NAME_SIZE + 8], const char *name)
{
	(void)snprintf(out, PDB__SET_NAME_SIZE + 8, ".%s" PART_AFTER, name);
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text);

	return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

/* One of this database, complete or hidden. */
static bool is_ours(const char *name, const char *database, bool hidden)
{
	char end[ID_LEN + sizeof("-" PART_AFTER)];
	const char *digits = name + (hidden ? 1 : 0);

	(void)snprintf(end, sizeof(end), "-%.*s%s", ID_LEN, database, hidden ? PART_AFTER : "");
	return (name[0] == '.') == hidden && strspn(digits, "0123456789") == 8 &&
	       digits[8] == 'T' && ends_with(name, end);
}

/* A second look at the directory: the descriptor of a DIR is its own. */
static DIR *look(int directory, const char *name)
{
	int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL && fd >= 0) {
		(void)close(fd);
	}
	return dir;
}

static bool is_real(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static void remove_files(int directory, const char *name)
{
	DIR *dir = look(directory, name);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (is_real(entry->d_name)) {
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
		}
	}
	if (dir != NULL) {
		(void)closedir(dir);
	}
	(void)unlinkat(directory, name, AT_REMOVEDIR);
}

void pdb__set_remove(int directory, const char *name)
{
	int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0) {
		return;
	}
	remove_files(fd, PDB__DATA_NAME);
	(void)unlinkat(fd, PDB__MANIFEST_NAME, 0);
	(void)close(fd);
	if (unlinkat(directory, name, AT_REMOVEDIR) != 0) {
		pdb_log(PDB_LOG_WARN, "backup", "cannot remove %s: %s", name, strerror(errno));
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The names of this database in rising order, each in a room of one size. */
static size_t list(int directory, const char *database, bool hidden, pdb_buf *out)
{
	DIR *dir = look(directory, ".");
	const struct dirent *entry;
	size_t count = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (is_ours(entry->d_name, database, hidden) &&
		    strlen(entry->d_name) < PDB__SET_NAME_SIZE + 8) {
			char name[PDB__SET_NAME_SIZE + 8] = {0};

			memcpy(name, entry->d_name, strlen(entry->d_name));
			pdb_buf_add(out, name, sizeof(name));
			count++;
		}
	}
	if (dir != NULL) {
		(void)closedir(dir);
	}
	if (out->failed) {
		return 0;
	}
	if (count > 1) {
		qsort(out->data, count, PDB__SET_NAME_SIZE + 8, compare_names);
	}
	return count;
}

static const char *at(const pdb_buf *names, size_t place)
{
	return (const char *)names->data + place * (PDB__SET_NAME_SIZE + 8);
}

bool pdb__set_newest(int directory, const char *database, char out[PDB__SET_NAME_SIZE])
{
	pdb_buf names = {0};
	size_t count = list(directory, database, false, &names);

	if (count > 0) {
		(void)snprintf(out, PDB__SET_NAME_SIZE, "%s", at(&names, count - 1));
	}
	pdb_buf_fini(&names);
	return count > 0;
}

void pdb__set_sweep(int directory, const char *database)
{
	pdb_buf names = {0};
	size_t count = list(directory, database, true, &names);

	for (size_t i = 0; i < count; i++) {
		pdb_log(PDB_LOG_INFO, "backup", "removing %s, which never became complete",
			at(&names, i));
		pdb__set_remove(directory, at(&names, i));
	}
	pdb_buf_fini(&names);
}

void pdb__set_prune(int directory, const char *database, uint32_t keep)
{
	char hidden[PDB__SET_NAME_SIZE + 8];
	pdb_buf names = {0};
	size_t count = keep == 0 ? 0 : list(directory, database, false, &names);

	for (size_t i = 0; i + keep < count; i++) {
		/* what is half removed must not look like a set */
		pdb__set_part_name(hidden, at(&names, i));
		if (renameat(directory, at(&names, i), directory, hidden) == 0) {
			pdb_log(PDB_LOG_INFO, "backup", "removing the old set %s", at(&names, i));
			pdb__set_remove(directory, hidden);
		}
	}
	pdb_buf_fini(&names);
}
