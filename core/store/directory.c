/* SPDX-License-Identifier: Apache-2.0 */
/* The database directory: made, judged, and locked for one process. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/directory.h"
#include "base/log.h"
#include "store/store_private.h"

static pdb_status system_error(pdb_err *err, const char *what, const char *path)
{
	int code = errno;

	return pdb_err_set(err, code == EACCES || code == EPERM ? PDB_EDENIED : PDB_EBACKEND, NULL,
			   "%s %s: %s.", what, path, strerror(code));
}

static pdb_status make_path(const char *path, pdb_err *err)
{
	if (path[0] != '/') {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "The database directory '%s' is not an absolute path.", path);
	}
	return pdb_directory_make(path, err);
}

/* Files in the directory are configuration and code to an engine: only its owner may write there.
 */
static pdb_status judge(int fd, const char *path, pdb_err *err)
{
	struct stat info;

	if (fstat(fd, &info) != 0) {
		return system_error(err, "Cannot read the mode of", path);
	}
	if (info.st_uid != geteuid()) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "The database directory %s belongs to user %lu, not to user %lu "
				   "that runs this process; run it as that user, or chown the "
				   "directory.",
				   path, (unsigned long)info.st_uid, (unsigned long)geteuid());
	}
	if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "Others may write to the database directory %s (mode %04o); "
				   "run: chmod go-w %s",
				   path, (unsigned)(info.st_mode & 07777u), path);
	}
	return PDB_OK;
}

static pdb_status say_locked(int fd, const char *path, pdb_err *err)
{
	char pid[24] = "";
	ssize_t len = pread(fd, pid, sizeof(pid) - 1, 0);

	while (len > 0 && (pid[len - 1] < '0' || pid[len - 1] > '9')) {
		len--;
	}
	if (len <= 0) {
		return pdb_err_set(err, PDB_EBUSY, NULL,
				   "The database directory %s is in use by another process.", path);
	}
	return pdb_err_set(err, PDB_EBUSY, NULL,
			   "The database directory %s is in use by process %.*s.", path, (int)len,
			   pid);
}

/* The lock belongs to the open file: it goes with the process, however that ends. */
static pdb_status lock(pdb__directory *directory, const char *path, pdb_err *err)
{
	char pid[24];
	int len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

	directory->lock_fd = openat(directory->fd, PDB__LOCK_NAME,
				    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (directory->lock_fd < 0) {
		return system_error(err, "Cannot open the lock file in", path);
	}
	if (flock(directory->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		return errno == EWOULDBLOCK ? say_locked(directory->lock_fd, path, err)
					    : system_error(err, "Cannot lock", path);
	}
	/* The pid only helps people; on a full disk the lock holds without it. */
	if (ftruncate(directory->lock_fd, 0) != 0 ||
	    pwrite(directory->lock_fd, pid, (size_t)len, 0) != len) {
		pdb_log(PDB_LOG_WARN, "store", "cannot write the process id to the lock file: %s",
			strerror(errno));
	}
	return PDB_OK;
}

pdb_status pdb__directory_open(pdb__directory *directory, const char *path, pdb_err *err)
{
	pdb_status status = make_path(path, err);

	directory->fd = -1;
	directory->lock_fd = -1;
	if (status != PDB_OK) {
		return status;
	}
	directory->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory->fd < 0) {
		return system_error(err, "Cannot open the directory", path);
	}
	status = judge(directory->fd, path, err);
	if (status == PDB_OK) {
		status = lock(directory, path, err);
	}
	if (status != PDB_OK) {
		pdb__directory_close(directory);
	}
	return status;
}

void pdb__directory_close(pdb__directory *directory)
{
	/* The lock file stays: removing it would let two processes lock two files of one name. */
	if (directory->lock_fd >= 0) {
		(void)close(directory->lock_fd);
	}
	if (directory->fd >= 0) {
		(void)close(directory->fd);
	}
	directory->lock_fd = -1;
	directory->fd = -1;
}

void pdb__directory_add_ballast(const pdb__directory *directory)
{
	int fd = openat(directory->fd, PDB__BALLAST_NAME,
			O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int code = fd < 0 ? errno : posix_fallocate(fd, 0, PDB__BALLAST_BYTES);

	if (code != 0) {
		pdb_log(PDB_LOG_WARN, "store", "no ballast file on the disk: %s", strerror(code));
	}
	if (fd >= 0) {
		(void)close(fd);
	}
}

static bool has_entries(DIR *directory)
{
	const struct dirent *entry;

	while ((entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			return true;
		}
	}
	return false;
}

pdb_status pdb__directory_make_empty(const char *path, pdb_err *err)
{
	pdb_status status = make_path(path, err);
	DIR *directory;

	if (status != PDB_OK) {
		return status;
	}
	directory = opendir(path);
	if (directory == NULL) {
		return system_error(err, "Cannot open the directory", path);
	}
	if (has_entries(directory)) {
		status =
			pdb_err_set(err, PDB_EEXISTS, NULL, "The directory %s is not empty.", path);
	}
	(void)closedir(directory);
	return status;
}
