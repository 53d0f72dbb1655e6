/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the keyring, made of the records of its journal: the same code at work and at start.
 */
#include "journal_private.h"
#include "keyring_private.h"

/* Below so many records a new journal is not worth it. */
#define COMPACT_LEAST UINT64_C(20000)

/* -- room, before anything is written ------------------------------------------------------------
 */

static pdb_status reserve_kek(pdb_keyring *keyring, const pdb__record *record, pdb_err *err)
{
	uint32_t cap = keyring->kek_cap > 0 ? 2 * keyring->kek_cap : 16;
	pdb__kek *grown;

	if (record->version > keyring->kek_count + 1) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "KEK version %u follows version %u",
				   record->version, keyring->kek_count);
	}
	if (record->version <= keyring->kek_cap) {
		return PDB_OK;
	}
	grown = keyring->host->realloc(keyring->keks, cap * sizeof(*grown));
	if (grown == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a KEK version");
	}
	keyring->keks = grown;
	keyring->kek_cap = cap;
	return PDB_OK;
}

static pdb_status need_kek(const pdb_keyring *keyring, uint32_t version, pdb_err *err)
{
	if (version > keyring->kek_count) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL,
				   "a record names KEK version %u, which was never made", version);
	}
	return PDB_OK;
}

static pdb_status reserve_key(pdb_keyring *keyring, const pdb__record *record, pdb_err *err)
{
	pdb__key *key = pdb__key_find(keyring, record->id);
	pdb_status status = need_kek(keyring, record->kek_version, err);

	if (status != PDB_OK) {
		return status;
	}
	if (key == NULL) {
		return record->version == 1
			       ? pdb__key_spare(keyring, 1, err)
			       : pdb_err_set(err, PDB_ECORRUPT, NULL,
					     "a key begins with version %u", record->version);
	}
	if (key->destroyed != 0) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "a destroyed key comes again");
	}
	return pdb__key_room(keyring, key, record->version, err);
}

pdb_status pdb__state_reserve(pdb_keyring *keyring, const pdb__record *record, pdb_err *err)
{
	switch (record->type) {
	case PDB__RECORD_KEY:
		return reserve_key(keyring, record, err);
	case PDB__RECORD_DESTROY:
		if (pdb__key_find(keyring, record->id) == NULL &&
		    pdb__key_spare(keyring, 1, err) != PDB_OK) {
			return PDB_ENOMEM;
		}
		return need_kek(keyring, record->kek_last, err);
	case PDB__RECORD_HOLD:
		return pdb__key_find(keyring, record->id) != NULL
			       ? PDB_OK
			       : pdb_err_set(err, PDB_ECORRUPT, NULL,
					     "a hold is of a key that was never made");
	case PDB__RECORD_KEK:
		return reserve_kek(keyring, record, err);
	case PDB__RECORD_ROTATE:
	case PDB__RECORD_VERIFIED:
		return need_kek(keyring, record->version, err);
	case PDB__RECORD_BEGIN:
		break;
	}
	return PDB_OK;
}

/* -- applying -----------------------------------------------------------------------------------
 */

static void bind_thread(pdb__key *key, pdb_slice thread)
{
	key->thread_len = (uint8_t)thread.len;
	if (thread.len > 0) {
		memcpy(key->thread, thread.ptr, thread.len);
	}
}

static void apply_key(pdb_keyring *keyring, const pdb__record *record)
{
	pdb__key *key = pdb__key_find(keyring, record->id);
	pdb__wrapped *version;

	if (key == NULL) {
		key = pdb__key_insert(keyring, record->id);
		key->created = record->created;
		key->kek_first = record->kek_first;
		key->kek_last = record->kek_version;
	}
	version = &key->versions[record->version - 1];
	if (record->version <= key->newest) {
		keyring->keks[version->kek - 1].keys--;
		/* wrapped by another KEK version: what a verify pass has seen is over */
		if (version->kek != record->kek_version) {
			keyring->verified = 0;
			keyring->verify_clean = false;
		}
	} else {
		key->newest = record->version;
		keyring->wrapped_count++;
	}
	version->kek = record->kek_version;
	memcpy(version->blob, record->blob.ptr, PDB__WRAP_SIZE);
	keyring->keks[record->kek_version - 1].keys++;
	key->kek_first = record->kek_first < key->kek_first ? record->kek_first : key->kek_first;
	key->kek_last = record->kek_version > key->kek_last ? record->kek_version : key->kek_last;
	bind_thread(key, record->thread);
}

static void apply_destroy(pdb_keyring *keyring, const pdb__record *record)
{
	pdb__key *key = pdb__key_find(keyring, record->id);

	if (key == NULL) {
		key = pdb__key_insert(keyring, record->id);
		key->created = record->created;
	}
	if (key->destroyed == 0) {
		keyring->destroyed_count++;
	}
	pdb__key_forget_versions(keyring, key);
	key->newest = record->version;
	key->kek_first = record->kek_first;
	key->kek_last = record->kek_last;
	key->destroyed = record->changed != 0 ? record->changed : 1;
	bind_thread(key, record->thread);
}

static void apply_hold(const pdb_keyring *keyring, const pdb__record *record)
{
	pdb__key_find(keyring, record->id)->held = record->state != 0;
}

static void apply_kek(pdb_keyring *keyring, const pdb__record *record)
{
	pdb__kek *kek = &keyring->keks[record->version - 1];

	if (record->version > keyring->kek_count) {
		*kek = (pdb__kek){.slot = -1};
		keyring->kek_count = record->version;
	}
	kek->state = record->state;
	kek->created = record->created;
	kek->changed = record->changed;
	memcpy(kek->id, record->id, PDB__WRAP_ID);
	if (record->state == PDB_KMS_KEK_ACTIVE) {
		keyring->active = record->version;
	}
}

static void apply_rotate(pdb_keyring *keyring, const pdb__record *record)
{
	pdb__kek *kek = &keyring->keks[record->version - 1];

	if (keyring->active != 0 && keyring->active != record->version) {
		keyring->keks[keyring->active - 1].state = PDB_KMS_KEK_DECRYPT_ONLY;
		keyring->keks[keyring->active - 1].changed = record->changed;
	}
	kek->state = PDB_KMS_KEK_ACTIVE;
	kek->changed = record->changed;
	keyring->active = record->version;
}

void pdb__state_apply(pdb_keyring *keyring, const pdb__record *record)
{
	switch (record->type) {
	case PDB__RECORD_KEY:
		apply_key(keyring, record);
		break;
	case PDB__RECORD_DESTROY:
		apply_destroy(keyring, record);
		break;
	case PDB__RECORD_HOLD:
		apply_hold(keyring, record);
		break;
	case PDB__RECORD_KEK:
		apply_kek(keyring, record);
		break;
	case PDB__RECORD_ROTATE:
		apply_rotate(keyring, record);
		break;
	case PDB__RECORD_VERIFIED:
		keyring->verified = record->version;
		break;
	case PDB__RECORD_BEGIN:
		break;
	}
}

pdb_status pdb__state_replay(void *arg, const pdb__record *record, pdb_err *err)
{
	pdb_keyring *keyring = arg;
	pdb_status status = pdb__state_reserve(keyring, record, err);

	if (status == PDB_OK) {
		pdb__state_apply(keyring, record);
	}
	return status;
}

pdb_status pdb__state_commit(pdb_keyring *keyring, const pdb__record *record, uint64_t *ticket_out,
			     pdb_err *err)
{
	pdb_status status = pdb__state_reserve(keyring, record, err);

	if (status == PDB_OK) {
		status = pdb__journal_append(&keyring->journal, record, err);
	}
	if (status == PDB_OK) {
		status = pdb__journal_flush(&keyring->journal, ticket_out, err);
	}
	if (status == PDB_OK) {
		pdb__state_apply(keyring, record);
	}
	return status;
}

/* The bytes stay after a flush; only their count is forgotten. */
pdb_status pdb__state_flush(pdb_keyring *keyring, uint64_t *ticket_out, pdb_err *err)
{
	const uint8_t *at = keyring->journal.pending;
	const uint8_t *end = at + keyring->journal.pending_len;
	pdb_status status = pdb__journal_flush(&keyring->journal, ticket_out, err);

	while (status == PDB_OK && at < end) {
		size_t len = (size_t)at[0] | ((size_t)at[1] << 8);
		pdb__record record;

		if (pdb__journal_decode(pdb_slice_of(at + 4, len), &record)) {
			pdb__state_apply(keyring, &record);
		}
		at += 4 + len + PDB__RECORD_MAC;
	}
	return status;
}

/* -- compaction ---------------------------------------------------------------------------------
 */

static pdb_status write_keks(const pdb_keyring *keyring, pdb__journal *fresh, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (uint32_t i = 0; i < keyring->kek_count && status == PDB_OK; i++) {
		const pdb__kek *kek = &keyring->keks[i];
		pdb__record record = {.type = PDB__RECORD_KEK,
				      .version = i + 1,
				      .state = kek->state,
				      .created = kek->created,
				      .changed = kek->changed};

		memcpy(record.id, kek->id, PDB__WRAP_ID);
		status = pdb__journal_piece(fresh, &record, err);
	}
	if (status == PDB_OK && keyring->verified != 0) {
		const pdb__record record = {.type = PDB__RECORD_VERIFIED,
					    .version = keyring->verified};

		status = pdb__journal_piece(fresh, &record, err);
	}
	return status;
}

static pdb_status write_key(const pdb__key *key, pdb__journal *fresh, pdb_err *err)
{
	pdb__record record = {.type = key->destroyed != 0 ? PDB__RECORD_DESTROY : PDB__RECORD_KEY,
			      .created = key->created,
			      .changed = key->destroyed,
			      .version = key->newest,
			      .kek_first = key->kek_first,
			      .kek_last = key->kek_last,
			      .thread = pdb_slice_of(key->thread, key->thread_len)};
	pdb_status status = PDB_OK;

	memcpy(record.id, key->id, PDB__WRAP_ID);
	if (key->destroyed != 0) {
		return pdb__journal_piece(fresh, &record, err);
	}
	for (uint32_t v = 1; v <= key->newest && status == PDB_OK; v++) {
		record.version = v;
		record.kek_version = key->versions[v - 1].kek;
		record.blob = pdb_slice_of(key->versions[v - 1].blob, PDB__WRAP_SIZE);
		status = pdb__journal_piece(fresh, &record, err);
	}
	if (status == PDB_OK && key->held) {
		record = (pdb__record){.type = PDB__RECORD_HOLD, .state = 1};
		memcpy(record.id, key->id, PDB__WRAP_ID);
		status = pdb__journal_piece(fresh, &record, err);
	}
	return status;
}

static pdb_status write_all(void *arg, pdb__journal *fresh, pdb_err *err)
{
	const pdb_keyring *keyring = arg;
	const pdb__key *key = pdb__key_after(keyring, NULL);
	pdb_status status = write_keks(keyring, fresh, err);

	for (; key != NULL && status == PDB_OK; key = pdb__key_after(keyring, key->id)) {
		status = write_key(key, fresh, err);
	}
	return status;
}

void pdb__state_compact(pdb_keyring *keyring)
{
	uint64_t live = keyring->wrapped_count + keyring->destroyed_count;
	pdb_err err = {0};

	if (keyring->journal.at.records < 2 * live + COMPACT_LEAST) {
		return;
	}
	if (pdb__journal_compact(&keyring->journal, write_all, keyring, &err) != PDB_OK) {
		keyring->host->log(PDB_LOG_WARN, "kms", "the journal of keys stays long: %s",
				   err.text);
	}
}
