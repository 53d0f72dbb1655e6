/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log of the server: who did what, one JSON object a line. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/directory.h"
#include "base/json.h"
#include "server/server_private.h"

static pdb_status open_file(pdb_audit *audit, pdb_err *err)
{
	audit->fd = open(audit->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (audit->fd < 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "cannot open the audit log %s: %s",
				   audit->path, strerror(errno));
	}
	return PDB_OK;
}

/* Whoever rotates the log moves the file away: what has its name now is another one, or none. */
static bool moved_away(const pdb_audit *audit)
{
	struct stat named;
	struct stat held;

	return stat(audit->path, &named) != 0 || fstat(audit->fd, &held) != 0 ||
	       named.st_ino != held.st_ino || named.st_dev != held.st_dev;
}

static pdb_status follow(pdb_audit *audit, pdb_err *err)
{
	if (audit->fd < 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "the audit log is not open");
	}
	if (!moved_away(audit)) {
		return PDB_OK;
	}
	(void)close(audit->fd);
	return open_file(audit, err);
}

/* One write() and one sync. Half a line, when the disk is full, is taken back. */
static pdb_status append(const pdb_audit *audit, pdb_slice line, pdb_err *err)
{
	off_t end = lseek(audit->fd, 0, SEEK_END);
	ssize_t put = write(audit->fd, line.ptr, line.len);
	int code = put < 0 ? errno : ENOSPC;

	if (put == (ssize_t)line.len) {
		if (fdatasync(audit->fd) == 0) {
			return PDB_OK;
		}
		code = errno;
	} else if (put > 0 && end >= 0 && ftruncate(audit->fd, end) != 0) {
		code = errno;
	}
	return pdb_err_set(err, code == ENOSPC || code == EDQUOT ? PDB_EFULL : PDB_EBACKEND, NULL,
			   "cannot write the audit log %s: %s", audit->path, strerror(code));
}

pdb_status pdb__audit_write(pdb_audit *audit, pdb_slice members, pdb_err *err)
{
	pdb_buf line = {0};
	pdb_status status;

	pdb_buf_printf(&line, "{\"ts\":%lld,", (long long)pdb_clock_now());
	pdb_buf_add_slice(&line, members);
	pdb_buf_add_text(&line, "}");
	status = pdb_buf_status(&line, err);
	/* whatever it is given, a line stays one JSON object */
	if (status == PDB_OK && (memchr(line.data, '\n', line.len) != NULL ||
				 pdb_json_check(pdb_buf_slice(&line), NULL, NULL) != PDB_OK)) {
		status = pdb_err_set(err, PDB_EINVAL, NULL, "an audit line is not JSON");
	}
	pdb_buf_add_byte(&line, '\n');
	if (status == PDB_OK) {
		status = pdb_buf_status(&line, err);
	}
	if (status == PDB_OK) {
		(void)pthread_mutex_lock(&audit->lock);
		status = follow(audit, err);
		if (status == PDB_OK) {
			status = append(audit, pdb_buf_slice(&line), err);
		}
		(void)pthread_mutex_unlock(&audit->lock);
	}
	pdb_buf_fini(&line);
	return status;
}

pdb_status pdb__audit_open(pdb_audit *audit, const char *db_path, pdb_err *err)
{
	char first[128];
	pdb_status status;
	int len;

	len = snprintf(audit->path, sizeof(audit->path), "%s/state/audit", db_path);
	if (len < 0 || (size_t)len + sizeof("/audit.log") > sizeof(audit->path)) {
		return pdb_err_set(err, PDB_EBACKEND, NULL,
				   "the path of the audit log is too long");
	}
	status = pdb_directory_make(audit->path, err);
	if (status != PDB_OK) {
		return status;
	}
	memcpy(audit->path + len, "/audit.log", sizeof("/audit.log"));
	status = open_file(audit, err);
	if (status != PDB_OK) {
		return status;
	}
	(void)snprintf(first, sizeof(first),
		       "\"event\":\"server_started\",\"version\":\"" PDB_VERSION "\",\"pid\":%ld",
		       (long)getpid());
	return pdb__audit_write(audit, pdb_slice_text(first), err);
}

void pdb__audit_close(pdb_audit *audit)
{
	if (audit->fd >= 0) {
		(void)close(audit->fd);
	}
	audit->fd = -1;
}
