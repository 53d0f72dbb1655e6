/* SPDX-License-Identifier: Apache-2.0 */
/* Calls about one key: made, bound, opened, renewed, destroyed. */
#include <sodium.h>

#include "keyring_private.h"

/* The caller's buffer for the DEK, or the scratch space: it is drawn and wrapped there. */
static uint8_t *dek_place(pdb_keyring *keyring, const pdb_kms_key *key)
{
	return key->dek != NULL ? key->dek : keyring->secrets->scratch;
}

static void forget_scratch(pdb_keyring *keyring)
{
	sodium_memzero(keyring->secrets->scratch, sizeof(keyring->secrets->scratch));
}

/* The record of a version that is there, to be written anew. */
static pdb__record record_of(const pdb__key *key, uint32_t version)
{
	pdb__record record = {.type = PDB__RECORD_KEY,
			      .version = version,
			      .kek_first = key->kek_first,
			      .created = key->created,
			      .thread = pdb_slice_of(key->thread, key->thread_len)};

	memcpy(record.id, key->id, PDB__WRAP_ID);
	return record;
}

/* Threads are ids of the server: printable, and nothing in them needs escaping in a receipt. */
static pdb_status judge_thread(pdb_slice thread, pdb_err *err)
{
	bool good = thread.len > 0 && thread.len <= PDB__RECORD_THREAD_MAX;

	for (size_t i = 0; i < thread.len && good; i++) {
		uint8_t c = thread.ptr[i];

		good = c > ' ' && c < 0x7f && c != '"' && c != '\\';
	}
	if (!good) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "the id of a thread is 1 to %u printable characters",
				   PDB__RECORD_THREAD_MAX);
	}
	return PDB_OK;
}

/* -- create and prepare --------------------------------------------------------------------------
 */

/* A random id that is not taken; of 2^128 none ever is. */
static void draw_id(const pdb_keyring *keyring, uint8_t out[PDB__WRAP_ID])
{
	do {
		randombytes_buf(out, PDB__WRAP_ID);
	} while (pdb__key_find(keyring, out) != NULL);
}

/* One more key: drawn, wrapped, and in the journal's pending bytes. */
static pdb_status append_new(pdb_keyring *keyring, pdb_slice thread, pdb_kms_key *key, pdb_err *err)
{
	pdb__record record = {.version = 1, .created = keyring->host->now(), .thread = thread};
	uint8_t blob[PDB__WRAP_SIZE];
	uint8_t *dek = dek_place(keyring, key);
	pdb_status status;

	draw_id(keyring, record.id);
	randombytes_buf(dek, PDB_KMS_DEK_SIZE);
	status = pdb__key_wrap(keyring, dek, &record, blob, err);
	if (status == PDB_OK) {
		status = pdb__journal_append(&keyring->journal, &record, err);
	}
	forget_scratch(keyring);
	return status;
}

static void show_pending(const pdb_keyring *keyring, const uint8_t *frame, pdb_kms_key *key)
{
	const pdb__key *made = pdb__key_find(keyring, frame + 5);

	pdb__key_show(keyring, made, 1, key);
}

static pdb_status run_create(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	pdb_status status = pdb__key_spare(keyring, act->count, err);
	const uint8_t *at;

	for (size_t i = 0; i < act->count && status == PDB_OK; i++) {
		status = append_new(keyring, act->thread, &act->keys[i], err);
	}
	if (status == PDB_OK) {
		status = pdb__state_flush(keyring, &act->ticket, err);
	}
	at = keyring->journal.pending;
	for (size_t i = 0; i < act->count && status == PDB_OK; i++) {
		show_pending(keyring, at, &act->keys[i]);
		at += 4 + ((size_t)at[0] | ((size_t)at[1] << 8)) + PDB__RECORD_MAC;
	}
	if (status == PDB_OK && act->count == 1) {
		memcpy(act->id, act->keys[0].id, sizeof(act->id));
		act->event.kek = keyring->active;
	}
	return status;
}

pdb_status pdb_keyring_create(pdb_keyring *keyring, const char *who, pdb_slice thread,
			      pdb_kms_key *key, pdb_err *err)
{
	pdb__act act = {.event = {.op = "create", .who = who},
			.changes = true,
			.run = run_create,
			.thread = thread,
			.keys = key,
			.count = 1};
	pdb_status status = judge_thread(thread, err);

	return status == PDB_OK ? pdb__act_run(keyring, &act, err) : status;
}

pdb_status pdb_keyring_prepare(pdb_keyring *keyring, const char *who, pdb_kms_key *keys,
			       size_t count, pdb_err *err)
{
	pdb__act act = {.event = {.op = "prepare", .who = who, .count = count},
			.changes = true,
			.run = run_create,
			.keys = keys,
			.count = count};

	if (count == 0 || count > PDB__BATCH_MAX) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "1 to %u keys can be prepared at once",
				   PDB__BATCH_MAX);
	}
	return pdb__act_run(keyring, &act, err);
}

/* -- claim, unwrap, versions
 * ----------------------------------------------------------------------- */

static pdb_status bind_key(pdb_keyring *keyring, pdb__act *act, pdb__key *key, pdb_err *err)
{
	pdb__record record = record_of(key, 1);
	uint8_t blob[PDB__WRAP_SIZE];
	uint8_t *dek = dek_place(keyring, act->keys);
	pdb_status status = pdb__key_open(keyring, key, 1, dek, err);

	record.thread = act->which->thread;
	if (status == PDB_OK) {
		status = pdb__key_wrap(keyring, dek, &record, blob, err);
	}
	if (status == PDB_OK) {
		status = pdb__state_commit(keyring, &record, &act->ticket, err);
	}
	forget_scratch(keyring);
	return status;
}

static bool bound_to(const pdb__key *key, pdb_slice thread)
{
	return pdb_slice_compare(pdb_slice_of(key->thread, key->thread_len), thread) == 0;
}

static pdb_status run_claim(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	pdb__key *key = NULL;
	pdb_status status = pdb__key_live(keyring, act->which->id, &key, err);

	if (status != PDB_OK) {
		return status;
	}
	if (key->thread_len > 0 && !bound_to(key, act->which->thread)) {
		return pdb_err_set(err, PDB_EDENIED, NULL, "the key %s is of another thread",
				   act->which->id);
	}
	if (key->thread_len == 0) {
		status = bind_key(keyring, act, key, err);
	} else if (act->keys->dek != NULL) {
		status = pdb__key_open(keyring, key, key->newest, act->keys->dek, err);
	}
	if (status == PDB_OK) {
		pdb__key_show(keyring, key, key->newest, act->keys);
		act->event.kek = act->keys->kek_version;
	}
	return status;
}

pdb_status pdb_keyring_claim(pdb_keyring *keyring, const pdb_keyring_which *which, pdb_kms_key *key,
			     pdb_err *err)
{
	pdb__act act = {.event = {.op = "claim"},
			.changes = true,
			.run = run_claim,
			.which = which,
			.keys = key,
			.count = 1};
	pdb_status status = judge_thread(which->thread, err);

	return status == PDB_OK ? pdb__act_run(keyring, &act, err) : status;
}

static pdb_status run_unwrap(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	pdb__key *key = NULL;
	uint32_t version = act->which->version;
	pdb_status status = pdb__key_live(keyring, act->which->id, &key, err);

	if (status == PDB_OK) {
		status = pdb__key_version(key, &version, err);
	}
	if (status == PDB_OK) {
		status = pdb__key_open(keyring, key, version, dek_place(keyring, act->keys), err);
		forget_scratch(keyring);
	}
	keyring->opens++;
	keyring->opens_failed += status != PDB_OK ? 1 : 0;
	if (status == PDB_OK) {
		pdb__key_show(keyring, key, version, act->keys);
		act->event.version = version;
		act->event.kek = act->keys->kek_version;
	}
	return status;
}

pdb_status pdb_keyring_unwrap(pdb_keyring *keyring, const pdb_keyring_which *which,
			      pdb_kms_key *key, pdb_err *err)
{
	pdb__act act = {.event = {.op = "unwrap"},
			.run = run_unwrap,
			.which = which,
			.keys = key,
			.count = 1};

	return pdb__act_run(keyring, &act, err);
}

static pdb_status renew(pdb_keyring *keyring, pdb__act *act, const pdb__key *key, pdb_err *err)
{
	pdb__record record = record_of(key, key->newest + 1);
	uint8_t blob[PDB__WRAP_SIZE];
	uint8_t *dek = dek_place(keyring, act->keys);
	pdb_status status;

	randombytes_buf(dek, PDB_KMS_DEK_SIZE);
	status = pdb__key_wrap(keyring, dek, &record, blob, err);
	if (status == PDB_OK) {
		status = pdb__state_commit(keyring, &record, &act->ticket, err);
	}
	forget_scratch(keyring);
	return status;
}

static pdb_status run_add_version(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	pdb__key *key = NULL;
	uint32_t after = act->which->version;
	pdb_status status = pdb__key_live(keyring, act->which->id, &key, err);

	if (status != PDB_OK) {
		return status;
	}
	if (key->thread_len == 0) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "a key without a thread has one version only; claim it first");
	}
	if (after == key->newest) {
		status = renew(keyring, act, key, err);
	} else if (after + 1 != key->newest) {
		status =
			pdb_err_set(err, PDB_ESTALE, NULL, "the newest version is %u", key->newest);
	} else if (act->keys->dek != NULL) {
		status = pdb__key_open(keyring, key, key->newest, act->keys->dek, err);
	}
	if (status == PDB_OK) {
		pdb__key_show(keyring, key, key->newest, act->keys);
		act->event.version = key->newest;
		act->event.kek = act->keys->kek_version;
	}
	return status;
}

pdb_status pdb_keyring_add_version(pdb_keyring *keyring, const pdb_keyring_which *which,
				   pdb_kms_key *key, pdb_err *err)
{
	pdb__act act = {.event = {.op = "add_version"},
			.changes = true,
			.run = run_add_version,
			.which = which,
			.keys = key,
			.count = 1};

	return pdb__act_run(keyring, &act, err);
}

/* -- describe, destroy, hold ------------------------------------------------------------------ */

pdb_status pdb_keyring_describe(pdb_keyring *keyring, const char *id, pdb_kms_key *key,
				pdb_err *err)
{
	uint8_t raw[PDB__WRAP_ID] = {0};
	pdb_status status = pdb__id_parse(id, raw, err);
	const pdb__key *found;

	if (status != PDB_OK) {
		return status;
	}
	(void)pthread_mutex_lock(&keyring->lock);
	found = pdb__key_find(keyring, raw);
	if (found != NULL) {
		pdb__key_show(keyring, found, found->newest, key);
	} else {
		status = pdb_err_set(err, PDB_ENOTFOUND, NULL, "the key %s is not known", id);
	}
	(void)pthread_mutex_unlock(&keyring->lock);
	return status;
}

static pdb_status run_destroy(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	pdb__record record = {.type = PDB__RECORD_DESTROY, .changed = keyring->host->now()};
	pdb_status status = pdb__id_parse(act->event.key, record.id, err);
	const pdb__key *key;

	if (status != PDB_OK) {
		return status;
	}
	key = pdb__key_find(keyring, record.id);
	if (key == NULL) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "the key %s is not known",
				   act->event.key);
	}
	if (key->destroyed != 0) {
		return PDB_OK;
	}
	if (key->held) {
		return pdb_err_set(err, PDB_EDENIED, "legal_hold",
				   "the key %s is under a hold and is not destroyed",
				   act->event.key);
	}
	record.version = key->newest;
	record.kek_first = key->kek_first;
	record.kek_last = key->kek_last;
	record.created = key->created;
	record.thread = pdb_slice_of(key->thread, key->thread_len);
	return pdb__state_commit(keyring, &record, &act->ticket, err);
}

pdb_status pdb_keyring_destroy(pdb_keyring *keyring, const char *who, const char *id, pdb_err *err)
{
	pdb__act act = {.event = {.op = "destroy", .who = who, .key = id},
			.changes = true,
			.run = run_destroy};

	return pdb__act_run(keyring, &act, err);
}

static pdb_status run_hold(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	pdb__record record = {.type = PDB__RECORD_HOLD, .changed = keyring->host->now()};
	pdb__key *key = NULL;
	pdb_status status = pdb__key_live(keyring, act->event.key, &key, err);

	if (status != PDB_OK || key->held == (act->number != 0)) {
		return status;
	}
	memcpy(record.id, key->id, PDB__WRAP_ID);
	record.state = act->number;
	return pdb__state_commit(keyring, &record, &act->ticket, err);
}

pdb_status pdb_keyring_hold(pdb_keyring *keyring, const char *who, const char *id, bool on,
			    pdb_err *err)
{
	pdb__act act = {.event = {.op = on ? "hold" : "release", .who = who, .key = id},
			.changes = true,
			.number = on ? 1 : 0,
			.run = run_hold};

	return pdb__act_run(keyring, &act, err);
}
