/* SPDX-License-Identifier: Apache-2.0 */
/* A server with routes for every way that HTTP can be asked to answer, for the tests beside it. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "http/http.h"
#include "plugin/sockets.h"

#define JOBS_MAX 8u

static pdb_http *http;
static atomic_uint_fast64_t handled;
static atomic_uint_fast64_t entered;    /* the first gate */
static atomic_uint_fast64_t left_first; /* that one, again */
static atomic_uint_fast64_t left_last;  /* the last gate */
static atomic_int last_left;            /* the status of the request that left last */
static atomic_uint jobs;
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_opened = PTHREAD_COND_INITIALIZER;
static unsigned slow_waiting;
static unsigned slow_released;

/* -- a pool of one thread per job, bounded --------------------------------------------------- */

typedef struct job {
	void (*run)(void *arg);
	void *arg;
} job;

static void *run_job(void *arg)
{
	job task = *(job *)arg;

	free(arg);
	task.run(task.arg);
	atomic_fetch_sub(&jobs, 1);
	return NULL;
}

static pdb_status offload(void *pool, void (*run)(void *arg), void *arg)
{
	job *task = malloc(sizeof(*task));
	pthread_t thread;

	(void)pool;
	if (task == NULL || atomic_fetch_add(&jobs, 1) >= JOBS_MAX) {
		atomic_fetch_sub(&jobs, 1);
		free(task);
		return PDB_EBUSY;
	}
	*task = (job){run, arg};
	if (pthread_create(&thread, NULL, run_job, task) != 0) {
		atomic_fetch_sub(&jobs, 1);
		free(task);
		return PDB_EBUSY;
	}
	(void)pthread_detach(thread);
	return PDB_OK;
}

/* -- handlers -------------------------------------------------------------------------------- */

static uint64_t number_of(pdb_request *request, const char *name)
{
	pdb_slice text;
	uint64_t number = 0;

	if (pdb_request_query(request, name, &text)) {
		(void)pdb_text_to_uint(text, &number);
	}
	return number;
}

static pdb_status echo(void *self, pdb_request *request, pdb_err *err)
{
	(void)self;
	(void)err;
	atomic_fetch_add(&handled, 1);
	return pdb_request_reply(request, 200, "application/octet-stream",
				 pdb_request_body(request));
}

static const struct {
	const char *name;
	const char *(*get)(const pdb_request *request);
} texts[] = {
	{"socket_peer", pdb_request_socket_peer},
	{"route", pdb_request_route},
	{"key", pdb_request_key},
	{"certificate", pdb_request_certificate},
	{"name", pdb_request_certificate_name},
};

static pdb_status show(void *self, pdb_request *request, pdb_err *err)
{
	pdb_buf *out = pdb_request_scratch(request);
	pdb_slice q = {0};
	pdb_slice header = {0};

	(void)self;
	(void)err;
	atomic_fetch_add(&handled, 1);
	(void)pdb_request_query(request, "q", &q);
	(void)pdb_request_header(request, "x-show", &header);
	pdb_buf_add_byte(out, '{');
	pdb_json_add_key(out, "id");
	pdb_json_add_string(out, pdb_request_param(request, "id"));
	pdb_json_add_key(out, "path");
	pdb_json_add_string(out, pdb_request_path(request));
	pdb_json_add_key(out, "q");
	pdb_json_add_string(out, q);
	pdb_json_add_key(out, "header");
	pdb_json_add_string(out, header);
	pdb_json_add_key(out, "peer");
	pdb_json_add_string(out, pdb_slice_text(pdb_request_peer(request)));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		pdb_json_add_key(out, texts[i].name);
		pdb_json_add_string(out, pdb_slice_text(texts[i].get(request)));
	}
	pdb_json_add_key(out, "admin");
	pdb_buf_add_text(out,
			 pdb_request_listener(request) == PDB_LISTENER_ADMIN ? "true" : "false");
	pdb_buf_add_byte(out, '}');
	return pdb_request_reply_buf(request, 200, NULL, out);
}

static pdb_status no_content(void *self, pdb_request *request, pdb_err *err)
{
	(void)self;
	(void)err;
	atomic_fetch_add(&handled, 1);
	return pdb_request_reply(request, 204, NULL, pdb_slice_of(NULL, 0));
}

static pdb_status big(void *self, pdb_request *request, pdb_err *err)
{
	pdb_buf *out = pdb_request_scratch(request);
	size_t size = (size_t)number_of(request, "size");

	(void)self;
	(void)err;
	atomic_fetch_add(&handled, 1);
	if (pdb_buf_reserve(out, size)) {
		memset(out->data, 'x', size);
		out->len = size;
	}
	return pdb_request_reply_buf(request, 200, "text/plain", out);
}

/* Runs again on a worker, and there waits until /release was asked for. */
static pdb_status slow(void *self, pdb_request *request, pdb_err *err)
{
	pdb_status status = pdb_request_may_block(request);

	(void)self;
	(void)err;
	(void)pdb_request_add_header(request, "X-Tried", "1");
	if (status != PDB_OK) {
		return status;
	}
	atomic_fetch_add(&handled, 1);
	(void)pthread_mutex_lock(&gate_lock);
	slow_waiting++;
	while (slow_released == 0) {
		(void)pthread_cond_wait(&gate_opened, &gate_lock);
	}
	slow_released--;
	slow_waiting--;
	(void)pthread_mutex_unlock(&gate_lock);
	pdb_request_hold(request, number_of(request, "ticket"));
	return pdb_request_reply(request, 200, "text/plain", PDB_SLICE("slow"));
}

static pdb_status release_slow(void *self, pdb_request *request, pdb_err *err)
{
	char text[32];

	(void)self;
	(void)err;
	(void)pthread_mutex_lock(&gate_lock);
	(void)snprintf(text, sizeof(text), "%u", slow_waiting);
	slow_released += (unsigned)number_of(request, "count");
	(void)pthread_cond_broadcast(&gate_opened);
	(void)pthread_mutex_unlock(&gate_lock);
	return pdb_request_reply(request, 200, "text/plain", pdb_slice_text(text));
}

static pdb_status hold(void *self, pdb_request *request, pdb_err *err)
{
	(void)self;
	(void)err;
	atomic_fetch_add(&handled, 1);
	pdb_request_hold(request, number_of(request, "ticket"));
	return pdb_request_reply(request, 200, "text/plain", PDB_SLICE("held"));
}

static pdb_status publish(void *self, pdb_request *request, pdb_err *err)
{
	(void)self;
	(void)err;
	pdb_http_publish(http, number_of(request, "ticket"));
	return pdb_request_reply(request, 200, NULL, PDB_SLICE("{}"));
}

static pdb_status fail(void *self, pdb_request *request, pdb_err *err)
{
	(void)self;
	atomic_fetch_add(&handled, 1);
	switch (number_of(request, "how")) {
	case 1:
		return pdb_err_set(err, PDB_EBACKEND, NULL, "the engine in /var/secret broke");
	case 2:
		(void)pdb_err_set(err, PDB_EINVAL, "bad_thing", "The thing is bad.");
		return pdb_err_at(err, "/thing/0");
	case 3:
		return pdb_err_set(err, PDB_EUNAVAILABLE, "kms_down", "the key service is down");
	case 4:
		return PDB_OK; /* and no answer */
	case 5:
		return PDB_EOFFLOAD; /* for ever */
	default:
		return PDB_ENOTFOUND;
	}
}

static pdb_status stats(void *self, pdb_request *request, pdb_err *err)
{
	pdb_http_counts counts;
	char text[256];

	(void)self;
	(void)err;
	pdb_http_counts_read(http, &counts);
	(void)snprintf(text, sizeof(text),
		       "{\"handled\":%llu,\"requests\":%llu,\"refused\":%llu,\"connections\":%llu,"
		       "\"entered\":%llu,\"left_first\":%llu,\"left_last\":%llu,\"last_left\":%d}",
		       (unsigned long long)atomic_load(&handled),
		       (unsigned long long)counts.requests, (unsigned long long)counts.refused,
		       (unsigned long long)counts.connections,
		       (unsigned long long)atomic_load(&entered),
		       (unsigned long long)atomic_load(&left_first),
		       (unsigned long long)atomic_load(&left_last), atomic_load(&last_left));
	return pdb_request_reply(request, 200, NULL, pdb_slice_text(text));
}

/* -- a gate ------------------------------------------------------------------------------------ */

static pdb_role role_of(pdb_slice name)
{
	if (pdb_slice_is(name, "admin")) {
		return PDB_ROLE_ADMIN;
	}
	return pdb_slice_is(name, "backend") ? PDB_ROLE_BACKEND : PDB_ROLE_FRONTEND;
}

static pdb_status enter(void *self, pdb_request *request, pdb_err *err)
{
	pdb_slice value;

	(void)self;
	if (pdb_request_header(request, "x-deny", &value)) {
		(void)pdb_request_add_header(request, "Retry-After", "7");
		return pdb_err_set(err, PDB_ETOOMANY, NULL, "Slow down.");
	}
	if (pdb_request_header(request, "x-answer", &value)) {
		return pdb_request_reply(request, 204, NULL, pdb_slice_of(NULL, 0));
	}
	if (pdb_request_header(request, "x-role", &value)) {
		return pdb_request_set_identity(request, role_of(value), "test",
						PDB_SLICE("someone"));
	}
	return PDB_OK;
}

static void decorate(void *self, pdb_request *request)
{
	(void)self;
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", pdb_request_status(request));
	(void)pdb_request_add_header(request, "X-Gate", "seen");
	(void)pdb_request_add_header(request, "X-Gate-Status", text);
	(void)pdb_request_add_header(request, "X-Gate-Route", pdb_request_route(request));
}

static void leave(void *self, pdb_request *request)
{
	atomic_fetch_add((atomic_uint_fast64_t *)self, 1);
	atomic_store(&last_left, pdb_request_status(request));
}

static const pdb_gate gate = {sizeof(gate), PDB_PHASE_IDENTITY, "test", enter, decorate, leave};

static pdb_status enter_first(void *self, pdb_request *request, pdb_err *err)
{
	pdb_slice value;

	(void)self;
	(void)err;
	atomic_fetch_add(&entered, 1);
	if (pdb_request_header(request, "x-peer", &value)) {
		char text[80];

		(void)snprintf(text, sizeof(text), "%.*s", PDB_SLICE_ARGS(value));
		return pdb_request_set_peer(request, text);
	}
	return PDB_OK;
}

static const pdb_gate first = {sizeof(first), PDB_PHASE_TRACE, "first", enter_first, NULL, leave};

/* As ABI 1.0 had it; what lies behind its end must not be called. */
static void never(void *self, pdb_request *request)
{
	(void)self;
	(void)request;
	abort();
}

static pdb_status pass(void *self, pdb_request *request, pdb_err *err)
{
	(void)self;
	(void)request;
	(void)err;
	return PDB_OK;
}

static const pdb_gate old = {offsetof(pdb_gate, leave), PDB_PHASE_ORIGIN, "old", pass, NULL, never};

#define ROUTE(method, pattern, roles, flags, handler)                                              \
	{                                                                                          \
		sizeof(pdb_route), PDB_METHOD_##method, pattern, roles, flags, handler             \
	}

static const pdb_route routes[] = {
	ROUTE(POST, "/echo", PDB_ROLES_PUBLIC, 0, echo),
	ROUTE(PUT, "/echo", PDB_ROLES_PUBLIC, 0, echo),
	ROUTE(DELETE, "/echo", PDB_ROLES_PUBLIC, 0, echo),
	ROUTE(GET, "/echo", PDB_ROLES_PUBLIC, 0, echo),
	ROUTE(GET, "/", PDB_ROLES_PUBLIC, 0, show),
	ROUTE(GET, "/items/{id}", PDB_ROLES_PUBLIC, 0, show),
	ROUTE(DELETE, "/items/{id}", PDB_ROLES_PUBLIC, 0, no_content),
	ROUTE(GET, "/files/{*id}", PDB_ROLES_PUBLIC, 0, show),
	ROUTE(GET, "/private", PDB_ROLE_BACKEND, 0, show),
	ROUTE(GET, "/members", PDB_ROLE_BACKEND | PDB_ROLE_FRONTEND, 0, show),
	ROUTE(GET, "/admin/{id}", PDB_ROLE_ADMIN, 0, show),
	ROUTE(GET, "/healthz", PDB_ROLES_PUBLIC, 0, show),
	ROUTE(GET, "/big", PDB_ROLES_PUBLIC, 0, big),
	ROUTE(GET, "/slow", PDB_ROLES_PUBLIC, 0, slow),
	ROUTE(GET, "/blocking", PDB_ROLES_PUBLIC, PDB_ROUTE_BLOCKING, slow),
	ROUTE(POST, "/release", PDB_ROLES_PUBLIC, 0, release_slow),
	ROUTE(GET, "/hold", PDB_ROLES_PUBLIC, 0, hold),
	ROUTE(POST, "/publish", PDB_ROLES_PUBLIC, 0, publish),
	ROUTE(GET, "/fail", PDB_ROLES_PUBLIC, 0, fail),
	ROUTE(GET, "/stats", PDB_ROLES_PUBLIC, 0, stats),
};

static int64_t flag_of(int argc, char **argv, const char *name, int64_t fallback)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], name) == 0) {
			return strtoll(argv[i + 1], NULL, 10);
		}
	}
	return fallback;
}

static const char *text_of(int argc, char **argv, const char *name)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], name) == 0) {
			return argv[i + 1];
		}
	}
	return "";
}

static pdb_status plug_in(pdb_sockets *sockets, pdb_err *err)
{
	pdb_status status =
		pdb_sockets_add(sockets, PDB_SOCKET_GATE, "test", &gate, &left_last, err);

	if (status == PDB_OK) {
		status =
			pdb_sockets_add(sockets, PDB_SOCKET_GATE, "test", &first, &left_first, err);
	}
	if (status == PDB_OK) {
		status = pdb_sockets_add(sockets, PDB_SOCKET_GATE, "test", &old, NULL, err);
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]) && status == PDB_OK; i++) {
		status = pdb_sockets_add(sockets, PDB_SOCKET_ROUTE, "test", &routes[i], NULL, err);
	}
	return status;
}

int main(int argc, char **argv)
{
	static pdb_sockets sockets;
	const int64_t ms = 1000000;
	pdb_err err = {0};
	pdb_status status;
	sigset_t signals;
	int signal_number = 0;
	const char *networks[] = {text_of(argc, argv, "--proxy-from")};
	char place[256] = "";
	pdb_http_settings settings = {
		.address = "127.0.0.1",
		.port = flag_of(argc, argv, "--port", 0),
		.loops = flag_of(argc, argv, "--loops", 1),
		.body_max = flag_of(argc, argv, "--body-max", 1048576),
		.header_max = flag_of(argc, argv, "--header-max", 16384),
		.header_timeout = flag_of(argc, argv, "--header-timeout", 10000) * ms,
		.body_timeout = flag_of(argc, argv, "--body-timeout", 30000) * ms,
		.idle_timeout = flag_of(argc, argv, "--idle-timeout", 60000) * ms,
		.connections_max = flag_of(argc, argv, "--connections", 10000),
		.tls_cert_file = text_of(argc, argv, "--cert"),
		.tls_key_file = text_of(argc, argv, "--key"),
		.tls_min_version = flag_of(argc, argv, "--min-version", PDB_TLS_1_2),
		.tls_client_ca_file = text_of(argc, argv, "--client-ca"),
		.certificates_backend = flag_of(argc, argv, "--certificates-backend", 0),
		.certificates_admin = flag_of(argc, argv, "--certificates-admin", 0),
		.proxy_protocol = flag_of(argc, argv, "--proxy", 0) != 0,
		.proxy_from = {networks, text_of(argc, argv, "--proxy-from")[0] != '\0'},
		.admin_listen = text_of(argc, argv, "--admin-listen"),
		.admin_proxy_protocol = flag_of(argc, argv, "--admin-proxy", 0) != 0,
		.admin_socket_mode = text_of(argc, argv, "--socket-mode"),
		.admin_socket_group = text_of(argc, argv, "--socket-group"),
	};

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	pdb_log_set_level(PDB_LOG_ERROR);
	status = plug_in(&sockets, &err);
	if (status == PDB_OK) {
		status = pdb_http_create(&http, &settings, &sockets, offload, NULL, &err);
	}
	if (status == PDB_OK) {
		status = pdb_http_start(http, &err);
	}
	if (status != PDB_OK) {
		(void)fprintf(stderr, "%s\n", err.text);
	} else {
		for (int64_t i = flag_of(argc, argv, "--waste", 0); i > 0; i--) {
			(void)!dup(0); /* descriptors that are then not there for connections */
		}
		(void)pdb_http_place(http, PDB_LISTENER_ADMIN, place, sizeof(place));
		(void)printf("%d %s\n", pdb_http_port(http), place);
		(void)fflush(stdout);
		while (sigwait(&signals, &signal_number) == 0 && signal_number == SIGHUP) {
			(void)printf("%d\n", (int)pdb_http_reload(http, &settings, &err));
			(void)fflush(stdout);
		}
		status = pdb_http_stop(http, flag_of(argc, argv, "--stop", 5000) * ms);
	}
	pdb_http_destroy(&http);
	pdb_sockets_fini(&sockets);
	if (atomic_load(&left_first) != atomic_load(&entered)) {
		return 4; /* a request was left twice, or never */
	}
	return status == PDB_OK ? 0 : (status == PDB_ETIMEOUT ? 3 : 1);
}
