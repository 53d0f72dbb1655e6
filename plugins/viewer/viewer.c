/* SPDX-License-Identifier: Apache-2.0 */
/* The viewer: a page at /viewer/ to look at users, threads, messages, rows, jobs and numbers. */
#include <pdb/pdb.h>

#include "pages.h"

static const pdb_host *the_host;

static pdb_status move(void *self, pdb_request *request, pdb_err *err)
{
	(void)self, (void)err;
	return pages_move(the_host, request, "/viewer/");
}

static pdb_status answer(void *self, pdb_request *request, pdb_err *err)
{
	(void)self;
	return pages_answer(the_host, request, the_host->request_param(request, "file"), err);
}

#define PAGE(pattern_, handle_)                                                                    \
	{                                                                                          \
		.size = sizeof(pdb_route), .method = PDB_METHOD_GET, .pattern = (pattern_),        \
		.roles = PDB_ROLES_PUBLIC, .handle = (handle_)                                     \
	}

static const pdb_route routes[] = {
	PAGE("/viewer", move),
	PAGE("/viewer/", answer),
	PAGE("/viewer/{file}", answer),
};

static pdb_status init(const pdb_host *host, pdb_plugin *plugin, const void *settings,
		       void **state_out, pdb_err *err)
{
	pdb_status status = PDB_OK;

	(void)settings;
	*state_out = NULL;
	the_host = host;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]) && status == PDB_OK; i++) {
		status = host->add_route(plugin, &routes[i], NULL, err);
	}
	return status;
}

static void fini(void **state)
{
	(void)state;
}

static const pdb_extension_ops ops = {
	.size = sizeof(pdb_extension_ops), .init = init, .fini = fini};

PDB_PLUGIN(viewer, EXTENSION, "0.1.0", "Apache-2.0", "A page to look at what is stored",
	   .ops = &ops);
