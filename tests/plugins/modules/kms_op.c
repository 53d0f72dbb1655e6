/* SPDX-License-Identifier: Apache-2.0 */
/* A KMS provider without its mandatory health. */
#include "kms.h"
#include "module.h"

static const pdb_kms_ops ops = {.size = sizeof(pdb_kms_ops), KMS_OPS_BUT_HEALTH};

MODULE_MANIFEST("kms_op", PDB_MANIFEST_MAGIC, PDB_ABI_MAJOR, PDB_ABI_MINOR, PDB_KIND_KMS, &ops);
