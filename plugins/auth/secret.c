/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets from files: who could have read or changed one is looked at before it is believed. */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 1024u

static _Thread_local char reason[PATH_MAX + 160];

__attribute__((format(printf, 1, 2))) static const char *because(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return reason;
}

static const char *judge_file(int fd, const char *path)
{
	struct stat state;

	if (fstat(fd, &state) != 0) {
		return because("cannot look at %s: %s", path, strerror(errno));
	}
	if (!S_ISREG(state.st_mode)) {
		return because("%s is no plain file", path);
	}
	if (state.st_uid != 0 && state.st_uid != geteuid()) {
		return because("%s belongs to another user; it must be root's or this process's",
			       path);
	}
	if ((state.st_mode & 0037) != 0) {
		return because("%s is open to others; chmod 0600 (or 0640) it", path);
	}
	return NULL;
}

/* The first line; nothing but line ends may follow. */
static const char *take_line(char *text, size_t len, char *out, size_t size, const char *path)
{
	size_t end = strcspn(text, "\r\n");

	if (end == 0 || end + strspn(text + end, "\r\n") != len) {
		return because("%s must hold one line, the key", path);
	}
	if (end >= size) {
		return because("%s holds a line that is too long for a key", path);
	}
	memcpy(out, text, end);
	out[end] = '\0';
	return NULL;
}

static const char *read_file(int fd, const char *path, char *out, size_t size)
{
	char text[FILE_MAX + 1];
	size_t len = 0;
	ssize_t got = 1;
	const char *why;

	while (got > 0 && len < FILE_MAX) {
		got = read(fd, text + len, FILE_MAX - len);
		len += got > 0 ? (size_t)got : 0;
	}
	text[len] = '\0';
	if (got < 0) {
		why = because("cannot read %s: %s", path, strerror(errno));
	} else if (len == FILE_MAX || strlen(text) != len) {
		why = because("%s is too long for a key, or holds no text", path);
	} else {
		why = take_line(text, len, out, size, path);
	}
	sodium_memzero(text, sizeof(text));
	return why;
}

static const char *from_file(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	const char *why;

	if (fd < 0) {
		return errno == ELOOP ? because("%s is a link; name the file itself", path)
				      : because("cannot open %s: %s", path, strerror(errno));
	}
	why = judge_file(fd, path);
	if (why == NULL) {
		why = read_file(fd, path, out, size);
	}
	(void)close(fd);
	return why;
}

static const char *from_credential(const char *name, char *out, size_t size)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];
	int len;

	if (folder == NULL || folder[0] != '/') {
		return because("there is no $CREDENTIALS_DIRECTORY for the credential %s", name);
	}
	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL) {
		return because("\"%s\" is no name of a credential", name);
	}
	len = snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (len < 0 || (size_t)len >= sizeof(path)) {
		return because("the path of the credential %s is too long", name);
	}
	return from_file(path, out, size);
}

const char *secret_read(const char *spelled, char *out, size_t size)
{
	size_t len = strlen(spelled);

	if (strncmp(spelled, "file:", 5) == 0) {
		return from_file(spelled + 5, out, size);
	}
	if (strncmp(spelled, "credential:", 11) == 0) {
		return from_credential(spelled + 11, out, size);
	}
	if (len >= size) {
		return "a key has at most 512 characters";
	}
	memcpy(out, spelled, len + 1);
	return NULL;
}
