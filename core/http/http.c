/* SPDX-License-Identifier: Apache-2.0 */
/* The server as a whole: made, started, told what is durable, stopped. */
#include "http/http.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/http_private.h"

#define TARGET_MAX  8192u
#define RESERVE_MAX 512u /* descriptors that connections leave alone */

static size_t core_count(void)
{
	cpu_set_t set;
	long online;

	if (sched_getaffinity(0, sizeof(set), &set) == 0) {
		return (size_t)CPU_COUNT(&set);
	}
	online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 0 ? (size_t)online : 1;
}

/* "host:port" and "[host]:port"; a bare IPv6 address has more than one colon. */
static pdb_status split_address(pdb_http *http, const char *text, pdb_err *err)
{
	const char *colon = strrchr(text, ':');
	pdb_slice host = pdb_slice_text(text);
	uint64_t port = 0;

	if (colon != NULL && (text[0] == '[' ? colon[-1] == ']' : strchr(text, ':') == colon)) {
		if (!pdb_text_to_uint(pdb_slice_text(colon + 1), &port) || port > 65535) {
			return pdb_err_set(err, PDB_EINVAL, NULL, "\"%s\" has no valid port", text);
		}
		host.len = (size_t)(colon - text);
		http->port = (int)port;
	}
	if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
		host = pdb_slice_of(host.ptr + 1, host.len - 2);
	}
	http->address = pdb_mem_text_of(host);
	return http->address != NULL ? PDB_OK
				     : pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for HTTP");
}

static pdb_status prepare_tls(pdb_http *http, pdb_err *err)
{
	const char *cert = http->settings.tls_cert_file;
	const char *key = http->settings.tls_key_file;
	bool has_cert = cert != NULL && cert[0] != '\0';
	bool has_key = key != NULL && key[0] != '\0';

	if (has_cert != has_key) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "TLS needs both a certificate and its key");
	}
	http->secure = has_cert;
	return has_cert ? pdb__tls_create(&http->tls, cert, key, err) : PDB_OK;
}

static pdb_status prepare(pdb_http *http, pdb_err *err)
{
	pdb_status status;

	http->limits = (pdb_guard_limits){.target_max = TARGET_MAX,
					  .header_max = (size_t)http->settings.header_max,
					  .fields_max = PDB_FIELDS_MAX,
					  .body_max = (size_t)http->settings.body_max};
	http->port = (int)http->settings.port;
	pdb_random(&http->id_prefix, sizeof(http->id_prefix));
	status = split_address(http, http->settings.address, err);
	if (status == PDB_OK) {
		status = prepare_tls(http, err);
	}
	if (status == PDB_OK) {
		status = pdb_router_create(&http->router, &http->sockets->lists[PDB_SOCKET_ROUTE],
					   err);
	}
	return status;
}

pdb_status pdb_http_create(pdb_http **out, const pdb_http_settings *settings,
			   const struct pdb_sockets *sockets, pdb_offload_fn offload, void *pool,
			   pdb_err *err)
{
	pdb_http *http;
	pdb_status status;

	*out = NULL;
	pdb__library_prepare();
	http = pdb_mem_zalloc(sizeof(*http));
	if (http == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for HTTP");
	}
	http->settings = *settings;
	http->sockets = sockets;
	http->offload = offload;
	http->pool = pool;
	(void)pthread_mutex_init(&http->tls_lock, NULL);
	status = prepare(http, err);
	if (status != PDB_OK) {
		pdb_http_destroy(&http);
	}
	*out = http;
	return status;
}

static pdb_status make_loops(pdb_http *http, size_t count, pdb_err *err)
{
	http->loops = pdb_mem_zalloc(count * sizeof(pdb_loop *));
	if (http->loops == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the loops");
	}
	for (size_t i = 0; i < count; i++) {
		pdb_status status = pdb__loop_create(&http->loops[i], http, (unsigned)i, err);

		if (status != PDB_OK) {
			return status;
		}
		http->loop_count++;
	}
	return PDB_OK;
}

/* Connections must not take the descriptors that the storage engine needs: it would not survive. */
static void cap_connections(pdb_http *http)
{
	struct rlimit limit;
	rlim_t reserve;
	int64_t most;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
		return;
	}
	reserve = limit.rlim_cur / 4 < RESERVE_MAX ? limit.rlim_cur / 4 : RESERVE_MAX;
	most = (int64_t)(limit.rlim_cur - reserve);
	if (http->settings.connections_max > most) {
		pdb_log(PDB_LOG_WARN, "http",
			"serves at most %lld connections, because only %lld descriptors are "
			"allowed",
			(long long)most, (long long)limit.rlim_cur);
		http->settings.connections_max = most;
	}
}

pdb_status pdb_http_start(pdb_http *http, pdb_err *err)
{
	size_t count = http->settings.loops > 0 ? (size_t)http->settings.loops : core_count();
	pdb_status status;

	(void)signal(SIGPIPE, SIG_IGN);
	cap_connections(http);
	status = pdb__listen_probe(http->address, http->port, err);
	if (status == PDB_OK) {
		status = make_loops(http, count, err);
	}
	for (size_t i = 0; status == PDB_OK && i < http->loop_count; i++) {
		status = pdb__loop_start(http->loops[i], err);
	}
	return status;
}

const char *pdb_http_host(const pdb_http *http)
{
	return http->address;
}

int pdb_http_port(const pdb_http *http)
{
	return http->port;
}

void pdb_http_publish(void *arg, uint64_t ticket)
{
	pdb_http *http = arg;
	uint64_t old = atomic_load(&http->published);

	while (old < ticket && !atomic_compare_exchange_weak(&http->published, &old, ticket)) {
	}
	for (size_t i = 0; i < http->loop_count; i++) {
		if (atomic_exchange(&http->loops[i]->has_waiting, false)) {
			pdb__loop_wake(http->loops[i]);
		}
	}
}

static void wake_all(pdb_http *http)
{
	for (size_t i = 0; i < http->loop_count; i++) {
		pdb__loop_wake(http->loops[i]);
	}
}

static void deadline_after(struct timespec *at, int64_t timeout)
{
	(void)clock_gettime(CLOCK_REALTIME, at);
	at->tv_sec += timeout / PDB_NS_PER_SECOND;
	at->tv_nsec += timeout % PDB_NS_PER_SECOND;
	if (at->tv_nsec >= PDB_NS_PER_SECOND) {
		at->tv_sec++;
		at->tv_nsec -= PDB_NS_PER_SECOND;
	}
}

pdb_status pdb_http_stop(pdb_http *http, int64_t timeout)
{
	pdb_status status = PDB_OK;
	struct timespec until;

	deadline_after(&until, timeout);
	atomic_store(&http->stopping, true);
	wake_all(http);
	for (size_t i = 0; i < http->loop_count; i++) {
		pdb_loop *loop = http->loops[i];

		if (!loop->running) {
			continue;
		}
		if (pthread_timedjoin_np(loop->thread, NULL, &until) != 0) {
			status = PDB_ETIMEOUT;
			atomic_store(&http->giving_up, true);
			pdb__loop_wake(loop);
			(void)pthread_join(loop->thread, NULL);
		}
		loop->running = false;
	}
	return status;
}

void pdb_http_destroy(pdb_http **out)
{
	pdb_http *http = *out;
	struct timespec pause = {0, 1000000};

	if (http == NULL) {
		return;
	}
	(void)pdb_http_stop(http, 0);
	while (atomic_load(&http->offloaded) > 0) {
		(void)nanosleep(&pause, NULL);
	}
	for (size_t i = 0; i < http->loop_count; i++) {
		pdb__loop_destroy(&http->loops[i]);
	}
	pdb_mem_free(http->loops);
	pdb_router_destroy(&http->router);
	if (http->tls != NULL) {
		SSL_CTX_free(http->tls);
	}
	(void)pthread_mutex_destroy(&http->tls_lock);
	pdb_mem_free(http->address);
	pdb_mem_free(http);
	*out = NULL;
}

void pdb_http_counts_read(pdb_http *http, pdb_http_counts *out)
{
	*out = (pdb_http_counts){.connections = atomic_load(&http->connections)};
	for (size_t i = 0; i < http->loop_count; i++) {
		out->requests +=
			atomic_load_explicit(&http->loops[i]->requests, memory_order_relaxed);
		out->refused +=
			atomic_load_explicit(&http->loops[i]->refused, memory_order_relaxed);
	}
}
