/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: from the bytes that arrive to complete requests, under absolute deadlines. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <linux/sockios.h>
#include <openssl/err.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/connection_private.h"

#define NEVER           INT64_MAX
#define LINGER_TIME     (2 * PDB_NS_PER_SECOND)
#define LINGER_MAX      (8u * 1024u * 1024u)
#define STOP_READ_TIME  PDB_NS_PER_SECOND
#define SURPLUS_MAX     (64u * 1024u)
#define ANSWER_RATE_MIN 4096 /* bytes a second that a reader must take */

void pdb__conn_close_later(pdb_conn *conn)
{
	if (conn->stage != PDB_STAGE_CLOSING) {
		conn->stage = PDB_STAGE_CLOSING;
		conn->deadline = 0;
		bufferevent_trigger_event(conn->bev, BEV_EVENT_EOF | BEV_EVENT_READING,
					  BEV_TRIG_DEFER_CALLBACKS);
	}
}

static bool begin_request(pdb_conn *conn)
{
	pdb_loop *loop = conn->loop;

	conn->request = pdb__request_take(loop);
	if (conn->request == NULL) {
		pdb__conn_close_later(conn);
		return false;
	}
	conn->request->conn = conn;
	pdb_guard_begin(&conn->guard, &loop->http->limits, &conn->request->message);
	if (conn->stage == PDB_STAGE_IDLE) {
		conn->deadline = pdb_clock_monotonic() + loop->http->settings.header_timeout;
	}
	conn->stage = PDB_STAGE_READING;
	return true;
}

/* Straight to the descriptor: nothing else is on its way out while a request is being read, and
 * evhttp must not learn of it. */
static void send_continue(pdb_conn *conn)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	size_t size = sizeof(text) - 1;
	ssize_t sent;

	if (conn->ssl != NULL) {
		sent = SSL_write(conn->ssl, text, (int)size);
		ERR_clear_error();
	} else {
		sent = send(bufferevent_getfd(conn->bev), text, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	if (sent != (ssize_t)size) {
		pdb__conn_close_later(conn);
	}
}

static void end_reading(pdb_conn *conn, const pdb_refusal *refusal)
{
	if (refusal != NULL) {
		conn->request->refusal = *refusal;
		conn->linger = true;
	}
	conn->stage = PDB_STAGE_WORKING;
	conn->deadline = NEVER;
	conn->primed = true;
}

static void keep_surplus(pdb_conn *conn, pdb_slice bytes)
{
	if (bytes.len == 0) {
		return;
	}
	pdb_buf_add_slice(&conn->surplus, bytes);
	if (conn->surplus.failed || conn->surplus.len > SURPLUS_MAX) {
		pdb__conn_close_later(conn);
	}
}

/* As pdb_guard_feed; what all connections hold together has a bound, too. */
static pdb_verdict feed(pdb_conn *conn, pdb_slice bytes, size_t *used_out)
{
	static const pdb_refusal full = {503, "overloaded",
					 "The server is short of memory; try again."};
	pdb_verdict verdict = pdb_guard_feed(&conn->guard, bytes, used_out);

	if (verdict != PDB_GUARD_REFUSED && !pdb__buffered_fits(conn->request)) {
		pdb__buffered_drop(conn->request);
		conn->guard.refusal = full;
		return PDB_GUARD_REFUSED;
	}
	return verdict;
}

static void judge(pdb_conn *conn, pdb_slice bytes)
{
	pdb_guard *guard = &conn->guard;
	bool in_body;
	size_t used = 0;

	if (conn->stage != PDB_STAGE_READING && !begin_request(conn)) {
		return;
	}
	in_body = pdb_guard_in_body(guard);
	switch (feed(conn, bytes, &used)) {
	case PDB_GUARD_MORE:
		if (!in_body && pdb_guard_in_body(guard)) {
			conn->deadline =
				pdb_clock_monotonic() + conn->loop->http->settings.body_timeout;
			if (guard->continue_wanted) {
				send_continue(conn);
			}
		}
		break;
	case PDB_GUARD_DONE:
		end_reading(conn, NULL);
		keep_surplus(conn, pdb_slice_skip(bytes, used));
		break;
	case PDB_GUARD_REFUSED:
		if (guard->refusal.status == 0) {
			pdb__conn_close_later(conn);
		} else {
			end_reading(conn, &guard->refusal);
		}
		break;
	}
}

static void consume(pdb_conn *conn, pdb_slice bytes)
{
	if (conn->proxy != NULL) {
		size_t used = 0;

		if (!pdb__conn_take_proxy(conn, bytes, &used)) {
			pdb__conn_close_later(conn);
		}
		bytes = pdb_slice_skip(bytes, used);
		if (bytes.len == 0) {
			return;
		}
	}
	switch (conn->stage) {
	case PDB_STAGE_FRESH:
	case PDB_STAGE_IDLE:
	case PDB_STAGE_READING:
		judge(conn, bytes);
		break;
	case PDB_STAGE_WORKING:
	case PDB_STAGE_ANSWERING:
		keep_surplus(conn, bytes);
		break;
	case PDB_STAGE_LINGERING:
		conn->drained += bytes.len;
		if (conn->drained > LINGER_MAX) {
			pdb__conn_close_later(conn);
		}
		break;
	case PDB_STAGE_CLOSING:
		break;
	}
}

static void prime(pdb_conn *conn)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);

	/* Outside of its own reads a bufferevent lets nothing be added. */
	(void)evbuffer_unfreeze(input, 0);
	if (evbuffer_add(input, conn->prime, strlen(conn->prime)) != 0) {
		conn->primed = false;
		pdb__conn_close_later(conn);
	}
}

/* libevent runs this for every change of the input, before evhttp's own callback. All bytes of the
 * client are taken out; what evhttp finds is our own line, or nothing. */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	pdb_conn *conn = arg;

	if (conn->busy || info->n_added == 0) {
		return;
	}
	conn->busy = true;
	if (conn->primed) {
		(void)evbuffer_drain(input, strlen(conn->prime));
	}
	while (evbuffer_get_length(input) > 0) {
		size_t size = evbuffer_get_contiguous_space(input);

		consume(conn, pdb_slice_of(evbuffer_pullup(input, (ev_ssize_t)size), size));
		(void)evbuffer_drain(input, size);
	}
	if (conn->primed) {
		prime(conn);
	}
	conn->busy = false;
}

bool pdb__conn_watch(pdb_conn *conn)
{
	return evbuffer_add_cb(bufferevent_get_input(conn->bev), on_input, conn) != NULL;
}

void pdb__conn_unwatch(pdb_conn *conn)
{
	(void)evbuffer_remove_cb(bufferevent_get_input(conn->bev), on_input, conn);
}

static void begin_linger(pdb_conn *conn)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(conn->request->evhttp);

	/* evhttp would close at once, and the unread rest of the request would turn our answer
	 * into a reset. Without this header it goes on reading, and the rest ends in consume(). */
	(void)evhttp_remove_header(headers, "Connection");
	if (conn->ssl != NULL) {
		(void)SSL_shutdown(conn->ssl);
		ERR_clear_error();
	}
	(void)shutdown(bufferevent_getfd(conn->bev), SHUT_WR);
	conn->stage = PDB_STAGE_LINGERING;
	conn->deadline = pdb_clock_monotonic() + LINGER_TIME;
}

/* The next request may already be here. */
static void go_on(pdb_conn *conn)
{
	pdb_buf taken = conn->surplus;

	conn->stage = PDB_STAGE_IDLE;
	conn->deadline = pdb_clock_monotonic() + conn->loop->http->settings.idle_timeout;
	if (taken.len == 0) {
		return;
	}
	conn->surplus = (pdb_buf){0};
	conn->busy = true;
	consume(conn, pdb_buf_slice(&taken));
	if (conn->primed) {
		prime(conn);
	}
	conn->busy = false;
	pdb_buf_fini(&taken);
}

/* The answer has left. evhttp looks at the headers only after this. */
static void on_complete(struct evhttp_request *evhttp, void *arg)
{
	pdb_conn *conn = arg;

	(void)evhttp;
	if (conn->close_after && (conn->linger || conn->surplus.len > 0)) {
		begin_linger(conn);
	} else if (conn->close_after) {
		conn->stage = PDB_STAGE_CLOSING;
	}
	conn->request->conn = NULL;
	conn->request->evhttp = NULL;
	pdb__request_release(conn->request);
	conn->request = NULL;
	if (!conn->close_after) {
		go_on(conn);
	}
}

/* The connection whose line this is; NULL for one that could not be guarded for want of memory. */
static pdb_conn *conn_of(pdb_loop *loop, struct evhttp_request *evhttp)
{
	const char *uri = evhttp_request_get_uri(evhttp);
	struct evhttp_connection *evcon = evhttp_request_get_connection(evhttp);
	unsigned long slot = uri != NULL && uri[0] == '/' ? strtoul(uri + 1, NULL, 16) : ULONG_MAX;
	pdb_conn *conn = slot < loop->slot_count ? loop->slots[slot] : NULL;

	if (conn == NULL || evcon == NULL || !conn->primed ||
	    conn->bev != evhttp_connection_get_bufferevent(evcon)) {
		return NULL;
	}
	return conn;
}

/* What the connection knows of its client. Without memory for a certificate there is none. */
static void introduce(pdb_conn *conn, pdb_request *request)
{
	const pdb_certificate *shown = pdb__conn_certificate(conn);

	memcpy(request->peer, conn->peer, sizeof(request->peer));
	memcpy(request->socket_peer, conn->peer, sizeof(request->socket_peer));
	request->entrance = conn->place->entrance;
	request->local = conn->place->path != NULL;
	if (shown != NULL) {
		const char *print =
			pdb_arena_text(request->arena, pdb_slice_text(shown->fingerprint));
		const char *name = pdb_arena_text(request->arena, pdb_slice_text(shown->name));

		request->certificate = print != NULL ? print : "";
		request->certificate_name = print != NULL && name != NULL ? name : "";
	}
}

void pdb__conn_dispatch(struct evhttp_request *evhttp, void *arg)
{
	pdb_loop *loop = arg;
	pdb_conn *conn = conn_of(loop, evhttp);
	pdb_request *request;

	if (conn == NULL) {
		(void)evhttp_add_header(evhttp_request_get_output_headers(evhttp), "Connection",
					"close");
		evhttp_send_reply(evhttp, 503, "Service Unavailable", NULL);
		return;
	}
	conn->primed = false;
	(void)bufferevent_disable(conn->bev, EV_READ);
	request = conn->request;
	request->evhttp = evhttp;
	request->begun = pdb_clock_monotonic();
	evhttp_request_set_on_complete_cb(evhttp, on_complete, conn);
	atomic_fetch_add_explicit(&loop->requests, 1, memory_order_relaxed);
	introduce(conn, request);
	if (request->refusal.code != NULL) {
		atomic_fetch_add_explicit(&loop->refused, 1, memory_order_relaxed);
		pdb__answer_refusal(request, &request->refusal);
		pdb__answer_send(request);
	} else {
		pdb__request_run(request);
	}
}

/* Bytes of the answer that the client has not acknowledged: the kernel's share may be megabytes. */
static size_t unsent_of(const pdb_conn *conn)
{
	size_t ours = evbuffer_get_length(bufferevent_get_output(conn->bev));
	int kernels = 0;

	if (ioctl(bufferevent_getfd(conn->bev), SIOCOUTQ, &kernels) != 0 || kernels < 0) {
		kernels = 0;
	}
	return ours + (size_t)kernels;
}

/* True for a reader that took enough of its answer since the last look; it gets more time. */
static bool reads_on(pdb_conn *conn, int64_t now)
{
	int64_t period = conn->loop->http->settings.idle_timeout;
	size_t unsent = unsent_of(conn);
	size_t taken = conn->unsent - unsent;

	if (conn->stage != PDB_STAGE_ANSWERING ||
	    (double)taken < (double)ANSWER_RATE_MIN * (double)period / (double)PDB_NS_PER_SECOND) {
		return false;
	}
	conn->unsent = unsent;
	conn->deadline = now + period;
	return true;
}

/*
 * Most answers fit into the socket's buffer. Written here and now they cost no round of the loop
 * and no change of what epoll watches; what does not fit goes on leaving as usual.
 */
static void send_now(pdb_conn *conn)
{
	struct evbuffer *output = bufferevent_get_output(conn->bev);

	if (conn->ssl != NULL) {
		return;
	}
	/* As in prime(): outside of its own writes a bufferevent lets nothing be taken. */
	(void)evbuffer_unfreeze(output, 1);
	(void)evbuffer_write(output, bufferevent_getfd(conn->bev));
	(void)evbuffer_freeze(output, 1);
	if (evbuffer_get_length(output) == 0) {
		(void)bufferevent_disable(conn->bev, EV_WRITE);
		bufferevent_trigger(conn->bev, EV_WRITE,
				    BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
	}
}

void pdb__conn_answering(pdb_conn *conn, bool close)
{
	/* evhttp turns reading on to see a close, but a client that has only shut down its sending
	 * side would then lose its answer. */
	(void)bufferevent_disable(conn->bev, EV_READ);
	conn->close_after = close;
	conn->stage = PDB_STAGE_ANSWERING;
	conn->unsent = evbuffer_get_length(bufferevent_get_output(conn->bev));
	conn->deadline = pdb_clock_monotonic() + conn->loop->http->settings.idle_timeout;
	send_now(conn);
}

static void expire(pdb_conn *conn, int64_t now)
{
	static const pdb_refusal late = {408, "request_timeout",
					 "The request did not arrive in time."};

	if (reads_on(conn, now)) {
		return;
	}
	if (conn->stage != PDB_STAGE_READING) {
		evhttp_connection_free(conn->evcon);
		return;
	}
	end_reading(conn, &late);
	conn->busy = true;
	prime(conn);
	conn->busy = false;
	bufferevent_trigger(conn->bev, EV_READ,
			    BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

void pdb__conn_sweep(pdb_loop *loop, int64_t now)
{
	pdb_conn *next;

	for (pdb_conn *conn = loop->conns; conn != NULL; conn = next) {
		next = conn->next;
		if (now >= conn->deadline && conn->evcon != NULL) {
			expire(conn, now);
		}
	}
}

void pdb__conn_stop_all(pdb_loop *loop)
{
	int64_t soon = pdb_clock_monotonic() + STOP_READ_TIME;
	pdb_conn *next;

	for (pdb_conn *conn = loop->conns; conn != NULL; conn = next) {
		next = conn->next;
		if (conn->evcon == NULL) {
			continue;
		}
		if (conn->stage == PDB_STAGE_FRESH || conn->stage == PDB_STAGE_IDLE ||
		    conn->stage == PDB_STAGE_LINGERING) {
			evhttp_connection_free(conn->evcon);
		} else if (conn->stage == PDB_STAGE_READING && conn->deadline > soon) {
			conn->deadline = soon;
		}
	}
}
