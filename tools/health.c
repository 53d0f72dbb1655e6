/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl health: asks whether the server lives and is ready. */
#include <stdio.h>

#include "tools/client.h"

typedef struct health_settings {
	uint64_t wait;
} health_settings;

static const pdb_arg health_args[] = {
	{"wait", 'w', PDB_ARG_UINT, offsetof(health_settings, wait), "SECONDS", "0", 0, NULL,
	 "how long to wait for a server that is still starting"},
	{0},
};

/* Asks one probe; says what came of it. */
static pdb_exit probe(pdb_client *client, const char *path, const char *good, uint64_t wait,
		      bool quiet)
{
	pdb_call *call = NULL;
	char reason[1024];
	pdb_err err = {0};

	if (pdb_client_get(client, path, wait, &call, &err) != PDB_OK) {
		pdb_complain("%s", err.text);
		return pdb_interrupted() ? PDB_EXIT_INTERRUPTED : PDB_EXIT_UNREACHABLE;
	}
	if (call->status != 200) {
		pdb_call_explain(call, reason, sizeof(reason));
		pdb_complain("%s: %s", path, reason);
		return PDB_EXIT_NO;
	}
	if (!quiet) {
		(void)printf("%s\n", good);
	}
	return PDB_EXIT_OK;
}

static pdb_exit health_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	const health_settings *chosen = settings;
	pdb_client *client = NULL;
	pdb_err err = {0};
	pdb_exit code;

	(void)operands;
	(void)pdb_interrupted();
	if (pdb_client_create(&client, globals, 1, &err) != PDB_OK) {
		pdb_complain("%s", err.text);
		return PDB_EXIT_USAGE;
	}
	code = probe(client, "/healthz", "alive", chosen->wait, globals->quiet);
	if (code == PDB_EXIT_OK) {
		code = probe(client, "/readyz", "ready", chosen->wait, globals->quiet);
	}
	pdb_client_destroy(&client);
	return code;
}

const pdb_command pdb_command_health = {
	.name = "health",
	.summary = "ask whether the server is alive and ready",
	.operands = "",
	.args = health_args,
	.settings_size = sizeof(health_settings),
	.text = "Asks /healthz and /readyz. Exit status: 0 alive and ready; 1 alive, not ready;\n"
		"3 not reached.",
	.examples = "  pdbctl health --url http://127.0.0.1:8080\n"
		    "  pdbctl health --wait 30 && echo go\n",
	.run = health_run,
};
