/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes under a key that never leaves: encrypt and decrypt. */
#include <sodium.h>

#include "keyring_private.h"
#include "little.h"

/* version 4 | nonce 24 | commitment 32 | tag 16 | ciphertext */
#define AT_NONCE  4u
#define AT_COMMIT (AT_NONCE + PDB__WRAP_NONCE)
#define AT_TAG    (AT_COMMIT + 32u)
#define AT_CIPHER (AT_TAG + 16u)
#define LABEL     "pdb/t1"
#define TEXT_MAX  ((size_t)1024 * 1024 + 4096)

_Static_assert(AT_CIPHER == PDB_KEYRING_SEALED, "the public size is that of the parts");

/* A digest of what the bytes are for; it is their additional data. */
static void bind(const pdb_keyring *keyring, const pdb__key *key, uint32_t version, pdb_slice aad,
		 uint8_t out[32])
{
	crypto_generichash_state state;
	uint8_t number[4];

	(void)little_put32(number, version);
	(void)crypto_generichash_init(&state, NULL, 0, 32);
	(void)crypto_generichash_update(&state, (const uint8_t *)LABEL, sizeof(LABEL) - 1);
	(void)crypto_generichash_update(&state, keyring->instance, PDB__WRAP_ID);
	(void)crypto_generichash_update(&state, key->id, PDB__WRAP_ID);
	(void)crypto_generichash_update(&state, number, sizeof(number));
	(void)crypto_generichash_update(&state, aad.ptr, aad.len);
	(void)crypto_generichash_final(&state, out, 32);
}

static void commit(const pdb__wrap_keys *keys, const uint8_t *sealed, const uint8_t *aad,
		   uint8_t out[32])
{
	crypto_generichash_state state;

	(void)crypto_generichash_init(&state, keys->commit, sizeof(keys->commit), 32);
	(void)crypto_generichash_update(&state, sealed + AT_NONCE, PDB__WRAP_NONCE);
	(void)crypto_generichash_update(&state, aad, 32);
	(void)crypto_generichash_update(&state, sealed + AT_TAG, 16);
	(void)crypto_generichash_final(&state, out, 32);
	sodium_memzero(&state, sizeof(state));
}

/* The keys of a version, for text; not those that wrap. Into scratch space that the caller wipes.
 */
static pdb_status text_keys(const pdb_keyring *keyring, const pdb__key *key, uint32_t version,
			    pdb_err *err)
{
	pdb__secrets *secrets = keyring->secrets;
	pdb_status status = pdb__key_open(keyring, key, version, secrets->scratch, err);

	if (status == PDB_OK) {
		(void)crypto_kdf_derive_from_key(secrets->text.seal, 32, 1, "pdb_text",
						 secrets->scratch);
		(void)crypto_kdf_derive_from_key(secrets->text.commit, 32, 2, "pdb_text",
						 secrets->scratch);
	}
	sodium_memzero(secrets->scratch, sizeof(secrets->scratch));
	return status;
}

static void seal(const pdb__wrap_keys *keys, const uint8_t *aad, uint32_t version,
		 const pdb_keyring_text *text)
{
	uint8_t *out = text->out;

	(void)little_put32(out, version);
	randombytes_buf(out + AT_NONCE, PDB__WRAP_NONCE);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
		out + AT_CIPHER, out + AT_TAG, NULL, text->bytes.ptr, text->bytes.len, aad, 32,
		NULL, out + AT_NONCE, keys->seal);
	commit(keys, out, aad, out + AT_COMMIT);
}

static pdb_status run_encrypt(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	pdb_keyring_text *text = act->more;
	pdb__key *key = NULL;
	uint8_t aad[32];
	pdb_status status = pdb__key_live(keyring, act->which->id, &key, err);

	if (status == PDB_OK) {
		status = text_keys(keyring, key, key->newest, err);
	}
	if (status == PDB_OK) {
		bind(keyring, key, key->newest, text->aad, aad);
		seal(&keyring->secrets->text, aad, key->newest, text);
		act->event.version = key->newest;
	}
	sodium_memzero(&keyring->secrets->text, sizeof(keyring->secrets->text));
	return status;
}

static pdb_status unseal(const pdb__wrap_keys *keys, const uint8_t *aad,
			 const pdb_keyring_text *text, pdb_err *err)
{
	const uint8_t *sealed = text->bytes.ptr;
	uint8_t expected[32];

	commit(keys, sealed, aad, expected);
	if (sodium_memcmp(expected, sealed + AT_COMMIT, sizeof(expected)) == 0 &&
	    crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
		    text->out, NULL, sealed + AT_CIPHER, text->out_len, sealed + AT_TAG, aad, 32,
		    sealed + AT_NONCE, keys->seal) == 0) {
		return PDB_OK;
	}
	sodium_memzero(text->out, text->out_len);
	return pdb_err_set(err, PDB_ECORRUPT, NULL, "the bytes do not open");
}

static pdb_status run_decrypt(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	pdb_keyring_text *text = act->more;
	little_reader reader = {text->bytes, false};
	uint32_t version = (uint32_t)little_number(&reader, 4);
	pdb__key *key = NULL;
	uint8_t aad[32];
	pdb_status status = pdb__key_live(keyring, act->which->id, &key, err);

	act->event.version = version;
	if (status == PDB_OK && (version == 0 || version > key->newest)) {
		status = pdb_err_set(err, PDB_ECORRUPT, NULL, "the bytes do not open");
	}
	if (status == PDB_OK) {
		status = text_keys(keyring, key, version, err);
	}
	if (status == PDB_OK) {
		bind(keyring, key, version, text->aad, aad);
		status = unseal(&keyring->secrets->text, aad, text, err);
	}
	sodium_memzero(&keyring->secrets->text, sizeof(keyring->secrets->text));
	return status;
}

static pdb_status act_on(pdb_keyring *keyring, pdb__act *act, size_t out_len, pdb_err *err)
{
	pdb_keyring_text *text = act->more;
	pdb_status status;

	text->out_len = out_len;
	text->out = keyring->host->alloc(out_len > 0 ? out_len : 1);
	if (text->out == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the text");
	}
	status = pdb__act_run(keyring, act, err);
	if (status != PDB_OK) {
		sodium_memzero(text->out, out_len);
		keyring->host->free(text->out);
		text->out = NULL;
		text->out_len = 0;
	}
	return status;
}

pdb_status pdb_keyring_encrypt(pdb_keyring *keyring, const pdb_keyring_which *which,
			       pdb_keyring_text *text, pdb_err *err)
{
	pdb__act act = {
		.event = {.op = "encrypt"}, .run = run_encrypt, .which = which, .more = text};

	if (text->bytes.len > TEXT_MAX) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "the text is longer than %zu bytes",
				   TEXT_MAX);
	}
	return act_on(keyring, &act, text->bytes.len + PDB_KEYRING_SEALED, err);
}

pdb_status pdb_keyring_decrypt(pdb_keyring *keyring, const pdb_keyring_which *which,
			       pdb_keyring_text *text, pdb_err *err)
{
	pdb__act act = {
		.event = {.op = "decrypt"}, .run = run_decrypt, .which = which, .more = text};

	if (text->bytes.len < PDB_KEYRING_SEALED) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "the bytes do not open");
	}
	return act_on(keyring, &act, text->bytes.len - PDB_KEYRING_SEALED, err);
}
