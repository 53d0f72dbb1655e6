/* SPDX-License-Identifier: Apache-2.0 */
/* Acts: how every call is audited, done and made durable. And what wraps and opens keys. */
#include <sodium.h>

#include "keyring_private.h"

static void wipe(const pdb__act *act)
{
	for (size_t i = 0; i < act->count; i++) {
		if (act->keys[i].dek != NULL) {
			sodium_memzero(act->keys[i].dek, PDB_KMS_DEK_SIZE);
		}
	}
}

/* The begin line is on disk before anything changes; the end line follows when all is done. */
static pdb_status begin(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	pdb_status status = pdb__audit_begin(&keyring->audit, &act->event, err);

	if (status == PDB_OK && act->changes) {
		status = pdb__audit_sync(&keyring->audit, err);
	}
	if (status == PDB_OK && act->changes) {
		pdb__journal_note_audit(&keyring->journal, pdb__audit_durable(&keyring->audit));
	}
	return status;
}

static pdb_status finish(pdb_keyring *keyring, pdb__act *act, pdb_status status, pdb_err *err)
{
	pdb__journal_place place;

	if (status == PDB_OK && act->ticket != 0) {
		status = pdb__journal_sync(&keyring->journal, act->ticket, err);
		place = pdb__journal_where(&keyring->journal);
		pdb__audit_note_store(&keyring->audit, place.generation, place.size);
	}
	if (act->event.key == NULL && act->id[0] != '\0') {
		act->event.key = act->id;
	}
	return pdb__audit_end(&keyring->audit, &act->event, status, err);
}

pdb_status pdb__act_run(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	pdb_status status;

	if (act->which != NULL) {
		act->event.who = act->which->who;
		act->event.key = act->which->id;
		act->event.version = act->which->version;
	}
	status = begin(keyring, act, err);
	if (status != PDB_OK) {
		wipe(act);
		return status;
	}
	(void)pthread_mutex_lock(&keyring->lock);
	status = act->run(keyring, act, err);
	pdb__journal_forget(&keyring->journal);
	if (act->changes) {
		pdb__state_compact(keyring);
	}
	(void)pthread_mutex_unlock(&keyring->lock);
	status = finish(keyring, act, status, err);
	if (status != PDB_OK) {
		wipe(act);
	}
	return status;
}

/* -- wrapping -----------------------------------------------------------------------------------
 */

pdb_status pdb__kek_usable(const pdb_keyring *keyring, uint32_t version, const pdb__wrap_keys **out,
			   pdb_err *err)
{
	const pdb__kek *kek = &keyring->keks[version - 1];

	if (kek->state == PDB_KMS_KEK_DESTROYED) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "KEK version %u is destroyed",
				   version);
	}
	if (kek->state == PDB_KMS_KEK_DISABLED) {
		return pdb_err_set(err, PDB_EDENIED, NULL, "KEK version %u is disabled", version);
	}
	if (kek->slot < 0) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "the file of KEK version %u is missing",
				   version);
	}
	*out = &keyring->secrets->keks[kek->slot];
	return PDB_OK;
}

static pdb__wrap_context context_of(const pdb_keyring *keyring, const uint8_t *id, pdb_slice thread,
				    uint32_t version, uint32_t kek)
{
	const pdb__wrap_context context = {.label = "pdb/w1",
					   .instance = keyring->instance,
					   .key_id = id,
					   .kek_id = keyring->keks[kek - 1].id,
					   .thread = thread,
					   .version = version,
					   .kek_version = kek};

	return context;
}

pdb_status pdb__key_record_open(const pdb_keyring *keyring, const pdb__record *record,
				uint8_t out[PDB_KMS_DEK_SIZE], pdb_err *err)
{
	const pdb__wrap_keys *keys = NULL;
	pdb__wrap_context context = context_of(keyring, record->id, record->thread, record->version,
					       record->kek_version);
	pdb_status status = pdb__kek_usable(keyring, record->kek_version, &keys, err);

	return status == PDB_OK ? pdb__wrap_open(keys, &context, record->blob, out, err) : status;
}

pdb_status pdb__key_open(const pdb_keyring *keyring, const pdb__key *key, uint32_t version,
			 uint8_t out[PDB_KMS_DEK_SIZE], pdb_err *err)
{
	const pdb__wrapped *wrapped = &key->versions[version - 1];
	pdb__record record = {.version = version,
			      .kek_version = wrapped->kek,
			      .thread = pdb_slice_of(key->thread, key->thread_len),
			      .blob = pdb_slice_of(wrapped->blob, PDB__WRAP_SIZE)};

	memcpy(record.id, key->id, PDB__WRAP_ID);
	return pdb__key_record_open(keyring, &record, out, err);
}

pdb_status pdb__key_wrap(const pdb_keyring *keyring, const uint8_t dek[PDB_KMS_DEK_SIZE],
			 pdb__record *record, uint8_t blob[PDB__WRAP_SIZE], pdb_err *err)
{
	const pdb__wrap_keys *keys = NULL;
	pdb__wrap_context context =
		context_of(keyring, record->id, record->thread, record->version, keyring->active);
	pdb_status status = pdb__kek_usable(keyring, keyring->active, &keys, err);

	if (status != PDB_OK) {
		return status;
	}
	pdb__wrap_seal(keys, &context, dek, blob);
	record->type = PDB__RECORD_KEY;
	record->kek_version = keyring->active;
	if (record->kek_first == 0 || record->kek_first > keyring->active) {
		record->kek_first = keyring->active;
	}
	record->blob = pdb_slice_of(blob, PDB__WRAP_SIZE);
	return PDB_OK;
}
