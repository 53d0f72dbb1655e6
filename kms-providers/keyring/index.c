/* SPDX-License-Identifier: Apache-2.0 */
/* The index of keys: buckets by the first bytes of an id, so that walking them is in order. */
#include <sodium.h>

#include "keyring_private.h"

/* Ids are random and ours: the buckets fill evenly, and no caller can choose where a key lands. */
static size_t bucket_of(const uint8_t *id)
{
	return ((size_t)id[0] << 8) | id[1];
}

pdb_status pdb__id_parse(const char *text, uint8_t out[PDB__WRAP_ID], pdb_err *err)
{
	size_t used = 0;
	size_t len = text != NULL ? strnlen(text, 2 * PDB__WRAP_ID + 1) : 0;

	if (len == 2 * PDB__WRAP_ID && strspn(text, "0123456789abcdef") == len &&
	    sodium_hex2bin(out, PDB__WRAP_ID, text, len, NULL, &used, NULL) == 0) {
		return PDB_OK;
	}
	return pdb_err_set(err, PDB_EINVAL, NULL, "the id of a key is 32 lower-case hex digits");
}

void pdb__id_print(const uint8_t id[PDB__WRAP_ID], char out[PDB_KMS_ID_SIZE])
{
	memset(out, 0, PDB_KMS_ID_SIZE);
	(void)sodium_bin2hex(out, PDB_KMS_ID_SIZE, id, PDB__WRAP_ID);
}

int pdb__id_compare(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, PDB__WRAP_ID);
}

pdb__key *pdb__key_find(const pdb_keyring *keyring, const uint8_t id[PDB__WRAP_ID])
{
	pdb__key *key = keyring->buckets[bucket_of(id)];

	while (key != NULL && pdb__id_compare(key->id, id) < 0) {
		key = key->next;
	}
	return key != NULL && pdb__id_compare(key->id, id) == 0 ? key : NULL;
}

pdb__key *pdb__key_after(const pdb_keyring *keyring, const uint8_t *id)
{
	size_t bucket = id != NULL ? bucket_of(id) : 0;
	pdb__key *key = keyring->buckets[bucket];

	while (id != NULL && key != NULL && pdb__id_compare(key->id, id) <= 0) {
		key = key->next;
	}
	while (key == NULL && ++bucket < PDB__BUCKETS) {
		key = keyring->buckets[bucket];
	}
	return key;
}

pdb_status pdb__key_live(const pdb_keyring *keyring, const char *text, pdb__key **out, pdb_err *err)
{
	uint8_t id[PDB__WRAP_ID] = {0};
	pdb_status status = pdb__id_parse(text, id, err);
	pdb__key *key;

	if (status != PDB_OK) {
		return status;
	}
	key = pdb__key_find(keyring, id);
	if (key == NULL) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "the key %s is not known", text);
	}
	if (key->destroyed != 0) {
		return pdb_err_set(err, PDB_ENOTFOUND, "key_destroyed", "the key %s is destroyed",
				   text);
	}
	*out = key;
	return PDB_OK;
}

pdb_status pdb__key_room(const pdb_keyring *keyring, pdb__key *key, uint32_t versions, pdb_err *err)
{
	uint32_t cap = key->cap;
	pdb__wrapped *grown;

	if (versions <= cap) {
		return PDB_OK;
	}
	/* versions come one by one; a number far above them is not one of ours */
	if (versions > key->newest + 1 && key->newest > 0) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL,
				   "version %u of a key follows version %u", versions, key->newest);
	}
	cap = cap == 0 ? 1 : 2 * cap;
	cap = cap < versions ? versions : cap;
	grown = keyring->host->realloc(key->versions, cap * sizeof(*grown));
	if (grown == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a version of a key");
	}
	key->versions = grown;
	key->cap = cap;
	return PDB_OK;
}

pdb_status pdb__key_version(const pdb__key *key, uint32_t *version, pdb_err *err)
{
	if (*version == 0) {
		*version = key->newest;
	}
	if (*version > key->newest) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "the key has no version %u", *version);
	}
	return PDB_OK;
}

pdb_status pdb__key_spare(pdb_keyring *keyring, size_t count, pdb_err *err)
{
	size_t have = 0;

	for (const pdb__key *spare = keyring->spares; spare != NULL; spare = spare->next) {
		have++;
	}
	for (; have < count; have++) {
		pdb__key *key = keyring->host->alloc(sizeof(*key));

		if (key == NULL) {
			return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a key");
		}
		*key = (pdb__key){.next = keyring->spares};
		keyring->spares = key;
		if (pdb__key_room(keyring, key, 1, err) != PDB_OK) {
			return PDB_ENOMEM;
		}
	}
	return PDB_OK;
}

pdb__key *pdb__key_insert(pdb_keyring *keyring, const uint8_t id[PDB__WRAP_ID])
{
	pdb__key **at = &keyring->buckets[bucket_of(id)];
	pdb__key *key = keyring->spares;

	keyring->spares = key->next;
	while (*at != NULL && pdb__id_compare((*at)->id, id) < 0) {
		at = &(*at)->next;
	}
	memcpy(key->id, id, PDB__WRAP_ID);
	key->next = *at;
	*at = key;
	keyring->key_count++;
	return key;
}

void pdb__key_forget_versions(pdb_keyring *keyring, pdb__key *key)
{
	for (uint32_t i = 0; i < key->newest && key->versions != NULL; i++) {
		keyring->keks[key->versions[i].kek - 1].keys--;
		keyring->wrapped_count--;
	}
	keyring->host->free(key->versions);
	key->versions = NULL;
	key->cap = 0;
}

static void free_list(const pdb_host *host, pdb__key *key)
{
	while (key != NULL) {
		pdb__key *next = key->next;

		host->free(key->versions);
		host->free(key);
		key = next;
	}
}

void pdb__keys_fini(pdb_keyring *keyring)
{
	for (size_t i = 0; i < PDB__BUCKETS && keyring->buckets != NULL; i++) {
		free_list(keyring->host, keyring->buckets[i]);
	}
	free_list(keyring->host, keyring->spares);
	keyring->host->free(keyring->buckets);
	keyring->buckets = NULL;
	keyring->spares = NULL;
}

void pdb__key_show(const pdb_keyring *keyring, const pdb__key *key, uint32_t version,
		   pdb_kms_key *out)
{
	uint32_t kek = key->destroyed != 0 ? key->kek_last : key->versions[version - 1].kek;

	out->dek_version = version;
	out->newest = key->newest;
	out->kek_version = kek;
	out->held = key->held ? 1 : 0;
	out->created = key->created;
	out->state = PDB_KMS_KEY_BOUND;
	if (key->destroyed != 0) {
		out->state = PDB_KMS_KEY_DESTROYED;
	} else if (key->thread_len == 0) {
		out->state = PDB_KMS_KEY_PREPARED;
	}
	pdb__id_print(key->id, out->id);
	pdb__id_print(keyring->keks[kek - 1].id, out->kek_id);
	memset(out->thread, 0, sizeof(out->thread));
	memcpy(out->thread, key->thread, key->thread_len);
}
