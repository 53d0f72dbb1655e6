/* SPDX-License-Identifier: Apache-2.0 */
/* A provider in memory that does as told, and a host whose clock stands still. */
#include "fake_kms.h"

#include <sched.h>
#include <sodium.h>

#include "base/host.h"

_Atomic int64_t fake_now = SECONDS(1000);
_Atomic int fake_status;
_Atomic bool fake_nonsense;
_Atomic bool fake_hold;
_Atomic unsigned fake_unwraps;
_Atomic unsigned fake_prepared;
_Atomic unsigned fake_destroyed;
_Atomic unsigned fake_claims;
char fake_claimed[PDB_KMS_THREAD_SIZE];

static int64_t stand_still(void)
{
	return atomic_load(&fake_now);
}

static void say_nothing(pdb_log_level level, const char *component, const char *format, ...)
{
	(void)level;
	(void)component;
	(void)format;
}

const pdb_host fake_kms_host = {.size = sizeof(pdb_host),
				.alloc = pdb_mem_alloc,
				.realloc = pdb_mem_realloc,
				.free = pdb_mem_free,
				.log = say_nothing,
				.now = stand_still,
				.monotonic = stand_still,
				.monotonic_coarse = stand_still};

static pdb_status answer(pdb_err *err)
{
	pdb_status status = (pdb_status)atomic_load(&fake_status);

	return status == PDB_OK ? PDB_OK : pdb_err_set(err, status, NULL, "as told");
}

/* The DEK of a key follows from its id and version. */
static void fill(pdb_kms_key *key, const char *id, uint32_t version)
{
	(void)snprintf(key->id, sizeof(key->id), "%s", id);
	key->dek_version = version;
	key->newest = version;
	key->state = PDB_KMS_KEY_BOUND;
	memset(key->dek, id[0], PDB_KMS_DEK_SIZE);
	key->dek[0] = (uint8_t)version;
}

static pdb_status unwrap(void *kms, const char *id, uint32_t version, pdb_kms_key *key,
			 pdb_err *err)
{
	pdb_status status;

	(void)kms;
	(void)atomic_fetch_add(&fake_unwraps, 1);
	while (atomic_load(&fake_hold)) {
		(void)sched_yield();
	}
	status = answer(err);
	if (status == PDB_OK) {
		fill(key, id, version);
		if (atomic_load(&fake_nonsense)) {
			memset(key->id, 'x', sizeof(key->id));
		}
	}
	return status;
}

static pdb_status prepare(void *kms, pdb_kms_key *keys, size_t count, pdb_err *err)
{
	pdb_status status = answer(err);

	(void)kms;
	for (size_t i = 0; i < count && status == PDB_OK; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "p%u", atomic_fetch_add(&fake_prepared, 1) + 1);
		fill(&keys[i], id, 1);
		keys[i].state = PDB_KMS_KEY_PREPARED;
		if (atomic_load(&fake_nonsense)) {
			memset(keys[i].dek, 0, PDB_KMS_DEK_SIZE);
		}
	}
	return status;
}

static pdb_status claim(void *kms, const char *id, pdb_slice thread, pdb_kms_key *key, pdb_err *err)
{
	(void)kms;
	(void)id;
	(void)key;
	if (answer(err) == PDB_OK) {
		(void)snprintf(fake_claimed, sizeof(fake_claimed), "%.*s", PDB_SLICE_ARGS(thread));
		(void)atomic_fetch_add(&fake_claims, 1);
	}
	return answer(err);
}

static pdb_status destroy(void *kms, const char *id, const char *actor, pdb_err *err)
{
	(void)kms;
	(void)id;
	(void)actor;
	(void)atomic_fetch_add(&fake_destroyed, 1);
	return answer(err);
}

static pdb_status health(void *kms, pdb_kms_health *out, pdb_err *err)
{
	(void)kms;
	(void)out;
	/* whose key is gone is still there */
	return fake_status == PDB_EUNAVAILABLE ? answer(err) : PDB_OK;
}

pdb_kms_ops fake_kms_ops = {.size = sizeof(pdb_kms_ops),
			    .capabilities = PDB_KMS_BLOCKING,
			    .unwrap = unwrap,
			    .prepare = prepare,
			    .claim = claim,
			    .destroy = destroy,
			    .health = health};
