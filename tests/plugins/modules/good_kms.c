/* SPDX-License-Identifier: Apache-2.0 */
/* A KMS provider that must load. */
#include "kms.h"
#include "module.h"

static const pdb_kms_ops ops = {
	.size = sizeof(pdb_kms_ops),
	KMS_OPS_BUT_HEALTH,
	.health = kms_health,
};

MODULE_MANIFEST("good_kms", PDB_MANIFEST_MAGIC, PDB_ABI_MAJOR, PDB_ABI_MINOR, PDB_KIND_KMS, &ops);
