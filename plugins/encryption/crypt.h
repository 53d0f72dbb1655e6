/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening: a body in clear, and a body with placeholders and its frame. */
#ifndef ENCRYPTION_CRYPT_H
#define ENCRYPTION_CRYPT_H

#include <pdb/status.h>

#include "frame.h"

/*
 * Suite 1. From the DEK, by crypto_kdf under "pdbfield": k_enc (1) seals values with
 * XChaCha20-Poly1305 and a random nonce each; k_com (2) commits to key, nonce and additional data:
 * a ciphertext that two keys open cannot be made; k_mark (3) marks the record as a whole. Mark and
 * commitment are compared before a byte is decrypted.
 *
 * Additional data of a value, each part with its length (4 bytes) in front: "pdb/f1", database id,
 * thread, message, version (4), path, key id, DEK version (4), suite (1). The mark covers the first
 * five of these, the frame without the mark, and the stored body: what is moved, cut, put together
 * anew or changed in a bit does not open.
 *
 * All of it is pure. Threads: any, after sodium_init().
 */
#define CRYPT_DEK_SIZE 32u
#define CRYPT_KEY_SIZE 32u

typedef struct crypt_keys {
	uint8_t enc[CRYPT_KEY_SIZE];
	uint8_t com[CRYPT_KEY_SIZE];
	uint8_t mark[CRYPT_KEY_SIZE];
} crypt_keys;

/* `dek` may lie in out->mark. */
void crypt_keys_derive(crypt_keys *out, const uint8_t dek[CRYPT_DEK_SIZE]);
/* What tells, without giving it away, whether a key is the one that it was. */
#define CRYPT_CHECK_SIZE 8u
void crypt_keys_check(const crypt_keys *keys, uint8_t out[CRYPT_CHECK_SIZE]);

/* Compares secrets; wipes them. */
bool crypt_same(const uint8_t *a, const uint8_t *b, size_t len);
void crypt_wipe(void *bytes, size_t len);
/* Wipes what functions that have returned left on the stack: a provider in this process, or the
 * library it uses, may have left a key there. */
void crypt_wipe_stack(void);

/* Where a record is. Each id has at most CRYPT_ID_MAX bytes. */
#define CRYPT_ID_MAX 256u

typedef struct crypt_place {
	pdb_slice database;
	pdb_slice thread;
	pdb_slice message;
	uint32_t version;
} crypt_place;

/* A value to seal: its bytes in the body, and its path. In rising order, not overlapping. */
typedef struct crypt_span {
	pdb_slice value;
	pdb_slice path;
} crypt_span;

typedef struct crypt_job {
	crypt_place place;
	pdb_slice body; /* in clear, of less than 2 GiB */
	const crypt_span *spans;
	size_t count;
	pdb_slice key_id;
	uint32_t dek_version;
} crypt_job;

/* The sizes of the frame and of the stored body. */
size_t crypt_frame_size(const crypt_job *job);
size_t crypt_body_size(const crypt_job *job);
/* Fills both buffers, which have these sizes. */
void crypt_seal(const crypt_job *job, const crypt_keys *keys, uint8_t *frame_out,
		uint8_t *body_out);

/* The size of the body in clear, of a decoded frame and its stored body; 0 when they do not belong
 * together. */
size_t crypt_open_size(const frame *f, pdb_slice stored);
/* Writes the body in clear, of crypt_open_size() bytes. False, with nothing left in `out`, when
 * anything is not as it was sealed. The reason is never told. */
bool crypt_open(const crypt_place *place, const frame *f, pdb_slice stored, const crypt_keys *keys,
		uint8_t *out);

#endif
