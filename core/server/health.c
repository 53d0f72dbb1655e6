/* SPDX-License-Identifier: Apache-2.0 */
/* /healthz says that the process lives, /readyz that it takes requests. */
#include "server/server_private.h"

static pdb_status healthz(void *self, pdb_request *request, pdb_err *err)
{
	(void)self;
	(void)err;
	return pdb_request_reply(request, 200, NULL, PDB_SLICE("{\"status\":\"ok\"}"));
}

static pdb_status readyz(void *self, pdb_request *request, pdb_err *err)
{
	/* by whether writes are refused, and whether the keys cannot be reached */
	static const char *const states[2][2] = {
		{"{\"status\":\"ok\",\"version\":\"" PDB_VERSION "\"}",
		 "{\"status\":\"degraded\",\"keys\":false}"},
		{"{\"status\":\"degraded\",\"writes\":false}",
		 "{\"status\":\"degraded\",\"writes\":false,\"keys\":false}"}};
	pdb_server *server = self;

	if (!atomic_load(&server->ready)) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, "not_ready", "The server is not ready.");
	}
	return pdb_request_reply(
		request, 200, NULL,
		pdb_slice_text(states[!pdb_store_writable(server->store)][!pdb__keys_answer()]));
}

static const pdb_route health_routes[] = {
	{sizeof(pdb_route), PDB_METHOD_GET, "/healthz", PDB_ROLES_PUBLIC, 0, healthz},
	{sizeof(pdb_route), PDB_METHOD_GET, "/readyz", PDB_ROLES_PUBLIC, 0, readyz},
};

pdb_status pdb__health_register(pdb_server *server, pdb_sockets *sockets, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < 2 && status == PDB_OK; i++) {
		status = pdb_sockets_add(sockets, PDB_SOCKET_ROUTE, "server", &health_routes[i],
					 server, err);
	}
	return status;
}
