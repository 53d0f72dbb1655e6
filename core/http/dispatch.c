/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a request: route, gates, role, handler, and to a worker when it must block. */
#include "base/log.h"
#include "base/text.h"
#include "http/http_private.h"

static void clear_err(pdb_err *err)
{
	err->status = PDB_OK;
	err->code = NULL;
	err->field[0] = '\0';
	err->text[0] = '\0';
}

static void refuse(pdb_request *request, pdb_status status)
{
	pdb_err err;

	clear_err(&err);
	pdb__answer_error(request, status, &err);
}

/* True when the request goes on. */
static bool pass_gates(pdb_request *request)
{
	const pdb_socket_list *gates = &request->loop->http->sockets->lists[PDB_SOCKET_GATE];
	pdb_err err;

	for (size_t i = 0; i < gates->count; i++) {
		const pdb_gate *gate = gates->entries[i].ops;
		pdb_status status;

		clear_err(&err);
		request->entered = i + 1;
		status = gate->enter(gates->entries[i].self, request, &err);
		if (status != PDB_OK) {
			pdb__answer_error(request, status, &err);
			return false;
		}
		if (request->answered) {
			return false;
		}
	}
	return true;
}

void pdb__request_leave(pdb_request *request)
{
	const pdb_socket_list *gates = &request->loop->http->sockets->lists[PDB_SOCKET_GATE];

	pdb_log_set_request(request->id);
	for (; request->entered > 0; request->entered--) {
		const pdb_socket_entry *entry = &gates->entries[request->entered - 1];
		const pdb_gate *gate = entry->ops;

		if (PDB_HAS(gate, leave)) {
			gate->leave(entry->self, request);
		}
	}
	pdb_log_set_request(NULL);
}

static void add_allow(pdb_request *request, uint32_t methods)
{
	char text[PDB_ALLOW_MAX];

	pdb_allow_text(methods | PDB_METHOD_OPTIONS, text);
	(void)pdb_request_add_header(request, "Allow", text);
}

static void answer_options(pdb_request *request, uint32_t methods)
{
	add_allow(request, methods);
	if (pdb_request_reply(request, 204, NULL, pdb_slice_of(NULL, 0)) != PDB_OK) {
		refuse(request, PDB_ENOMEM);
	}
}

/* What the administrators' listener offers, by the first segment of the path. */
static const char *const admin_segments[] = {"admin",  "metrics", "healthz",     "readyz",
					     "viewer", "docs",    "openapi.yaml"};

static pdb_slice first_segment(pdb_slice path)
{
	const uint8_t *end;

	path = pdb_slice_skip(path, 1);
	end = path.len > 0 ? memchr(path.ptr, '/', path.len) : NULL;
	return pdb_slice_of(path.ptr, end != NULL ? (size_t)(end - path.ptr) : path.len);
}

/* With a listener for administrators, /admin is there alone, and little else is. */
static bool offered_here(const pdb_request *request)
{
	pdb_slice segment = first_segment(pdb_request_path(request));

	if (request->loop->http->place_count < 2) {
		return true;
	}
	if (request->entrance == PDB_LISTENER_MAIN) {
		return !pdb_slice_is(segment, "admin");
	}
	for (size_t i = 0; i < sizeof(admin_segments) / sizeof(admin_segments[0]); i++) {
		if (pdb_slice_is(segment, admin_segments[i])) {
			return true;
		}
	}
	return false;
}

/* Gates may ask for the route, so it is found before them; that there is none is said later. */
static void find_route(pdb_request *request)
{
	if (!request->message.asterisk && offered_here(request)) {
		pdb_router_find(request->loop->http->router, request->message.method,
				pdb_request_path(request), &request->match);
	}
}

/* True when there is a route; answers otherwise. */
static bool has_route(pdb_request *request)
{
	pdb_method method = request->message.method;

	if (request->match.route != NULL) {
		return true;
	}
	if (request->message.asterisk) {
		answer_options(request, 0x7f);
	} else if (request->match.allowed == 0) {
		refuse(request, PDB_ENOTFOUND);
	} else if (method == PDB_METHOD_OPTIONS) {
		answer_options(request, request->match.allowed);
	} else {
		add_allow(request, request->match.allowed);
		refuse(request, PDB_EMETHOD);
	}
	return false;
}

static bool check_role(pdb_request *request)
{
	uint32_t roles = request->match.route->roles;

	if ((roles & PDB_ROLES_PUBLIC) != 0 || (roles & (uint32_t)request->role) != 0) {
		return true;
	}
	refuse(request, request->role == PDB_ROLE_NONE ? PDB_EUNAUTHENTICATED : PDB_EDENIED);
	return false;
}

static int certificate_mode(const pdb_request *request)
{
	pdb_http *http = request->loop->http;

	switch (request->role) {
	case PDB_ROLE_BACKEND:
		return atomic_load_explicit(&http->certificates_backend, memory_order_relaxed);
	case PDB_ROLE_ADMIN:
		return atomic_load_explicit(&http->certificates_admin, memory_order_relaxed);
	default:
		return PDB_CERTIFICATE_OFF;
	}
}

/* Who is let in at a local socket is decided by its file's mode. */
static bool check_certificate(pdb_request *request)
{
	pdb_err err;

	if (certificate_mode(request) != PDB_CERTIFICATE_REQUIRED || request->local ||
	    request->certificate[0] != '\0' ||
	    (request->match.route->roles & PDB_ROLES_PUBLIC) != 0) {
		return true;
	}
	clear_err(&err);
	pdb__answer_error(request,
			  pdb_err_set(&err, PDB_EDENIED, "client_certificate_required",
				      "Callers of this role must show a client certificate."),
			  &err);
	return false;
}

/* Nothing here unpacks a body: told by its coding, not by how its bytes look as JSON. */
static bool check_coding(pdb_request *request)
{
	pdb_slice coding;
	pdb_err err;

	for (size_t i = 0; request->message.body.len > 0 &&
			   pdb_request_header_at(request, "Content-Encoding", i, &coding);
	     i++) {
		if (coding.len == 0 || pdb_text_equal_nocase(coding, PDB_SLICE("identity"))) {
			continue;
		}
		clear_err(&err);
		(void)pdb_request_add_header(request, "Accept-Encoding", "identity");
		(void)pdb_err_set(&err, PDB_EMEDIA, "content_coding_unknown",
				  "The body must not be compressed: no Content-Encoding is known.");
		pdb__answer_error(request, PDB_EMEDIA, &err);
		return false;
	}
	return true;
}

static bool check_load(pdb_request *request)
{
	const char *reason = pdb__overload_of(request);

	if (reason == NULL) {
		return true;
	}
	pdb__count_shed(request->loop->http, reason);
	refuse(request, PDB_EBUSY);
	return false;
}

/* What only reads has done nothing that a client would have to know of; who may not ask for much by
 * his role is not kept from looking. */
static bool may_shed(const pdb_request *request)
{
	const uint32_t reads = (uint32_t)PDB_METHOD_GET | (uint32_t)PDB_METHOD_HEAD;
	const uint32_t many = PDB_ROLE_FRONTEND | PDB_ROLES_PUBLIC;

	return ((uint32_t)request->message.method & reads) != 0 &&
	       (request->match.route->roles & many) != 0;
}

/* Runs the handler; PDB_EOFFLOAD when it must be run on a worker, with nothing answered yet. */
static pdb_status handle(pdb_request *request)
{
	size_t keep = request->header_count;
	pdb_status status;
	pdb_err err;

	clear_err(&err);
	status = request->match.route->handle(request->match.self, request, &err);
	if (status == PDB_EOFFLOAD && !request->on_worker) {
		pdb__request_unanswer(request, keep);
		return PDB_EOFFLOAD;
	}
	if (status == PDB_OK && !request->answered) {
		status = pdb_err_set(&err, PDB_EINTERNAL, NULL, "the handler of %s gave no answer",
				     request->match.route->pattern);
	}
	if (status != PDB_OK) {
		pdb__answer_error(request, status, &err);
	}
	if (!pdb__buffered_fits(request) && may_shed(request)) {
		pdb__buffered_drop(request);
		pdb__request_unanswer(request, keep);
		refuse(request, PDB_EBUSY);
	}
	return PDB_OK;
}

static void run_on_worker(void *arg)
{
	pdb_request *request = arg;
	pdb_loop *loop = request->loop;
	pdb_http *http = loop->http;

	request->on_worker = true;
	pdb_log_set_request(request->id);
	(void)handle(request);
	pdb_log_set_request(NULL);
	pdb__loop_post(loop, request);
	/* The last thing that this thread does with the server. */
	(void)atomic_fetch_sub(&http->offloaded, 1);
}

/* True when a worker will run it. */
static bool offload(pdb_request *request)
{
	pdb_http *http = request->loop->http;
	pdb_status status = PDB_EBUSY;

	request->parked = true;
	(void)atomic_fetch_add(&http->offloaded, 1);
	if (http->offload != NULL) {
		status = http->offload(http->pool, run_on_worker, request);
	}
	if (status == PDB_OK) {
		return true;
	}
	(void)atomic_fetch_sub(&http->offloaded, 1);
	request->parked = false;
	pdb__count_shed(http, "workers");
	refuse(request, status);
	return false;
}

/* True when a worker has it now. */
static bool run(pdb_request *request)
{
	bool blocking;

	find_route(request);
	if (!pass_gates(request) || !has_route(request) || !check_role(request) ||
	    !check_certificate(request) || !check_coding(request) || !check_load(request)) {
		return false;
	}
	blocking = (request->match.route->flags & PDB_ROUTE_BLOCKING) != 0;
	return (blocking || handle(request) == PDB_EOFFLOAD) && offload(request);
}

void pdb__request_run(pdb_request *request)
{
	bool gone;

	pdb_log_set_request(request->id);
	gone = run(request);
	pdb_log_set_request(NULL);
	if (!gone) {
		pdb__loop_finish(request->loop, request);
	}
}
