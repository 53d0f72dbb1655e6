/* SPDX-License-Identifier: Apache-2.0 */
/* A loop: one thread with its event base, its evhttp, and the ways to reach it from outside. */
#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/http_private.h"

/* Time between two looks at the deadlines: a quarter of the shortest, within bounds. */
#define TICK_MIN (10 * PDB_NS_PER_MS)
#define TICK_MAX (250 * PDB_NS_PER_MS)

void pdb__loop_wake(pdb_loop *loop)
{
	uint64_t one = 1;

	/* A full counter means that the loop is awake already. */
	(void)!write(loop->wake_fd, &one, sizeof(one));
}

/* -- events ---------------------------------------------------------------------------------- */

static void look_at_stop(pdb_loop *loop)
{
	pdb_http *http = loop->http;

	if (atomic_load(&http->stopping) && !loop->closing) {
		loop->closing = true;
		pdb__doors_shut(loop);
		pdb__conn_stop_all(loop);
	}
	if (loop->closing && (loop->conn_count == 0 || atomic_load(&http->giving_up))) {
		(void)event_base_loopbreak(loop->base);
	}
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	pdb_loop *loop = arg;
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof(count));
	pdb__loop_finish_posted(loop);
	pdb__loop_answer_due(loop);
	look_at_stop(loop);
}

static void on_fresh(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pdb__conn_adopt_all(arg);
}

static int64_t tick_of(const pdb_http_settings *settings)
{
	int64_t shortest = settings->header_timeout;

	if (settings->body_timeout < shortest) {
		shortest = settings->body_timeout;
	}
	if (settings->idle_timeout < shortest) {
		shortest = settings->idle_timeout;
	}
	shortest /= 4;
	return shortest < TICK_MIN ? TICK_MIN : (shortest > TICK_MAX ? TICK_MAX : shortest);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	pdb_loop *loop = arg;

	(void)fd;
	(void)what;
	pdb__overload_tick(loop, tick_of(&loop->http->settings));
	pdb__conn_sweep(loop, pdb_clock_monotonic());
	pdb__loop_resume(loop);
	look_at_stop(loop);
}

/* -- making and unmaking ----------------------------------------------------------------------- */

/*
 * One thread each, so no locks; and fewer epoll_ctl calls. A closed descriptor is taken out of the
 * set late; no descriptor is ever duplicated, so the kernel has done it already. The thread
 * sanitizer would take this for a race with the one who has the number by then.
 */
#ifdef PDB_THREAD_SANITIZED
#define BASE_FLAGS EVENT_BASE_FLAG_NOLOCK
#else
#define BASE_FLAGS (EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST)
#endif

static struct event_base *make_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config != NULL) {
		(void)event_config_set_flag(config, BASE_FLAGS);
		base = event_base_new_with_config(config);
		event_config_free(config);
	}
	return base;
}

static bool make_events(pdb_loop *loop)
{
	int64_t tick = tick_of(&loop->http->settings);
	struct timeval every = {tick / PDB_NS_PER_SECOND, (tick % PDB_NS_PER_SECOND) / 1000};

	loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
	loop->fresh = event_new(loop->base, -1, 0, on_fresh, loop);
	loop->tick = event_new(loop->base, -1, EV_PERSIST, on_tick, loop);
	return loop->wake != NULL && loop->fresh != NULL && loop->tick != NULL &&
	       event_add(loop->wake, NULL) == 0 && event_add(loop->tick, &every) == 0;
}

pdb_status pdb__loop_create(pdb_loop **out, pdb_http *http, unsigned index, pdb_err *err)
{
	pdb_loop *loop = pdb_mem_zalloc(sizeof(*loop));
	pdb_status status;

	*out = NULL;
	if (loop == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a loop");
	}
	loop->http = http;
	loop->index = index;
	(void)pthread_mutex_init(&loop->lock, NULL);
	loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	loop->base = loop->wake_fd >= 0 ? make_base() : NULL;
	if (loop->base == NULL || !make_events(loop)) {
		status = pdb_err_set(err, PDB_ENOMEM, NULL, "cannot make an event loop");
	} else {
		status = pdb__doors_open(loop, err);
	}
	if (status != PDB_OK) {
		pdb__loop_destroy(&loop);
	}
	*out = loop;
	return status;
}

static void *run(void *arg)
{
	pdb_loop *loop = arg;
	char name[16];

	pdb__loop_is_here(loop);
	(void)snprintf(name, sizeof(name), "pdb-loop-%u", loop->index);
	(void)pthread_setname_np(pthread_self(), name);
	if (event_base_dispatch(loop->base) < 0) {
		pdb_fatal("http", "the event loop failed: %s", strerror(errno));
	}
	return NULL;
}

pdb_status pdb__loop_start(pdb_loop *loop, pdb_err *err)
{
	sigset_t all;
	sigset_t old;
	int problem;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	problem = pthread_create(&loop->thread, NULL, run, loop);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (problem != 0) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "cannot start a thread: %s",
				   strerror(problem));
	}
	loop->running = true;
	return PDB_OK;
}

static void free_requests(pdb_loop *loop)
{
	pdb_request *request;

	pdb__loop_finish_posted(loop); /* their connections are gone: this only puts them back */
	pdb__loop_forget_waiting(loop);
	while ((request = loop->free_requests) != NULL) {
		loop->free_requests = request->next;
		pdb__request_free(request);
	}
}

static void free_events(pdb_loop *loop)
{
	pdb__conn_adopt_all(loop); /* or nobody would tell us of their end */
	pdb__doors_free(loop);
	if (loop->wake != NULL) {
		event_free(loop->wake);
	}
	if (loop->fresh != NULL) {
		event_free(loop->fresh);
	}
	if (loop->tick != NULL) {
		event_free(loop->tick);
	}
	if (loop->base != NULL) {
		/* Lets bufferevents that were just freed do their last deferred step. */
		(void)event_base_loop(loop->base, EVLOOP_NONBLOCK);
		event_base_free(loop->base);
	}
}

void pdb__loop_destroy(pdb_loop **out)
{
	pdb_loop *loop = *out;

	if (loop == NULL) {
		return;
	}
	loop->closing = true;
	free_events(loop);
	free_requests(loop);
	if (loop->wake_fd >= 0) {
		(void)close(loop->wake_fd);
	}
	(void)pthread_mutex_destroy(&loop->lock);
	pdb_mem_free(loop->slots);
	pdb_mem_free(loop->vacant);
	pdb_mem_free(loop);
	*out = NULL;
}
