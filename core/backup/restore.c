/* SPDX-License-Identifier: Apache-2.0 */
/* Verifies a set, and makes a database directory of it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/backup_private.h"
#include "base/mem.h"
#include "base/text.h"

#define STORE_NAME  "store"
#define HIDDEN_NAME ".store.part"

typedef struct restoring {
	const pdb_backup_restore_params *params;
	pdb__manifest manifest;
	int set;
	int data;
	int target; /* -1 = only verify, as the next two */
	int store;
	int file;
	uint8_t *bytes;          /* PDB__PART_MAX */
	pdb__manifest_line held; /* the part that is in them; a new log is many times the same */
	uint64_t done;
} restoring;

static int open_directory(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* -- the target -------------------------------------------------------------------------------- */

/* Removes what a restore that was interrupted has left; anything else is not ours to touch. */
static pdb_status expect_empty(const restoring *r, pdb_err *err)
{
	int fd = open_directory(r->target, ".");
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	pdb_status status = PDB_OK;
	const struct dirent *entry;

	if (dir == NULL) {
		return pdb__backup_errno(err, "read the directory", r->params->target);
	}
	while ((entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
		    strcmp(name, HIDDEN_NAME) != 0) {
			status = pdb_err_set(
				err, PDB_EEXISTS, NULL,
				"The directory %s is not empty; restore into a new one.",
				r->params->target);
		}
	}
	(void)closedir(dir);
	return status;
}

static void remove_hidden(int target)
{
	int fd = openat(target, HIDDEN_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		(void)unlinkat(fd, entry->d_name, 0); /* fails for the directories, rightly */
	}
	if (dir != NULL) {
		(void)closedir(dir);
	}
	(void)unlinkat(target, HIDDEN_NAME, AT_REMOVEDIR);
}

static pdb_status open_target(restoring *r, pdb_err *err)
{
	const char *path = r->params->target;
	pdb_status status;

	if (mkdir(path, 0700) != 0 && errno != EEXIST) {
		return pdb__backup_errno(err, "make the directory", path);
	}
	r->target = open_directory(AT_FDCWD, path);
	if (r->target < 0) {
		return pdb__backup_errno(err, "open the directory", path);
	}
	status = expect_empty(r, err);
	if (status != PDB_OK) {
		return status;
	}
	remove_hidden(r->target);
	if (mkdirat(r->target, HIDDEN_NAME, 0700) != 0) {
		return pdb__backup_errno(err, "make a directory in", path);
	}
	r->store = open_directory(r->target, HIDDEN_NAME);
	return r->store < 0 ? pdb__backup_errno(err, "open a directory in", path) : PDB_OK;
}

/* The directory gets its name when all that is in it is on disk. */
static pdb_status publish(const restoring *r, pdb_err *err)
{
	if (fsync(r->store) != 0 || renameat(r->target, HIDDEN_NAME, r->target, STORE_NAME) != 0 ||
	    fsync(r->target) != 0) {
		return pdb__backup_errno(err, "complete", r->params->target);
	}
	return PDB_OK;
}

/* -- files ------------------------------------------------------------------------------------- */

static pdb_status end_file(restoring *r, pdb_err *err)
{
	int fd = r->file;
	int code;

	r->file = -1;
	if (fd < 0) {
		return PDB_OK;
	}
	code = fsync(fd) == 0 ? 0 : errno;
	if (close(fd) != 0 && code == 0) {
		code = errno;
	}
	errno = code;
	return code == 0 ? PDB_OK : pdb__backup_errno(err, "write into", r->params->target);
}

static pdb_status begin_file(restoring *r, const char *name, pdb_err *err)
{
	pdb_status status = end_file(r, err);

	if (status != PDB_OK || r->store < 0) {
		return status;
	}
	r->file =
		openat(r->store, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return r->file < 0 ? pdb__backup_errno(err, "make the file", name) : PDB_OK;
}

static pdb_status load_part(restoring *r, const pdb__manifest_line *line, pdb_err *err)
{
	if (r->held.size == line->size && strcmp(r->held.name, line->name) == 0) {
		return PDB_OK;
	}
	r->held = *line;
	return pdb__part_load(r->data, line->name, line->size, r->bytes, err);
}

static pdb_status add_part(restoring *r, const pdb__manifest_line *line, pdb_err *err)
{
	pdb_status status = load_part(r, line, err);

	if (status == PDB_OK && r->file >= 0 &&
	    pdb__part_write(r->file, pdb_slice_of(r->bytes, (size_t)line->size)) != 0) {
		status = pdb__backup_errno(err, "write into", r->params->target);
	}
	r->done += line->size;
	if (status == PDB_OK && r->params->progress != NULL) {
		status = r->params->progress(r->params->arg, r->done, r->manifest.about.bytes);
		if (status != PDB_OK) {
			(void)pdb_err_set(err, status, NULL, "Interrupted.");
		}
	}
	return status;
}

static pdb_status each_line(restoring *r, pdb_err *err)
{
	size_t cursor = r->manifest.lines;
	pdb_status status = PDB_OK;
	pdb__manifest_line line;
	pdb__manifest_kind kind;

	while (status == PDB_OK &&
	       (kind = pdb__manifest_next(&r->manifest, &cursor, &line)) != PDB__MANIFEST_END) {
		status = kind == PDB__MANIFEST_FILE ? begin_file(r, line.name, err)
						    : add_part(r, &line, err);
	}
	return status == PDB_OK ? end_file(r, err) : status;
}

/* -- all --------------------------------------------------------------------------------------- */

static pdb_status judge_origin(const restoring *r, pdb_err *err)
{
	const pdb_backup_about *about = &r->manifest.about;
	const char *wanted = r->params->database;
	char key[PDB_BACKUP_KEY_SIZE];

	if (wanted[0] != '\0' && strcmp(wanted, about->database) != 0) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "The set is of the database %s, not of %s.", about->database,
				   wanted);
	}
	if (r->params->key == NULL) {
		return PDB_OK;
	}
	pdb_hex_encode(key, pdb_slice_of(r->params->key, (sizeof(key) - 1) / 2));
	return strcmp(key, about->key) == 0
		       ? PDB_OK
		       : pdb_err_set(err, PDB_EDENIED, NULL,
				     "The set is signed by the key %s, not by %s.", about->key,
				     key);
}

static pdb_status open_set(restoring *r, pdb_err *err)
{
	pdb_status status;

	r->set = open_directory(AT_FDCWD, r->params->set);
	if (r->set < 0) {
		return pdb__backup_errno(err, "open the set", r->params->set);
	}
	status = pdb__manifest_read(r->set, &r->manifest, err);
	if (status == PDB_OK) {
		status = judge_origin(r, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	r->data = open_directory(r->set, PDB__DATA_NAME);
	r->bytes = pdb_mem_alloc(PDB__PART_MAX);
	if (r->bytes == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "No memory for a part.");
	}
	return r->data < 0 ? pdb_err_set(err, PDB_ECORRUPT, NULL,
					 "The set is incomplete: there is no data in it.")
			   : PDB_OK;
}

static pdb_status run(restoring *r, pdb_err *err)
{
	pdb_status status = open_set(r, err);

	if (status == PDB_OK && r->params->target != NULL) {
		status = open_target(r, err);
	}
	if (status == PDB_OK) {
		status = each_line(r, err);
	}
	if (status == PDB_OK && r->store >= 0) {
		status = publish(r, err);
	} else if (status != PDB_OK && r->store >= 0) {
		remove_hidden(r->target);
	}
	return status;
}

pdb_status pdb_backup_restore(const pdb_backup_restore_params *params, pdb_backup_about *out,
			      pdb_err *err)
{
	restoring r = {
		.params = params, .set = -1, .data = -1, .target = -1, .store = -1, .file = -1};
	pdb_status status = run(&r, err);
	int fds[] = {r.file, r.store, r.target, r.data, r.set};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0) {
			(void)close(fds[i]);
		}
	}
	*out = r.manifest.about;
	pdb__manifest_fini(&r.manifest);
	pdb_mem_free(r.bytes);
	return status;
}
