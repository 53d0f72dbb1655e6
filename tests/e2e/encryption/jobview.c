/* SPDX-License-Identifier: Apache-2.0 */
/* A route for tests: how a submitted run stands. */
#include <pdb/pdb.h>

static const pdb_host *host;

static pdb_status show(void *arg, const pdb_job_view *view)
{
	char text[PDB_JOB_RESULT_MAX + 1024];
	int len = snprintf(
		text, sizeof(text),
		"{\"state\":%d,\"done\":%llu,\"total\":%llu,\"result\":%.*s,\"error\":\"%.300s\"}",
		(int)view->state, (unsigned long long)view->done, (unsigned long long)view->total,
		view->result.len > 0 ? (int)view->result.len : 4,
		view->result.len > 0 ? (const char *)view->result.ptr : "null", view->error);

	return host->request_reply(arg, 200, NULL, pdb_slice_of(text, (size_t)len));
}

static pdb_status handle(void *self, pdb_request *request, pdb_err *err)
{
	char id[PDB_JOB_ID_SIZE];

	(void)self;
	(void)snprintf(id, sizeof(id), "%.*s", PDB_SLICE_ARGS(host->request_param(request, "id")));
	return host->jobs->view(id, show, request, err);
}

static const pdb_route route = {.size = sizeof(route),
				.method = PDB_METHOD_GET,
				.pattern = "/admin/test-jobs/{id}",
				.roles = PDB_ROLE_ADMIN,
				.flags = PDB_ROUTE_BLOCKING,
				.handle = handle};

static pdb_status init(const pdb_host *given, pdb_plugin *plugin, const void *settings,
		       void **state_out, pdb_err *err)
{
	(void)settings;
	(void)state_out;
	host = given;
	return host->add_route(plugin, &route, NULL, err);
}

static void fini(void **state)
{
	(void)state;
}

static const pdb_extension_ops ops = {.size = sizeof(ops), .init = init, .fini = fini};

PDB_PLUGIN(jobview, EXTENSION, "0.1.0", "Apache-2.0", "How runs stand, for tests", .ops = &ops);
