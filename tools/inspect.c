/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl plugin inspect: reads what a plugin says of itself, without loading it. */
#include <stdio.h>

#include "plugin/loader.h"
#include "tools/command.h"

static const pdb_arg inspect_args[] = {{0}};

static pdb_exit inspect_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	char line[1024];
	pdb_err err = {0};

	(void)settings;
	if (pdb_manifest_inspect(operands[0], line, sizeof(line), &err) != PDB_OK) {
		pdb_complain("%s", err.text);
		return PDB_EXIT_USAGE;
	}
	(void)printf("%s\n", line);
	if (!globals->quiet) {
		(void)printf("this program speaks ABI %d.%d\n", PDB_ABI_MAJOR, PDB_ABI_MINOR);
	}
	return PDB_EXIT_OK;
}

const pdb_command pdb_command_inspect = {
	.name = "plugin inspect",
	.summary = "read a plugin's manifest without loading it",
	.operands = "FILE",
	.least = 1,
	.most = 1,
	.args = inspect_args,
	.text = "Prints name, kind, version, licence and ABI of a plugin. None of its code runs.",
	.examples = "  pdbctl plugin inspect /usr/lib/progressdb/plugins-1/wiredtiger.so\n",
	.run = inspect_run,
};
