/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl: the tool of those who run a ProgressDB server. */
#include "tools/command.h"

int main(int argc, char **argv)
{
	static const pdb_command *const commands[] = {
		&pdb_command_import,
		&pdb_command_export,
		&pdb_command_check,
		&pdb_command_health,
		&pdb_command_inspect,
		&pdb_command_key_new,
		NULL,
	};

	return pdb_command_main(commands, argc, argv);
}
