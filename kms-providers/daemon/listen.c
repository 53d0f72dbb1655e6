/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets. */
#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/daemon.h"

#define BACKLOG 128

static pdb_status fail(const char *where, pdb_err *err)
{
	return pdb_err_set(err, PDB_EBACKEND, NULL, "cannot listen on %s: %s", where,
			   strerror(errno));
}

static pdb_status bind_to(kms_listener *listener, const struct sockaddr *address, socklen_t len,
			  pdb_err *err)
{
	int on = 1;

	listener->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0) {
		return fail(listener->endpoint.host, err);
	}
	(void)setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener->fd, address, len) != 0 || listen(listener->fd, BACKLOG) != 0) {
		return fail(listener->endpoint.host, err);
	}
	return PDB_OK;
}

/* A socket that nobody listens on was left by a process that was killed. */
static pdb_status clear_stale(const char *path, const struct sockaddr_un *address, pdb_err *err)
{
	struct stat info;
	bool stale;
	int fd;

	if (lstat(path, &info) != 0) {
		return PDB_OK;
	}
	if (!S_ISSOCK(info.st_mode)) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "%s is not a socket", path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return fail(path, err);
	}
	stale = connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
		errno == ECONNREFUSED;
	(void)close(fd);
	if (!stale) {
		return pdb_err_set(err, PDB_EBUSY, NULL, "somebody listens on %s", path);
	}
	return unlink(path) == 0 ? PDB_OK : fail(path, err);
}

/* Who connects is judged by its user, not by the mode of the file. */
static pdb_status listen_local(kms_listener *listener, pdb_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = listener->endpoint.host;
	pdb_status status;

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", path);
	status = clear_stale(path, &address, err);
	if (status != PDB_OK) {
		return status;
	}
	status = bind_to(listener, (const struct sockaddr *)&address, sizeof(address), err);
	if (status == PDB_OK && chmod(path, 0666) != 0) {
		status = fail(path, err);
	}
	return status;
}

static pdb_status listen_far(kms_listener *listener, pdb_err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	pdb_status status;

	if (getaddrinfo(listener->endpoint.host, listener->endpoint.port, &hints, &found) != 0) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "%s is not an address",
				   listener->endpoint.host);
	}
	status = bind_to(listener, found->ai_addr, found->ai_addrlen, err);
	freeaddrinfo(found);
	return status;
}

static pdb_status listen_one(kms_daemon *daemon, const char *text, pdb_err *err)
{
	kms_listener *listener = &daemon->listeners[daemon->listener_count];
	pdb_status status = wire_endpoint_read(text, &listener->endpoint, err);

	listener->fd = -1;
	if (status == PDB_OK && !wire_endpoint_safe(&listener->endpoint)) {
		status = pdb_err_set(err, PDB_EDENIED, NULL, "%s would be in clear", text);
	}
	if (status != PDB_OK) {
		return status;
	}
	daemon->listener_count++;
	status = listener->endpoint.local ? listen_local(listener, err) : listen_far(listener, err);
	if (status == PDB_OK) {
		pdb_log(PDB_LOG_INFO, "kms", "listening on %s", text);
	}
	return status;
}

pdb_status kms_listen(kms_daemon *daemon, pdb_err *err)
{
	const pdb_option_list *list = &daemon->settings->listen;
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < list->count && i < KMS_LISTENERS_MAX && status == PDB_OK; i++) {
		status = listen_one(daemon, list->items[i], err);
	}
	return status;
}

void kms_listen_end(kms_daemon *daemon)
{
	for (size_t i = 0; i < daemon->listener_count; i++) {
		kms_listener *listener = &daemon->listeners[i];

		if (listener->fd >= 0) {
			(void)close(listener->fd);
			listener->fd = -1;
			if (listener->endpoint.local) {
				(void)unlink(listener->endpoint.host);
			}
		}
	}
}
