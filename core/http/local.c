/* SPDX-License-Identifier: Apache-2.0 */
/* Local (Unix) sockets: one process for each, the file's mode and group, and files left behind. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "http/http_private.h"

_Static_assert(PDB_LOCAL_PATH_MAX < sizeof(((struct sockaddr_un *)0)->sun_path),
	       "a path and its NUL fit");

static pdb_status fail(const pdb_place *place, const char *what, pdb_err *err)
{
	return pdb_err_set(err, PDB_EUNAVAILABLE, NULL, "cannot %s the local socket %s: %s", what,
			   place->path, strerror(errno));
}

static struct sockaddr_un address_of(const pdb_place *place)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, place->path, strlen(place->path) + 1);
	return address;
}

/* The file beside the socket stays: who removes a lock may remove one that is held again. */
static pdb_status lock(pdb_place *place, pdb_err *err)
{
	char path[PDB_LOCAL_PATH_MAX + sizeof(".lock")];

	(void)snprintf(path, sizeof(path), "%s.lock", place->path);
	place->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (place->lock_fd < 0) {
		return fail(place, "lock", err);
	}
	if (flock(place->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		(void)pdb_err_set(err, PDB_EUNAVAILABLE, NULL,
				  "another process listens on the local socket %s", place->path);
		(void)close(place->lock_fd);
		place->lock_fd = -1;
		return PDB_EUNAVAILABLE;
	}
	return PDB_OK;
}

/* A program that knows nothing of the lock may listen there all the same. */
static bool answers(const pdb_place *place)
{
	struct sockaddr_un address = address_of(place);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool result = true;

	if (fd >= 0) {
		result = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ||
			 errno != ECONNREFUSED;
		(void)close(fd);
	}
	return result;
}

/* A socket that nobody listens on was left by a process that was killed. */
static pdb_status clear_stale(const pdb_place *place, pdb_err *err)
{
	struct stat found;

	if (lstat(place->path, &found) != 0) {
		return errno == ENOENT ? PDB_OK : fail(place, "look at", err);
	}
	if (!S_ISSOCK(found.st_mode)) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, NULL, "%s is there and is no socket",
				   place->path);
	}
	if (answers(place)) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, NULL,
				   "somebody listens on the local socket %s", place->path);
	}
	return unlink(place->path) == 0 ? PDB_OK : fail(place, "replace", err);
}

bool pdb__local_mode(const char *text, mode_t *mode_out)
{
	mode_t mode = 0;
	size_t len = strlen(text);

	if (len < 3 || len > 4 || strspn(text, "01234567") != len || (len == 4 && text[0] != '0')) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		mode = mode << 3 | (mode_t)(text[i] - '0');
	}
	*mode_out = mode;
	return true;
}

bool pdb__local_group(const char *name, gid_t *group_out)
{
	char buffer[4096];
	struct group entry;
	struct group *found = NULL;
	uint64_t number = 0;

	if (pdb_text_to_uint(pdb_slice_text(name), &number)) {
		*group_out = (gid_t)number;
		return number < UINT32_MAX;
	}
	if (getgrnam_r(name, &entry, buffer, sizeof(buffer), &found) != 0 || found == NULL) {
		return false;
	}
	*group_out = found->gr_gid;
	return true;
}

/* Nobody may come in between bind() and the mode that was asked for, so it begins with the
 * narrowest; the kernel gives the file what the socket has, less the umask. */
static pdb_status bind_file(const pdb_place *place, int fd, pdb_err *err)
{
	struct sockaddr_un address = address_of(place);

	if (fchmod(fd, 0600) != 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		return fail(place, "make", err);
	}
	if (place->has_group && lchown(place->path, (uid_t)-1, place->group) != 0) {
		return fail(place, "give the group to", err);
	}
	if (chmod(place->path, place->mode) != 0) {
		return fail(place, "set the mode of", err);
	}
	return listen(fd, SOMAXCONN) == 0 ? PDB_OK : fail(place, "listen on", err);
}

pdb_status pdb__local_open(pdb_place *place, int *fd_out, pdb_err *err)
{
	pdb_status status = lock(place, err);

	*fd_out = -1;
	if (status == PDB_OK) {
		status = clear_stale(place, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	*fd_out = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd_out < 0) {
		return fail(place, "make", err);
	}
	place->made = true;
	status = bind_file(place, *fd_out, err);
	if (status != PDB_OK) {
		(void)close(*fd_out);
		*fd_out = -1;
	}
	return status;
}

void pdb__local_close(pdb_place *place)
{
	if (place->made) {
		(void)unlink(place->path);
		place->made = false;
	}
	if (place->lock_fd >= 0) {
		(void)close(place->lock_fd);
		place->lock_fd = -1;
	}
}
