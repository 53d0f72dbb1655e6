/* SPDX-License-Identifier: Apache-2.0 */
/* Sets the engine's files aside before a salvage, which changes them in place. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "wiredtiger_private.h"

/* Left free beside the copy. */
#define MARGIN (UINT64_C(64) * 1024 * 1024)

static bool is_engine_file(const char *name)
{
	size_t len = strlen(name);

	return strncmp(name, "WiredTiger", 10) == 0 ||
	       (len > 3 && strcmp(name + len - 3, ".wt") == 0);
}

typedef pdb_status (*file_fn)(void *arg, int directory, const char *name, pdb_err *err);

static pdb_status each_engine_file(int directory, file_fn fn, void *arg, pdb_err *err)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	pdb_status status = PDB_OK;

	if (listing == NULL) {
		if (fd >= 0) {
			(void)close(fd);
		}
		return pdb_err_set(err, PDB_EBACKEND, NULL, "Cannot list the database directory.");
	}
	while (status == PDB_OK && (entry = readdir(listing)) != NULL) {
		if (is_engine_file(entry->d_name)) {
			status = fn(arg, directory, entry->d_name, err);
		}
	}
	(void)closedir(listing);
	return status;
}

static pdb_status add_size(void *total, int directory, const char *name, pdb_err *err)
{
	struct stat info;

	if (fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "Cannot read the size of %s: %s.", name,
				   strerror(errno));
	}
	*(uint64_t *)total += (uint64_t)info.st_size;
	return PDB_OK;
}

static pdb_status copy_aside(void *to, int directory, const char *name, pdb_err *err)
{
	return pdb__wiredtiger_copy(directory, *(int *)to, name, err);
}

static pdb_status expect_room(int directory, pdb_err *err)
{
	struct statvfs info;
	uint64_t total = 0;
	pdb_status status = each_engine_file(directory, add_size, &total, err);

	if (status != PDB_OK) {
		return status;
	}
	if (fstatvfs(directory, &info) == 0 &&
	    (uint64_t)info.f_bavail * (uint64_t)info.f_frsize < total + MARGIN) {
		return pdb_err_set(err, PDB_EFULL, NULL,
				   "The database needs a salvage, and there is no room for the "
				   "copy of %llu bytes that is made first.",
				   (unsigned long long)total);
	}
	return PDB_OK;
}

static pdb_status copy_all(const pdb__wiredtiger *db, int directory, const char *name, pdb_err *err)
{
	pdb_status status;
	int to;

	if (mkdirat(directory, name, 0700) != 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "Cannot make %s: %s.", name,
				   strerror(errno));
	}
	to = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "Cannot open %s: %s.", name,
				   strerror(errno));
	}
	status = each_engine_file(directory, copy_aside, &to, err);
	if (status == PDB_OK && (fsync(to) != 0 || fsync(directory) != 0)) {
		status = pdb_err_set(err, PDB_EBACKEND, NULL, "Cannot sync %s: %s.", name,
				     strerror(errno));
	}
	(void)close(to);
	if (status == PDB_OK) {
		db->host->log(PDB_LOG_ERROR, "wiredtiger", "the files as they were are in %s/%s",
			      db->directory, name);
	}
	return status;
}

pdb_status pdb__wiredtiger_set_aside(const pdb__wiredtiger *db, pdb_err *err)
{
	char name[48];
	int directory = open(db->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pdb_status status;

	if (directory < 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "Cannot open %s: %s.", db->directory,
				   strerror(errno));
	}
	(void)snprintf(name, sizeof(name), "before-salvage-%lld", (long long)db->host->now());
	status = expect_room(directory, err);
	if (status == PDB_OK) {
		status = copy_all(db, directory, name, err);
	}
	(void)close(directory);
	return status;
}
