/* SPDX-License-Identifier: Apache-2.0 */
/* Wrapped keys: out of the keyring, and back into it or into an older copy of it. */
#include <sodium.h>

#include "keyring_private.h"

/* Which KEK versions ever wrapped a key is nothing that a file can vouch for: all that there were
 * must be destroyed until the erasure of a key that came back is final. */
#define KEK_FIRST 1u

/* -- out -------------------------------------------------------------------------------------- */

typedef struct wrapped {
	uint8_t bytes[PDB__RECORD_MAX];
	size_t len;
} wrapped;

static pdb_status run_wrapped(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	wrapped *out = act->more;
	pdb__record record = {.type = PDB__RECORD_KEY};
	uint32_t version = act->which->version;
	pdb__key *key = NULL;
	pdb_status status = pdb__key_live(keyring, act->which->id, &key, err);

	if (status == PDB_OK) {
		status = pdb__key_version(key, &version, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	memcpy(record.id, key->id, PDB__WRAP_ID);
	record.version = version;
	record.kek_version = key->versions[version - 1].kek;
	record.kek_first = KEK_FIRST;
	record.created = key->created;
	record.thread = pdb_slice_of(key->thread, key->thread_len);
	record.blob = pdb_slice_of(key->versions[version - 1].blob, PDB__WRAP_SIZE);
	out->len = pdb__journal_encode(&record, out->bytes);
	act->event.version = version;
	act->event.kek = record.kek_version;
	return PDB_OK;
}

pdb_status pdb_keyring_wrapped(pdb_keyring *keyring, const pdb_keyring_which *which,
			       pdb_kms_text_fn text, void *arg, pdb_err *err)
{
	wrapped out = {.len = 0};
	pdb__act act = {
		.event = {.op = "wrapped"}, .run = run_wrapped, .which = which, .more = &out};
	pdb_status status = pdb__act_run(keyring, &act, err);

	if (status == PDB_OK) {
		text(arg, pdb_slice_of(out.bytes, out.len));
	}
	return status;
}

/* -- in --------------------------------------------------------------------------------------- */

typedef struct restoring {
	pdb__record record;
	bool stored;
} restoring;

static bool has_version(const pdb__key *key, const pdb__record *record)
{
	return key != NULL && record->version <= key->newest;
}

/* A thread is bound into every version: a key without one can be bound by its first only. */
static bool thread_fits(const pdb__key *key, const pdb__record *record)
{
	pdb_slice thread = pdb_slice_of(key->thread, key->thread_len);

	return pdb_slice_compare(thread, record->thread) == 0 ||
	       (record->version == 1 && (thread.len == 0 || record->thread.len == 0));
}

static pdb_status judge_key(const pdb__key *key, const pdb__record *record, pdb_err *err)
{
	uint32_t next = key != NULL ? key->newest + 1 : 1;

	if (key != NULL && key->destroyed != 0) {
		return pdb_err_set(err, PDB_ENOTFOUND, "key_destroyed",
				   "the key is destroyed here, and stays so");
	}
	if (record->version == 0 || record->version > next) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "version %u of the key cannot come before version %u",
				   record->version, next);
	}
	if (key != NULL && !thread_fits(key, record)) {
		return pdb_err_set(err, PDB_EDENIED, NULL, "the key is of another thread here");
	}
	return PDB_OK;
}

static pdb_status judge_kek(const pdb_keyring *keyring, const pdb__record *record, pdb_err *err)
{
	if (record->kek_version == 0 || record->kek_version > keyring->kek_count) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL,
				   "KEK version %u is not in this keyring", record->kek_version);
	}
	return PDB_OK;
}

/* The secret that is stored must be the one that the record has, however each is wrapped. */
static pdb_status compare(const pdb_keyring *keyring, const pdb__key *key,
			  const pdb__record *record, pdb_err *err)
{
	pdb__secrets *secrets = keyring->secrets;
	pdb_status status = pdb__key_open(keyring, key, record->version, secrets->other, err);

	if (status == PDB_OK &&
	    sodium_memcmp(secrets->scratch, secrets->other, PDB_KMS_DEK_SIZE) != 0) {
		status = pdb_err_set(err, PDB_EEXISTS, NULL,
				     "version %u of the key is another one here", record->version);
	}
	sodium_memzero(secrets->other, PDB_KMS_DEK_SIZE);
	return status;
}

static pdb_status run_restore(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	restoring *run = act->more;
	const pdb__record *record = &run->record;
	const pdb__key *key = pdb__key_find(keyring, record->id);
	pdb_status status = judge_key(key, record, err);

	if (status == PDB_OK) {
		status = judge_kek(keyring, record, err);
	}
	if (status == PDB_OK) {
		status = pdb__key_record_open(keyring, record, keyring->secrets->scratch, err);
	}
	if (status == PDB_OK && has_version(key, record)) {
		status = compare(keyring, key, record, err);
	}
	sodium_memzero(keyring->secrets->scratch, PDB_KMS_DEK_SIZE);
	run->stored = !has_version(key, record) || (key->thread_len == 0 && record->thread.len > 0);
	return status == PDB_OK && run->stored
		       ? pdb__state_commit(keyring, record, &act->ticket, err)
		       : status;
}

pdb_status pdb_keyring_restore(pdb_keyring *keyring, const char *who, pdb_slice bytes,
			       bool *stored_out, pdb_err *err)
{
	char id[PDB_KMS_ID_SIZE];
	restoring run = {.stored = false};
	pdb__act act = {.event = {.op = "restore", .who = who, .key = id},
			.changes = true,
			.run = run_restore,
			.more = &run};
	pdb_status status;

	*stored_out = false;
	if (!pdb__journal_decode(bytes, &run.record) || run.record.type != PDB__RECORD_KEY ||
	    run.record.kek_first != KEK_FIRST) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "it is not a wrapped key");
	}
	pdb__id_print(run.record.id, id);
	act.event.version = run.record.version;
	act.event.kek = run.record.kek_version;
	status = pdb__act_run(keyring, &act, err);
	*stored_out = status == PDB_OK && run.stored;
	return status;
}
