/* SPDX-License-Identifier: Apache-2.0 */
/* A swarm of keep-alive connections, each with one request on its way at a time. */
#include "swarm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX    4096u
#define REQUEST_MAX 8192u
#define EVENTS      128

typedef struct connection {
	int fd;
	int64_t asked;
	size_t head_len;
	size_t body_left; /* once `in_body` */
	size_t body_len;
	bool in_body;
	bool good;
	char head[HEAD_MAX];
} connection;

static int64_t now_ns(void)
{
	struct timespec at;

	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

/* xorshift64*: good enough to spread requests, and cheap. */
static uint64_t draw(pdb_swarm *swarm, uint64_t below)
{
	swarm->seed ^= swarm->seed >> 12;
	swarm->seed ^= swarm->seed << 25;
	swarm->seed ^= swarm->seed >> 27;
	return below > 0 ? (swarm->seed * UINT64_C(2685821657736338717) >> 16) % below : 0;
}

static void note_error(pdb_swarm *swarm, const char *text)
{
	swarm->errors++;
	if (swarm->first_error[0] == '\0') {
		(void)snprintf(swarm->first_error, sizeof(swarm->first_error), "%.*s",
			       (int)strcspn(text, "\r\n\""), text);
	}
}

/* -- asking ----------------------------------------------------------------------------------- */

static size_t put_path(pdb_swarm *swarm, char *out, size_t size, const char *path)
{
	uint64_t span = swarm->plan->seqs > 50 ? swarm->plan->seqs - 50 : 1;
	size_t len = 0;

	while (*path != '\0' && len + 24 < size) {
		uint64_t number;

		if (strncmp(path, "{t}", 3) == 0) {
			number = draw(swarm, swarm->plan->threads);
		} else if (strncmp(path, "{s}", 3) == 0) {
			number = draw(swarm, span) + 51;
		} else {
			out[len++] = *path++;
			continue;
		}
		len += (size_t)snprintf(out + len, 22, "%" PRIu64, number);
		path += 3;
	}
	out[len] = '\0';
	return len;
}

/* A post whose body has another piece of the text each time. */
static int put_post(pdb_swarm *swarm, char *out, size_t size, const char *path)
{
	const pdb_swarm_plan *plan = swarm->plan;
	const char *hole = strstr(plan->body, "{x}");
	size_t before = hole != NULL ? (size_t)(hole - plan->body) : strlen(plan->body);
	size_t piece = hole != NULL ? plan->piece : 0;
	const char *from = plan->text + draw(swarm, plan->text_len - piece + 1);
	const char *after = hole != NULL ? hole + 3 : "";

	return snprintf(out, size,
			"POST %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n"
			"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%.*s%.*s%s",
			path, plan->key, before + piece + strlen(after), (int)before, plan->body,
			(int)piece, from, after);
}

static bool ask(pdb_swarm *swarm, connection *one)
{
	const pdb_swarm_plan *plan = swarm->plan;
	bool post = draw(swarm, 100) < plan->post_percent;
	char path[1024];
	char request[REQUEST_MAX];
	int len;

	(void)put_path(swarm, path, sizeof(path), post ? plan->post_path : plan->get_path);
	if (post) {
		len = put_post(swarm, request, sizeof(request), path);
	} else {
		len = snprintf(request, sizeof(request),
			       "GET %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n\r\n",
			       path, plan->key);
	}
	one->head_len = 0;
	one->in_body = false;
	one->asked = now_ns();
	/* Requests are far smaller than a socket's buffer: all of it goes at once. */
	return len > 0 && (size_t)len < sizeof(request) &&
	       send(one->fd, request, (size_t)len, MSG_NOSIGNAL) == len;
}

/* -- answers ---------------------------------------------------------------------------------- */

/* Reads status and length once the head is complete; what follows it is the body's beginning. */
static bool take_head(connection *one, char *end)
{
	const char *length = strcasestr(one->head, "\r\nContent-Length:");
	size_t extra = one->head_len - (size_t)(end + 4 - one->head);

	one->good = strncmp(one->head, "HTTP/1.1 2", 10) == 0;
	one->body_len = length != NULL ? strtoul(length + 17, NULL, 10) : 0;
	one->in_body = true;
	if (extra > one->body_len) {
		return false;
	}
	one->body_left = one->body_len - extra;
	return true;
}

static void answered(pdb_swarm *swarm, connection *one)
{
	if (!atomic_load_explicit(swarm->counting, memory_order_relaxed)) {
		return;
	}
	if (!one->good) {
		note_error(swarm, one->head);
		return;
	}
	pdb_histogram_add(&swarm->latencies, (uint64_t)(now_ns() - one->asked));
	swarm->answer_bytes += one->body_len;
}

/* Reads what is there; false when the connection is of no more use. */
static bool take(pdb_swarm *swarm, connection *one)
{
	static __thread char waste[256 * 1024];
	ssize_t got;

	if (one->in_body) {
		got = recv(one->fd, waste, sizeof(waste), 0);
		if (got <= 0 || (size_t)got > one->body_left) {
			return got < 0 && errno == EAGAIN;
		}
		one->body_left -= (size_t)got;
	} else {
		char *end;

		got = recv(one->fd, one->head + one->head_len, HEAD_MAX - 1 - one->head_len, 0);
		if (got <= 0) {
			return got < 0 && errno == EAGAIN;
		}
		one->head_len += (size_t)got;
		one->head[one->head_len] = '\0';
		end = strstr(one->head, "\r\n\r\n");
		if (end == NULL) {
			return one->head_len < HEAD_MAX - 1;
		}
		if (!take_head(one, end)) {
			return false;
		}
	}
	if (one->body_left > 0) {
		return true;
	}
	answered(swarm, one);
	return ask(swarm, one);
}

/* -- connections --------------------------------------------------------------------------------
 */

static bool connect_one(const pdb_swarm *swarm, connection *one, int poll)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(swarm->plan->port)};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
	int yes = 1;

	one->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (one->fd < 0 || inet_pton(AF_INET, swarm->plan->host, &to.sin_addr) != 1 ||
	    connect(one->fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		return false;
	}
	(void)setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return epoll_ctl(poll, EPOLL_CTL_ADD, one->fd, &event) == 0;
}

static bool start(pdb_swarm *swarm, connection *one, int poll)
{
	return connect_one(swarm, one, poll) && ask(swarm, one);
}

/* A connection that broke is an error, and another takes its place. */
static void replace(pdb_swarm *swarm, connection *one, int poll)
{
	if (!atomic_load(swarm->stop)) {
		note_error(swarm, "connection closed");
	}
	(void)close(one->fd);
	swarm->failed = !start(swarm, one, poll);
}

static void serve(pdb_swarm *swarm, int poll)
{
	struct epoll_event events[EVENTS];

	while (!swarm->failed && !atomic_load_explicit(swarm->stop, memory_order_relaxed)) {
		int count = epoll_wait(poll, events, EVENTS, 100);

		for (int i = 0; i < count; i++) {
			connection *one = events[i].data.ptr;

			if (!take(swarm, one)) {
				replace(swarm, one, poll);
			}
		}
	}
}

void pdb_swarm_run(pdb_swarm *swarm)
{
	connection *all = calloc(swarm->connections, sizeof(*all));
	int poll = epoll_create1(EPOLL_CLOEXEC);

	swarm->failed = all == NULL || poll < 0;
	for (size_t i = 0; i < swarm->connections && all != NULL; i++) {
		all[i].fd = -1;
	}
	for (size_t i = 0; i < swarm->connections && !swarm->failed; i++) {
		swarm->failed = !start(swarm, &all[i], poll);
	}
	serve(swarm, poll);
	for (size_t i = 0; i < swarm->connections && all != NULL; i++) {
		if (all[i].fd >= 0) {
			(void)close(all[i].fd);
		}
	}
	if (poll >= 0) {
		(void)close(poll);
	}
	free(all);
}
