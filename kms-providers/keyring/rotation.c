/* SPDX-License-Identifier: Apache-2.0 */
/* KEK versions at work: rotated, switched, destroyed; and the passes over all keys. */
#include <sodium.h>

#include "keyring_private.h"

/* -- versions -----------------------------------------------------------------------------------
 */

static uint32_t standby_of(const pdb_keyring *keyring)
{
	uint32_t newest = keyring->kek_count;

	return newest > 0 && keyring->keks[newest - 1].state == PDB_KMS_KEK_STANDBY ? newest : 0;
}

static pdb_status run_rotate(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	uint32_t version = standby_of(keyring);
	pdb_status status = PDB_OK;

	if (version == 0) {
		status = pdb__kek_make(keyring, &version, &act->ticket, err);
	} else if (keyring->keks[version - 1].slot < 0) {
		status = pdb_err_set(err, PDB_ECORRUPT, NULL,
				     "the file of KEK version %u is missing", version);
	}
	if (status == PDB_OK) {
		status = pdb__kek_activate(keyring, version, &act->ticket, err);
	}
	act->event.kek = version;
	act->number = version;
	return status;
}

pdb_status pdb_keyring_rotate_kek(pdb_keyring *keyring, const char *who, uint32_t *version_out,
				  pdb_err *err)
{
	pdb__act act = {
		.event = {.op = "rotate_kek", .who = who}, .changes = true, .run = run_rotate};
	pdb_status status = pdb__act_run(keyring, &act, err);

	*version_out = act.number;
	return status;
}

static pdb_status run_add(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	uint32_t version = standby_of(keyring);
	pdb_status status;

	if (version != 0) {
		return pdb_err_set(err, PDB_EEXISTS, NULL, "KEK version %u is on standby already",
				   version);
	}
	status = pdb__kek_make(keyring, &version, &act->ticket, err);
	act->event.kek = version;
	act->number = version;
	return status;
}

pdb_status pdb_keyring_add_kek(pdb_keyring *keyring, const char *who, uint32_t *version_out,
			       pdb_err *err)
{
	pdb__act act = {.event = {.op = "add_kek", .who = who}, .changes = true, .run = run_add};
	pdb_status status = pdb__act_run(keyring, &act, err);

	*version_out = act.number;
	return status;
}

static pdb_status find_kek(const pdb_keyring *keyring, uint32_t version, pdb_err *err)
{
	if (version == 0 || version > keyring->kek_count) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "there is no KEK version %u", version);
	}
	if (version == keyring->active) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "KEK version %u is the active one; rotate first", version);
	}
	return PDB_OK;
}

/* Writes the version anew with another state. */
static pdb_status commit_state(pdb_keyring *keyring, uint32_t version, uint32_t state,
			       uint64_t *ticket_out, pdb_err *err)
{
	const pdb__kek *kek = &keyring->keks[version - 1];
	pdb__record record = {.type = PDB__RECORD_KEK,
			      .version = version,
			      .state = state,
			      .created = kek->created,
			      .changed = keyring->host->now()};

	memcpy(record.id, kek->id, PDB__WRAP_ID);
	return pdb__state_commit(keyring, &record, ticket_out, err);
}

static pdb_status run_set(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	uint32_t version = act->event.kek;
	pdb_status status = find_kek(keyring, version, err);
	uint32_t now;

	if (status != PDB_OK) {
		return status;
	}
	now = keyring->keks[version - 1].state;
	if (now != PDB_KMS_KEK_DECRYPT_ONLY && now != PDB_KMS_KEK_DISABLED) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "KEK version %u was never in use, or is destroyed", version);
	}
	return now == act->number ? PDB_OK
				  : commit_state(keyring, version, act->number, &act->ticket, err);
}

pdb_status pdb_keyring_set_kek(pdb_keyring *keyring, const char *who, uint32_t version,
			       uint32_t state, pdb_err *err)
{
	pdb__act act = {
		.event = {.op = state == PDB_KMS_KEK_DISABLED ? "disable_kek" : "enable_kek",
			  .who = who,
			  .kek = version},
		.changes = true,
		.number = state,
		.run = run_set};

	if (state != PDB_KMS_KEK_DISABLED && state != PDB_KMS_KEK_DECRYPT_ONLY) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "a KEK version can be disabled or be for decryption only");
	}
	return pdb__act_run(keyring, &act, err);
}

static pdb_status may_retire(const pdb_keyring *keyring, uint32_t version, pdb_err *err)
{
	const pdb__kek *kek = &keyring->keks[version - 1];

	if (kek->keys > 0) {
		return pdb_err_set(err, PDB_EBUSY, "kek_in_use",
				   "KEK version %u still wraps %llu keys; rewrap them first",
				   version, (unsigned long long)kek->keys);
	}
	if (kek->state != PDB_KMS_KEK_STANDBY && keyring->verified <= version) {
		return pdb_err_set(err, PDB_EBUSY, "not_verified",
				   "no verify pass has opened every key since KEK version %u went "
				   "out of use; run one first",
				   version);
	}
	return PDB_OK;
}

static pdb_status run_retire(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	uint32_t version = act->event.kek;
	pdb_status status = find_kek(keyring, version, err);

	if (status == PDB_OK && keyring->keks[version - 1].state == PDB_KMS_KEK_DESTROYED) {
		return pdb__kek_shred(keyring, version, err); /* that may have failed before */
	}
	if (status == PDB_OK) {
		status = may_retire(keyring, version, err);
	}
	if (status == PDB_OK) {
		status = commit_state(keyring, version, PDB_KMS_KEK_DESTROYED, &act->ticket, err);
	}
	/* that it is destroyed is on disk before its bytes are gone */
	if (status == PDB_OK) {
		status = pdb__journal_sync(&keyring->journal, act->ticket, err);
	}
	return status == PDB_OK ? pdb__kek_shred(keyring, version, err) : status;
}

pdb_status pdb_keyring_retire(pdb_keyring *keyring, const char *who, uint32_t version, pdb_err *err)
{
	pdb__act act = {.event = {.op = "retire_kek", .who = who, .kek = version},
			.changes = true,
			.run = run_retire};

	return pdb__act_run(keyring, &act, err);
}

/* -- rewrapping -----------------------------------------------------------------------------------
 */

static bool outdated(const pdb_keyring *keyring, const pdb__key *key)
{
	for (uint32_t v = 0; v < key->newest; v++) {
		if (key->versions[v].kek != keyring->active) {
			return true;
		}
	}
	return false;
}

/* One version under the active KEK, into the journal's pending bytes. */
static pdb_status append_again(pdb_keyring *keyring, const pdb__key *key, uint32_t version,
			       pdb_err *err)
{
	pdb__record record = {.version = version,
			      .kek_first = key->kek_first,
			      .created = key->created,
			      .thread = pdb_slice_of(key->thread, key->thread_len)};
	uint8_t *dek = keyring->secrets->scratch;
	uint8_t blob[PDB__WRAP_SIZE];
	pdb_status status = pdb__key_open(keyring, key, version, dek, err);

	memcpy(record.id, key->id, PDB__WRAP_ID);
	if (status == PDB_OK) {
		status = pdb__key_wrap(keyring, dek, &record, blob, err);
	}
	sodium_memzero(dek, PDB_KMS_DEK_SIZE);
	return status == PDB_OK ? pdb__journal_append(&keyring->journal, &record, err) : status;
}

static pdb_status rewrap_one(pdb_keyring *keyring, const pdb__key *key, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (uint32_t v = 1; v <= key->newest && status == PDB_OK; v++) {
		if (key->versions[v - 1].kek != keyring->active) {
			status = append_again(keyring, key, v, err);
		}
	}
	return status;
}

static pdb_status run_rewrap_key(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	pdb__key *key = NULL;
	pdb_status status = pdb__key_live(keyring, act->event.key, &key, err);

	if (status == PDB_OK) {
		status = rewrap_one(keyring, key, err);
	}
	act->event.kek = keyring->active;
	return status == PDB_OK && keyring->journal.pending_len > 0
		       ? pdb__state_flush(keyring, &act->ticket, err)
		       : status;
}

pdb_status pdb_keyring_rewrap_key(pdb_keyring *keyring, const char *who, const char *id,
				  pdb_err *err)
{
	pdb__act act = {.event = {.op = "rewrap", .who = who, .key = id},
			.changes = true,
			.run = run_rewrap_key};

	return pdb__act_run(keyring, &act, err);
}

/* -- passes over all keys -------------------------------------------------------------------------
 */

static uint64_t live_keys(const pdb_keyring *keyring)
{
	return keyring->key_count - keyring->destroyed_count;
}

/* The next live key behind the cursor. */
static const pdb__key *next_live(const pdb_keyring *keyring, const uint8_t *after)
{
	const pdb__key *key = pdb__key_after(keyring, after);

	while (key != NULL && key->destroyed != 0) {
		key = pdb__key_after(keyring, key->id);
	}
	return key;
}

static void say_failed(const pdb_keyring *keyring, const pdb__key *key, const pdb_err *why)
{
	char id[PDB_KMS_ID_SIZE];

	pdb__id_print(key->id, id);
	keyring->host->log(PDB_LOG_ERROR, "kms", "the key %s does not open: %s", id, why->text);
}

/* One key of a pass. Errors: those that end the pass. */
typedef pdb_status (*visit_fn)(pdb_keyring *keyring, const pdb__key *key, pdb_err *err);

/* What stands in the way of one key, but not of the next. */
static bool of_this_key(pdb_status status)
{
	return status == PDB_ECORRUPT || status == PDB_EDENIED || status == PDB_ENOTFOUND;
}

static pdb_status walk_keys(pdb_keyring *keyring, pdb__act *act, visit_fn visit, pdb_err *err)
{
	pdb_kms_progress *progress = act->more;
	uint8_t at[PDB__WRAP_ID] = {0};
	const pdb__key *key;
	pdb_status status = PDB_OK;
	bool begun = progress->cursor[0] != '\0';

	if (begun && pdb__id_parse(progress->cursor, at, err) != PDB_OK) {
		return PDB_EINVAL;
	}
	progress->total = live_keys(keyring);
	for (key = next_live(keyring, begun ? at : NULL);
	     key != NULL && act->event.count < act->number; key = next_live(keyring, at)) {
		status = visit(keyring, key, err);
		if (of_this_key(status)) {
			say_failed(keyring, key, err);
			progress->failed++;
			status = PDB_OK;
		}
		if (status != PDB_OK) {
			return status;
		}
		progress->done++;
		act->event.count++;
		memcpy(at, key->id, PDB__WRAP_ID);
		pdb__id_print(at, progress->cursor);
	}
	progress->finished = key == NULL ? 1 : 0;
	progress->total = progress->done > progress->total ? progress->done : progress->total;
	return PDB_OK;
}

static pdb_status visit_rewrap(pdb_keyring *keyring, const pdb__key *key, pdb_err *err)
{
	return outdated(keyring, key) ? rewrap_one(keyring, key, err) : PDB_OK;
}

static pdb_status run_rewrap(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	pdb_status status = walk_keys(keyring, act, visit_rewrap, err);

	act->event.kek = keyring->active;
	return status == PDB_OK && keyring->journal.pending_len > 0
		       ? pdb__state_flush(keyring, &act->ticket, err)
		       : status;
}

static pdb_status visit_verify(pdb_keyring *keyring, const pdb__key *key, pdb_err *err)
{
	uint8_t *dek = keyring->secrets->scratch;
	pdb_status status = PDB_OK;

	for (uint32_t v = 1; v <= key->newest && status == PDB_OK; v++) {
		status = pdb__key_open(keyring, key, v, dek, err);
	}
	sodium_memzero(dek, PDB_KMS_DEK_SIZE);
	return status;
}

/* Whether this call goes on where the pass that may be remembered has stopped. */
static bool goes_on(const pdb_keyring *keyring, const pdb_kms_progress *progress)
{
	uint8_t at[PDB__WRAP_ID] = {0};
	pdb_err ignored = {0};

	return keyring->verify_clean && keyring->verify_active == keyring->active &&
	       pdb__id_parse(progress->cursor, at, &ignored) == PDB_OK &&
	       pdb__id_compare(at, keyring->verify_cursor) == 0;
}

static pdb_status remember(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	const pdb__record record = {.type = PDB__RECORD_VERIFIED,
				    .version = keyring->active,
				    .changed = keyring->host->now()};

	keyring->verify_clean = false;
	return pdb__state_commit(keyring, &record, &act->ticket, err);
}

static pdb_status run_verify(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	pdb_kms_progress *progress = act->more;
	bool counts = progress->cursor[0] == '\0' || goes_on(keyring, progress);
	pdb_status status = walk_keys(keyring, act, visit_verify, err);

	act->event.kek = keyring->active;
	keyring->verify_clean = counts && status == PDB_OK && progress->failed == 0;
	keyring->verify_active = keyring->active;
	if (status != PDB_OK) {
		return status;
	}
	if (progress->finished && keyring->verify_clean) {
		return remember(keyring, act, err);
	}
	return progress->cursor[0] == '\0'
		       ? PDB_OK
		       : pdb__id_parse(progress->cursor, keyring->verify_cursor, err);
}

static pdb_status pass(pdb_keyring *keyring, pdb__act *act, uint32_t limit, pdb_err *err)
{
	pdb_kms_progress *progress = act->more;
	pdb_kms_progress after = *progress;
	pdb_status status;

	act->number = limit == 0 || limit > PDB__BATCH_MAX ? PDB__BATCH_MAX : limit;
	act->changes = true;
	act->more = &after;
	status = pdb__act_run(keyring, act, err);
	/* what did not become durable is done again */
	if (status == PDB_OK) {
		*progress = after;
	}
	return status;
}

pdb_status pdb_keyring_rewrap(pdb_keyring *keyring, const char *who, uint32_t limit,
			      pdb_kms_progress *progress, pdb_err *err)
{
	pdb__act act = {
		.event = {.op = "rewrap_all", .who = who}, .run = run_rewrap, .more = progress};

	return pass(keyring, &act, limit, err);
}

pdb_status pdb_keyring_verify(pdb_keyring *keyring, const char *who, uint32_t limit,
			      pdb_kms_progress *progress, pdb_err *err)
{
	pdb__act act = {.event = {.op = "verify", .who = who}, .run = run_verify, .more = progress};

	return pass(keyring, &act, limit, err);
}
