/* SPDX-License-Identifier: Apache-2.0 */
/* Where the plugins of the running program are. */
#include "plugin/directory.h"

#include <errno.h>
#include <limits.h>
#include <pdb/abi.h>
#include <pdb/plugin.h>
#include <sys/stat.h>
#include <unistd.h>

/* "lib/x86_64-linux-gnu" and the like; absolute when the distribution wants it so. */
#ifndef PDB_LIBDIR
#define PDB_LIBDIR "lib"
#endif

#define PLUGINS "progressdb/plugins-" PDB_STRING(PDB_ABI_MAJOR)

static pdb_status program_folder(char folder[PATH_MAX], pdb_err *err)
{
	ssize_t len = readlink("/proc/self/exe", folder, PATH_MAX - 1);

	if (len <= 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL,
				   "the place of this program is not known: %s", strerror(errno));
	}
	while (len > 1 && folder[len - 1] != '/') {
		len--;
	}
	folder[len] = '\0';
	return PDB_OK;
}

/* Writes the place below `library`; true when there is such a directory. */
static bool place(char *out, size_t size, const char *folder, const char *library)
{
	struct stat about;
	int len;

	if (library[0] == '/') {
		len = snprintf(out, size, "%s/" PLUGINS, library);
	} else {
		len = snprintf(out, size, "%s../%s/" PLUGINS, folder, library);
	}
	if (len < 0 || (size_t)len >= size) {
		out[0] = '\0';
		return false;
	}
	return stat(out, &about) == 0 && S_ISDIR(about.st_mode);
}

pdb_status pdb_plugin_directory(char *out, size_t size, pdb_err *err)
{
	static const char *const libraries[] = {"lib", PDB_LIBDIR};
	char folder[PATH_MAX];
	pdb_status status = program_folder(folder, err);

	if (status != PDB_OK) {
		return status;
	}
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
		if (place(out, size, folder, libraries[i])) {
			return PDB_OK;
		}
	}
	(void)place(out, size, folder, libraries[0]);
	if (out[0] == '\0') {
		return pdb_err_set(err, PDB_ETOOLARGE, NULL,
				   "the path of the plugins is longer than %zu bytes", size);
	}
	return PDB_OK;
}
