/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin address in a host made for the test. */
#ifndef PDB_TEST_GATEHOUSE_H
#define PDB_TEST_GATEHOUSE_H

#include <pdb/pdb.h>
#include <stdlib.h>

#include "fake_request.h"

extern const pdb_manifest pdb_plugin_manifest_address;

/* As the plugin's settings are laid out. */
typedef struct gatehouse_settings {
	pdb_option_list allowed;
	pdb_option_list denied;
	pdb_option_list proxies;
	int64_t kind;
} gatehouse_settings;

static const pdb_gate *gate;
static void *gatekeeper;

static inline pdb_status gatehouse_add_gate(pdb_plugin *plugin, const pdb_gate *added, void *self,
					    pdb_err *err)
{
	(void)plugin, (void)self, (void)err;
	gate = added;
	return PDB_OK;
}

static const pdb_host gatehouse_host = {
	.size = sizeof(pdb_host),
	.alloc = malloc,
	.realloc = realloc,
	.free = free,
	.add_gate = gatehouse_add_gate,
	.request_header_at = pdb_request_header_at,
	.request_peer = pdb_request_peer,
	.request_route = pdb_request_route,
	.request_set_peer = pdb_request_set_peer,
	.request_socket_peer = pdb_request_socket_peer,
};

static inline const pdb_extension_ops *gatehouse_ops(void)
{
	return pdb_plugin_manifest_address.ops;
}

static inline pdb_status gatehouse_open(const gatehouse_settings *settings, pdb_err *err)
{
	return gatehouse_ops()->init(&gatehouse_host, NULL, settings, &gatekeeper, err);
}

#endif
