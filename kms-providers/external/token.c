/* SPDX-License-Identifier: Apache-2.0 */
/* The token of this client. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "external/client.h"
#include "keyring/source.h"

#define FILE_MAX 4096u

static pdb_status find_token(const char *path, pdb_slice text, wire_token *out, pdb_err *err)
{
	while (text.len > 0) {
		const uint8_t *end = memchr(text.ptr, '\n', text.len);
		size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;

		if (len > 0 && text.ptr[0] != '#') {
			if (wire_token_read(pdb_slice_of(text.ptr, len), out)) {
				return PDB_OK;
			}
			break;
		}
		text = pdb_slice_skip(text, len + 1);
	}
	return pdb_err_set(
		err, PDB_EINVAL, NULL,
		"%s has no line \"role name secret\" with a secret of 32 to 128 characters", path);
}

pdb_status client_token_read(const char *path, wire_token *out, pdb_err *err)
{
	uint8_t text[FILE_MAX];
	pdb_status status = pdb__secret_place_judge(path, err);
	ssize_t len = -1;
	int fd;

	if (status != PDB_OK) {
		return status;
	}
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "the token file %s: %s", path,
				   strerror(errno));
	}
	status = pdb__secret_file_judge(fd, path, err);
	if (status == PDB_OK) {
		len = read(fd, text, sizeof(text));
		status = find_token(path, pdb_slice_of(text, len > 0 ? (size_t)len : 0), out, err);
	}
	(void)close(fd);
	sodium_memzero(text, sizeof(text));
	return status;
}
