/* SPDX-License-Identifier: Apache-2.0 */
/* The Nth allocation fails, for every N, over boot, create, append, list and shutdown. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "server/server.h"

#define KEY        "sk_0123456789abcdef0123456789abcdef"
#define TRIES      4000
#define ANSWER_MAX 65536

/* What a child tells: how many allocations it made, and the worst status it saw. */
typedef struct child_report {
	unsigned long allocations;
	int answered;
	int worst;
} child_report;

static child_report report;
static atomic_bool over; /* the server has ended */
static int port;

static int free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	(void)close(fd);
	return ntohs(address.sin_port);
}

static int dial(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = 2};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_port = htons((uint16_t)port);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* One request on its own connection; the status, or 0 when it was closed without an answer. */
static int ask(const char *method, const char *path, const char *body)
{
	static char answer[ANSWER_MAX];
	char request[2048];
	int fd = dial();
	ssize_t got;
	int len;

	if (fd < 0) {
		return -1;
	}
	len = snprintf(
		request, sizeof(request),
		"%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " KEY
		"\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		method, path, strlen(body), body);
	(void)send(fd, request, (size_t)len, MSG_NOSIGNAL);
	got = recv(fd, answer, sizeof(answer) - 1, 0);
	(void)close(fd);
	answer[got > 0 ? got : 0] = '\0';
	return got > 12 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

static void note(int status)
{
	if (status > 0) {
		report.answered++;
		report.worst = status > report.worst ? status : report.worst;
	}
}

/* Waits until the server listens, uses it, and asks it to stop. */
static void *client(void *arg)
{
	int status = -1;

	(void)arg;
	for (int i = 0; i < TRIES && status < 0 && !atomic_load(&over); i++) {
		status = ask("GET", "/readyz", "");
		if (status < 0) {
			(void)poll(NULL, 0, 5);
		}
	}
	if (atomic_load(&over)) {
		return NULL;
	}
	note(ask("POST", "/v1/threads", "{\"id\":\"t1\",\"title\":\"Soup\",\"author\":\"u\"}"));
	note(ask("POST", "/v1/threads/t1/messages",
		 "{\"author\":\"u\",\"body\":{\"text\":\"a\"}}"));
	note(ask("GET", "/v1/threads?author=u", ""));
	note(ask("GET", "/v1/threads/t1/messages?author=u", ""));
	(void)kill(getpid(), SIGTERM);
	return NULL;
}

static void write_config(const char *path, const char *directory)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	(void)fprintf(
		file,
		"server: {address: 127.0.0.1, port: %d, db_path: %s/db, loops: 1, workers: 1}\n"
		"storage: {backend: memory}\n"
		"plugins: {directory: %s}\n"
		"security: {api_keys: {backend: [" KEY "]}}\n",
		port, directory, PDB_TEST_PLUGINS);
	cr_assert_eq(fclose(file), 0);
}

static int child_run(unsigned long nth, char *config, int out)
{
	char *argv[] = {"progressdb", "--config", config, NULL};
	char *environment[] = {NULL};
	int null = open("/dev/null", O_RDWR);
	sigset_t stop;
	pthread_t thread;
	int status;

	(void)dup2(null, STDERR_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	/* Before the client is there: a thread that does not block the signal could be the one that
	 * takes it, while the server is on its way to wait for it. */
	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, &stop, NULL);
	pdb_mem_fail(nth, false);
	(void)pthread_create(&thread, NULL, client, NULL);
	status = pdb_server_main(3, argv, environment);
	report.allocations = pdb_mem_count();
	pdb_mem_fail(0, false);
	/* Nothing may run while the leak check looks. */
	atomic_store(&over, true);
	(void)pthread_join(thread, NULL);
	return write(out, &report, sizeof(report)) < 0 ? 3 : status;
}

/* Runs one child; its exit status, or -1 when a signal ended it. */
static int run_with(unsigned long nth, child_report *out)
{
	char directory[] = "/tmp/pdb-fault-XXXXXX";
	char config[64];
	char command[128];
	int ends[2];
	int status = 0;
	pid_t child;

	cr_assert_not_null(mkdtemp(directory));
	(void)snprintf(config, sizeof(config), "%s/config.yaml", directory);
	write_config(config, directory);
	cr_assert_eq(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		(void)close(ends[0]);
		exit(child_run(nth, config, ends[1]));
	}
	(void)close(ends[1]);
	*out = (child_report){0};
	cr_assert_geq(read(ends[0], out, sizeof(*out)), 0);
	(void)close(ends[0]);
	cr_assert_eq(waitpid(child, &status, 0), child);
	(void)snprintf(command, sizeof(command), "rm -rf %s", directory);
	cr_assert_eq(system(command), 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Test(boot, every_allocation_may_fail, .timeout = 900)
{
	unsigned long nth = 0;
	unsigned long refused = 0;
	child_report seen;
	int status;

	port = free_port();
	do {
		status = run_with(++nth, &seen);
		/* 0: served and stopped; 1 and 2: refused to start and said why. */
		cr_assert(status >= 0 && status <= 2, "allocation %lu: ended with %d", nth, status);
		refused += status != 0;
	} while (status != 0 || seen.allocations >= nth);
	(void)fprintf(stderr, "%lu allocations failed one by one, %lu at boot\n", nth - 1, refused);
	cr_assert_gt(nth, 100);
	cr_assert_eq(seen.answered, 4);
	cr_assert_eq(seen.worst, 200);
}
