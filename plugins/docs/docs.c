/* SPDX-License-Identifier: Apache-2.0 */
/* The description of the API: a page at /docs/, and /openapi.yaml. */
#include <pdb/pdb.h>

#include "pages.h"

static pdb_status describe(void *self, pdb_request *request, pdb_err *err)
{
	(void)self;
	return pages_answer(request, PDB_SLICE("openapi.yaml"), err);
}

static const pdb_route routes[] = {PAGE("/openapi.yaml", describe), PAGES_FOLDER("/docs")};

static pdb_status init(const pdb_host *host, pdb_plugin *plugin, const void *settings,
		       void **state_out, pdb_err *err)
{
	(void)settings;
	*state_out = NULL;
	return pages_init(host, plugin, routes, sizeof(routes) / sizeof(routes[0]), err);
}

static void fini(void **state)
{
	(void)state;
}

static const pdb_extension_ops ops = {
	.size = sizeof(pdb_extension_ops), .init = init, .fini = fini};

PDB_PLUGIN(docs, EXTENSION, "0.1.0", "Apache-2.0",
	   "The description of the API, and a page that shows it", .ops = &ops);
