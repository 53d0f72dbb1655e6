/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin of ABI 1.0: its gate ends where that version's did. */
#include "module.h"

typedef struct gate_1_0 {
	uint32_t size;
	pdb_phase phase;
	const char *name;
	pdb_status (*enter)(void *self, pdb_request *request, pdb_err *err);
	void (*decorate)(void *self, pdb_request *request);
} gate_1_0;

static pdb_status enter(void *self, pdb_request *request, pdb_err *err)
{
	(void)self;
	(void)request;
	(void)err;
	return PDB_OK;
}

static const gate_1_0 gate = {sizeof(gate), PDB_PHASE_ADDRESS, "older", enter, NULL};

static pdb_status init(const pdb_host *host, pdb_plugin *plugin, const void *settings,
		       void **state_out, pdb_err *err)
{
	(void)settings;
	(void)state_out;
	return host->add_gate(plugin, (const pdb_gate *)(const void *)&gate, NULL, err);
}

static const pdb_extension_ops ops = {
	.size = sizeof(pdb_extension_ops),
	.init = init,
	.fini = module_fini,
};

MODULE_MANIFEST("older_minor", PDB_MANIFEST_MAGIC, PDB_ABI_MAJOR, 0, PDB_KIND_EXTENSION, &ops);
