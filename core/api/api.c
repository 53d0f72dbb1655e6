/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of /v1 and how a call begins. */
#include "api/api.h"

#include "api/api_private.h"

#define THREADS "/v1/threads"
#define THREAD  "/v1/threads/{thread}"
#define MESSAGE "/v1/threads/{thread}/messages/{message}"

#define ROUTE(method_, pattern_, handler_)                                                         \
	{                                                                                          \
		.size = sizeof(pdb_route), .method = PDB_METHOD_##method_, .pattern = (pattern_),  \
		.roles = PDB_ROLES_ALL, .handle = (handler_)                                       \
	}

static const pdb_route routes[] = {
	ROUTE(POST, THREADS, pdb__thread_create),
	ROUTE(GET, THREADS, pdb__thread_list),
	ROUTE(GET, THREAD, pdb__thread_get),
	ROUTE(PUT, THREAD, pdb__thread_update),
	ROUTE(DELETE, THREAD, pdb__thread_delete),
	ROUTE(POST, THREAD "/restore", pdb__thread_restore),
	ROUTE(POST, THREAD "/messages", pdb__message_append),
	ROUTE(GET, THREAD "/messages", pdb__message_page),
	ROUTE(POST, THREAD "/messages:batch", pdb__message_batch),
	ROUTE(POST, "/v1/messages", pdb__message_append),
	ROUTE(GET, "/v1/messages", pdb__message_page),
	ROUTE(GET, MESSAGE, pdb__message_get),
	ROUTE(PUT, MESSAGE, pdb__message_edit),
	ROUTE(DELETE, MESSAGE, pdb__message_delete),
	ROUTE(POST, MESSAGE "/restore", pdb__message_restore),
	ROUTE(GET, MESSAGE "/versions", pdb__message_versions),
	ROUTE(GET, MESSAGE "/reactions", pdb__reaction_list),
	ROUTE(POST, MESSAGE "/reactions", pdb__reaction_set),
	ROUTE(DELETE, MESSAGE "/reactions/{identity}", pdb__reaction_remove),
};

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
