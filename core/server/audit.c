/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log of the server: who did what, one JSON object a line. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/server_private.h"

pdb_status pdb__directory_make(const char *path, pdb_err *err)
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
			return pdb_err_set(err, PDB_EBACKEND, NULL,
					   "cannot make the directory %s: %s", part,
					   strerror(errno));
		}
		part[i] = kept;
	}
	return PDB_OK;
}

pdb_status pdb__audit_open(const char *db_path, int *fd_out, pdb_err *err)
{
	char path[PATH_MAX];
	char line[256];
	pdb_status status;
	int len;

	len = snprintf(path, sizeof(path), "%s/state/audit", db_path);
	if (len < 0 || (size_t)len + sizeof("/audit.log") > sizeof(path)) {
		return pdb_err_set(err, PDB_EBACKEND, NULL,
				   "the path of the audit log is too long");
	}
	status = pdb__directory_make(path, err);
	if (status != PDB_OK) {
		return status;
	}
	memcpy(path + len, "/audit.log", sizeof("/audit.log"));
	*fd_out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd_out < 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "cannot open the audit log %s: %s",
				   path, strerror(errno));
	}
	len = snprintf(line, sizeof(line),
		       "{\"ts\":%lld,\"event\":\"server_started\",\"version\":\"" PDB_VERSION
		       "\",\"pid\":%ld}\n",
		       (long long)pdb_clock_now(), (long)getpid());
	if (write(*fd_out, line, (size_t)len) != len) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "cannot write the audit log %s: %s",
				   path, strerror(errno));
	}
	return PDB_OK;
}
