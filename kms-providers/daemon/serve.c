/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: one thread each, one request after the other. */
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/daemon.h"

#define HTTP_OF(name, value, http, code, text)                                                     \
	case PDB_##name:                                                                           \
		return http;

static unsigned http_of(pdb_status status)
{
	switch (status) {
		PDB_STATUS_MAP(HTTP_OF)
	}
	return 500;
}

static int64_t now(void)
{
	return kms_daemon_host.monotonic();
}

/* One request that has arrived: judged, done, answered. */
static pdb_status answer(kms_daemon *daemon, wire_stream *stream, kms_peer *peer,
			 const kms_call *call)
{
	const wire_head *head = &call->head;
	wire_buf out = {.host = &kms_daemon_host};
	wire_head reply = {.close = head->close || atomic_load(&daemon->stop)};
	const wire_token *token = NULL;
	pdb_status status = PDB_OK;
	pdb_err err = {0};

	if (peer->must_prove) {
		status = kms_peer_prove(daemon, call, peer, &token, &err);
	}
	if (status == PDB_OK) {
		status = kms_handle(daemon, peer, head->op, call->body, &out);
	} else {
		(void)kms_peer_refused(daemon, peer->who, wire_op_name(head->op));
		kms_refuse(&out, &err);
		reply.close = true;
	}
	reply.status = http_of(status);
	reply.body = out.len;
	if (token != NULL) {
		wire_prove_answer(&reply, pdb_slice_of(token->secret, token->secret_len),
				  head->nonce, pdb_slice_of(out.ptr, out.len));
	}
	if (out.failed) {
		reply.close = true;
	} else if (wire_stream_send(stream, &reply, pdb_slice_of(out.ptr, out.len),
				    now() + daemon->settings->request_timeout, &err) != PDB_OK) {
		reply.close = true;
	}
	wire_buf_fini(&out);
	return reply.close ? PDB_ESTOP : PDB_OK;
}

/* A caller without a role hears why, once. */
static void turn_away(kms_daemon *daemon, wire_stream *stream, const kms_peer *peer,
		      const pdb_err *why)
{
	wire_buf out = {.host = &kms_daemon_host};
	wire_head reply = {.status = 403, .close = true};
	pdb_err err = {0};

	if (kms_peer_refused(daemon, peer->who, "connect")) {
		pdb_log(PDB_LOG_WARN, "kms", "turned away %s: %s", peer->who, why->text);
	}
	kms_refuse(&out, why);
	reply.body = out.len;
	(void)wire_stream_send(stream, &reply, pdb_slice_of(out.ptr, out.len),
			       now() + daemon->settings->request_timeout, &err);
	wire_buf_fini(&out);
}

/* By what is in force now, which may be something else than at the last request. */
static bool let_in(kms_connection *connection, wire_stream *stream, const kms_access *access,
		   kms_peer *peer)
{
	pdb_err err = {0};

	if (kms_peer_find(access, connection->listener, stream, peer, &err) == PDB_OK) {
		return true;
	}
	turn_away(connection->daemon, stream, peer, &err);
	return false;
}

/* PDB_OK when another request may follow. */
static pdb_status serve_next(kms_connection *connection, wire_stream *stream, kms_peer *peer)
{
	kms_daemon *daemon = connection->daemon;
	const kms_settings *settings = daemon->settings;
	kms_call call = {0};
	/* who has proven nothing yet has no reason to wait, and must not hold a place */
	int64_t idle = peer->roles != 0 ? settings->idle_timeout : settings->request_timeout;
	kms_access *access;
	pdb_err err = {0};
	pdb_status status = PDB_ESTOP;

	if (wire_stream_receive(stream, &call.head, &call.body, now() + idle,
				settings->request_timeout, &err) != PDB_OK ||
	    !call.head.request) {
		return PDB_ESTOP;
	}
	/* what piled up while this process stood still is asked again by those who still want it */
	if (wire_stream_left(stream)) {
		return PDB_ESTOP;
	}
	access = kms_access_take(daemon);
	call.access = access;
	if (let_in(connection, stream, access, peer)) {
		status = answer(daemon, stream, peer, &call);
	}
	kms_access_give(daemon, &access);
	return status;
}

static void converse(kms_connection *connection, wire_stream *stream)
{
	kms_daemon *daemon = connection->daemon;
	kms_access *access = kms_access_take(daemon);
	kms_peer peer = {0};
	bool good = let_in(connection, stream, access, &peer);

	kms_access_give(daemon, &access);
	while (good && !atomic_load(&daemon->stop)) {
		good = serve_next(connection, stream, &peer) == PDB_OK;
	}
}

static pdb_status take_over(kms_connection *connection, wire_stream *stream)
{
	kms_daemon *daemon = connection->daemon;
	kms_access *access = kms_access_take(daemon);
	SSL_CTX *tls = connection->listener->endpoint.tls ? access->tls : NULL;
	pdb_err err = {0};
	pdb_status status = wire_stream_accept(stream, dup(connection->fd), tls,
					       now() + daemon->settings->request_timeout, &err);

	kms_access_give(daemon, &access);
	return status;
}

static void *serve_one(void *arg)
{
	kms_connection *connection = arg;
	kms_daemon *daemon = connection->daemon;
	wire_stream stream = {.host = &kms_daemon_host, .fd = -1, .in = {.host = &kms_daemon_host}};

	if (take_over(connection, &stream) == PDB_OK) {
		converse(connection, &stream);
		wire_stream_close(&stream);
	}
	(void)pthread_mutex_lock(&daemon->lock);
	(void)shutdown(connection->fd, SHUT_RDWR);
	(void)close(connection->fd);
	connection->ended = true;
	(void)pthread_mutex_unlock(&daemon->lock);
	return NULL;
}

/* With the lock held: a place without a connection; threads that have ended are fetched. */
static kms_connection *free_place(kms_daemon *daemon)
{
	for (int64_t i = 0; i < daemon->settings->max_connections; i++) {
		kms_connection *connection = &daemon->connections[i];

		if (connection->ended) {
			(void)pthread_join(connection->thread, NULL);
			*connection = (kms_connection){.fd = -1};
		}
		if (connection->fd < 0) {
			return connection;
		}
	}
	return NULL;
}

void kms_serve(kms_daemon *daemon, const kms_listener *listener, int fd)
{
	kms_connection *connection;
	bool good = false;

	(void)pthread_mutex_lock(&daemon->lock);
	connection = free_place(daemon);
	if (connection != NULL) {
		*connection = (kms_connection){.daemon = daemon, .listener = listener, .fd = fd};
		good = pthread_create(&connection->thread, NULL, serve_one, connection) == 0;
		if (!good) {
			connection->fd = -1;
		}
	}
	(void)pthread_mutex_unlock(&daemon->lock);
	if (!good) {
		pdb_log(PDB_LOG_WARN, "kms",
			"a connection too many was closed; see "
			"kms.max_connections");
		(void)close(fd);
	}
}

void kms_serve_end(kms_daemon *daemon)
{
	(void)pthread_mutex_lock(&daemon->lock);
	for (int64_t i = 0; i < daemon->settings->max_connections; i++) {
		/* nothing more comes in; what has come is answered */
		if (daemon->connections[i].fd >= 0 && !daemon->connections[i].ended) {
			(void)shutdown(daemon->connections[i].fd, SHUT_RD);
		}
	}
	(void)pthread_mutex_unlock(&daemon->lock);
	for (int64_t i = 0; i < daemon->settings->max_connections; i++) {
		if (daemon->connections[i].fd >= 0) {
			(void)pthread_join(daemon->connections[i].thread, NULL);
		}
	}
}
