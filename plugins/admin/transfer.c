/* SPDX-License-Identifier: Apache-2.0 */
/* Threads whole, for another database and from one: every version, with times and marks. */
#include "admin_private.h"

typedef struct answering {
	const pdb_host *host;
	pdb_request *request;
} answering;

static pdb_status answer(void *arg, pdb_slice json)
{
	const answering *a = arg;

	(void)a->host->request_add_header(a->request, "Cache-Control", "no-store");
	return a->host->request_reply(a->request, 200, NULL, json);
}

pdb_status admin_export_thread(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	const pdb_host *host = self->host;
	answering a = {host, request};
	pdb_slice cursor = {0};
	size_t limit = 0;
	pdb_status status = admin_limit(self, request, &limit, err);

	if (status == PDB_OK) {
		status = admin_query(self, request, "cursor", &cursor, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	return host->domain->export_thread(host->request_param(request, "thread"), cursor, limit,
					   answer, &a, err);
}

/* The lines are judged where they are stored: they are larger and deeper than what calls are given
 * otherwise, and hold bytes that no tree of JSON keeps. */
pdb_status admin_import_thread(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	const pdb_host *host = self->host;
	pdb_slice lines;
	size_t stored = 0;
	pdb_status status = call_payload(host, request, &lines, err);

	if (status == PDB_OK) {
		status = host->domain->import_thread(host->request_param(request, "thread"), lines,
						     &stored, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	if (stored == 0) {
		(void)host->request_add_header(request, "Idempotent-Replayed", "true");
	}
	return call_reply(host, request, 200, json_pack("{s:I}", "stored", (json_int_t)stored),
			  err);
}
