/* SPDX-License-Identifier: Apache-2.0 */
/* Wrapping: 32 secret bytes under a key, bound to what they are for. Pure. */
#ifndef PDB_KEYRING_WRAP_H
#define PDB_KEYRING_WRAP_H

#include <pdb/slice.h>
#include <pdb/status.h>

/*
 * Format 1, suite 1 (XChaCha20-Poly1305-IETF with a random nonce):
 *
 *   format 1 | suite 1 | 0 0 | nonce 24 | commitment 32 | ciphertext 32 | tag 16
 *
 * The wrapping key is split by crypto_kdf into one that seals and one that commits. The commitment
 * is BLAKE2b-256 under the second of nonce, BLAKE2b-256(additional data) and tag. It is compared
 * before anything is decrypted, so that a blob opens under one key only.
 */
#define PDB__WRAP_SIZE   108u
#define PDB__WRAP_SECRET 32u
#define PDB__WRAP_NONCE  24u
#define PDB__WRAP_ID     16u
#define PDB__WRAP_AAD    256u

/* Both halves of a wrapping key. Lives in locked memory. */
typedef struct pdb__wrap_keys {
	uint8_t seal[32];
	uint8_t commit[32];
} pdb__wrap_keys;

/* What the wrapped bytes are for; becomes the additional data. Ids have PDB__WRAP_ID bytes. */
typedef struct pdb__wrap_context {
	const char *label; /* "pdb/w1" a DEK, "pdb/k1" a KEK, "pdb/i1" the keyring's own keys */
	const uint8_t *instance;
	const uint8_t *key_id;
	const uint8_t *kek_id;
	pdb_slice thread; /* at most 128 bytes; empty while a key is not bound */
	uint32_t version;
	uint32_t kek_version;
} pdb__wrap_context;

void pdb__wrap_split(pdb__wrap_keys *out, const uint8_t key[PDB__WRAP_SECRET]);

/* Seals with a fresh nonce. Threads: any. */
void pdb__wrap_seal(const pdb__wrap_keys *keys, const pdb__wrap_context *context,
		    const uint8_t secret[PDB__WRAP_SECRET], uint8_t out[PDB__WRAP_SIZE]);
/* The same with a nonce of the caller, which must never come twice; for frozen examples. */
void pdb__wrap_seal_nonce(const pdb__wrap_keys *keys, const pdb__wrap_context *context,
			  const uint8_t secret[PDB__WRAP_SECRET],
			  const uint8_t nonce[PDB__WRAP_NONCE], uint8_t out[PDB__WRAP_SIZE]);

/* Opens. `out` is all zero unless PDB_OK. Errors: PDB_ECORRUPT; code "enc_suite_unknown" when it is
 * of a format or suite that is not known here. Threads: any. */
pdb_status pdb__wrap_open(const pdb__wrap_keys *keys, const pdb__wrap_context *context,
			  pdb_slice blob, uint8_t out[PDB__WRAP_SECRET], pdb_err *err);

#endif
