/* SPDX-License-Identifier: Apache-2.0 */
/* The ops of a KMS provider that has no keys, for tables that lack one of them. */
#ifndef PDB_TEST_KMS_H
#define PDB_TEST_KMS_H

#include <pdb/kms.h>

static inline pdb_status kms_open(const pdb_kms_params *params, void **kms_out, pdb_err *err)
{
	(void)params;
	(void)kms_out;
	return pdb_err_set(err, PDB_ENOTSUP, NULL, "it has no keys");
}

static inline void kms_close(void **kms)
{
	*kms = NULL;
}

static inline pdb_status kms_create(void *kms, pdb_slice thread, pdb_kms_key *key, pdb_err *err)
{
	(void)kms;
	(void)thread;
	(void)key;
	return pdb_err_set(err, PDB_ENOTSUP, NULL, "it has no keys");
}

static inline pdb_status kms_prepare(void *kms, pdb_kms_key *keys, size_t count, pdb_err *err)
{
	(void)kms;
	(void)keys;
	(void)count;
	return pdb_err_set(err, PDB_ENOTSUP, NULL, "it has no keys");
}

static inline pdb_status kms_claim(void *kms, const char *id, pdb_slice thread, pdb_kms_key *key,
				   pdb_err *err)
{
	(void)id;
	return kms_create(kms, thread, key, err);
}

static inline pdb_status kms_unwrap(void *kms, const char *id, uint32_t version, pdb_kms_key *key,
				    pdb_err *err)
{
	(void)kms;
	(void)id;
	(void)version;
	(void)key;
	return pdb_err_set(err, PDB_ENOTFOUND, NULL, "it has no keys");
}

static inline pdb_status kms_describe(void *kms, const char *id, pdb_kms_key *key, pdb_err *err)
{
	return kms_unwrap(kms, id, 0, key, err);
}

static inline pdb_status kms_destroy(void *kms, const char *id, const char *actor, pdb_err *err)
{
	(void)actor;
	return kms_unwrap(kms, id, 0, NULL, err);
}

static inline pdb_status kms_make_kek(void *kms, const char *actor, uint32_t *version_out,
				      pdb_err *err)
{
	(void)actor;
	(void)version_out;
	return kms_unwrap(kms, "", 0, NULL, err);
}

static inline pdb_status kms_set_kek(void *kms, uint32_t version, uint32_t state, const char *actor,
				     pdb_err *err)
{
	(void)state;
	(void)actor;
	return kms_unwrap(kms, "", version, NULL, err);
}

static inline pdb_status kms_rewrap_key(void *kms, const char *id, pdb_err *err)
{
	return kms_unwrap(kms, id, 0, NULL, err);
}

static inline pdb_status kms_pass(void *kms, uint32_t limit, pdb_kms_progress *progress,
				  pdb_err *err)
{
	(void)kms;
	(void)limit;
	(void)err;
	progress->finished = 1;
	return PDB_OK;
}

static inline pdb_status kms_retire(void *kms, uint32_t version, const char *actor, pdb_err *err)
{
	(void)actor;
	return kms_unwrap(kms, "", version, NULL, err);
}

static inline pdb_status kms_shred_status(void *kms, const char *id, pdb_kms_shred *out,
					  pdb_err *err)
{
	(void)out;
	return kms_unwrap(kms, id, 0, NULL, err);
}

static inline pdb_status kms_receipt(void *kms, const char *id, pdb_kms_text_fn text, void *arg,
				     pdb_err *err)
{
	(void)text;
	(void)arg;
	return kms_unwrap(kms, id, 0, NULL, err);
}

static inline pdb_status kms_each(void *kms, const char *after, pdb_kms_key_fn row, void *arg,
				  pdb_err *err)
{
	(void)kms;
	(void)after;
	(void)row;
	(void)arg;
	(void)err;
	return PDB_OK;
}

static inline pdb_status kms_keks(void *kms, pdb_kms_kek_fn row, void *arg, pdb_err *err)
{
	(void)kms;
	(void)row;
	(void)arg;
	(void)err;
	return PDB_OK;
}

static inline pdb_status kms_health(void *kms, pdb_kms_health *out, pdb_err *err)
{
	(void)kms;
	(void)out;
	(void)err;
	return PDB_OK;
}

#define KMS_OPS_BUT_HEALTH                                                                         \
	.open = kms_open, .close = kms_close, .create = kms_create, .prepare = kms_prepare,        \
	.claim = kms_claim, .unwrap = kms_unwrap, .add_version = kms_unwrap,                       \
	.describe = kms_describe, .destroy = kms_destroy, .rotate_kek = kms_make_kek,              \
	.add_kek = kms_make_kek, .set_kek = kms_set_kek, .rewrap_key = kms_rewrap_key,             \
	.rewrap = kms_pass, .verify = kms_pass, .retire = kms_retire,                              \
	.shred_status = kms_shred_status, .receipt = kms_receipt, .each = kms_each,                \
	.keks = kms_keks

#endif
