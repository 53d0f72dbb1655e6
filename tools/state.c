/* SPDX-License-Identifier: Apache-2.0 */
/* State files: where a long command was, so that it can go on. */
#include "tools/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"

#define STATE_HEAD "progressdb state 1"
#define STATE_MAX  4096u

static void read_number(pdb_slice value, uint64_t *out)
{
	if (!pdb_text_to_uint(value, out)) {
		*out = 0;
	}
}

static void read_text(pdb_slice value, char *out, size_t size)
{
	size_t len = value.len < size ? value.len : size - 1;

	if (len > 0) {
		memcpy(out, value.ptr, len);
	}
	out[len] = '\0';
}

static void read_entry(pdb_state *state, pdb_slice line)
{
	const uint8_t *space = line.len > 0 ? memchr(line.ptr, ' ', line.len) : NULL;
	pdb_slice name = pdb_slice_of(line.ptr, space != NULL ? (size_t)(space - line.ptr) : 0);
	pdb_slice value = pdb_slice_skip(line, name.len + 1);

	if (pdb_slice_is(name, "what")) {
		read_text(value, state->what, sizeof(state->what));
	} else if (pdb_slice_is(name, "thread")) {
		read_text(value, state->thread, sizeof(state->thread));
	} else if (pdb_slice_is(name, "cursor")) {
		read_text(value, state->cursor, sizeof(state->cursor));
	} else if (pdb_slice_is(name, "offset")) {
		read_number(value, &state->offset);
	} else if (pdb_slice_is(name, "count")) {
		read_number(value, &state->count);
	} else if (pdb_slice_is(name, "seq")) {
		read_number(value, &state->seq);
	}
}

static void read_entries(pdb_state *state, pdb_slice text)
{
	while (text.len > 0) {
		const uint8_t *end = memchr(text.ptr, '\n', text.len);
		size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;

		read_entry(state, pdb_slice_of(text.ptr, len));
		text = pdb_slice_skip(text, len + 1);
	}
}

pdb_status pdb_state_read(pdb_state *state, const char *path, const char *what, pdb_err *err)
{
	char text[STATE_MAX];
	FILE *file = fopen(path, "re");
	size_t len;

	*state = (pdb_state){0};
	if (file == NULL) {
		return errno == ENOENT ? PDB_ENOTFOUND
				       : pdb_err_set(err, PDB_EINVAL, NULL, "%s cannot be read: %s",
						     path, strerror(errno));
	}
	len = fread(text, 1, sizeof(text), file);
	(void)fclose(file);
	if (!pdb_slice_starts(pdb_slice_of(text, len), PDB_SLICE(STATE_HEAD "\n"))) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "%s is not a state file", path);
	}
	read_entries(state, pdb_slice_of(text, len));
	if (strcmp(state->what, what) != 0) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "%s belongs to \"%s\"; use --restart to begin anew, or another "
				   "--state file",
				   path, state->what);
	}
	return PDB_OK;
}

static bool put(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t done = write(fd, text, len);

		if (done < 0 && errno == EINTR) {
			continue;
		}
		if (done <= 0) {
			return false;
		}
		text += done;
		len -= (size_t)done;
	}
	return true;
}

/* A rename is on disk when its directory is. */
static bool sync_directory(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) + 1 : 1;
	int fd;
	bool good;

	if (len >= sizeof(directory)) {
		return false;
	}
	memcpy(directory, slash != NULL ? path : ".", len);
	directory[len] = '\0';
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	good = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0) {
		(void)close(fd);
	}
	return good;
}

static bool replace(const char *path, const char *text, size_t len)
{
	char beside[PATH_MAX];
	int fd = -1;
	bool good;

	if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside)) {
		errno = ENAMETOOLONG;
		return false;
	}
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	good = fd >= 0 && put(fd, text, len) && fsync(fd) == 0;
	if (fd >= 0 && close(fd) != 0) {
		good = false;
	}
	return good && rename(beside, path) == 0 && sync_directory(path);
}

pdb_status pdb_state_write(const pdb_state *state, const char *path, pdb_err *err)
{
	char text[STATE_MAX];
	int len = snprintf(text, sizeof(text),
			   STATE_HEAD "\nwhat %s\noffset %llu\ncount %llu\nseq %llu\nthread %s\n"
				      "cursor %s\n",
			   state->what, (unsigned long long)state->offset,
			   (unsigned long long)state->count, (unsigned long long)state->seq,
			   state->thread, state->cursor);

	if (len < 0 || (size_t)len >= sizeof(text) || !replace(path, text, (size_t)len)) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "%s cannot be written: %s", path,
				   strerror(errno));
	}
	return PDB_OK;
}

void pdb_state_remove(const char *path)
{
	(void)unlink(path);
}
