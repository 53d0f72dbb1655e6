/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening: a body in clear, and a body with placeholders and its frame. */
#include "crypt.h"

#include <assert.h>
#include <sodium.h>

#define CONTEXT     "pdbfield"
#define DOMAIN      "pdb/f1"
#define DOMAIN_MARK "pdb/m1"
#define HASH_SIZE   32u
/* Nine parts with their lengths: domain, database, thread, message, path, key id, three numbers. */
#define AAD_MAX (9 * 4 + 8 + CRYPT_ID_MAX * 3 + FRAME_PATH_MAX + FRAME_KEY_ID_MAX + 4 + 4 + 1)

_Static_assert(FRAME_NONCE_SIZE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(FRAME_TAG_SIZE == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");
_Static_assert(CRYPT_KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(CRYPT_DEK_SIZE == crypto_kdf_KEYBYTES, "DEK");

void crypt_keys_derive(crypt_keys *out, const uint8_t dek[CRYPT_DEK_SIZE])
{
	(void)crypto_kdf_derive_from_key(out->enc, sizeof(out->enc), 1, CONTEXT, dek);
	(void)crypto_kdf_derive_from_key(out->com, sizeof(out->com), 2, CONTEXT, dek);
	(void)crypto_kdf_derive_from_key(out->mark, sizeof(out->mark), 3, CONTEXT, dek);
}

void crypt_keys_check(const crypt_keys *keys, uint8_t out[CRYPT_CHECK_SIZE])
{
	static const char words[] = "pdb/k1";
	uint8_t hash[crypto_generichash_BYTES_MIN];

	(void)crypto_generichash(hash, sizeof(hash), (const uint8_t *)words, sizeof(words),
				 keys->com, sizeof(keys->com));
	memcpy(out, hash, CRYPT_CHECK_SIZE);
}

bool crypt_same(const uint8_t *a, const uint8_t *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

void crypt_wipe(void *bytes, size_t len)
{
	sodium_memzero(bytes, len);
}

void crypt_wipe_stack(void)
{
	sodium_stackzero(16384);
}

/* -- additional data ------------------------------------------------------------------------- */

typedef struct aad {
	size_t len;
	uint8_t bytes[AAD_MAX];
} aad;

static void put32(uint8_t *at, size_t value)
{
	for (size_t i = 0; i < 4; i++) {
		at[i] = (uint8_t)(value >> (8 * i));
	}
}

static void aad_add(aad *a, pdb_slice part)
{
	assert(part.len <= sizeof(a->bytes) - 4 && a->len <= sizeof(a->bytes) - 4 - part.len);
	put32(a->bytes + a->len, part.len);
	if (part.len > 0) {
		memcpy(a->bytes + a->len + 4, part.ptr, part.len);
	}
	a->len += 4 + part.len;
}

static void aad_add_number(aad *a, uint32_t number, size_t width)
{
	uint8_t bytes[4];

	put32(bytes, number);
	aad_add(a, pdb_slice_of(bytes, width));
}

/* What all values of a record, and its mark, have in common. */
static void aad_begin(aad *a, const char *domain, const crypt_place *place)
{
	a->len = 0;
	aad_add(a, pdb_slice_text(domain));
	aad_add(a, place->database);
	aad_add(a, place->thread);
	aad_add(a, place->message);
	aad_add_number(a, place->version, 4);
}

/* Puts the rest behind the first `begun` bytes. */
static void aad_finish(aad *a, size_t begun, pdb_slice path, const frame *f)
{
	a->len = begun;
	aad_add(a, path);
	aad_add(a, f->key_id);
	aad_add_number(a, f->dek_version, 4);
	aad_add_number(a, f->suite, 1);
}

/* -- marks and commitments ------------------------------------------------------------------- */

static void commit(uint8_t out[FRAME_COM_SIZE], const crypt_keys *keys, const frame_value *value,
		   const aad *a)
{
	uint8_t parts[FRAME_NONCE_SIZE + HASH_SIZE + FRAME_TAG_SIZE];
	const uint8_t *tag = value->sealed.ptr + value->sealed.len - FRAME_TAG_SIZE;

	memcpy(parts, value->nonce, FRAME_NONCE_SIZE);
	(void)crypto_generichash(parts + FRAME_NONCE_SIZE, HASH_SIZE, a->bytes, a->len, NULL, 0);
	memcpy(parts + FRAME_NONCE_SIZE + HASH_SIZE, tag, FRAME_TAG_SIZE);
	(void)crypto_generichash(out, FRAME_COM_SIZE, parts, sizeof(parts), keys->com,
				 sizeof(keys->com));
}

static void mark(uint8_t out[FRAME_MARK_SIZE], const crypt_keys *keys, const crypt_place *place,
		 pdb_slice frame_bytes, pdb_slice stored)
{
	crypto_generichash_state state;
	aad a;

	aad_begin(&a, DOMAIN_MARK, place);
	(void)crypto_generichash_init(&state, keys->mark, sizeof(keys->mark), FRAME_MARK_SIZE);
	(void)crypto_generichash_update(&state, a.bytes, a.len);
	(void)crypto_generichash_update(&state, frame_bytes.ptr, FRAME_MARK_AT);
	(void)crypto_generichash_update(&state, frame_bytes.ptr + FRAME_HEAD_SIZE,
					frame_bytes.len - FRAME_HEAD_SIZE);
	(void)crypto_generichash_update(&state, stored.ptr, stored.len);
	(void)crypto_generichash_final(&state, out, FRAME_MARK_SIZE);
}

/* -- sealing --------------------------------------------------------------------------------- */

size_t crypt_frame_size(const crypt_job *job)
{
	size_t paths = 0;
	size_t values = 0;

	for (size_t i = 0; i < job->count; i++) {
		paths += job->spans[i].path.len;
		values += job->spans[i].value.len;
	}
	return frame_size(job->key_id.len, job->count, paths, values);
}

size_t crypt_body_size(const crypt_job *job)
{
	size_t size = job->body.len;

	for (size_t i = 0; i < job->count; i++) {
		size = size - job->spans[i].value.len + FRAME_PLACEHOLDER_LEN;
	}
	return size;
}

static void seal_value(uint8_t *at, const frame_value *value, pdb_slice plain,
		       const crypt_keys *keys, const aad *a)
{
	uint8_t *nonce = at + FRAME_VALUE_HEAD_SIZE + value->path.len;
	uint8_t *com = nonce + FRAME_NONCE_SIZE;
	uint8_t *sealed = com + FRAME_COM_SIZE;
	frame_value written = *value;

	randombytes_buf(nonce, FRAME_NONCE_SIZE);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, plain.ptr, plain.len,
							 a->bytes, a->len, NULL, nonce, keys->enc);
	written.nonce = nonce;
	written.sealed = pdb_slice_of(sealed, plain.len + FRAME_TAG_SIZE);
	commit(com, keys, &written, a);
}

/* Copies the body from *from to the value of `span`, and puts the placeholder there. */
static size_t place_out(uint8_t *out, const crypt_job *job, const crypt_span *span, size_t *from)
{
	size_t at = (size_t)(span->value.ptr - job->body.ptr);
	size_t before = at - *from;

	memcpy(out, job->body.ptr + *from, before);
	for (size_t i = 0; i < FRAME_PLACEHOLDER_LEN; i++) {
		out[before + i] = (uint8_t)FRAME_PLACEHOLDER[i];
	}
	*from = at + span->value.len;
	return before;
}

void crypt_seal(const crypt_job *job, const crypt_keys *keys, uint8_t *frame_out, uint8_t *body_out)
{
	frame f = {.suite = FRAME_SUITE_XCHACHA,
		   .count = (uint32_t)job->count,
		   .dek_version = job->dek_version,
		   .key_id = job->key_id,
		   .bytes = pdb_slice_of(frame_out, crypt_frame_size(job))};
	size_t at = frame_write_head(frame_out, &f);
	size_t from = 0;
	size_t to = 0;
	size_t begun;
	aad a;

	aad_begin(&a, DOMAIN, &job->place);
	begun = a.len;
	for (size_t i = 0; i < job->count; i++) {
		const crypt_span *span = &job->spans[i];
		frame_value value = {.path = span->path};

		to += place_out(body_out + to, job, span, &from);
		value.offset = (uint32_t)to;
		to += FRAME_PLACEHOLDER_LEN;
		aad_finish(&a, begun, span->path, &f);
		seal_value(frame_out + at, &value, span->value, keys, &a);
		at += frame_write_value(frame_out + at, &value, span->value.len);
	}
	memcpy(body_out + to, job->body.ptr + from, job->body.len - from);
	to += job->body.len - from;
	mark(frame_out + FRAME_MARK_AT, keys, &job->place, f.bytes, pdb_slice_of(body_out, to));
}

/* -- opening --------------------------------------------------------------------------------- */

size_t crypt_open_size(const frame *f, pdb_slice stored)
{
	const size_t hole = FRAME_PLACEHOLDER_LEN;
	size_t size = stored.len;
	size_t cursor = 0;
	frame_value value;

	while (frame_next(f, &cursor, &value)) {
		if (value.offset > stored.len || stored.len - value.offset < hole ||
		    memcmp(stored.ptr + value.offset, FRAME_PLACEHOLDER, hole) != 0) {
			return 0;
		}
		size = size - hole + value.sealed.len - FRAME_TAG_SIZE;
	}
	return size;
}

static bool open_value(const frame_value *value, const crypt_keys *keys, const aad *a, uint8_t *out)
{
	uint8_t com[FRAME_COM_SIZE];

	commit(com, keys, value, a);
	return sodium_memcmp(com, value->com, sizeof(com)) == 0 &&
	       crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, value->sealed.ptr,
							  value->sealed.len, a->bytes, a->len,
							  value->nonce, keys->enc) == 0;
}

static bool open_values(const crypt_place *place, const frame *f, pdb_slice stored,
			const crypt_keys *keys, uint8_t *out)
{
	size_t cursor = 0;
	size_t from = 0;
	size_t begun;
	frame_value value;
	aad a;

	aad_begin(&a, DOMAIN, place);
	begun = a.len;
	while (frame_next(f, &cursor, &value)) {
		memcpy(out, stored.ptr + from, value.offset - from);
		out += value.offset - from;
		from = value.offset + FRAME_PLACEHOLDER_LEN;
		aad_finish(&a, begun, value.path, f);
		if (!open_value(&value, keys, &a, out)) {
			return false;
		}
		out += value.sealed.len - FRAME_TAG_SIZE;
	}
	memcpy(out, stored.ptr + from, stored.len - from);
	return true;
}

bool crypt_open(const crypt_place *place, const frame *f, pdb_slice stored, const crypt_keys *keys,
		uint8_t *out)
{
	uint8_t expected[FRAME_MARK_SIZE];
	size_t size = crypt_open_size(f, stored);

	if (size == 0 || f->suite != FRAME_SUITE_XCHACHA) {
		return false;
	}
	mark(expected, keys, place, f->bytes, stored);
	if (sodium_memcmp(expected, f->mark, sizeof(expected)) != 0) {
		return false;
	}
	if (!open_values(place, f, stored, keys, out)) {
		sodium_memzero(out, size);
		return false;
	}
	return true;
}
