/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets: several on one address, and none where somebody else listens. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http_private.h"

static pdb_status resolve(const char *address, int port, struct addrinfo **out, pdb_err *err)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC,
				 .ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	char service[16];
	int problem;

	(void)snprintf(service, sizeof(service), "%d", port);
	problem = getaddrinfo(address[0] != '\0' ? address : NULL, service, &hints, out);
	if (problem != 0) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "the address \"%s\" is not known: %s",
				   address, gai_strerror(problem));
	}
	return PDB_OK;
}

static pdb_status fail(const char *address, int port, const char *what, pdb_err *err)
{
	return pdb_err_set(err, PDB_EUNAVAILABLE, NULL, "cannot %s %s port %d: %s", what, address,
			   port, strerror(errno));
}

static int open_socket(const struct addrinfo *info, bool share)
{
	int on = 1;
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		return -1;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    (share && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) ||
	    /* Inherited by what is accepted: without it small TLS answers wait for an ACK. */
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
	    bind(fd, info->ai_addr, info->ai_addrlen) != 0) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

pdb_status pdb__listen_probe(const char *address, int port, pdb_err *err)
{
	struct addrinfo *info = NULL;
	pdb_status status = resolve(address, port, &info, err);
	int fd;

	if (status != PDB_OK) {
		return status;
	}
	fd = open_socket(info, false);
	if (fd < 0) {
		status = fail(address, port, "listen on", err);
	} else {
		(void)close(fd);
	}
	freeaddrinfo(info);
	return status;
}

static int port_of(int fd)
{
	struct sockaddr_storage storage = {0};
	socklen_t size = sizeof(storage);
	char service[16];

	if (getsockname(fd, (struct sockaddr *)&storage, &size) != 0 ||
	    getnameinfo((struct sockaddr *)&storage, size, NULL, 0, service, sizeof(service),
			NI_NUMERICSERV) != 0) {
		return 0;
	}
	return (int)strtol(service, NULL, 10);
}

pdb_status pdb__listen_open(const char *address, int *port, int *fd_out, pdb_err *err)
{
	struct addrinfo *info = NULL;
	pdb_status status = resolve(address, *port, &info, err);
	int fd;

	*fd_out = -1;
	if (status != PDB_OK) {
		return status;
	}
	fd = open_socket(info, true);
	freeaddrinfo(info);
	if (fd < 0 || listen(fd, SOMAXCONN) != 0) {
		status = fail(address, *port, "listen on", err);
		if (fd >= 0) {
			(void)close(fd);
		}
		return status;
	}
	*port = port_of(fd);
	*fd_out = fd;
	return PDB_OK;
}
