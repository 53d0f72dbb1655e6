/* SPDX-License-Identifier: Apache-2.0 */
/* Parts: up to 4 MiB of a file under the name of their digest. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/backup_private.h"
#include "base/text.h"

pdb_status pdb__backup_errno(pdb_err *err, const char *what, const char *name)
{
	int code = errno;
	pdb_status status = code == ENOSPC || code == EDQUOT ? PDB_EFULL
			    : code == ENOENT                 ? PDB_ENOTFOUND
							     : PDB_EBACKEND;

	return pdb_err_set(err, status, NULL, "Cannot %s %s: %s.", what, name, strerror(code));
}

void pdb__part_digest(pdb_slice bytes, char hex_out[PDB__DIGEST_SIZE])
{
	uint8_t digest[PDB__DIGEST_LEN];

	(void)crypto_generichash(digest, sizeof(digest), bytes.ptr, bytes.len, NULL, 0);
	pdb_hex_encode(hex_out, pdb_slice_of(digest, sizeof(digest)));
}

ssize_t pdb__part_read(int fd, void *bytes, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t got = read(fd, (uint8_t *)bytes + have, size - have);

		if (got == 0) {
			break;
		}
		if (got < 0 && errno != EINTR) {
			return -1;
		}
		have += got > 0 ? (size_t)got : 0;
	}
	return (ssize_t)have;
}

int pdb__part_write(int fd, pdb_slice bytes)
{
	size_t put = 0;

	while (put < bytes.len) {
		ssize_t step = write(fd, bytes.ptr + put, bytes.len - put);

		if (step < 0 && errno != EINTR) {
			return -1;
		}
		put += step > 0 ? (size_t)step : 0;
	}
	return 0;
}

pdb_status pdb__part_store(int data, const char *hex, pdb_slice bytes, pdb_err *err)
{
	int fd = openat(data, hex, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int code;

	if (fd < 0 && errno == EEXIST) {
		return PDB_OK; /* another file of this set has the same bytes */
	}
	if (fd < 0) {
		return pdb__backup_errno(err, "make the part", hex);
	}
	code = pdb__part_write(fd, bytes) == 0 && fsync(fd) == 0 ? 0 : errno;
	/* a backup must not push the server's own pages out of the cache */
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (close(fd) != 0 && code == 0) {
		code = errno;
	}
	errno = code;
	return code == 0 ? PDB_OK : pdb__backup_errno(err, "write the part", hex);
}

/* Not the digest but the bytes are compared: an earlier set that was damaged is not relied on. */
static bool has_bytes(int fd, pdb_slice bytes)
{
	uint8_t chunk[65536];
	size_t at = 0;
	ssize_t got;

	while ((got = pdb__part_read(fd, chunk, sizeof(chunk))) > 0) {
		if ((size_t)got > bytes.len - at ||
		    memcmp(chunk, bytes.ptr + at, (size_t)got) != 0) {
			return false;
		}
		at += (size_t)got;
	}
	return got == 0 && at == bytes.len;
}

bool pdb__part_link(int earlier, int data, const char *hex, pdb_slice bytes)
{
	int fd = earlier < 0 ? -1 : openat(earlier, hex, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool same;

	if (fd < 0) {
		return false;
	}
	same = has_bytes(fd, bytes);
	(void)close(fd);
	return same && (linkat(earlier, hex, data, hex, 0) == 0 || errno == EEXIST);
}

pdb_status pdb__part_load(int data, const char *hex, uint64_t size, uint8_t *bytes, pdb_err *err)
{
	int fd = openat(data, hex, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char found[PDB__DIGEST_SIZE];
	uint8_t more;
	ssize_t got;

	if (fd < 0) {
		return errno == ENOENT
			       ? pdb_err_set(err, PDB_ECORRUPT, NULL,
					     "The set is incomplete: data/%s is missing.", hex)
			       : pdb__backup_errno(err, "open the part", hex);
	}
	got = pdb__part_read(fd, bytes, (size_t)size);
	if (got == (ssize_t)size && pdb__part_read(fd, &more, 1) == 1) {
		got = (ssize_t)size + 1;
	}
	if (got < 0) {
		(void)pdb__backup_errno(err, "read the part", hex);
	}
	(void)close(fd);
	if (got < 0) {
		return PDB_EBACKEND;
	}
	if (got == (ssize_t)size) {
		pdb__part_digest(pdb_slice_of(bytes, (size_t)got), found);
	}
	return got == (ssize_t)size && strcmp(found, hex) == 0
		       ? PDB_OK
		       : pdb_err_set(err, PDB_ECORRUPT, NULL,
				     "The set is damaged: data/%s is not what its name says.", hex);
}
