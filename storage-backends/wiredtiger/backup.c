/* SPDX-License-Identifier: Apache-2.0 */
/* Hot backup: the files that the engine names, copied while it goes on writing. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "wiredtiger_private.h"

typedef struct backup_run {
	pdb__wiredtiger *db;
	WT_SESSION *session;
	int from;
	int to;
} backup_run;

static int open_directory(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* While the cursor is open, no file it names is changed in place or removed. */
static pdb_status copy_listed(backup_run *run, pdb_err *err)
{
	WT_CURSOR *cursor = NULL;
	const char *name = NULL;
	pdb_status status = PDB_OK;
	int code = run->session->open_cursor(run->session, "backup:", NULL, NULL, &cursor);

	while (code == 0 && status == PDB_OK) {
		code = cursor->next(cursor);
		if (code == 0) {
			code = cursor->get_key(cursor, &name);
		}
		if (code == 0) {
			status = pdb__wiredtiger_copy(run->from, run->to, name, err);
		}
	}
	if (cursor != NULL) {
		(void)cursor->close(cursor);
	}
	if (status != PDB_OK || code == WT_NOTFOUND) {
		return status;
	}
	return pdb__wiredtiger_error(run->db, code, "backup", err);
}

static pdb_status run_backup(backup_run *run, pdb_err *err)
{
	/* What has been committed is in the log files only after this. */
	int code = run->session->log_flush(run->session, "sync=on");
	pdb_status status;

	if (code != 0) {
		return pdb__wiredtiger_error(run->db, code, "log_flush", err);
	}
	status = copy_listed(run, err);
	if (status == PDB_OK && fsync(run->to) != 0) {
		status = pdb_err_set(err, PDB_EBACKEND, NULL, "Cannot sync the backup: %s.",
				     strerror(errno));
	}
	return status;
}

static pdb_status open_and_run(backup_run *run, const char *directory, pdb_err *err)
{
	WT_CONNECTION *connection = run->db->connection;
	pdb_status status;
	int code;

	run->from = open_directory(run->db->directory);
	run->to = open_directory(directory);
	if (run->from < 0 || run->to < 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "Cannot open the directory %s: %s.",
				   run->from < 0 ? run->db->directory : directory, strerror(errno));
	}
	code = connection->open_session(connection, NULL, NULL, &run->session);
	if (code != 0) {
		return pdb__wiredtiger_error(run->db, code, "open_session", err);
	}
	status = run_backup(run, err);
	(void)run->session->close(run->session, NULL);
	return status;
}

pdb_status pdb__wiredtiger_backup(void *db_, const char *directory, pdb_err *err)
{
	pdb__wiredtiger *db = db_;
	backup_run run = {.db = db, .from = -1, .to = -1};
	pdb_status status;

	if (pthread_mutex_trylock(&db->backup_lock) != 0) {
		return pdb_err_set(err, PDB_EBUSY, NULL, "Another backup is running.");
	}
	status = open_and_run(&run, directory, err);
	if (run.from >= 0) {
		(void)close(run.from);
	}
	if (run.to >= 0) {
		(void)close(run.to);
	}
	(void)pthread_mutex_unlock(&db->backup_lock);
	return status;
}
