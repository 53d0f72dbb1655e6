/* SPDX-License-Identifier: Apache-2.0 */
/* How a connection comes into the loop's list, and how it leaves it. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <openssl/err.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/connection_private.h"

/* A slot is what evhttp's line names a connection by. */
static bool take_slot(pdb_loop *loop, pdb_conn *conn)
{
	size_t count = loop->slot_count;

	if (loop->vacant_count == 0) {
		size_t more = count == 0 ? 64 : count * 2;
		pdb_conn **slots = pdb_mem_realloc(loop->slots, more * sizeof(*slots));
		uint32_t *vacant;

		if (slots == NULL) {
			return false;
		}
		loop->slots = slots;
		vacant = pdb_mem_realloc(loop->vacant, more * sizeof(*vacant));
		if (vacant == NULL) {
			return false;
		}
		loop->vacant = vacant;
		for (size_t i = more; i > count; i--) {
			loop->slots[i - 1] = NULL;
			loop->vacant[loop->vacant_count++] = (uint32_t)(i - 1);
		}
		loop->slot_count = more;
	}
	conn->slot = loop->vacant[--loop->vacant_count];
	loop->slots[conn->slot] = conn;
	return true;
}

static struct bufferevent *make_bufferevent(pdb_conn *conn, struct event_base *base)
{
	pdb_http *http = conn->loop->http;
	struct bufferevent *bev;

	if (!conn->place->secure) {
		return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	}
	conn->ssl = pdb__tls_session(http, &conn->tls_generation);
	if (conn->ssl == NULL) {
		return NULL;
	}
	bev = bufferevent_openssl_socket_new(base, -1, conn->ssl, BUFFEREVENT_SSL_ACCEPTING,
					     BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL) {
		SSL_free(conn->ssl);
	} else {
		/* A client that just goes is no error worth a line. */
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	}
	return bev;
}

static void link_conn(pdb_loop *loop, pdb_conn *conn)
{
	conn->next = loop->conns;
	if (conn->next != NULL) {
		conn->next->prev = conn;
	}
	loop->conns = conn;
	loop->conn_count++;
	if (atomic_fetch_add(&loop->http->connections, 1) + 1 >=
	    (size_t)loop->http->settings.connections_max) {
		pdb__loop_pause(loop, "connections");
	}
}

static void free_conn(pdb_conn *conn)
{
	pdb_buf_fini(&conn->surplus);
	pdb_mem_free(conn->certificate);
	pdb_mem_free(conn->proxy);
	pdb_mem_free(conn);
}

static pdb_conn *conn_create(const pdb_door *door, struct event_base *base)
{
	pdb_loop *loop = door->loop;
	pdb_conn *conn = pdb_mem_zalloc(sizeof(*conn));

	if (conn == NULL) {
		return NULL;
	}
	conn->loop = loop;
	conn->place = door->place;
	conn->stage = PDB_STAGE_FRESH;
	conn->deadline = pdb_clock_monotonic() + loop->http->settings.header_timeout;
	if (door->place->proxied) {
		conn->proxy = pdb_mem_zalloc(sizeof(*conn->proxy));
	}
	if (!door->place->proxied || conn->proxy != NULL) {
		conn->bev = make_bufferevent(conn, base);
	}
	if (conn->bev == NULL) {
		free_conn(conn);
		return NULL;
	}
	if (!take_slot(loop, conn) || !pdb__conn_watch(conn)) {
		if (loop->slot_count > 0 && loop->slots[conn->slot] == conn) {
			loop->slots[conn->slot] = NULL;
			loop->vacant[loop->vacant_count++] = conn->slot;
		}
		bufferevent_free(conn->bev);
		free_conn(conn);
		return NULL;
	}
	(void)snprintf(conn->prime, sizeof(conn->prime), "GET /%08x HTTP/1.1\r\n\r\n", conn->slot);
	return conn;
}

struct bufferevent *pdb__conn_accept(struct event_base *base, void *arg)
{
	const pdb_door *door = arg;
	pdb_loop *loop = door->loop;
	pdb_conn *conn = conn_create(door, base);

	if (conn == NULL) {
		/* evhttp would make one of its own for NULL. Unguarded in both cases, it reaches
		 * no handler: its requests name no slot. */
		return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	}
	link_conn(loop, conn);
	pdb__count_accepted(loop->http);
	/* Until it is adopted, nobody would tell us that it was freed. */
	bufferevent_incref(conn->bev);
	loop->fresh_count++;
	event_active(loop->fresh, EV_TIMEOUT, 0);
	return conn->bev;
}

static void unlink_conn(pdb_loop *loop, pdb_conn *conn)
{
	if (conn->prev != NULL) {
		conn->prev->next = conn->next;
	} else {
		loop->conns = conn->next;
	}
	if (conn->next != NULL) {
		conn->next->prev = conn->prev;
	}
	loop->conn_count--;
	loop->slots[conn->slot] = NULL;
	loop->vacant[loop->vacant_count++] = conn->slot;
	(void)atomic_fetch_sub(&loop->http->connections, 1);
	pdb__loop_resume(loop);
	if (loop->closing && loop->conn_count == 0) {
		pdb__loop_wake(loop);
	}
}

static void conn_destroy(pdb_conn *conn)
{
	pdb_request *request = conn->request;

	pdb__conn_unwatch(conn);
	unlink_conn(conn->loop, conn);
	if (conn->ssl != NULL && SSL_is_init_finished(conn->ssl)) {
		(void)SSL_shutdown(conn->ssl);
		ERR_clear_error();
	}
	if (request != NULL) {
		request->conn = NULL;
		request->evhttp = NULL;
		if (!request->parked) {
			pdb__request_release(request);
		}
	}
	free_conn(conn);
}

/* evhttp frees the connection right after this. */
static void on_close(struct evhttp_connection *evcon, void *arg)
{
	pdb_conn *conn = arg;
	struct evhttp_request *evhttp = conn->request != NULL ? conn->request->evhttp : NULL;

	(void)evcon;
	if (evhttp != NULL && evhttp_request_get_connection(evhttp) == NULL) {
		/* evhttp has let go of a request that was not answered: it is ours to free. */
		evhttp_request_free(evhttp);
	}
	conn_destroy(conn);
}

/* "::ffff:192.0.2.1" is an IPv4 peer on a socket for both; lists of addresses name it plainly. */
static void know_peer(pdb_conn *conn)
{
	char *address = NULL;
	uint16_t port = 0;
	const char *text;

	if (conn->place->path != NULL) {
		memcpy(conn->peer, "unix", sizeof("unix"));
		return;
	}
	evhttp_connection_get_peer(conn->evcon, &address, &port);
	text = address != NULL ? address : "";
	if (strncmp(text, "::ffff:", 7) == 0 && strchr(text + 7, '.') != NULL) {
		text += 7;
	}
	(void)snprintf(conn->peer, sizeof(conn->peer), "%s", text);
}

/* A header from anybody else could claim any address. False when the connection has to go. */
static bool may_be_proxied(const pdb_conn *conn)
{
	const pdb_http *http = conn->loop->http;
	pdb_address peer;

	if (conn->proxy == NULL || http->proxy_count == 0 || conn->place->path != NULL) {
		return true;
	}
	(void)pdb_address_parse(&peer, pdb_slice_text(conn->peer));
	for (size_t i = 0; i < http->proxy_count; i++) {
		if (pdb_network_has(&http->proxies[i], &peer)) {
			return true;
		}
	}
	pdb_log(PDB_LOG_DEBUG, "http", "%s may not speak for others: closed", conn->peer);
	return false;
}

static void adopt(pdb_conn *conn)
{
	struct bufferevent *bev = conn->bev;
	bufferevent_data_cb read_cb = NULL;
	bufferevent_data_cb write_cb = NULL;
	bufferevent_event_cb event_cb = NULL;
	void *evcon = NULL;

	bufferevent_getcb(bev, &read_cb, &write_cb, &event_cb, &evcon);
	if (evcon == NULL || event_cb == NULL) {
		conn->ssl = NULL;
		conn_destroy(conn); /* evhttp ran out of memory and gave it up */
	} else {
		conn->evcon = evcon;
		evhttp_connection_set_closecb(conn->evcon, on_close, conn);
		know_peer(conn);
		if (!may_be_proxied(conn) ||
		    (conn->proxy != NULL && conn->ssl != NULL && !pdb__conn_proxy_tls(conn))) {
			evhttp_connection_free(conn->evcon);
		}
	}
	(void)bufferevent_decref(bev);
}

void pdb__conn_adopt_all(pdb_loop *loop)
{
	pdb_conn *next;

	/* New ones stand at the front of the list. */
	for (pdb_conn *conn = loop->conns; conn != NULL && loop->fresh_count > 0; conn = next) {
		next = conn->next;
		if (conn->evcon == NULL) {
			loop->fresh_count--;
			adopt(conn);
		}
	}
}
