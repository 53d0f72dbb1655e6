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

static bool is_set(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static pdb_status add_main(pdb_http *http, pdb_err *err)
{
	pdb_place *place = &http->places[http->place_count++];
	pdb_status status =
		pdb__place_parse(place, http->settings.address, (int)http->settings.port, err);

	if (status == PDB_OK && place->path != NULL) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "a local socket is only for admin.listen");
	}
	place->entrance = PDB_LISTENER_MAIN;
	place->secure = http->secure;
	place->proxied = http->settings.proxy_protocol;
	return status;
}

static pdb_status add_admin(pdb_http *http, pdb_err *err)
{
	const pdb_http_settings *settings = &http->settings;
	pdb_place *place = &http->places[http->place_count++];
	const char *mode = settings->admin_socket_mode;
	pdb_status status = pdb__place_parse(place, settings->admin_listen, -1, err);

	place->entrance = PDB_LISTENER_ADMIN;
	place->secure = http->secure && place->path == NULL;
	place->proxied = settings->admin_proxy_protocol;
	place->has_group = is_set(settings->admin_socket_group);
	if (status == PDB_OK && !pdb__local_mode(is_set(mode) ? mode : "0600", &place->mode)) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "\"%s\" is no file mode", mode);
	}
	if (status == PDB_OK && place->has_group &&
	    !pdb__local_group(settings->admin_socket_group, &place->group)) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "there is no group \"%s\"",
				   settings->admin_socket_group);
	}
	return status;
}

static pdb_status add_proxies(pdb_http *http, pdb_err *err)
{
	pdb_option_list list = http->settings.proxy_from;

	if (list.count == 0) {
		return PDB_OK;
	}
	http->proxies = pdb_mem_zalloc(list.count * sizeof(*http->proxies));
	if (http->proxies == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for HTTP");
	}
	for (; http->proxy_count < list.count; http->proxy_count++) {
		const char *text = list.items[http->proxy_count];

		if (!pdb_network_parse(&http->proxies[http->proxy_count], text)) {
			return pdb_err_set(err, PDB_EINVAL, NULL, "\"%s\" is no network", text);
		}
	}
	return PDB_OK;
}

static pdb_status add_places(pdb_http *http, pdb_err *err)
{
	pdb_status status = add_main(http, err);

	if (status == PDB_OK && is_set(http->settings.admin_listen)) {
		status = add_admin(http, err);
	}
	return status == PDB_OK ? add_proxies(http, err) : status;
}

static pdb_status prepare(pdb_http *http, pdb_err *err)
{
	pdb_status status;

	http->limits = (pdb_guard_limits){.target_max = TARGET_MAX,
					  .header_max = (size_t)http->settings.header_max,
					  .fields_max = PDB_FIELDS_MAX,
					  .body_max = (size_t)http->settings.body_max};
	pdb_random(&http->id_prefix, sizeof(http->id_prefix));
	status = pdb__tls_prepare(http, err);
	if (status == PDB_OK) {
		status = add_places(http, err);
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
	pdb__trace_use(http, settings);
	(void)pthread_mutex_init(&http->tls_lock, NULL);
	for (size_t i = 0; i < PDB_PLACES_MAX; i++) {
		http->places[i].lock_fd = -1;
	}
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

/* Sockets that share a port would let a second server start unnoticed beside this one. */
static pdb_status probe(const pdb_http *http, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < http->place_count && status == PDB_OK; i++) {
		const pdb_place *place = &http->places[i];

		if (place->path == NULL) {
			status = pdb__listen_probe(place->host, place->port, err);
		}
	}
	return status;
}

pdb_status pdb_http_start(pdb_http *http, pdb_err *err)
{
	size_t count = http->settings.loops > 0 ? (size_t)http->settings.loops : core_count();
	pdb_status status;

	(void)signal(SIGPIPE, SIG_IGN);
	cap_connections(http);
	status = probe(http, err);
	if (status == PDB_OK) {
		status = make_loops(http, count, err);
	}
	for (size_t i = 0; status == PDB_OK && i < http->loop_count; i++) {
		status = pdb__loop_start(http->loops[i], err);
	}
	return status;
}

pdb_status pdb_http_place(const pdb_http *http, pdb_entrance entrance, char *out, size_t size)
{
	for (size_t i = 0; i < http->place_count; i++) {
		if (http->places[i].entrance == entrance) {
			return pdb__place_text(&http->places[i], out, size);
		}
	}
	return PDB_ENOTFOUND;
}

int pdb_http_port(const pdb_http *http)
{
	return http->places[0].port;
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
	for (size_t i = 0; i < http->place_count; i++) {
		pdb__place_fini(&http->places[i]);
	}
	pdb_mem_free(http->proxies);
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
