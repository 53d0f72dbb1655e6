/* SPDX-License-Identifier: Apache-2.0 */
/* Wrapping: 32 secret bytes under a key, bound to what they are for. Pure. */
#include "wrap.h"

#include <sodium.h>

#include "little.h"

#define FORMAT 1u
#define SUITE  1u
#define HEAD   4u
#define COMMIT 32u
#define TAG    16u

/* Where the parts of a blob begin. */
#define AT_NONCE  HEAD
#define AT_COMMIT (AT_NONCE + PDB__WRAP_NONCE)
#define AT_CIPHER (AT_COMMIT + COMMIT)
#define AT_TAG    (AT_CIPHER + PDB__WRAP_SECRET)

_Static_assert(AT_TAG + TAG == PDB__WRAP_SIZE, "the parts fill the blob");
_Static_assert(TAG == crypto_aead_xchacha20poly1305_ietf_ABYTES, "the tag is Poly1305's");
_Static_assert(PDB__WRAP_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "an XChaCha nonce");

void pdb__wrap_split(pdb__wrap_keys *out, const uint8_t key[PDB__WRAP_SECRET])
{
	(void)crypto_kdf_derive_from_key(out->seal, sizeof(out->seal), 1, "pdb_wrap", key);
	(void)crypto_kdf_derive_from_key(out->commit, sizeof(out->commit), 2, "pdb_wrap", key);
}

/* A field with its length in front: no two contexts have the same bytes. */
static uint8_t *field(uint8_t *at, const void *bytes, size_t len)
{
	at = little_put16(at, (uint16_t)len);
	return little_put(at, bytes, len);
}

static size_t additional(const pdb__wrap_context *context, uint8_t out[PDB__WRAP_AAD])
{
	uint8_t number[4];
	uint8_t *at = field(out, context->label, strlen(context->label));

	at = field(at, context->instance, PDB__WRAP_ID);
	at = field(at, context->thread.ptr, context->thread.len);
	at = field(at, context->key_id, PDB__WRAP_ID);
	(void)little_put32(number, context->version);
	at = field(at, number, sizeof(number));
	at = field(at, context->kek_id, PDB__WRAP_ID);
	(void)little_put32(number, context->kek_version);
	at = field(at, number, sizeof(number));
	return (size_t)(at - out);
}

static void commitment(const pdb__wrap_keys *keys, const uint8_t *blob, pdb_slice aad,
		       uint8_t out[COMMIT])
{
	crypto_generichash_state state;
	uint8_t digest[32];

	(void)crypto_generichash(digest, sizeof(digest), aad.ptr, aad.len, NULL, 0);
	(void)crypto_generichash_init(&state, keys->commit, sizeof(keys->commit), COMMIT);
	(void)crypto_generichash_update(&state, blob + AT_NONCE, PDB__WRAP_NONCE);
	(void)crypto_generichash_update(&state, digest, sizeof(digest));
	(void)crypto_generichash_update(&state, blob + AT_TAG, TAG);
	(void)crypto_generichash_final(&state, out, COMMIT);
	sodium_memzero(&state, sizeof(state));
}

void pdb__wrap_seal_nonce(const pdb__wrap_keys *keys, const pdb__wrap_context *context,
			  const uint8_t secret[PDB__WRAP_SECRET],
			  const uint8_t nonce[PDB__WRAP_NONCE], uint8_t out[PDB__WRAP_SIZE])
{
	uint8_t aad[PDB__WRAP_AAD];
	size_t len = additional(context, aad);

	memset(out, 0, HEAD);
	out[0] = FORMAT;
	out[1] = SUITE;
	memcpy(out + AT_NONCE, nonce, PDB__WRAP_NONCE);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
		out + AT_CIPHER, out + AT_TAG, NULL, secret, PDB__WRAP_SECRET, aad, len, NULL,
		nonce, keys->seal);
	commitment(keys, out, pdb_slice_of(aad, len), out + AT_COMMIT);
}

void pdb__wrap_seal(const pdb__wrap_keys *keys, const pdb__wrap_context *context,
		    const uint8_t secret[PDB__WRAP_SECRET], uint8_t out[PDB__WRAP_SIZE])
{
	uint8_t nonce[PDB__WRAP_NONCE];

	randombytes_buf(nonce, sizeof(nonce));
	pdb__wrap_seal_nonce(keys, context, secret, nonce, out);
}

static pdb_status judge_head(pdb_slice blob, pdb_err *err)
{
	if (blob.len != PDB__WRAP_SIZE) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "a wrapped key has %zu bytes, not %u",
				   blob.len, PDB__WRAP_SIZE);
	}
	if (blob.ptr[0] != FORMAT || blob.ptr[1] != SUITE || blob.ptr[2] != 0 || blob.ptr[3] != 0) {
		return pdb_err_set(err, PDB_ECORRUPT, "enc_suite_unknown",
				   "a wrapped key is of the unknown format %u, suite %u",
				   blob.ptr[0], blob.ptr[1]);
	}
	return PDB_OK;
}

pdb_status pdb__wrap_open(const pdb__wrap_keys *keys, const pdb__wrap_context *context,
			  pdb_slice blob, uint8_t out[PDB__WRAP_SECRET], pdb_err *err)
{
	uint8_t aad[PDB__WRAP_AAD];
	uint8_t expected[COMMIT];
	size_t len = additional(context, aad);
	pdb_status status = judge_head(blob, err);

	sodium_memzero(out, PDB__WRAP_SECRET);
	if (status != PDB_OK) {
		return status;
	}
	commitment(keys, blob.ptr, pdb_slice_of(aad, len), expected);
	if (sodium_memcmp(expected, blob.ptr + AT_COMMIT, COMMIT) == 0 &&
	    crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
		    out, NULL, blob.ptr + AT_CIPHER, PDB__WRAP_SECRET, blob.ptr + AT_TAG, aad, len,
		    blob.ptr + AT_NONCE, keys->seal) == 0) {
		return PDB_OK;
	}
	sodium_memzero(out, PDB__WRAP_SECRET);
	return pdb_err_set(err, PDB_ECORRUPT, NULL, "a wrapped key does not open");
}
