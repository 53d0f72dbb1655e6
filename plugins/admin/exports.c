/* SPDX-License-Identifier: Apache-2.0 */
/* The files that exports write: appended to, read in parts, removed when they are old. */
#include "exports.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX    ".ndjson"
#define PART_MAX  (1024u * 1024u)
#define HOUR      INT64_C(3600000000000)
#define NAME_SIZE (PDB_JOB_ID_SIZE + sizeof(SUFFIX))

/* -- files ------------------------------------------------------------------------------------- */

/* -1 with errno. */
static int open_directory(const admin *self, bool make)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/exports", self->host->control->directory()) >=
	    (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (make && mkdir(path, 0700) != 0 && errno != EEXIST) {
		return -1;
	}
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Ids of jobs are letters, digits and '-': nothing else names a file. */
static bool name_of(const char *id, char name[NAME_SIZE])
{
	size_t len = strlen(id);

	if (len == 0 || len >= PDB_JOB_ID_SIZE ||
	    strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != len) {
		return false;
	}
	(void)snprintf(name, NAME_SIZE, "%s" SUFFIX, id);
	return true;
}

static int open_file(const admin *self, const char *id, int flags)
{
	char name[NAME_SIZE];
	int directory;
	int file;
	int problem;

	if (!name_of(id, name)) {
		errno = ENOENT;
		return -1;
	}
	directory = open_directory(self, (flags & O_CREAT) != 0);
	if (directory < 0) {
		return -1;
	}
	file = openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	problem = errno;
	if (file >= 0 && (flags & O_CREAT) != 0) {
		(void)fsync(directory);
	}
	(void)close(directory);
	errno = problem;
	return file;
}

static bool write_all(int file, uint64_t at, pdb_slice text)
{
	while (text.len > 0) {
		ssize_t written = pwrite(file, text.ptr, text.len, (off_t)at);

		if (written < 0 && errno == EINTR) {
			continue;
		}
		if (written <= 0) {
			return false;
		}
		text = pdb_slice_skip(text, (size_t)written);
		at += (uint64_t)written;
	}
	return true;
}

pdb_status exports_append(const admin *self, const char *id, uint64_t size, pdb_slice text,
			  pdb_err *err)
{
	int file = open_file(self, id, O_WRONLY | O_CREAT);
	bool good = file >= 0 && ftruncate(file, (off_t)size) == 0 && write_all(file, size, text) &&
		    fsync(file) == 0;
	int problem = errno;

	if (file >= 0) {
		(void)close(file);
	}
	if (good) {
		return PDB_OK;
	}
	return pdb_err_set(err, problem == ENOSPC || problem == EDQUOT ? PDB_EFULL : PDB_EBACKEND,
			   NULL, "an export cannot be written: %s", strerror(problem));
}

/* -- routes ------------------------------------------------------------------------------------ */

static pdb_status no_such_export(pdb_err *err)
{
	return pdb_err_set(err, PDB_ENOTFOUND, "export_not_found", "There is no such export.");
}

static void read_id(const admin *self, const pdb_request *request, char id[PDB_JOB_ID_SIZE])
{
	pdb_slice text = self->host->request_param(request, "job");

	(void)snprintf(id, PDB_JOB_ID_SIZE, "%.*s", text.len < PDB_JOB_ID_SIZE ? (int)text.len : 0,
		       (const char *)text.ptr);
}

static pdb_status read_offset(const admin *self, const pdb_request *request, uint64_t *out,
			      pdb_err *err)
{
	pdb_slice text = pdb_slice_of(NULL, 0);
	bool good = true;

	*out = 0;
	if (!self->host->request_query(request, "offset", &text)) {
		return PDB_OK;
	}
	for (size_t i = 0; i < text.len; i++) {
		good = good && text.ptr[i] >= '0' && text.ptr[i] <= '9';
		*out = 10 * *out + (uint64_t)(text.ptr[i] - '0');
	}
	if (!good || text.len == 0 || text.len > 15) {
		return pdb_err_set(err, PDB_EINVAL, "invalid_offset",
				   "offset must be a number of bytes.");
	}
	return PDB_OK;
}

/* Up to PART_MAX bytes from `offset` on. */
static pdb_status reply_part(const admin *self, pdb_request *request, int file, uint64_t offset,
			     pdb_err *err)
{
	char *part = self->host->request_alloc(request, PART_MAX);
	char size[32];
	struct stat about;
	ssize_t len;

	if (part == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a part");
	}
	len = pread(file, part, PART_MAX, (off_t)offset);
	if (len < 0 || fstat(file, &about) != 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "an export cannot be read: %s",
				   strerror(errno));
	}
	(void)snprintf(size, sizeof(size), "%lld", (long long)about.st_size);
	(void)self->host->request_add_header(request, "Export-Size", size);
	(void)self->host->request_add_header(request, "Cache-Control", "no-store");
	if (self->host->request_reply(request, 200, "application/x-ndjson",
				      pdb_slice_of(part, (size_t)len)) != PDB_OK) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the answer");
	}
	return PDB_OK;
}

pdb_status admin_read_export(void *state, pdb_request *request, pdb_err *err)
{
	char id[PDB_JOB_ID_SIZE];
	uint64_t offset;
	int file;
	pdb_status status = read_offset(state, request, &offset, err);

	if (status != PDB_OK) {
		return status;
	}
	read_id(state, request, id);
	file = open_file(state, id, O_RDONLY);
	if (file < 0) {
		return no_such_export(err);
	}
	status = reply_part(state, request, file, offset, err);
	(void)close(file);
	return status;
}

pdb_status admin_remove_export(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	char id[PDB_JOB_ID_SIZE];
	char name[NAME_SIZE];
	int directory = open_directory(self, false);
	bool gone;

	read_id(self, request, id);
	gone = directory >= 0 && name_of(id, name) && unlinkat(directory, name, 0) == 0;
	if (directory >= 0) {
		(void)close(directory);
	}
	if (!gone) {
		return no_such_export(err);
	}
	return self->host->request_reply(request, 204, NULL, pdb_slice_of(NULL, 0)) == PDB_OK
		       ? PDB_OK
		       : pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the answer");
}

/* -- old ones ---------------------------------------------------------------------------------- */

static void remove_old(const admin *self, DIR *list)
{
	const struct dirent *entry;
	int64_t now = self->host->now();

	while ((entry = readdir(list)) != NULL) {
		size_t len = strlen(entry->d_name);
		struct stat about;

		if (len <= sizeof(SUFFIX) - 1 ||
		    strcmp(entry->d_name + len - (sizeof(SUFFIX) - 1), SUFFIX) != 0 ||
		    fstatat(dirfd(list), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
		    now - (int64_t)about.st_mtim.tv_sec * INT64_C(1000000000) < self->export_keep) {
			continue;
		}
		if (unlinkat(dirfd(list), entry->d_name, 0) == 0) {
			self->host->log(PDB_LOG_INFO, "admin", "removed the export %s",
					entry->d_name);
		}
	}
}

static pdb_status clean_step(void *state, pdb_job_run *run, pdb_err *err)
{
	const admin *self = state;
	int directory = open_directory(self, false);
	DIR *list = directory >= 0 ? fdopendir(directory) : NULL;

	(void)err;
	if (list != NULL) {
		remove_old(self, list);
		(void)closedir(list);
	} else if (directory >= 0) {
		(void)close(directory);
	}
	self->host->job_done(run);
	return PDB_OK;
}

const pdb_job admin_clean_job = {
	.size = sizeof(pdb_job),
	.name = "old-exports",
	.period = HOUR,
	.step = clean_step,
};
