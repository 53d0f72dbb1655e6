/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of ops tables: every mandatory op is there and the size is that of a table. */
#include "plugin/plugin_private.h"

/* No table of ours will come near this; a size above it is not one. */
#define OPS_SIZE_MAX 4096u

#define STORAGE_CAPABILITIES                                                                       \
	(PDB_STORAGE_BLOCKING | PDB_STORAGE_GLOBAL_SCAN | PDB_STORAGE_VOLATILE |                   \
	 PDB_STORAGE_DIRECTORY)

#define KMS_CAPABILITIES PDB_KMS_BLOCKING

typedef struct mandatory_op {
	const char *name;
	bool present;
} mandatory_op;

#define MANDATORY(ops, op)                                                                         \
	{                                                                                          \
#op, PDB_HAS(ops, op)                                                              \
	}

static pdb_status need_all(const mandatory_op *list, size_t count, pdb_err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (!list[i].present) {
			return pdb_err_set(err, PDB_EABI, NULL, "the mandatory op %s is missing",
					   list[i].name);
		}
	}
	return PDB_OK;
}

static pdb_status check_size(uint32_t size, size_t least, pdb_err *err)
{
	if (size < least || size > OPS_SIZE_MAX || size % sizeof(void *) != 0) {
		return pdb_err_set(err, PDB_EABI, NULL,
				   "the ops table gives its size as %u bytes; it needs %zu", size,
				   least);
	}
	return PDB_OK;
}

static pdb_status check_extension(const pdb_extension_ops *ops, pdb_err *err)
{
	pdb_status status = check_size(ops->size, PDB_UP_TO(pdb_extension_ops, fini), err);

	if (status == PDB_OK) {
		const mandatory_op list[] = {MANDATORY(ops, init), MANDATORY(ops, fini)};

		status = need_all(list, sizeof(list) / sizeof(list[0]), err);
	}
	return status;
}

static pdb_status check_storage(const pdb_storage_ops *ops, pdb_err *err)
{
	/* what follows sync is optional, so a table may end there */
	pdb_status status = check_size(ops->size, PDB_UP_TO(pdb_storage_ops, sync), err);

	if (status != PDB_OK) {
		return status;
	}
	if ((ops->capabilities & ~STORAGE_CAPABILITIES) != 0) {
		return pdb_err_set(err, PDB_EABI, NULL, "it declares the unknown capabilities 0x%x",
				   ops->capabilities & ~STORAGE_CAPABILITIES);
	}
	{
		const mandatory_op list[] = {
			MANDATORY(ops, open),   MANDATORY(ops, close), MANDATORY(ops, begin),
			MANDATORY(ops, get),    MANDATORY(ops, put),   MANDATORY(ops, insert),
			MANDATORY(ops, remove), MANDATORY(ops, scan),  MANDATORY(ops, commit),
			MANDATORY(ops, abort),  MANDATORY(ops, sync),
		};

		return need_all(list, sizeof(list) / sizeof(list[0]), err);
	}
}

static pdb_status check_kms(const pdb_kms_ops *ops, pdb_err *err)
{
	/* what follows health is optional, so a table may end there */
	pdb_status status = check_size(ops->size, PDB_UP_TO(pdb_kms_ops, health), err);

	if (status != PDB_OK) {
		return status;
	}
	if ((ops->capabilities & ~KMS_CAPABILITIES) != 0) {
		return pdb_err_set(err, PDB_EABI, NULL, "it declares the unknown capabilities 0x%x",
				   ops->capabilities & ~KMS_CAPABILITIES);
	}
	{
		const mandatory_op list[] = {
			MANDATORY(ops, open),         MANDATORY(ops, close),
			MANDATORY(ops, create),       MANDATORY(ops, prepare),
			MANDATORY(ops, claim),        MANDATORY(ops, unwrap),
			MANDATORY(ops, add_version),  MANDATORY(ops, describe),
			MANDATORY(ops, destroy),      MANDATORY(ops, rotate_kek),
			MANDATORY(ops, add_kek),      MANDATORY(ops, set_kek),
			MANDATORY(ops, rewrap_key),   MANDATORY(ops, rewrap),
			MANDATORY(ops, verify),       MANDATORY(ops, retire),
			MANDATORY(ops, shred_status), MANDATORY(ops, receipt),
			MANDATORY(ops, each),         MANDATORY(ops, keks),
			MANDATORY(ops, health),
		};

		return need_all(list, sizeof(list) / sizeof(list[0]), err);
	}
}

pdb_status pdb__manifest_check_ops(const pdb_manifest *manifest, pdb_err *err)
{
	if (manifest->ops == NULL) {
		return pdb_err_set(err, PDB_EABI, NULL, "the manifest has no ops table");
	}
	if (manifest->kind == PDB_KIND_STORAGE) {
		return check_storage(manifest->ops, err);
	}
	if (manifest->kind == PDB_KIND_KMS) {
		return check_kms(manifest->ops, err);
	}
	return check_extension(manifest->ops, err);
}
