/* SPDX-License-Identifier: Apache-2.0 */
/* Hot backup: the files that the engine names, read while it goes on writing. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wiredtiger_private.h"

typedef struct backup_run {
	pdb__wiredtiger *db;
	WT_SESSION *session;
	WT_CURSOR *cursor;
	int from;
	uint64_t total;
	pdb_storage_file_fn file;
	void *arg;
} backup_run;

typedef pdb_status (*name_fn)(backup_run *run, const char *name, pdb_err *err);

static int open_directory(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static pdb_status add_size(backup_run *run, const char *name, pdb_err *err)
{
	struct stat info;

	(void)err;
	if (fstatat(run->from, name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
		run->total += (uint64_t)info.st_size;
	}
	return PDB_OK;
}

static pdb_status show_file(backup_run *run, const char *name, pdb_err *err)
{
	pdb_storage_file file = {
		.size = sizeof(file),
		.fd = openat(run->from, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW),
		.name = name,
		.total = run->total,
	};
	struct stat info;
	pdb_status status;

	if (file.fd < 0 || fstat(file.fd, &info) != 0) {
		status = pdb_err_set(err, PDB_EBACKEND, NULL, "Cannot read %s: %s.", name,
				     strerror(errno));
	} else {
		file.bytes = (uint64_t)info.st_size;
		status = run->file(run->arg, &file, err);
	}
	if (file.fd >= 0) {
		(void)close(file.fd);
	}
	return status;
}

/* While the cursor is open, no file it names is changed in place or removed. */
static pdb_status each_name(backup_run *run, name_fn fn, pdb_err *err)
{
	const char *name = NULL;
	pdb_status status = PDB_OK;
	int code = run->cursor->reset(run->cursor);

	while (code == 0 && status == PDB_OK) {
		code = run->cursor->next(run->cursor);
		if (code == 0) {
			code = run->cursor->get_key(run->cursor, &name);
		}
		if (code == 0) {
			status = fn(run, name, err);
		}
	}
	return status != PDB_OK || code == WT_NOTFOUND
		       ? status
		       : pdb__wiredtiger_error(run->db, code, "backup", err);
}

static pdb_status show_all(backup_run *run, pdb_err *err)
{
	/* What has been committed is in the log files only after this. */
	int code = run->session->log_flush(run->session, "sync=on");
	pdb_status status;

	if (code != 0) {
		return pdb__wiredtiger_error(run->db, code, "log_flush", err);
	}
	code = run->session->open_cursor(run->session, "backup:", NULL, NULL, &run->cursor);
	if (code != 0) {
		return pdb__wiredtiger_error(run->db, code, "backup", err);
	}
	status = each_name(run, add_size, err);
	if (status == PDB_OK) {
		status = each_name(run, show_file, err);
	}
	(void)run->cursor->close(run->cursor);
	return status;
}

static pdb_status open_and_show(backup_run *run, pdb_err *err)
{
	WT_CONNECTION *connection = run->db->connection;
	pdb_status status;
	int code;

	run->from = open_directory(run->db->directory);
	if (run->from < 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "Cannot open the directory %s: %s.",
				   run->db->directory, strerror(errno));
	}
	code = connection->open_session(connection, NULL, NULL, &run->session);
	if (code == 0) {
		status = show_all(run, err);
		(void)run->session->close(run->session, NULL);
	} else {
		status = pdb__wiredtiger_error(run->db, code, "open_session", err);
	}
	(void)close(run->from);
	return status;
}

pdb_status pdb__wiredtiger_files(void *db_, pdb_storage_file_fn file, void *arg, pdb_err *err)
{
	pdb__wiredtiger *db = db_;
	backup_run run = {.db = db, .from = -1, .file = file, .arg = arg};
	pdb_status status;

	if (pthread_mutex_trylock(&db->backup_lock) != 0) {
		return pdb_err_set(err, PDB_EBUSY, NULL, "Another backup is running.");
	}
	status = open_and_show(&run, err);
	(void)pthread_mutex_unlock(&db->backup_lock);
	return status;
}

/* -- into one directory ------------------------------------------------------------------------ */

typedef struct copying {
	int from;
	int to;
} copying;

static pdb_status copy_file(void *arg, const pdb_storage_file *file, pdb_err *err)
{
	copying *c = arg;

	return pdb__wiredtiger_copy(c->from, c->to, file->name, err);
}

pdb_status pdb__wiredtiger_backup(void *db_, const char *directory, pdb_err *err)
{
	pdb__wiredtiger *db = db_;
	copying c = {.from = open_directory(db->directory), .to = -1};
	pdb_status status;

	c.to = c.from < 0 ? -1 : open_directory(directory);
	if (c.to < 0) {
		status = pdb_err_set(err, PDB_EBACKEND, NULL, "Cannot open the directory %s: %s.",
				     c.from < 0 ? db->directory : directory, strerror(errno));
	} else {
		status = pdb__wiredtiger_files(db, copy_file, &c, err);
	}
	if (status == PDB_OK && fsync(c.to) != 0) {
		status = pdb_err_set(err, PDB_EBACKEND, NULL, "Cannot sync the backup: %s.",
				     strerror(errno));
	}
	if (c.from >= 0) {
		(void)close(c.from);
	}
	if (c.to >= 0) {
		(void)close(c.to);
	}
	return status;
}
