/* SPDX-License-Identifier: Apache-2.0 */
/* Lines about requests: the access log, and those that took long. */
#include "base/clock.h"
#include "base/log.h"
#include "http/http_private.h"

#define FIELDS_MAX 12u

typedef struct trace {
	pdb_log_field fields[FIELDS_MAX];
	size_t count;
	char status[8];
	char took[32];
	char received[24];
	char sent[24];
} trace;

void pdb__trace_use(pdb_http *http, const pdb_http_settings *settings)
{
	atomic_store(&http->trace_access, settings->access_log);
	atomic_store(&http->trace_slow, settings->slow_request);
}

static void add(trace *to, const char *name, pdb_slice text, bool number)
{
	to->fields[to->count++] = (pdb_log_field){name, text, number};
}

static void add_text(trace *to, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0') {
		add(to, name, pdb_slice_text(text), false);
	}
}

static const char *role_name(pdb_role role)
{
	switch (role) {
	case PDB_ROLE_FRONTEND:
		return "frontend";
	case PDB_ROLE_BACKEND:
		return "backend";
	case PDB_ROLE_ADMIN:
		return "admin";
	default:
		return "";
	}
}

/* The query is left out: clients put there what does not belong into a log. */
static void fill(trace *to, const pdb_request *request, int64_t took)
{
	bool refused = request->refusal.code != NULL;

	(void)snprintf(to->status, sizeof(to->status), "%d", request->status);
	(void)snprintf(to->took, sizeof(to->took), "%.6f",
		       (double)took / (double)PDB_NS_PER_SECOND);
	(void)snprintf(to->received, sizeof(to->received), "%zu", request->message.body.len);
	(void)snprintf(to->sent, sizeof(to->sent), "%zu", request->answer.len);
	if (!refused) {
		add_text(to, "method", pdb_method_name(request->message.method));
		add(to, "path", pdb_request_path(request), false);
	}
	add_text(to, "route", pdb_request_route(request));
	add_text(to, "refusal", request->refusal.code);
	add(to, "status", pdb_slice_text(to->status), true);
	add(to, "seconds", pdb_slice_text(to->took), true);
	add(to, "received", pdb_slice_text(to->received), true);
	add(to, "sent", pdb_slice_text(to->sent), true);
	add_text(to, "peer", request->peer);
	add_text(to, "role", role_name(request->role));
	add_text(to, "key", request->key);
	if (request->conn == NULL) {
		add_text(to, "client", "gone");
	}
}

void pdb__trace_answer(const pdb_request *request)
{
	pdb_http *http = request->loop->http;
	int64_t slow = atomic_load_explicit(&http->trace_slow, memory_order_relaxed);
	bool access = atomic_load_explicit(&http->trace_access, memory_order_relaxed);
	int64_t took;
	trace line = {.count = 0};

	if (!access && slow == 0) {
		return;
	}
	took = pdb_clock_monotonic() - request->begun;
	if (!access && took < slow) {
		return;
	}
	fill(&line, request, took);
	if (access) {
		pdb_log_access(line.fields, line.count, "answered");
	}
	if (slow > 0 && took >= slow) {
		pdb_log_fields(PDB_LOG_WARN, "http", line.fields, line.count, "slow request");
	}
}
