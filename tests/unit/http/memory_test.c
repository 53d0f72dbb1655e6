/* SPDX-License-Identifier: Apache-2.0 */
/* A whole server under failing memory: it refuses to start, or answers, and never falls over. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/http.h"
#include "nth_alloc.h"
#include "plugin/sockets.h"

static pdb_status echo(void *self, pdb_request *request, pdb_err *err)
{
	pdb_slice value = {0};

	(void)self;
	(void)err;
	(void)pdb_request_query(request, "q", &value);
	(void)pdb_request_add_header(request, "X-One", "1");
	return pdb_request_reply(request, 200, NULL, pdb_request_body(request));
}

static const pdb_route route = {sizeof(route), PDB_METHOD_POST, "/echo/{name}", PDB_ROLES_PUBLIC, 0,
				echo};
static pdb_socket_entry entry = {&route, NULL, "test"};
static pdb_sockets sockets;

static const pdb_http_settings settings = {.address = "127.0.0.1",
					   .loops = 1,
					   .body_max = 65536,
					   .header_max = 4096,
					   .header_timeout = 5 * PDB_NS_PER_SECOND,
					   .body_timeout = 5 * PDB_NS_PER_SECOND,
					   .idle_timeout = 5 * PDB_NS_PER_SECOND,
					   .connections_max = 100,
					   .tls_cert_file = "",
					   .tls_key_file = ""};

static void setup(void)
{
	pdb_log_set_fd(-1);
	sockets.lists[PDB_SOCKET_ROUTE] = (pdb_socket_list){&entry, 1};
}

TestSuite(memory, .init = setup, .timeout = 120);

static pdb_status make(void *arg, pdb_err *err)
{
	pdb_http *http = NULL;
	pdb_status status = pdb_http_create(&http, &settings, &sockets, NULL, NULL, err);

	(void)arg;
	pdb_http_destroy(&http);
	return status;
}

Test(memory, create_fails_in_order)
{
	cr_expect_gt(nth_alloc_each(make, NULL, false), 3);
}

static int dial(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct timeval limit = {10, 0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Returns the status of the answer, or 0 when the connection was closed instead. */
static int ask(int port)
{
	static const char text[] = "POST /echo/a?q=%41 HTTP/1.1\r\nHost: a\r\n"
				   "Content-Length: 3\r\nConnection: close\r\n\r\nabc";
	char answer[4096];
	size_t used = 0;
	ssize_t n = 0;
	int fd = dial(port);

	(void)send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL);
	while (used < sizeof(answer) - 1 &&
	       (n = recv(fd, answer + used, sizeof(answer) - 1 - used, 0)) > 0) {
		used += (size_t)n;
	}
	(void)close(fd);
	answer[used] = '\0';
	return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

Test(memory, requests_fail_one_by_one_and_the_server_goes_on)
{
	pdb_http *http = NULL;
	int failed = 0;

	cr_assert_eq(pdb_http_create(&http, &settings, &sockets, NULL, NULL, NULL), PDB_OK);
	cr_assert_eq(pdb_http_start(http, NULL), PDB_OK);
	cr_assert_eq(ask(pdb_http_port(http)), 200);
	for (unsigned long nth = 1; nth <= 60; nth++) {
		int status;

		pdb_mem_fail(nth, false);
		status = ask(pdb_http_port(http));
		pdb_mem_fail(0, false);
		cr_expect(status == 200 || status == 503 || status == 500 || status == 0,
			  "status %d at %lu", status, nth);
		failed += status != 200;
		cr_assert_eq(ask(pdb_http_port(http)), 200, "after allocation %lu", nth);
	}
	cr_expect_gt(failed, 0);
	cr_expect_eq(pdb_http_stop(http, 10 * PDB_NS_PER_SECOND), PDB_OK);
	pdb_http_destroy(&http);
}

static pdb_status start(void *arg, pdb_err *err)
{
	pdb_http *http = NULL;
	pdb_status status = pdb_http_create(&http, &settings, &sockets, NULL, NULL, err);

	(void)arg;
	if (status == PDB_OK) {
		status = pdb_http_start(http, err);
	}
	pdb_http_destroy(&http);
	return status;
}

Test(memory, start_fails_cleanly)
{
	for (unsigned long nth = 1; nth <= 60; nth++) {
		pdb_err err = {0};

		pdb_mem_fail(nth, false);
		(void)start(NULL, &err);
		pdb_mem_fail(0, false);
		cr_assert_eq(start(NULL, &err), PDB_OK, "%s", err.text);
	}
}
