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
	pdb_server *server = self;

	if (!atomic_load(&server->ready)) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, "not_ready", "The server is not ready.");
	}
	if (!pdb_store_writable(server->store)) {
		return pdb_request_reply(request, 200, NULL,
					 PDB_SLICE("{\"status\":\"degraded\",\"writes\":false}"));
	}
	return pdb_request_reply(request, 200, NULL,
				 PDB_SLICE("{\"status\":\"ok\",\"version\":\"" PDB_VERSION "\"}"));
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
