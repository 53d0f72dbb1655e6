/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl: the tool of those who run a ProgressDB server. */
#include "tools/command.h"

int main(int argc, char **argv)
{
	static const pdb_command *const commands[] = {
		&pdb_command_import,
		&pdb_command_export,
		&pdb_command_check,
		&pdb_command_backup,
		&pdb_command_verify,
		&pdb_command_restore,
		&pdb_command_health,
		&pdb_command_jobs,
		&pdb_command_inspect,
		&pdb_command_key_new,
		&pdb_command_kms_status,
		&pdb_command_kms_keys,
		&pdb_command_kms_rotate,
		&pdb_command_kms_rewrap,
		&pdb_command_kms_verify,
		&pdb_command_kms_retire,
		&pdb_command_kms_disable,
		&pdb_command_kms_enable,
		&pdb_command_kms_destroy,
		&pdb_command_kms_hold,
		&pdb_command_kms_release,
		&pdb_command_kms_export,
		&pdb_command_kms_import,
		&pdb_command_kms_shred_status,
		&pdb_command_kms_receipt,
		&pdb_command_kms_verify_receipt,
		&pdb_command_kms_verify_audit,
		NULL,
	};

	return pdb_command_main(commands, argc, argv);
}
