/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of manifests: magic, ABI, kind and name, then options and ops. */
#include "plugin/plugin_private.h"

/* The manifest as ABI 1.0 knew it; later minors may only add behind. */
#define MANIFEST_SIZE_MIN PDB_UP_TO(pdb_manifest, ops)

bool pdb__plugin_name_valid(const char *name)
{
	size_t len = 0;

	if (name == NULL || name[0] < 'a' || name[0] > 'z') {
		return false;
	}
	while (name[len] != '\0') {
		char c = name[len];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
			return false;
		}
		if (++len >= PDB_PLUGIN_NAME_SIZE) {
			return false;
		}
	}
	return true;
}

static const char *kind_name(uint32_t kind)
{
	switch (kind) {
	case PDB_KIND_STORAGE:
		return "a storage backend";
	case PDB_KIND_KMS:
		return "a KMS provider";
	default:
		return "an extension";
	}
}

/* Nothing behind the first four fields may be read before this has passed. */
static pdb_status check_abi(const pdb_manifest *manifest, pdb_err *err)
{
	if (manifest->magic != PDB_MANIFEST_MAGIC) {
		return pdb_err_set(err, PDB_EABI, NULL,
				   "the manifest begins with 0x%08x instead of 0x%08x",
				   manifest->magic, PDB_MANIFEST_MAGIC);
	}
	if (manifest->abi_major != PDB_ABI_MAJOR || manifest->abi_minor > PDB_ABI_MINOR) {
		return pdb_err_set(err, PDB_EABI, NULL,
				   "built for ABI %u.%u, this server speaks %d.%d",
				   (unsigned)manifest->abi_major, (unsigned)manifest->abi_minor,
				   PDB_ABI_MAJOR, PDB_ABI_MINOR);
	}
	if (manifest->size < MANIFEST_SIZE_MIN) {
		return pdb_err_set(err, PDB_EABI, NULL,
				   "the manifest has %u bytes, fewer than the %zu of ABI 1.0",
				   manifest->size, MANIFEST_SIZE_MIN);
	}
	return PDB_OK;
}

static pdb_status check_kind(const pdb_manifest *manifest, pdb_plugin_kind wanted, pdb_err *err)
{
	if (manifest->kind < PDB_KIND_EXTENSION || manifest->kind > PDB_KIND_KMS) {
		return pdb_err_set(err, PDB_EABI, NULL, "the manifest is of the unknown kind %u",
				   manifest->kind);
	}
	if (wanted != 0 && manifest->kind != (uint32_t)wanted) {
		return pdb_err_set(err, PDB_EABI, NULL, "it is %s, but %s is wanted",
				   kind_name(manifest->kind), kind_name(wanted));
	}
	return PDB_OK;
}

static pdb_status check_texts(const pdb_manifest *manifest, pdb_err *err)
{
	if (!pdb__plugin_name_valid(manifest->name)) {
		return pdb_err_set(err, PDB_EABI, NULL,
				   "the manifest's name is not a lower-case word of at most 32 "
				   "letters, digits and underscores");
	}
	if (manifest->version == NULL || manifest->license == NULL ||
	    manifest->description == NULL) {
		return pdb_err_set(err, PDB_EABI, NULL,
				   "the manifest lacks its version, license or description");
	}
	return PDB_OK;
}

pdb_status pdb_manifest_check(const pdb_manifest *manifest, pdb_plugin_kind kind, pdb_err *err)
{
	pdb_status status = check_abi(manifest, err);

	if (status == PDB_OK) {
		status = check_kind(manifest, kind, err);
	}
	if (status == PDB_OK) {
		status = check_texts(manifest, err);
	}
	if (status == PDB_OK) {
		status = pdb__manifest_check_options(manifest, err);
	}
	if (status == PDB_OK) {
		status = pdb__manifest_check_ops(manifest, err);
	}
	return status;
}
