/* SPDX-License-Identifier: Apache-2.0 */
/* What HTTP counts: requests, their time, connections, and what waits. */
#include "base/clock.h"
#include "http/http_private.h"
#include "measure/measure.h"

#define SERIES_MAX    4096u
#define STATUSES_MANY 12u /* different ones that a route may be expected to answer */

static const char *const request_labels[] = {"route", "method", "status", NULL};
static const char *const route_labels[] = {"route", "method", NULL};
static const char *const code_labels[] = {"code", NULL};
static const char *const reason_labels[] = {"reason", NULL};

/* -- read when somebody asks ------------------------------------------------------------------- */

static void read_connections(void *self, pdb_sample_fn sample, void *arg)
{
	pdb_http *http = self;

	sample(arg, NULL, (double)atomic_load(&http->connections));
}

static void read_most(void *self, pdb_sample_fn sample, void *arg)
{
	const pdb_http *http = self;

	sample(arg, NULL, (double)http->settings.connections_max);
}

static void read_buffered(void *self, pdb_sample_fn sample, void *arg)
{
	pdb_http *http = self;

	sample(arg, NULL, (double)atomic_load(&http->buffered));
}

static void read_buffered_most(void *self, pdb_sample_fn sample, void *arg)
{
	const pdb_http *http = self;

	sample(arg, NULL, (double)http->settings.buffered_max);
}

static void read_offloaded(void *self, pdb_sample_fn sample, void *arg)
{
	pdb_http *http = self;

	sample(arg, NULL, (double)atomic_load(&http->offloaded));
}

static void read_held(void *self, pdb_sample_fn sample, void *arg)
{
	pdb_http *http = self;
	size_t held = 0;

	for (size_t i = 0; i < http->loop_count; i++) {
		held += atomic_load_explicit(&http->loops[i]->held, memory_order_relaxed);
	}
	sample(arg, NULL, (double)held);
}

/* -- declared ---------------------------------------------------------------------------------- */

typedef struct declared {
	pdb_metric metric;
	size_t at; /* of the pdb_measure * in pdb_http_measures; SIZE_MAX = read */
} declared;

#define AT(field) offsetof(pdb_http_measures, field)
#define METRIC(kind_, name_, ...)                                                                  \
	{                                                                                          \
		.size = sizeof(pdb_metric), .kind = PDB_METRIC_##kind_,                            \
		.name = "progressdb_http_" name_, __VA_ARGS__                                      \
	}

static const declared table[] = {
	{METRIC(COUNTER, "requests", .labels = request_labels, .series_max = SERIES_MAX,
		.help = "Requests answered, by the pattern of their route."),
	 AT(requests)},
	{METRIC(HISTOGRAM, "request_duration_seconds", .unit = "seconds", .labels = route_labels,
		.series_max = 1024, .help = "Time from the last byte of a request to its answer."),
	 AT(durations)},
	{METRIC(COUNTER, "refusals", .labels = code_labels,
		.help = "Requests refused before they reached a route, by the code of the answer."),
	 AT(refusals)},
	{METRIC(COUNTER, "abandoned_requests",
		.help = "Requests whose client was gone before the answer."),
	 AT(abandoned)},
	{METRIC(COUNTER, "received_bytes", .unit = "bytes", .help = "Bodies of requests."),
	 AT(received)},
	{METRIC(COUNTER, "sent_bytes", .unit = "bytes", .help = "Bodies of answers."), AT(sent)},
	{METRIC(COUNTER, "connections_accepted", .help = "Connections that clients have opened."),
	 AT(accepted)},
	{METRIC(COUNTER, "accept_pauses", .labels = reason_labels,
		.help = "Times a loop stopped to accept: at server.max_connections, or without "
			"descriptors."),
	 AT(pauses)},
	{METRIC(COUNTER, "shed_requests", .labels = reason_labels,
		.help = "Requests answered with 503 because others waited too long: for the disk, "
			"for a worker, for memory, or for their turn in the loop."),
	 AT(shed)},
	{METRIC(GAUGE, "connections", .help = "Connections that are open.",
		.read = read_connections),
	 SIZE_MAX},
	{METRIC(GAUGE, "connections_max", .help = "Connections that are served at once.",
		.read = read_most),
	 SIZE_MAX},
	{METRIC(GAUGE, "buffered_bytes", .unit = "bytes",
		.help = "Memory of large bodies that arrive and large answers that leave.",
		.read = read_buffered),
	 SIZE_MAX},
	{METRIC(GAUGE, "buffered_max_bytes", .unit = "bytes",
		.help = "Memory that these may have; more are answered with 503.",
		.read = read_buffered_most),
	 SIZE_MAX},
	{METRIC(GAUGE, "offloaded_requests", .help = "Requests that wait for a worker or have one.",
		.read = read_offloaded),
	 SIZE_MAX},
	{METRIC(GAUGE, "held_answers", .help = "Answers that wait for their write to be on disk.",
		.read = read_held),
	 SIZE_MAX},
};

/* Every route is seen from the start, also the one that nobody has called. */
static void show_routes(const pdb_http *http)
{
	const pdb_socket_list *routes = &http->sockets->lists[PDB_SOCKET_ROUTE];

	for (size_t i = 0; i < routes->count; i++) {
		const pdb_route *route = routes->entries[i].ops;
		const char *values[] = {route->pattern, pdb_method_name(route->method)};

		(void)pdb_measure_series(http->measures.durations, values);
	}
}

static void show_reasons(const pdb_http *http)
{
	static const char *const pauses[] = {"connections", "descriptors"};
	static const char *const sheds[] = {"disk", "workers", "memory", "loop"};

	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		(void)pdb_measure_series(http->measures.pauses, &pauses[i]);
	}
	for (size_t i = 0; i < sizeof(sheds) / sizeof(sheds[0]); i++) {
		(void)pdb_measure_series(http->measures.shed, &sheds[i]);
	}
}

pdb_status pdb_http_measure(pdb_http *http, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]) && status == PDB_OK; i++) {
		pdb_measure *measure = NULL;

		status = pdb_measure_add("http", &table[i].metric, http, &measure, err);
		if (status == PDB_OK && table[i].at != SIZE_MAX) {
			memcpy((char *)&http->measures + table[i].at, &measure, sizeof(measure));
		}
	}
	show_routes(http);
	show_reasons(http);
	return status;
}

/* -- counted ----------------------------------------------------------------------------------- */

void pdb__count_accepted(const pdb_http *http)
{
	pdb_series_add(pdb_measure_series(http->measures.accepted, NULL), 1);
}

void pdb__count_pause(const pdb_http *http, const char *reason)
{
	pdb_series_add(pdb_measure_series(http->measures.pauses, &reason), 1);
}

void pdb__count_shed(const pdb_http *http, const char *reason)
{
	pdb_series_add(pdb_measure_series(http->measures.shed, &reason), 1);
}

static void count_refusal(const pdb_http *http, const pdb_request *request)
{
	pdb_series_add(pdb_measure_series(http->measures.refusals, &request->refusal.code), 1);
}

static void count_request(const pdb_http *http, const pdb_request *request)
{
	const pdb_route *route = request->match.route;
	char status[8];
	const char *values[] = {route != NULL ? route->pattern : PDB_OTHER,
				pdb_method_name(request->message.method), status};
	int64_t took = pdb_clock_monotonic() - request->begun;

	(void)snprintf(status, sizeof(status), "%d", request->status);
	pdb_series_add(pdb_measure_series(http->measures.requests, values), 1);
	pdb_series_observe(pdb_measure_series(http->measures.durations, values),
			   (double)took / (double)PDB_NS_PER_SECOND);
}

void pdb__count_answer(const pdb_request *request)
{
	const pdb_http *http = request->loop->http;

	if (http->measures.requests == NULL) {
		return;
	}
	if (request->refusal.code != NULL) {
		count_refusal(http, request);
	} else {
		count_request(http, request);
	}
	if (request->conn == NULL) {
		pdb_series_add(pdb_measure_series(http->measures.abandoned, NULL), 1);
	}
	pdb_series_add(pdb_measure_series(http->measures.received, NULL),
		       (double)request->message.body.len);
	pdb_series_add(pdb_measure_series(http->measures.sent, NULL), (double)request->answer.len);
}
