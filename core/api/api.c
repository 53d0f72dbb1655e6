/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of /v1 and how a call begins. */
#include "api/api.h"

#include "api/api_private.h"

#define ROUTE(handler_, method_, pattern_)                                                         \
	{.size = sizeof(pdb_route),                                                                \
	 .method = PDB_METHOD_##method_,                                                           \
	 .pattern = (pattern_),                                                                    \
	 .roles = PDB_ROLES_ALL,                                                                   \
	 .handle = pdb__##handler_},

/* One for each line of the access table. The words of a line are the domain's. */
#define ROUTE_OF_CALL(action_, handler_, method_, pattern_, ...) ROUTE(handler_, method_, pattern_)
#define ROUTE_OF_ALIAS(action_, handler_, method_, pattern_)     ROUTE(handler_, method_, pattern_)

static const pdb_route routes[] = {PDB_ACCESS_MAP(ROUTE_OF_CALL, ROUTE_OF_ALIAS)};

pdb_status pdb_api_register(pdb_sockets *sockets, pdb_chat **chat, pdb_err *err)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		pdb_status status =
			pdb_sockets_add(sockets, PDB_SOCKET_ROUTE, "api", &routes[i], chat, err);

		if (status != PDB_OK) {
			return status;
		}
	}
	return PDB_OK;
}

void pdb__call_begin(pdb__call *call, void *self, pdb_request *request, pdb_err *err)
{
	pdb_chat **chat = self;

	memset(call, 0, sizeof(*call));
	call->chat = *chat;
	call->request = request;
	call->err = err;
	call->out = pdb_request_scratch(request);
	call->caller.role = pdb_request_role(request);
	call->caller.may_block = pdb_request_on_worker(request);
}

pdb_message_ref pdb__call_message(const pdb__call *call)
{
	pdb_message_ref ref = {
		.thread = pdb_request_param(call->request, "thread"),
		.message = pdb_request_param(call->request, "message"),
	};

	return ref;
}
