/* SPDX-License-Identifier: Apache-2.0 */
/* Copies one file from directory to directory, down to the disk. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "wiredtiger_private.h"

/* All bytes of `in` to `out`; an errno, or 0. */
static int copy_bytes(int in, int out)
{
	uint8_t chunk[65536];
	ssize_t got;

	while ((got = read(in, chunk, sizeof(chunk))) != 0) {
		ssize_t put = 0;

		if (got < 0) {
			if (errno == EINTR) {
				continue;
			}
			return errno;
		}
		while (put < got) {
			ssize_t step = write(out, chunk + put, (size_t)(got - put));

			if (step < 0 && errno != EINTR) {
				return errno;
			}
			put += step < 0 ? 0 : step;
		}
	}
	return fsync(out) == 0 ? 0 : errno;
}

pdb_status pdb__wiredtiger_copy(int from, int to, const char *name, pdb_err *err)
{
	int in = openat(from, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int code = in < 0 ? errno : 0;
	int out = -1;

	if (code == 0) {
		out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		code = out < 0 ? errno : copy_bytes(in, out);
	}
	if (in >= 0) {
		(void)close(in);
	}
	if (out >= 0 && close(out) != 0 && code == 0) {
		code = errno;
	}
	if (code == 0) {
		return PDB_OK;
	}
	return pdb_err_set(err, code == ENOSPC || code == EDQUOT ? PDB_EFULL : PDB_EBACKEND, NULL,
			   "Cannot copy %s: %s.", name, strerror(code));
}
