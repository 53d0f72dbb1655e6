/* SPDX-License-Identifier: Apache-2.0 */
/* KEK versions and the keyring's own keys: small files, each sealed by the master key. */
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <unistd.h>

#include "files.h"
#include "keyring_private.h"
#include "little.h"

#define KEK_MAGIC      UINT32_C(0x45424450) /* "PDBE" */
#define IDENTITY_MAGIC UINT32_C(0x49424450) /* "PDBI" */
#define AUDIT_LABEL    "pdb/audit-mac1"
#define FORMAT         1u
#define KEK_SIZE       (4 + 4 + PDB__WRAP_ID + 4 + 8 + PDB__WRAP_SIZE)
#define IDENTITY_SIZE  (4 + 4 + PDB__WRAP_ID + 2 * PDB__WRAP_SIZE)

/* -- the keyring's own keys ---------------------------------------------------------------------
 */

static pdb__wrap_context own_context(const uint8_t *instance, uint32_t version)
{
	const pdb__wrap_context context = {.label = "pdb/i1",
					   .instance = instance,
					   .key_id = instance,
					   .kek_id = instance,
					   .version = version};

	return context;
}

/* What belongs to the seed, and the public key as text. */
static void use_seed(pdb_keyring *keyring, const uint8_t seed[32])
{
	(void)crypto_sign_seed_keypair(keyring->public_key, keyring->secrets->sign_key, seed);
	(void)crypto_generichash(keyring->secrets->audit_key, sizeof(keyring->secrets->audit_key),
				 (const uint8_t *)AUDIT_LABEL, sizeof(AUDIT_LABEL) - 1, seed, 32);
	(void)sodium_bin2hex(keyring->public_hex, sizeof(keyring->public_hex), keyring->public_key,
			     sizeof(keyring->public_key));
}

static pdb_status write_public(const pdb_keyring *keyring, pdb_err *err)
{
	char text[2 * PDB__AUDIT_PUBLIC + 2];
	int len = snprintf(text, sizeof(text), "%s\n", keyring->public_hex);

	return pdb__files_write(keyring->directory, PDB__AUDIT_PUBKEY,
				pdb_slice_of(text, (size_t)len), err);
}

static pdb_status make_identity(pdb_keyring *keyring, pdb_err *err)
{
	pdb__secrets *secrets = keyring->secrets;
	uint8_t bytes[IDENTITY_SIZE];
	uint8_t *at = little_put32(bytes, IDENTITY_MAGIC);
	pdb__wrap_context context = own_context(keyring->instance, 1);

	randombytes_buf(keyring->instance, sizeof(keyring->instance));
	randombytes_buf(secrets->store_key, sizeof(secrets->store_key));
	randombytes_buf(secrets->scratch, sizeof(secrets->scratch));
	at = little_put32(at, FORMAT);
	at = little_put(at, keyring->instance, PDB__WRAP_ID);
	pdb__wrap_seal(&secrets->root, &context, secrets->store_key, at);
	context = own_context(keyring->instance, 2);
	pdb__wrap_seal(&secrets->root, &context, secrets->scratch, at + PDB__WRAP_SIZE);
	use_seed(keyring, secrets->scratch);
	sodium_memzero(secrets->scratch, sizeof(secrets->scratch));
	return pdb__files_write(keyring->directory, PDB__IDENTITY_FILE,
				pdb_slice_of(bytes, sizeof(bytes)), err);
}

static pdb_status open_identity(pdb_keyring *keyring, pdb_slice bytes, pdb_err *err)
{
	pdb__secrets *secrets = keyring->secrets;
	little_reader reader = {bytes, false};
	bool known =
		little_number(&reader, 4) == IDENTITY_MAGIC && little_number(&reader, 4) == FORMAT;
	pdb__wrap_context context;
	pdb_slice store;
	pdb_slice seed;
	pdb_status status;

	little_copy(&reader, keyring->instance, PDB__WRAP_ID);
	store = little_take(&reader, PDB__WRAP_SIZE);
	seed = little_take(&reader, PDB__WRAP_SIZE);
	if (!known || !little_ended(&reader)) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL,
				   "the file " PDB__IDENTITY_FILE " is not one of a keyring");
	}
	context = own_context(keyring->instance, 1);
	status = pdb__wrap_open(&secrets->root, &context, store, secrets->store_key, err);
	if (status == PDB_OK) {
		context = own_context(keyring->instance, 2);
		status = pdb__wrap_open(&secrets->root, &context, seed, secrets->scratch, err);
	}
	if (status != PDB_OK) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "the master key is not the one of this keyring (or the "
				   "file " PDB__IDENTITY_FILE " was altered)");
	}
	use_seed(keyring, secrets->scratch);
	sodium_memzero(secrets->scratch, sizeof(secrets->scratch));
	return PDB_OK;
}

pdb_status pdb__identity_load(pdb_keyring *keyring, pdb_err *err)
{
	uint8_t bytes[IDENTITY_SIZE];
	size_t len = 0;
	pdb_status status = pdb__files_read(keyring->directory, PDB__IDENTITY_FILE, bytes,
					    sizeof(bytes), &len, err);

	if (status == PDB_OK) {
		status = open_identity(keyring, pdb_slice_of(bytes, len), err);
	} else if (status == PDB_ENOTFOUND) {
		if (faccessat(keyring->directory, "journal", F_OK, 0) == 0) {
			return pdb_err_set(err, PDB_ECORRUPT, NULL,
					   "the file " PDB__IDENTITY_FILE " is gone");
		}
		status = make_identity(keyring, err);
	}
	if (status == PDB_OK && faccessat(keyring->directory, PDB__AUDIT_PUBKEY, F_OK, 0) != 0) {
		status = write_public(keyring, err);
	}
	return status;
}

/* -- KEK files -------------------------------------------------------------------------------- */

static void file_name(uint32_t version, char out[NAME_MAX])
{
	(void)snprintf(out, NAME_MAX, "kek-%06u", version);
}

static pdb__wrap_context kek_context(const pdb_keyring *keyring, const uint8_t *id,
				     uint32_t version)
{
	const pdb__wrap_context context = {.label = "pdb/k1",
					   .instance = keyring->instance,
					   .key_id = id,
					   .kek_id = id,
					   .version = version,
					   .kek_version = version};

	return context;
}

static int32_t free_slot(const pdb_keyring *keyring)
{
	for (int32_t slot = 0; slot < (int32_t)PDB__KEK_LIVE_MAX; slot++) {
		bool taken = false;

		for (uint32_t i = 0; i < keyring->kek_count && !taken; i++) {
			taken = keyring->keks[i].slot == slot;
		}
		if (!taken) {
			return slot;
		}
	}
	return -1;
}

/* Writes the file. The bytes of the KEK are in scratch. */
static pdb_status write_file(pdb_keyring *keyring, const pdb__record *record, pdb_err *err)
{
	uint8_t bytes[KEK_SIZE];
	char name[NAME_MAX];
	pdb__wrap_context context = kek_context(keyring, record->id, record->version);
	uint8_t *at = little_put32(bytes, KEK_MAGIC);

	at = little_put32(at, FORMAT);
	at = little_put(at, record->id, PDB__WRAP_ID);
	at = little_put32(at, record->version);
	at = little_put64(at, (uint64_t)record->created);
	pdb__wrap_seal(&keyring->secrets->root, &context, keyring->secrets->scratch, at);
	file_name(record->version, name);
	return pdb__files_write(keyring->kek_directory, name, pdb_slice_of(bytes, sizeof(bytes)),
				err);
}

pdb_status pdb__kek_make(pdb_keyring *keyring, uint32_t *version_out, uint64_t *ticket_out,
			 pdb_err *err)
{
	pdb__record record = {.type = PDB__RECORD_KEK,
			      .version = keyring->kek_count + 1,
			      .state = PDB_KMS_KEK_STANDBY,
			      .created = keyring->host->now()};
	int32_t slot = free_slot(keyring);
	pdb_status status;

	if (slot < 0) {
		return pdb_err_set(err, PDB_EFULL, NULL,
				   "there are %u KEK versions; retire old ones first",
				   PDB__KEK_LIVE_MAX);
	}
	record.changed = record.created;
	randombytes_buf(record.id, sizeof(record.id));
	randombytes_buf(keyring->secrets->scratch, sizeof(keyring->secrets->scratch));
	/* the file first: a version that is known has its bytes */
	status = write_file(keyring, &record, err);
	if (status == PDB_OK) {
		status = pdb__state_commit(keyring, &record, ticket_out, err);
	}
	if (status == PDB_OK) {
		pdb__wrap_split(&keyring->secrets->keks[slot], keyring->secrets->scratch);
		keyring->keks[record.version - 1].slot = slot;
		*version_out = record.version;
	}
	sodium_memzero(keyring->secrets->scratch, sizeof(keyring->secrets->scratch));
	return status;
}

pdb_status pdb__kek_activate(pdb_keyring *keyring, uint32_t version, uint64_t *ticket_out,
			     pdb_err *err)
{
	const pdb__record record = {
		.type = PDB__RECORD_ROTATE, .version = version, .changed = keyring->host->now()};

	return pdb__state_commit(keyring, &record, ticket_out, err);
}

/* Reads what write_file wrote; the bytes of the KEK go to its slot. */
static pdb_status open_file(pdb_keyring *keyring, uint32_t version, int32_t slot, pdb_slice bytes,
			    pdb_err *err)
{
	const pdb__kek *kek = &keyring->keks[version - 1];
	pdb__wrap_context context = kek_context(keyring, kek->id, version);
	little_reader reader = {bytes, false};
	pdb__secrets *secrets = keyring->secrets;
	bool known = little_number(&reader, 4) == KEK_MAGIC && little_number(&reader, 4) == FORMAT;
	pdb_slice id = little_take(&reader, PDB__WRAP_ID);
	bool same = little_number(&reader, 4) == version;
	pdb_slice blob;
	pdb_status status = PDB_ECORRUPT;

	(void)little_number(&reader, 8);
	blob = little_take(&reader, PDB__WRAP_SIZE);
	if (known && same && little_ended(&reader) &&
	    sodium_memcmp(id.ptr, kek->id, PDB__WRAP_ID) == 0) {
		status = pdb__wrap_open(&secrets->root, &context, blob, secrets->scratch, err);
	}
	if (status != PDB_OK) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL,
				   "the file of KEK version %u does not open", version);
	}
	pdb__wrap_split(&secrets->keks[slot], secrets->scratch);
	sodium_memzero(secrets->scratch, sizeof(secrets->scratch));
	return PDB_OK;
}

static pdb_status load(pdb_keyring *keyring, uint32_t version, pdb_err *err)
{
	uint8_t bytes[KEK_SIZE];
	char name[NAME_MAX];
	size_t len = 0;
	int32_t slot = free_slot(keyring);
	pdb_status status;

	if (slot < 0) {
		return pdb_err_set(err, PDB_EFULL, NULL, "there are more than %u KEK versions",
				   PDB__KEK_LIVE_MAX);
	}
	file_name(version, name);
	status = pdb__files_read(keyring->kek_directory, name, bytes, sizeof(bytes), &len, err);
	if (status == PDB_OK) {
		status = open_file(keyring, version, slot, pdb_slice_of(bytes, len), err);
	}
	if (status == PDB_OK) {
		keyring->keks[version - 1].slot = slot;
	}
	return status;
}

pdb_status pdb__kek_shred(pdb_keyring *keyring, uint32_t version, pdb_err *err)
{
	pdb__kek *kek = &keyring->keks[version - 1];
	char name[NAME_MAX];

	if (kek->slot >= 0) {
		sodium_memzero(&keyring->secrets->keks[kek->slot],
			       sizeof(keyring->secrets->keks[0]));
		kek->slot = -1;
	}
	file_name(version, name);
	return pdb__files_shred(keyring->kek_directory, name, err);
}

/* Without the active version nothing can be wrapped; without an older one its keys stay shut, which
 * is what an erased epoch looks like in a restored copy. */
pdb_status pdb__keks_load(pdb_keyring *keyring, pdb_err *err)
{
	for (uint32_t version = 1; version <= keyring->kek_count; version++) {
		const pdb__kek *kek = &keyring->keks[version - 1];
		pdb_status status;

		if (kek->state == PDB_KMS_KEK_DESTROYED) {
			status = pdb__kek_shred(keyring, version, err);
		} else {
			status = load(keyring, version, err);
		}
		if (status != PDB_OK && (kek->state == PDB_KMS_KEK_DESTROYED ||
					 version == keyring->active || status == PDB_EDENIED)) {
			return pdb_err_wrap(err, "KEK version %u", version);
		}
		if (status != PDB_OK) {
			keyring->host->log(PDB_LOG_ERROR, "kms",
					   "KEK version %u cannot be used: %s", version, err->text);
			err->text[0] = '\0';
		}
	}
	return PDB_OK;
}
