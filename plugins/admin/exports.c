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

#include "sealing.h"

#define CLEAR     ".ndjson"
#define SEALED    ".sealed"
#define PART_MAX  (1024u * 1024u)
#define HOUR      INT64_C(3600000000000)
#define NAME_SIZE (PDB_JOB_ID_SIZE + sizeof(CLEAR))

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
static bool name_of(const char *id, bool sealed, char name[NAME_SIZE])
{
	size_t len = strlen(id);

	if (len == 0 || len >= PDB_JOB_ID_SIZE ||
	    strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != len) {
		return false;
	}
	(void)snprintf(name, NAME_SIZE, "%s%s", id, sealed ? SEALED : CLEAR);
	return true;
}

static int open_file(const admin *self, const char *id, bool sealed, int flags)
{
	char name[NAME_SIZE];
	int directory;
	int file;
	int problem;

	if (!name_of(id, sealed, name)) {
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

static pdb_status broken(int problem, pdb_err *err)
{
	return pdb_err_set(err, problem == ENOSPC || problem == EDQUOT ? PDB_EFULL : PDB_EBACKEND,
			   NULL, "an export cannot be written: %s", strerror(problem));
}

pdb_status exports_write(int file, uint64_t at, pdb_slice text, pdb_err *err)
{
	while (text.len > 0) {
		ssize_t written = pwrite(file, text.ptr, text.len, (off_t)at);

		if (written < 0 && errno == EINTR) {
			continue;
		}
		if (written <= 0) {
			return broken(errno, err);
		}
		text = pdb_slice_skip(text, (size_t)written);
		at += (uint64_t)written;
	}
	return PDB_OK;
}

/* What was begun in one form goes on in it. */
static int open_to_write(const admin *self, const char *id, bool begun, bool *sealed)
{
	int file = open_file(self, id, true, O_RDWR);

	*sealed = file >= 0 || (!begun && sealing_wanted(self));
	return file >= 0 ? file : open_file(self, id, *sealed, O_RDWR | (begun ? 0 : O_CREAT));
}

static pdb_status append_sealed(sealing *s, exports_place *place, pdb_slice text, pdb_err *err)
{
	pdb_status status = sealing_open(s, place->size == 0, err);

	if (place->stored < SEALING_HEAD) {
		place->stored = SEALING_HEAD;
	}
	if (status == PDB_OK && ftruncate(s->file, (off_t)place->stored) != 0) {
		status = broken(errno, err);
	}
	if (status == PDB_OK) {
		status = sealing_append(s, place, text, err);
	}
	sealing_close(s);
	return status;
}

static pdb_status append_clear(int file, exports_place *place, pdb_slice text, pdb_err *err)
{
	if (ftruncate(file, (off_t)place->size) != 0) {
		return broken(errno, err);
	}
	return exports_write(file, place->size, text, err);
}

pdb_status exports_append(const admin *self, const char *id, exports_place *place, pdb_slice text,
			  pdb_err *err)
{
	bool sealed;
	sealing s = {.self = self, .id = id};
	pdb_status status;

	s.file = open_to_write(self, id, place->size > 0, &sealed);
	if (s.file < 0) {
		return broken(errno, err);
	}
	status = sealed ? append_sealed(&s, place, text, err)
			: append_clear(s.file, place, text, err);
	if (status == PDB_OK && fsync(s.file) != 0) {
		status = broken(errno, err);
	}
	(void)close(s.file);
	place->size += status == PDB_OK ? text.len : 0;
	return status;
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

static pdb_status read_clear(int file, uint64_t offset, exports_part *part, pdb_err *err)
{
	struct stat about;
	ssize_t len = pread(file, part->bytes, part->max, (off_t)offset);

	if (len < 0 || fstat(file, &about) != 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "an export cannot be read: %s",
				   strerror(errno));
	}
	part->len = (size_t)len;
	part->size = (uint64_t)about.st_size;
	return PDB_OK;
}

static pdb_status read_part(const admin *self, const char *id, uint64_t offset, exports_part *part,
			    pdb_err *err)
{
	sealing s = {.self = self, .id = id, .file = open_file(self, id, true, O_RDONLY)};
	bool sealed = s.file >= 0;
	pdb_status status;

	if (!sealed) {
		s.file = open_file(self, id, false, O_RDONLY);
	}
	if (s.file < 0) {
		return no_such_export(err);
	}
	if (sealed) {
		status = sealing_open(&s, false, err);
		status = status == PDB_OK ? sealing_read(&s, offset, part, err) : status;
		sealing_close(&s);
	} else {
		status = read_clear(s.file, offset, part, err);
	}
	(void)close(s.file);
	return status;
}

/* Up to PART_MAX bytes from `offset` on. */
pdb_status admin_read_export(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	exports_part part = {.max = PART_MAX};
	char id[PDB_JOB_ID_SIZE];
	char size[32];
	uint64_t offset;
	pdb_status status = read_offset(self, request, &offset, err);

	if (status == PDB_OK) {
		part.bytes = self->host->request_alloc(request, PART_MAX);
		read_id(self, request, id);
		status = part.bytes != NULL ? read_part(self, id, offset, &part, err)
					    : pdb_err_set(err, PDB_ENOMEM, NULL, "no memory");
	}
	if (status != PDB_OK) {
		return status;
	}
	(void)snprintf(size, sizeof(size), "%llu", (unsigned long long)part.size);
	(void)self->host->request_add_header(request, "Export-Size", size);
	(void)self->host->request_add_header(request, "Cache-Control", "no-store");
	if (self->host->request_reply(request, 200, "application/x-ndjson",
				      pdb_slice_of(part.bytes, part.len)) != PDB_OK) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the answer");
	}
	return PDB_OK;
}

/* The key goes when the file is gone: a crash between them leaves a key without use. */
static bool remove_file(const admin *self, int directory, const char *name)
{
	size_t len = strlen(name);
	bool sealed =
		len > sizeof(SEALED) - 1 && strcmp(name + len - (sizeof(SEALED) - 1), SEALED) == 0;
	int file = sealed ? openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	bool gone = unlinkat(directory, name, 0) == 0;

	if (gone && file >= 0) {
		sealing_forget(self, file);
	}
	if (file >= 0) {
		(void)close(file);
	}
	return gone;
}

pdb_status admin_remove_export(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	char id[PDB_JOB_ID_SIZE];
	char name[NAME_SIZE];
	int directory = open_directory(self, false);
	bool gone = false;

	read_id(self, request, id);
	for (int sealed = 0; sealed < 2 && directory >= 0; sealed++) {
		gone = (name_of(id, sealed == 1, name) && remove_file(self, directory, name)) ||
		       gone;
	}
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

static bool is_export(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && dot != name && (strcmp(dot, CLEAR) == 0 || strcmp(dot, SEALED) == 0);
}

static void remove_old(const admin *self, DIR *list)
{
	const struct dirent *entry;
	int64_t now = self->host->now();

	while ((entry = readdir(list)) != NULL) {
		struct stat about;

		if (!is_export(entry->d_name) ||
		    fstatat(dirfd(list), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
		    now - (int64_t)about.st_mtim.tv_sec * INT64_C(1000000000) < self->export_keep) {
			continue;
		}
		if (remove_file(self, dirfd(list), entry->d_name)) {
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
