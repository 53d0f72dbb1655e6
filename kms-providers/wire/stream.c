/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes over a socket, or TLS over it, until a deadline. */
#include "wire/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PIECE 4096u

static pdb_status gone(pdb_err *err, const char *what)
{
	return pdb_err_set(err, PDB_EUNAVAILABLE, "kms_unavailable", "the KMS %s", what);
}

static pdb_status late(pdb_err *err)
{
	return pdb_err_set(err, PDB_ETIMEOUT, "kms_unavailable", "the KMS did not answer in time");
}

/* Waits for one event. Errors: PDB_ETIMEOUT. */
static pdb_status wait_for(const wire_stream *stream, short events, int64_t deadline, pdb_err *err)
{
	struct pollfd one = {stream->fd, events, 0};

	for (;;) {
		int64_t left = deadline - stream->host->monotonic();
		int got;

		if (left <= 0) {
			return late(err);
		}
		left = left / 1000000 + 1;
		got = poll(&one, 1, left > 60000 ? 60000 : (int)left);
		if (got > 0) {
			return PDB_OK;
		}
		if (got < 0 && errno != EINTR) {
			return gone(err, "connection failed");
		}
	}
}

/* -- both kinds of transport
 * ------------------------------------------------------------------------ */

/* > 0 moved; 0 closed; -1 wait for *events; -2 failed. */
static ssize_t move_tls(wire_stream *stream, uint8_t *in, const uint8_t *out, size_t len,
			short *events)
{
	size_t moved = 0;
	int good;

	/* what another connection of this thread has left there would pass for a failure of ours */
	ERR_clear_error();
	good = out != NULL ? SSL_write_ex(stream->ssl, out, len, &moved)
			   : SSL_read_ex(stream->ssl, in, len, &moved);
	if (good == 1) {
		return (ssize_t)moved;
	}
	switch (SSL_get_error(stream->ssl, good)) {
	case SSL_ERROR_WANT_READ:
		*events = POLLIN;
		return -1;
	case SSL_ERROR_WANT_WRITE:
		*events = POLLOUT;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		return -2;
	}
}

static ssize_t move_plain(const wire_stream *stream, uint8_t *in, const uint8_t *out, size_t len,
			  short *events)
{
	ssize_t moved = out != NULL ? send(stream->fd, out, len, MSG_NOSIGNAL)
				    : recv(stream->fd, in, len, 0);

	if (moved >= 0) {
		return moved;
	}
	*events = POLLIN;
	if (out != NULL) {
		*events = POLLOUT;
	}
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? -1 : -2;
}

static ssize_t move(wire_stream *stream, uint8_t *in, const uint8_t *out, size_t len, short *events)
{
	return stream->ssl != NULL ? move_tls(stream, in, out, len, events)
				   : move_plain(stream, in, out, len, events);
}

static pdb_status send_all(wire_stream *stream, pdb_slice bytes, int64_t deadline, pdb_err *err)
{
	while (bytes.len > 0) {
		short events = 0;
		ssize_t moved = move(stream, NULL, bytes.ptr, bytes.len, &events);

		if (moved > 0) {
			bytes = pdb_slice_skip(bytes, (size_t)moved);
			continue;
		}
		if (moved != -1) {
			return gone(err, "closed the connection");
		}
		if (wait_for(stream, events, deadline, err) != PDB_OK) {
			return err->status;
		}
	}
	return PDB_OK;
}

/* At least one more byte. */
static pdb_status receive_some(wire_stream *stream, size_t room, int64_t deadline, pdb_err *err)
{
	uint8_t *at = wire_buf_room(&stream->in, room);

	if (at == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a message of the KMS");
	}
	for (;;) {
		short events = 0;
		ssize_t moved = move(stream, at, NULL, room, &events);

		if (moved > 0) {
			stream->in.len += (size_t)moved;
			return PDB_OK;
		}
		if (moved != -1) {
			return gone(err, "closed the connection");
		}
		if (wait_for(stream, events, deadline, err) != PDB_OK) {
			return err->status;
		}
	}
}

/* -- messages -----------------------------------------------------------------------------------
 */

pdb_status wire_stream_send(wire_stream *stream, const wire_head *head, pdb_slice body,
			    int64_t deadline, pdb_err *err)
{
	char text[WIRE_HEAD_MAX];
	wire_buf whole = {.host = stream->host};
	size_t len = wire_head_write(head, text);
	uint8_t *at = wire_buf_room(&whole, len + body.len);
	pdb_status status;

	if (at == NULL) {
		wire_buf_fini(&whole);
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a message to the KMS");
	}
	memcpy(at, text, len);
	if (body.len > 0) {
		memcpy(at + len, body.ptr, body.len);
	}
	status = send_all(stream, pdb_slice_of(at, len + body.len), deadline, err);
	wire_buf_fini(&whole);
	return status;
}

/* Moves what belongs to the next message to the front. */
static void forget_taken(wire_stream *stream)
{
	if (stream->taken > 0) {
		memmove(stream->in.ptr, stream->in.ptr + stream->taken,
			stream->in.len - stream->taken);
		stream->in.len -= stream->taken;
		stream->taken = 0;
	}
}

bool wire_stream_begun(const wire_stream *stream)
{
	return stream->in.len > stream->taken;
}

pdb_status wire_stream_receive(wire_stream *stream, wire_head *head, pdb_slice *body_out,
			       int64_t idle, int64_t rest, pdb_err *err)
{
	int64_t deadline = idle;
	size_t used = 0;
	pdb_status status;

	forget_taken(stream);
	for (;;) {
		pdb_slice have = pdb_slice_of(stream->in.ptr, stream->in.len);
		wire_verdict verdict = have.len > 0 ? wire_head_read(have, head, &used) : WIRE_MORE;

		if (verdict == WIRE_BAD) {
			return pdb_err_set(err, PDB_EINVAL, NULL, "the KMS got or sent nonsense");
		}
		if (verdict == WIRE_DONE && have.len - used >= head->body) {
			*body_out = pdb_slice_of(have.ptr + used, head->body);
			stream->taken = used + head->body;
			return PDB_OK;
		}
		status = receive_some(stream,
				      verdict == WIRE_DONE ? used + head->body - have.len : PIECE,
				      deadline, err);
		if (status != PDB_OK) {
			return status;
		}
		if (have.len == 0) {
			deadline = stream->host->monotonic() + rest;
		}
	}
}

bool wire_stream_left(const wire_stream *stream)
{
	struct pollfd one = {stream->fd, POLLRDHUP, 0};

	return poll(&one, 1, 0) > 0;
}

bool wire_stream_stale(wire_stream *stream)
{
	struct pollfd one = {stream->fd, POLLIN, 0};

	/* TLS may have a session ticket for us there; that is no sign of anything */
	return wire_stream_begun(stream) ||
	       (stream->ssl != NULL ? wire_stream_left(stream) : poll(&one, 1, 0) != 0);
}

/* -- connections --------------------------------------------------------------------------------
 */

static pdb_status handshake(wire_stream *stream, int64_t deadline, bool server, pdb_err *err)
{
	for (;;) {
		int good;
		int what;

		ERR_clear_error();
		good = server ? SSL_accept(stream->ssl) : SSL_connect(stream->ssl);
		if (good == 1) {
			return PDB_OK;
		}
		what = SSL_get_error(stream->ssl, good);
		if (what != SSL_ERROR_WANT_READ && what != SSL_ERROR_WANT_WRITE) {
			return pdb_err_set(
				err, PDB_EDENIED, "kms_unavailable",
				"the TLS handshake with the KMS failed: %s",
				X509_verify_cert_error_string(SSL_get_verify_result(stream->ssl)));
		}
		if (wait_for(stream, what == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline,
			     err) != PDB_OK) {
			return err->status;
		}
	}
}

static pdb_status start_tls(wire_stream *stream, SSL_CTX *tls, int64_t deadline, const char *name,
			    pdb_err *err)
{
	if (tls == NULL) {
		return PDB_OK;
	}
	stream->ssl = SSL_new(tls);
	if (stream->ssl == NULL || SSL_set_fd(stream->ssl, stream->fd) != 1) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for TLS");
	}
	if (name != NULL) {
		struct in6_addr address;
		char own[256]; /* the call below takes no const */
		bool numeric = inet_pton(AF_INET, name, &address) == 1 ||
			       inet_pton(AF_INET6, name, &address) == 1;

		(void)snprintf(own, sizeof(own), "%s", name);
		if (numeric) {
			(void)X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(stream->ssl), name);
		} else {
			(void)SSL_set_tlsext_host_name(stream->ssl, own);
			(void)SSL_set1_host(stream->ssl, name);
		}
	}
	return handshake(stream, deadline, name == NULL, err);
}

/* Who may put a socket into its directory is who may answer there: its owner, and root. */
static pdb_status judge_listener(const wire_stream *stream, const char *path, pdb_err *err)
{
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);
	char place[108];
	const char *slash = strrchr(path, '/');
	struct stat info;

	(void)snprintf(place, sizeof(place), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (getsockopt(stream->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
	    stat(place, &info) != 0) {
		return gone(err, "cannot be examined");
	}
	if (peer.uid == 0 || peer.uid == geteuid() ||
	    (peer.uid == info.st_uid && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0)) {
		return PDB_OK;
	}
	return pdb_err_set(err, PDB_EDENIED, "kms_unavailable",
			   "user %u answers at %s, whose directory is of user %u",
			   (unsigned)peer.uid, path, (unsigned)info.st_uid);
}

static pdb_status finish_connect(const wire_stream *stream, int64_t deadline, pdb_err *err)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (wait_for(stream, POLLOUT, deadline, err) != PDB_OK) {
		return err->status;
	}
	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
		return gone(err, "refuses connections");
	}
	return PDB_OK;
}

static pdb_status connect_to(wire_stream *stream, const struct sockaddr *address, socklen_t len,
			     int64_t deadline, pdb_err *err)
{
	stream->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stream->fd < 0) {
		return gone(err, "cannot be reached: no socket");
	}
	if (connect(stream->fd, address, len) == 0) {
		return PDB_OK;
	}
	return errno == EINPROGRESS ? finish_connect(stream, deadline, err)
				    : gone(err, "refuses connections");
}

static pdb_status connect_local(wire_stream *stream, const char *path, int64_t deadline,
				pdb_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	pdb_status status;

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", path);
	status = connect_to(stream, (const struct sockaddr *)&address, sizeof(address), deadline,
			    err);
	return status == PDB_OK ? judge_listener(stream, path, err) : status;
}

static pdb_status connect_far(wire_stream *stream, const wire_endpoint *endpoint, int64_t deadline,
			      pdb_err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	pdb_status status = PDB_EUNAVAILABLE;
	int on = 1;

	if (getaddrinfo(endpoint->host, endpoint->port, &hints, &found) != 0) {
		return gone(err, "has a name that is not known");
	}
	for (const struct addrinfo *one = found; one != NULL && status != PDB_OK;
	     one = one->ai_next) {
		if (stream->fd >= 0) {
			(void)close(stream->fd);
		}
		status = connect_to(stream, one->ai_addr, one->ai_addrlen, deadline, err);
	}
	freeaddrinfo(found);
	if (status == PDB_OK) {
		(void)setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
	return status;
}

pdb_status wire_stream_connect(wire_stream *stream, const wire_endpoint *endpoint, SSL_CTX *tls,
			       int64_t deadline, pdb_err *err)
{
	pdb_status status = endpoint->local ? connect_local(stream, endpoint->host, deadline, err)
					    : connect_far(stream, endpoint, deadline, err);

	if (status == PDB_OK && endpoint->tls) {
		status = start_tls(stream, tls, deadline, endpoint->host, err);
	}
	if (status != PDB_OK) {
		wire_stream_close(stream);
	}
	return status;
}

pdb_status wire_stream_accept(wire_stream *stream, int fd, SSL_CTX *tls, int64_t deadline,
			      pdb_err *err)
{
	pdb_status status;

	stream->fd = fd;
	status = start_tls(stream, tls, deadline, NULL, err);
	if (status != PDB_OK) {
		wire_stream_close(stream);
	}
	return status;
}

void wire_stream_close(wire_stream *stream)
{
	if (stream->ssl != NULL) {
		(void)SSL_shutdown(stream->ssl);
		SSL_free(stream->ssl);
	}
	if (stream->fd >= 0) {
		(void)close(stream->fd);
	}
	stream->ssl = NULL;
	stream->fd = -1;
	stream->taken = 0;
	wire_buf_fini(&stream->in);
}
