/* SPDX-License-Identifier: Apache-2.0 */
/* The ceiling: bare evhttp on as many loops as the server, answering bytes of the same size. */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOPS_MAX 16

typedef struct ceiling {
	char *post_answer;
	size_t post_len;
	char *get_answer;
	size_t get_len;
	uint16_t port;
} ceiling;

static void answer(struct evhttp_request *request, void *arg)
{
	const ceiling *what = arg;
	bool post = evhttp_request_get_command(request) == EVHTTP_REQ_POST;
	struct evbuffer *out = evbuffer_new();

	if (out != NULL) {
		(void)evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
					"application/json");
		(void)evbuffer_add(out, post ? what->post_answer : what->get_answer,
				   post ? what->post_len : what->get_len);
		evhttp_send_reply(request, 200, "OK", out);
		evbuffer_free(out);
	}
}

/* A listening socket of its own for each loop; the first one chooses the port. */
static int listen_socket(ceiling *what)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(what->port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int yes = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) != 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 1024) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
		perror("bench_ceiling");
		exit(1);
	}
	what->port = ntohs(at.sin_port);
	return fd;
}

static struct event_base *make_loop(ceiling *what)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;
	struct evhttp *http = NULL;

	if (config != NULL) {
		(void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK |
							    EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
		base = event_base_new_with_config(config);
		event_config_free(config);
	}
	http = base != NULL ? evhttp_new(base) : NULL;
	if (http == NULL || evhttp_accept_socket(http, listen_socket(what)) != 0) {
		(void)fprintf(stderr, "bench_ceiling: no loop\n");
		exit(1);
	}
	evhttp_set_gencb(http, answer, what);
	return base;
}

static void *run_loop(void *base)
{
	(void)event_base_dispatch(base);
	return NULL;
}

static char *filler(size_t len)
{
	char *bytes = malloc(len + 1);

	if (bytes == NULL) {
		exit(1);
	}
	memset(bytes, 'x', len);
	return bytes;
}

/* bench_ceiling <loops> <bytes of an answer to POST> <bytes of an answer to GET> */
int main(int argc, char **argv)
{
	ceiling what = {0};
	struct event_base *bases[LOOPS_MAX] = {0};
	pthread_t thread;
	int loops = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 2;

	loops = loops < 1 ? 1 : (loops > LOOPS_MAX ? LOOPS_MAX : loops);
	what.post_len = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
	what.get_len = argc > 3 ? strtoul(argv[3], NULL, 10) : 15000;
	what.post_answer = filler(what.post_len);
	what.get_answer = filler(what.get_len);
	(void)signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < loops; i++) {
		bases[i] = make_loop(&what);
	}
	(void)printf("%u\n", (unsigned)what.port);
	(void)fflush(stdout);
	for (int i = 1; i < loops; i++) {
		if (pthread_create(&thread, NULL, run_loop, bases[i]) != 0) {
			return 1;
		}
	}
	(void)run_loop(bases[0]);
	return 0;
}
