/* SPDX-License-Identifier: Apache-2.0 */
/* A KMS provider that declares a capability nobody knows. */
#include "kms.h"
#include "module.h"

static const pdb_kms_ops ops = {
	.size = sizeof(pdb_kms_ops),
	.capabilities = 0x80u,
	KMS_OPS_BUT_HEALTH,
	.health = kms_health,
};

MODULE_MANIFEST("kms_bits", PDB_MANIFEST_MAGIC, PDB_ABI_MAJOR, PDB_ABI_MINOR, PDB_KIND_KMS, &ops);
