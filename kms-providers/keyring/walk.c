/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at the keyring: its keys, its KEK versions, its figures. */
#include "keyring_private.h"

/* Keys are copied out in pieces: what the caller does with them needs no lock. */
#define PIECE 64u

static size_t take_piece(pdb_keyring *keyring, const uint8_t *after, pdb_kms_key *out, size_t limit)
{
	const pdb__key *key;
	size_t count = 0;

	(void)pthread_mutex_lock(&keyring->lock);
	key = pdb__key_after(keyring, after);
	for (; key != NULL && count < limit; key = pdb__key_after(keyring, key->id)) {
		out[count] = (pdb_kms_key){.size = sizeof(out[count])};
		pdb__key_show(keyring, key, key->newest, &out[count]);
		count++;
	}
	(void)pthread_mutex_unlock(&keyring->lock);
	return count;
}

pdb_status pdb_keyring_each(pdb_keyring *keyring, const char *after, size_t limit,
			    pdb_kms_key_fn row, void *arg)
{
	pdb_kms_key keys[PIECE];
	uint8_t at[PDB__WRAP_ID] = {0};
	bool begun = after != NULL && after[0] != '\0';
	size_t left = limit > 0 ? limit : SIZE_MAX;
	pdb_err ignored = {0};

	if (begun && pdb__id_parse(after, at, &ignored) != PDB_OK) {
		return PDB_EINVAL;
	}
	while (left > 0) {
		size_t got =
			take_piece(keyring, begun ? at : NULL, keys, left < PIECE ? left : PIECE);

		for (size_t i = 0; i < got; i++) {
			pdb_status status = row(arg, &keys[i]);

			if (status != PDB_OK) {
				return status == PDB_ESTOP ? PDB_OK : status;
			}
		}
		if (got == 0 || pdb__id_parse(keys[got - 1].id, at, &ignored) != PDB_OK) {
			return PDB_OK;
		}
		begun = true;
		left -= got;
	}
	return PDB_OK;
}

/* The version at `index`; false behind the last. */
static bool show_kek(pdb_keyring *keyring, uint32_t index, pdb_kms_kek *out)
{
	bool there;

	(void)pthread_mutex_lock(&keyring->lock);
	there = index < keyring->kek_count;
	if (there) {
		const pdb__kek *kek = &keyring->keks[index];

		*out = (pdb_kms_kek){.size = sizeof(*out),
				     .version = index + 1,
				     .state = kek->state,
				     .keys = kek->keys,
				     .created = kek->created};
		pdb__id_print(kek->id, out->id);
	}
	(void)pthread_mutex_unlock(&keyring->lock);
	return there;
}

pdb_status pdb_keyring_keks(pdb_keyring *keyring, pdb_kms_kek_fn row, void *arg, pdb_err *err)
{
	pdb_kms_kek kek;
	pdb_status status = PDB_OK;

	(void)err;
	for (uint32_t i = 0; status == PDB_OK && show_kek(keyring, i, &kek); i++) {
		status = row(arg, &kek);
	}
	return status == PDB_ESTOP ? PDB_OK : status;
}

void pdb_keyring_health(pdb_keyring *keyring, pdb_kms_health *out)
{
	out->refuses = pdb__audit_takes(&keyring->audit) ? 0 : 1;
	(void)pthread_mutex_lock(&keyring->lock);
	out->kek_version = keyring->active;
	out->locked = keyring->locked ? 1 : 0;
	out->keys = keyring->key_count - keyring->destroyed_count;
	out->outdated = keyring->wrapped_count - keyring->keks[keyring->active - 1].keys;
	(void)pthread_mutex_unlock(&keyring->lock);
}

void pdb_keyring_stats(pdb_keyring *keyring, pdb_kms_stat_fn stat, void *arg)
{
	pdb_kms_health health = {.size = sizeof(health)};
	uint64_t opens;
	uint64_t failed;
	uint64_t destroyed;

	pdb_keyring_health(keyring, &health);
	(void)pthread_mutex_lock(&keyring->lock);
	opens = keyring->opens;
	failed = keyring->opens_failed;
	destroyed = keyring->destroyed_count;
	(void)pthread_mutex_unlock(&keyring->lock);
	stat(arg, "keys", (double)health.keys);
	stat(arg, "keys_outdated", (double)health.outdated);
	stat(arg, "keys_destroyed", (double)destroyed);
	stat(arg, "kek_version", (double)health.kek_version);
	stat(arg, "unwraps_total", (double)opens);
	stat(arg, "unwraps_failed_total", (double)failed);
	stat(arg, "audit_lines_total", (double)pdb__audit_durable(&keyring->audit));
}
