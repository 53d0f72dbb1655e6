/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the keyring: private, whole or not there, and on disk when a call returns. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source.h"

pdb_status pdb__files_status(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG ? PDB_EFULL : PDB_EBACKEND;
}

static pdb_status fail(const char *what, const char *name, int error, pdb_err *err)
{
	return pdb_err_set(err, pdb__files_status(error), NULL, "%s %s: %s", what, name,
			   strerror(error));
}

int pdb__files_put(int fd, const void *bytes, size_t len, int64_t offset)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t put = offset < 0 ? write(fd, at, len) : pwrite(fd, at, len, offset);

		if (put < 0 && errno == EINTR) {
			continue;
		}
		if (put <= 0) {
			return put < 0 ? errno : ENOSPC;
		}
		at += put;
		len -= (size_t)put;
		offset += offset < 0 ? 0 : put;
	}
	return 0;
}

static pdb_status make_path(const char *path, pdb_err *err)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(part)) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "\"%s\" is not a usable path", path);
	}
	memcpy(part, path, len + 1);
	for (size_t i = 1; i <= len; i++) {
		char kept = part[i];

		if (kept != '/' && kept != '\0') {
			continue;
		}
		part[i] = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST) {
			return fail("cannot make the directory", part, errno, err);
		}
		part[i] = kept;
	}
	return PDB_OK;
}

static pdb_status judge_directory(int fd, const char *path, pdb_err *err)
{
	struct stat info;

	if (fstat(fd, &info) != 0) {
		return fail("cannot examine", path, errno, err);
	}
	if (info.st_uid != geteuid()) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "%s belongs to user %u; run: chown %u '%s'", path,
				   (unsigned)info.st_uid, (unsigned)geteuid(), path);
	}
	if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "%s is open to others (mode %04o); run: chmod 0700 '%s'", path,
				   (unsigned)(info.st_mode & 07777), path);
	}
	return PDB_OK;
}

pdb_status pdb__files_directory(const char *path, int *fd_out, pdb_err *err)
{
	pdb_status status = make_path(path, err);
	int fd;

	if (status != PDB_OK) {
		return status;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		return fail("cannot open the directory", path, errno, err);
	}
	status = judge_directory(fd, path, err);
	if (status != PDB_OK) {
		(void)close(fd);
		return status;
	}
	*fd_out = fd;
	return PDB_OK;
}

/* Judged under its whole path: the remedy is run from anywhere. */
static pdb_status judge_file(int directory, int fd, const char *name, pdb_err *err)
{
	char link[64];
	char place[PATH_MAX];
	char path[PATH_MAX];
	ssize_t len;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", directory);
	len = readlink(link, place, sizeof(place));
	if (len <= 0 ||
	    snprintf(path, sizeof(path), "%.*s/%s", (int)len, place, name) >= (int)sizeof(path)) {
		return pdb__secret_file_judge(fd, name, err);
	}
	return pdb__secret_file_judge(fd, path, err);
}

pdb_status pdb__files_open(int directory, const char *name, bool create, int *fd_out, pdb_err *err)
{
	int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (create ? O_CREAT : 0);
	int fd = openat(directory, name, flags, 0600);
	pdb_status status;

	if (fd < 0 && errno == ENOENT) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "there is no file %s", name);
	}
	if (fd < 0) {
		return fail("cannot open", name, errno, err);
	}
	status = judge_file(directory, fd, name, err);
	if (status != PDB_OK) {
		(void)close(fd);
		return status;
	}
	*fd_out = fd;
	return PDB_OK;
}

pdb_status pdb__files_read(int directory, const char *name, uint8_t *out, size_t size,
			   size_t *len_out, pdb_err *err)
{
	int fd = -1;
	size_t have = 0;
	ssize_t got = 1;
	uint8_t more;
	pdb_status status = pdb__files_open(directory, name, false, &fd, err);

	if (status != PDB_OK) {
		return status;
	}
	while (got > 0 && have < size) {
		got = read(fd, out + have, size - have);
		have += got > 0 ? (size_t)got : 0;
	}
	if (got < 0) {
		status = fail("cannot read", name, errno, err);
	} else if (have == size && read(fd, &more, 1) != 0) {
		status = pdb_err_set(err, PDB_ECORRUPT, NULL, "%s is too long", name);
	}
	(void)close(fd);
	*len_out = have;
	return status;
}

static int fill(int fd, pdb_slice bytes)
{
	int error = pdb__files_put(fd, bytes.ptr, bytes.len, -1);

	return error == 0 && fsync(fd) != 0 ? errno : error;
}

pdb_status pdb__files_write(int directory, const char *name, pdb_slice bytes, pdb_err *err)
{
	char fresh[NAME_MAX];
	int fd;
	int error;

	(void)snprintf(fresh, sizeof(fresh), "%s.new", name);
	(void)unlinkat(directory, fresh, 0);
	fd = openat(directory, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		return fail("cannot make", fresh, errno, err);
	}
	error = fill(fd, bytes);
	(void)close(fd);
	if (error == 0 &&
	    (renameat(directory, fresh, directory, name) != 0 || fsync(directory) != 0)) {
		error = errno;
	}
	if (error != 0) {
		(void)unlinkat(directory, fresh, 0);
		return fail("cannot write", name, error, err);
	}
	return PDB_OK;
}

pdb_status pdb__files_shred(int directory, const char *name, pdb_err *err)
{
	static const uint8_t zeros[4096];
	int fd = openat(directory, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	int error;

	if (fd < 0) {
		return errno == ENOENT ? PDB_OK : fail("cannot open", name, errno, err);
	}
	error = pdb__files_put(fd, zeros, sizeof(zeros), 0);
	if (error == 0 && fsync(fd) != 0) {
		error = errno;
	}
	(void)close(fd);
	if (unlinkat(directory, name, 0) != 0 || fsync(directory) != 0) {
		error = errno;
	}
	return error == 0 ? PDB_OK : fail("cannot remove", name, error, err);
}
