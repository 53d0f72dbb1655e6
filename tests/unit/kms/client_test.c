/* SPDX-License-Identifier: Apache-2.0 */
/* The client of a KMS that is dead, hangs, or talks nonsense: each call ends in time. */
#include "external/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixture.h"

#define MS INT64_C(1000000)

typedef enum manner {
	MANNER_HANG,     /* takes the connection and says nothing */
	MANNER_NONSENSE, /* answers bytes that are no message */
	MANNER_OTHER,    /* a good message that answers something else */
	MANNER_CUT,      /* closes in the middle of an answer */
	MANNER_CLOSE,    /* closes at once */
	MANNER_REFUSE,   /* says no */
	MANNER_GOOD      /* answers health */
} manner;

static struct {
	int fd;
	int far; /* the same over TCP */
	unsigned port;
	char path[300];
	pthread_t thread;
	manner manner;
	bool stop;
	unsigned accepted;
	pthread_mutex_t lock;
} fake = {.fd = -1, .far = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

static manner manner_now(void)
{
	manner now;

	(void)pthread_mutex_lock(&fake.lock);
	now = fake.stop ? MANNER_CLOSE : fake.manner;
	(void)pthread_mutex_unlock(&fake.lock);
	return now;
}

static void behave(manner how)
{
	(void)pthread_mutex_lock(&fake.lock);
	fake.manner = how;
	(void)pthread_mutex_unlock(&fake.lock);
}

static bool stopped(void)
{
	bool stop;

	(void)pthread_mutex_lock(&fake.lock);
	stop = fake.stop;
	(void)pthread_mutex_unlock(&fake.lock);
	return stop;
}

static void answer(int fd, pdb_status status, size_t cut)
{
	wire_buf body = {.host = &fixture_host};
	wire_answer said = {.status = status, .text = PDB_SLICE("no"), .health = {.keys = 7}};
	wire_head head = {.status = 200};
	char text[WIRE_HEAD_MAX];
	size_t len;

	wire_answer_write(&body, &said);
	head.body = body.len;
	len = wire_head_write(&head, text);
	(void)send(fd, text, len, MSG_NOSIGNAL);
	(void)send(fd, body.ptr, body.len - cut, MSG_NOSIGNAL);
	wire_buf_fini(&body);
}

/* One connection; ends when the other side does, or after one answer that is none. */
static void serve(int fd)
{
	char bytes[4096];
	struct pollfd one = {fd, POLLIN, 0};

	while (!stopped() && manner_now() != MANNER_CLOSE) {
		if (poll(&one, 1, 20) <= 0) {
			continue;
		}
		if (recv(fd, bytes, sizeof(bytes), 0) <= 0) {
			return;
		}
		switch (manner_now()) {
		case MANNER_NONSENSE:
			(void)send(fd, "SSH-2.0-x\r\n\r\n", 13, MSG_NOSIGNAL);
			return;
		case MANNER_CUT:
			answer(fd, PDB_OK, 5);
			return;
		case MANNER_REFUSE:
			answer(fd, PDB_EDENIED, 0);
			break;
		case MANNER_OTHER:
			(void)send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 40,
				   MSG_NOSIGNAL);
			break;
		case MANNER_GOOD:
			answer(fd, PDB_OK, 0);
			break;
		default:
			break;
		}
	}
}

static void *accept_some(void *arg)
{
	struct pollfd both[2] = {{fake.fd, POLLIN, 0}, {fake.far, POLLIN, 0}};

	(void)arg;
	while (!stopped()) {
		int fd = -1;

		if (poll(both, 2, 20) > 0) {
			fd = accept(both[0].revents != 0 ? fake.fd : fake.far, NULL, NULL);
		}

		if (fd >= 0) {
			fake.accepted++;
			serve(fd);
			(void)close(fd);
		}
	}
	return NULL;
}

static void listen_far(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address);

	fake.far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(fake.far, (const struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(getsockname(fake.far, (struct sockaddr *)&address, &len), 0);
	cr_assert_eq(listen(fake.far, 16), 0);
	fake.port = ntohs(address.sin_port);
}

static void start(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	fixture_make();
	(void)snprintf(fake.path, sizeof(fake.path), "%s/sock", fixture_directory);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", fake.path);
	fake.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(fake.fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(fake.fd, 16), 0);
	listen_far();
	cr_assert_eq(pthread_create(&fake.thread, NULL, accept_some, NULL), 0);
}

static void end(void)
{
	(void)pthread_mutex_lock(&fake.lock);
	fake.stop = true;
	(void)pthread_mutex_unlock(&fake.lock);
	(void)pthread_join(fake.thread, NULL);
	(void)close(fake.fd);
	(void)close(fake.far);
	fixture_clean();
}

TestSuite(client, .init = start, .fini = end);

static client *open_client(const char *endpoint, int64_t timeout)
{
	const client_params params = {.host = &fixture_host,
				      .endpoint = endpoint,
				      .files = {.token = ""},
				      .connections = 1,
				      .timeout = timeout,
				      .pass_timeout = timeout,
				      .failures = 3,
				      .pause_max = 200 * MS};
	client *c = NULL;
	pdb_err err = {0};

	cr_assert_eq(client_open(&c, &params, &err), PDB_OK, "%s", err.text);
	return c;
}

/* The status of one call, and how long it took. */
static pdb_status ask_op(client *c, wire_op op, int64_t *took)
{
	client_call call = {.op = op};
	int64_t before = fixture_host.monotonic();
	pdb_err err = {0};
	pdb_status status = client_run(c, &call, &err);

	*took = fixture_host.monotonic() - before;
	client_call_fini(&call);
	return status;
}

static pdb_status ask(client *c, int64_t *took)
{
	return ask_op(c, WIRE_OP_KEKS, took);
}

Test(client, every_bad_manner_ends_in_time_and_then_at_once)
{
	static const manner bad[] = {MANNER_HANG, MANNER_NONSENSE, MANNER_OTHER, MANNER_CUT,
				     MANNER_CLOSE};
	int64_t took = 0;

	pdb_log_set_level(PDB_LOG_ERROR);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		client *c = open_client(fake.path, 300 * MS);
		client_stats stats;
		unsigned calls = 0;

		behave(bad[i]);
		do {
			cr_assert_eq(ask(c, &took), PDB_EUNAVAILABLE, "manner %zu", i);
			cr_assert_lt(took, 1000 * MS, "manner %zu", i);
			client_read_stats(c, &stats);
		} while (!stats.open && ++calls < 10);
		cr_assert(stats.open, "the breaker opens");
		cr_assert_eq(ask(c, &took), PDB_EUNAVAILABLE);
		client_read_stats(c, &stats);
		cr_assert_gt(stats.refused, 0, "an open breaker asks nobody");
		cr_assert_lt(took, 40 * MS);
		client_close(&c);
	}
}

Test(client, it_recovers_within_two_seconds)
{
	client *c = open_client(fake.path, 200 * MS);
	int64_t took = 0;
	int64_t healed;

	pdb_log_set_level(PDB_LOG_ERROR);
	behave(MANNER_HANG);
	for (unsigned i = 0; i < 20; i++) {
		cr_assert_eq(ask(c, &took), PDB_EUNAVAILABLE);
	}
	behave(MANNER_GOOD);
	healed = fixture_host.monotonic();
	while (ask(c, &took) != PDB_OK) {
		cr_assert_lt(fixture_host.monotonic() - healed, 2000 * MS);
	}
	for (unsigned i = 0; i < 50; i++) {
		cr_assert_eq(ask(c, &took), PDB_OK);
	}
	client_close(&c);
}

/* The connection that hangs stays as it is; another one is good again. */
Test(client, a_look_is_not_held_up_by_a_dead_connection)
{
	client *c = open_client(fake.path, 900 * MS);
	int64_t took = 0;

	pdb_log_set_level(PDB_LOG_ERROR);
	behave(MANNER_HANG);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(ask_op(c, WIRE_OP_HEALTH, &took), PDB_EUNAVAILABLE);
	}
	cr_assert_eq(ask(c, &took), PDB_EUNAVAILABLE);
	cr_assert_lt(took, 40 * MS, "the breaker is open");
	behave(MANNER_GOOD);
	cr_assert_eq(ask_op(c, WIRE_OP_HEALTH, &took), PDB_OK, "a look need not wait for it");
	cr_assert_lt(took, 600 * MS);
	cr_assert_eq(ask(c, &took), PDB_OK);
	client_close(&c);
}

Test(client, a_no_is_an_answer)
{
	client *c = open_client(fake.path, 500 * MS);
	client_stats stats;
	int64_t took = 0;

	behave(MANNER_REFUSE);
	for (unsigned i = 0; i < 20; i++) {
		cr_assert_eq(ask(c, &took), PDB_EDENIED);
	}
	client_read_stats(c, &stats);
	cr_assert_not(stats.open);
	cr_assert_eq(stats.failures, 0);
	client_close(&c);
}

/* Whoever answers on the port must know the token. */
Test(client, an_answer_without_proof_is_not_believed)
{
	static const char token[] = "server ann 0123456789012345678901234567890123456789\n";
	char endpoint[64];
	char path[300];
	client_params params = {.host = &fixture_host,
				.endpoint = endpoint,
				.files = {.token = path},
				.connections = 1,
				.timeout = 300 * MS,
				.pass_timeout = 300 * MS,
				.failures = 100,
				.pause_max = 200 * MS};
	client *c = NULL;
	int64_t took = 0;
	pdb_err err = {0};

	(void)snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%u", fake.port);
	(void)snprintf(path, sizeof(path), "%s/token", fixture_directory);
	fixture_write("token", token, sizeof(token) - 1);
	cr_assert_eq(client_open(&c, &params, &err), PDB_OK, "%s", err.text);
	behave(MANNER_GOOD);
	cr_assert_eq(ask(c, &took), PDB_EUNAVAILABLE);
	client_close(&c);
	params.files.token = "";
	cr_assert_eq(client_open(&c, &params, &err), PDB_EINVAL, "http needs a token");
}

/* The fake proves nothing, so that a good call says that no token was asked for. */
Test(client, credentials_are_read_anew)
{
	static const char token[] = "server ann 0123456789012345678901234567890123456789\n";
	char path[300];
	credentials_files files = {.token = path};
	client *c = open_client(fake.path, 300 * MS);
	unsigned before;
	int64_t took = 0;
	pdb_err err = {0};

	behave(MANNER_GOOD);
	cr_assert_eq(ask(c, &took), PDB_OK);
	cr_assert_eq(ask(c, &took), PDB_OK);
	before = fake.accepted;
	(void)snprintf(path, sizeof(path), "%s/token", fixture_directory);
	cr_assert_eq(client_reload(c, &files, &err), PDB_EINVAL, "there is no such file");
	cr_assert_eq(ask(c, &took), PDB_OK, "what was is in force");
	cr_assert_eq(fake.accepted, before);
	fixture_write("token", token, sizeof(token) - 1);
	cr_assert_eq(client_reload(c, &files, &err), PDB_OK, "%s", err.text);
	cr_assert_eq(ask(c, &took), PDB_OK);
	cr_assert_eq(fake.accepted, before + 1, "over a new connection");
	client_close(&c);
}

Test(client, nobody_is_there)
{
	char absent[320];
	client *c;
	int64_t took = 0;

	pdb_log_set_level(PDB_LOG_ERROR);
	(void)snprintf(absent, sizeof(absent), "%s/absent", fixture_directory);
	c = open_client(absent, 300 * MS);
	cr_assert_eq(ask(c, &took), PDB_EUNAVAILABLE);
	cr_assert_lt(took, 600 * MS);
	client_close(&c);
}

Test(client, clear_text_to_others_is_refused)
{
	static const char *const bad[] = {"http://192.0.2.1:1", "http://kms.example:1",
					  "ftp://x:1",          "",
					  "http://127.0.0.1",   "relative"};
	client *c = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const client_params params = {.host = &fixture_host,
					      .endpoint = bad[i],
					      .files = {.token = ""},
					      .connections = 1};
		pdb_err err = {0};

		cr_assert_eq(client_open(&c, &params, &err), PDB_EINVAL, "%s", bad[i]);
		cr_assert_null(c);
	}
}
