/* SPDX-License-Identifier: Apache-2.0 */
/* Directories, made with what is missing above them. */
#include "base/directory.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

pdb_status pdb_directory_make(const char *path, pdb_err *err)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(part)) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "\"%s\" is not a usable path.", path);
	}
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0') {
			continue;
		}
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST) {
			return pdb_err_set(
				err, errno == EACCES || errno == EPERM ? PDB_EDENIED : PDB_EBACKEND,
				NULL, "Cannot make the directory %s: %s.", part, strerror(errno));
		}
	}
	return PDB_OK;
}
