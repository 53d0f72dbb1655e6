/* SPDX-License-Identifier: Apache-2.0 */
/* The viewer: a page at /viewer/ to look at users, threads, messages, rows, jobs and numbers. */
#include <pdb/pdb.h>

#include "pages.h"

static const pdb_route routes[] = {PAGES_FOLDER("/viewer")};

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

PDB_PLUGIN(viewer, EXTENSION, "0.1.0", "Apache-2.0", "A page to look at what is stored",
	   .ops = &ops);
