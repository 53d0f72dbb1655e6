/* SPDX-License-Identifier: Apache-2.0 */
/* Where lines go: a descriptor, a file that may be rotated, or the socket of journald. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log_private.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

typedef struct sink {
	atomic_int fd;
	atomic_bool journal;
	bool open;           /* has a place of its own */
	char path[PATH_MAX]; /* of a file; else "" */
} sink;

static sink sinks[2] = {{.fd = STDERR_FILENO}, {.fd = -1}};
static atomic_int log_format = PDB_LOG_LOGFMT;
static pthread_mutex_t reopen_lock = PTHREAD_MUTEX_INITIALIZER;

void pdb_log_set_format(pdb_log_format format)
{
	atomic_store(&log_format, (int)format);
}

void pdb_log_set_fd(int fd)
{
	atomic_store(&sinks[PDB_LOG_MAIN].journal, false);
	atomic_store(&sinks[PDB_LOG_MAIN].fd, fd);
}

bool pdb__log_send(pdb_log_stream stream, const pdb__log_line *line)
{
	const sink *to = &sinks[sinks[stream].open ? stream : PDB_LOG_MAIN];
	char text[PDB__LOG_LINE_MAX];
	int fd = atomic_load(&to->fd);
	size_t len;

	if (atomic_load(&to->journal)) {
		len = pdb__log_journal(line, text);
		return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
	}
	len = atomic_load_explicit(&log_format, memory_order_relaxed) == PDB_LOG_JSON
		      ? pdb__log_json(line, text)
		      : pdb__log_logfmt(line, text);
	return write(fd, text, len) == (ssize_t)len;
}

/* -- opening ----------------------------------------------------------------------------------- */

/* The path behind "<word>:" in `sink`; NULL when it is not that word with a path. */
static const char *path_of(const char *sink_text, const char *word)
{
	size_t len = strlen(word);

	return strncmp(sink_text, word, len) == 0 && sink_text[len] == ':' &&
			       sink_text[len + 1] == '/'
		       ? sink_text + len + 1
		       : NULL;
}

const char *pdb_log_judge_sink(const char *sink_text)
{
	bool file = strncmp(sink_text, "file:", 5) == 0 && sink_text[5] != '\0';

	if (file || strcmp(sink_text, "stderr") == 0 || strcmp(sink_text, "journald") == 0 ||
	    path_of(sink_text, "journald") != NULL) {
		return NULL;
	}
	return "is none of stderr, journald and file:PATH";
}

static int open_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
}

static pdb_status use_file(sink *it, const char *path, pdb_err *err)
{
	int fd = -1;

	if (strlen(path) < sizeof(it->path)) {
		memcpy(it->path, path, strlen(path) + 1);
		fd = open_file(path);
	}
	if (fd < 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "cannot open the log %s: %s", path,
				   strerror(errno));
	}
	atomic_store(&it->fd, fd);
	return PDB_OK;
}

static pdb_status use_journal(sink *it, const char *path, pdb_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = -1;

	if (strlen(path) < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, strlen(path) + 1);
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	}
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		int code = errno;

		if (fd >= 0) {
			(void)close(fd);
		}
		return pdb_err_set(err, PDB_EBACKEND, NULL, "cannot reach journald at %s: %s", path,
				   strerror(code));
	}
	atomic_store(&it->fd, fd);
	atomic_store(&it->journal, true);
	return PDB_OK;
}

/* JOURNAL_STREAM is "device:inode" of the stream that systemd has connected, systemd.exec(5). */
static bool is_journals(int fd)
{
	const char *named = getenv("JOURNAL_STREAM");
	char here[64];
	struct stat info;

	if (named == NULL || fstat(fd, &info) != 0) {
		return false;
	}
	(void)snprintf(here, sizeof(here), "%llu:%llu", (unsigned long long)info.st_dev,
		       (unsigned long long)info.st_ino);
	return strcmp(named, here) == 0;
}

static void use_stderr(sink *it)
{
	pdb_err err = {0};

	/* Plain lines are better than none. */
	if (!is_journals(STDERR_FILENO) || use_journal(it, JOURNAL_SOCKET, &err) != PDB_OK) {
		atomic_store(&it->fd, STDERR_FILENO);
	}
}

pdb_status pdb_log_open(pdb_log_stream stream, const char *sink_text, pdb_err *err)
{
	sink *it = &sinks[stream];
	const char *fault = pdb_log_judge_sink(sink_text);
	pdb_status status = PDB_OK;

	if (fault != NULL) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "\"%s\" %s", sink_text, fault);
	}
	atomic_store(&it->journal, false);
	it->path[0] = '\0';
	if (strncmp(sink_text, "file:", 5) == 0) {
		status = use_file(it, sink_text + 5, err);
	} else if (strncmp(sink_text, "journald", 8) == 0) {
		const char *path = path_of(sink_text, "journald");

		status = use_journal(it, path != NULL ? path : JOURNAL_SOCKET, err);
	} else {
		use_stderr(it);
	}
	it->open = status == PDB_OK;
	return status;
}

/* The old descriptor becomes the new file in one step: a thread that writes just now needs no lock.
 */
static bool reopen(const sink *it)
{
	int fresh = open_file(it->path);
	bool done = fresh >= 0 && dup3(fresh, atomic_load(&it->fd), O_CLOEXEC) >= 0;

	if (fresh >= 0) {
		(void)close(fresh);
	}
	return done;
}

bool pdb_log_reopen(void)
{
	bool all = true;

	(void)pthread_mutex_lock(&reopen_lock);
	for (size_t i = 0; i < sizeof(sinks) / sizeof(sinks[0]); i++) {
		if (sinks[i].open && sinks[i].path[0] != '\0') {
			all = reopen(&sinks[i]) && all;
		}
	}
	(void)pthread_mutex_unlock(&reopen_lock);
	return all;
}
