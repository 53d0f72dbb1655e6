/* SPDX-License-Identifier: Apache-2.0 */
/* Doors: the listening sockets of a loop, each with an evhttp of its own. */
#include <errno.h>
#include <event2/listener.h>
#include <unistd.h>

#include "base/log.h"
#include "http/http_private.h"

/* The loop of this thread: a listener's error callback is handed evhttp's argument, not ours. */
static _Thread_local pdb_loop *current;

void pdb__loop_is_here(pdb_loop *loop)
{
	current = loop;
}

static void enable(pdb_door *door, bool on)
{
	struct evconnlistener *listener;

	if (door->bound != NULL) {
		listener = evhttp_bound_socket_get_listener(door->bound);
		(void)(on ? evconnlistener_enable(listener) : evconnlistener_disable(listener));
	}
}

void pdb__loop_pause(pdb_loop *loop, const char *reason)
{
	if (!loop->paused) {
		loop->paused = true;
		pdb__count_pause(loop->http, reason);
		for (size_t i = 0; i < loop->door_count; i++) {
			enable(&loop->doors[i], false);
		}
	}
}

void pdb__loop_resume(pdb_loop *loop)
{
	pdb_http *http = loop->http;

	if (loop->paused &&
	    atomic_load(&http->connections) < (size_t)http->settings.connections_max) {
		loop->paused = false;
		for (size_t i = 0; i < loop->door_count; i++) {
			enable(&loop->doors[i], true);
		}
	}
}

/* Mostly EMFILE: trying again at once would only spin; the next tick does. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	pdb_loop *loop = current;

	(void)listener;
	(void)arg;
	if (!loop->paused) {
		pdb_log(PDB_LOG_WARN, "http", "cannot accept connections just now: %s",
			strerror(errno));
	}
	pdb__loop_pause(loop, "descriptors");
}

static bool make_evhttp(pdb_door *door)
{
	pdb_loop *loop = door->loop;
	struct evconnlistener *listener;

	door->evhttp = evhttp_new(loop->base);
	if (door->evhttp == NULL) {
		return false;
	}
	evhttp_set_bevcb(door->evhttp, pdb__conn_accept, door);
	evhttp_set_gencb(door->evhttp, pdb__conn_dispatch, loop);
	evhttp_set_default_content_type(door->evhttp, NULL);
	listener = evconnlistener_new(loop->base, NULL, NULL,
				      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, door->fd);
	if (listener == NULL) {
		return false;
	}
	door->fd = -1; /* the listener's now */
	door->bound = evhttp_bind_listener(door->evhttp, listener);
	if (door->bound == NULL) {
		evconnlistener_free(listener);
		return false;
	}
	evconnlistener_set_error_cb(listener, on_accept_error);
	return true;
}

static pdb_status open_door(pdb_loop *loop, pdb_place *place, pdb_err *err)
{
	pdb_door *door = &loop->doors[loop->door_count++];
	pdb_status status;

	*door = (pdb_door){.loop = loop, .place = place, .fd = -1};
	if (place->path != NULL) {
		status = pdb__local_open(place, &door->fd, err);
	} else {
		status = pdb__listen_open(place->host, &place->port, &door->fd, err);
	}
	if (status == PDB_OK && !make_evhttp(door)) {
		status = pdb_err_set(err, PDB_ENOMEM, NULL, "cannot make a listener");
	}
	return status;
}

/* The second place is for few callers, and a local socket cannot be shared: one loop serves it. */
pdb_status pdb__doors_open(pdb_loop *loop, pdb_err *err)
{
	pdb_http *http = loop->http;
	size_t count = loop->index == 0 ? http->place_count : 1;
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < count && status == PDB_OK; i++) {
		status = open_door(loop, &http->places[i], err);
	}
	return status;
}

void pdb__doors_shut(pdb_loop *loop)
{
	for (size_t i = 0; i < loop->door_count; i++) {
		if (loop->doors[i].bound != NULL) {
			evhttp_del_accept_socket(loop->doors[i].evhttp, loop->doors[i].bound);
			loop->doors[i].bound = NULL;
		}
	}
}

void pdb__doors_free(pdb_loop *loop)
{
	for (size_t i = 0; i < loop->door_count; i++) {
		pdb_door *door = &loop->doors[i];

		door->bound = NULL;
		if (door->evhttp != NULL) {
			evhttp_free(door->evhttp);
			door->evhttp = NULL;
		}
		if (door->fd >= 0) {
			(void)close(door->fd);
			door->fd = -1;
		}
	}
}
