/* SPDX-License-Identifier: Apache-2.0 */
/* Exports sealed: frames under a key of the file's own. */
#include "sealing.h"

#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTEXT    "pdbexprt"
#define DOMAIN     "pdb/x1"
#define FORMAT     1u
#define SUITE      1u /* XChaCha20-Poly1305 (IETF) */
#define VERSION_AT 4u
#define ID_AT      8u
#define NONCE      crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG        crypto_aead_xchacha20poly1305_ietf_ABYTES
#define FRAME_HEAD (4u + NONCE)
/* What a frame is bound to: domain, database, job, head, and where it stands in clear. */
#define BOUND_MAX 512u

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static void put32(uint8_t *at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++) {
		at[i] = (uint8_t)(value >> (8 * i));
	}
}

/* -- the key ----------------------------------------------------------------------------------- */

/* NULL when there is none. */
static const pdb_kms_ops *service(const admin *self, void **kms)
{
	const pdb_kms_ops *ops = NULL;

	if (PDB_HAS(self->host, kms) && self->host->kms->provider(&ops, kms, NULL) != PDB_OK) {
		return NULL;
	}
	return ops;
}

static pdb_status no_service(pdb_err *err)
{
	return pdb_err_set(err, PDB_EUNAVAILABLE, NULL, "there is no key service");
}

bool sealing_wanted(const admin *self)
{
	void *kms;

	return service(self, &kms) != NULL;
}

static bool head_valid(const uint8_t head[SEALING_HEAD])
{
	return memcmp(head, "PX", 2) == 0 && head[2] == FORMAT && head[3] == SUITE &&
	       memchr(head + ID_AT, '\0', PDB_KMS_ID_SIZE) != NULL;
}

static void head_fill(uint8_t head[SEALING_HEAD], const pdb_kms_key *key)
{
	memset(head, 0, SEALING_HEAD);
	head[0] = 'P';
	head[1] = 'X';
	head[2] = FORMAT;
	head[3] = SUITE;
	put32(head + VERSION_AT, key->dek_version);
	memcpy(head + ID_AT, key->id, sizeof(key->id));
}

static pdb_status make_key(sealing *s, pdb_kms_key *key, pdb_err *err)
{
	void *kms;
	const pdb_kms_ops *ops = service(s->self, &kms);
	pdb_status status;

	if (ops == NULL) {
		return no_service(err);
	}
	status = ops->create(kms, pdb_slice_text(s->id), key, err);
	if (status != PDB_OK) {
		return status;
	}
	head_fill(s->head, key);
	return exports_write(s->file, 0, pdb_slice_of(s->head, sizeof(s->head)), err);
}

static pdb_status get_key(const sealing *s, pdb_kms_key *key, pdb_err *err)
{
	void *kms;
	const pdb_kms_ops *ops = service(s->self, &kms);

	return ops != NULL ? ops->unwrap(kms, (const char *)s->head + ID_AT,
					 get32(s->head + VERSION_AT), key, err)
			   : no_service(err);
}

static pdb_status load_key(sealing *s, bool make, pdb_err *err)
{
	uint8_t *dek = sodium_malloc(PDB_KMS_DEK_SIZE);
	pdb_kms_key key = {.size = sizeof(key), .dek = dek};
	pdb_status status;

	s->key = sodium_malloc(crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
	if (dek == NULL || s->key == NULL) {
		sodium_free(dek);
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a key");
	}
	status = make ? make_key(s, &key, err) : get_key(s, &key, err);
	if (status == PDB_OK) {
		(void)crypto_kdf_derive_from_key(
			s->key, crypto_aead_xchacha20poly1305_ietf_KEYBYTES, 1, CONTEXT, dek);
	}
	sodium_free(dek);
	return status;
}

pdb_status sealing_open(sealing *s, bool make, pdb_err *err)
{
	bool known = pread(s->file, s->head, sizeof(s->head), 0) == (ssize_t)sizeof(s->head) &&
		     head_valid(s->head);

	if (!known && !make) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "an export has no head");
	}
	return load_key(s, !known, err);
}

void sealing_close(sealing *s)
{
	sodium_free(s->key);
	s->key = NULL;
}

void sealing_forget(const admin *self, int file)
{
	uint8_t head[SEALING_HEAD];
	void *kms;
	const pdb_kms_ops *ops = service(self, &kms);
	pdb_err err = {0};
	pdb_status status;

	if (pread(file, head, sizeof(head), 0) != (ssize_t)sizeof(head) || !head_valid(head)) {
		return;
	}
	status = ops != NULL ? ops->destroy(kms, (const char *)head + ID_AT, NULL, &err)
			     : no_service(&err);
	if (status != PDB_OK) {
		self->host->log(PDB_LOG_WARN, "admin",
				"the key %s of a removed export was not destroyed: %s",
				(const char *)head + ID_AT, err.text);
	}
}

/* -- frames ------------------------------------------------------------------------------------ */

typedef struct bound {
	size_t len;
	uint8_t bytes[BOUND_MAX];
} bound;

static void bind_part(bound *b, pdb_slice part)
{
	size_t len = part.len < BOUND_MAX - 4 - b->len ? part.len : BOUND_MAX - 4 - b->len;

	put32(b->bytes + b->len, (uint32_t)len);
	if (len > 0) {
		memcpy(b->bytes + b->len + 4, part.ptr, len);
	}
	b->len += 4 + len;
}

static void bind_frame(const sealing *s, uint64_t offset, bound *b)
{
	uint8_t number[8];

	put32(number, (uint32_t)offset);
	put32(number + 4, (uint32_t)(offset >> 32));
	b->len = 0;
	bind_part(b, PDB_SLICE(DOMAIN));
	bind_part(b, pdb_slice_text(s->self->host->kms->database_id()));
	bind_part(b, pdb_slice_text(s->id));
	bind_part(b, pdb_slice_of(s->head, sizeof(s->head)));
	bind_part(b, pdb_slice_of(number, sizeof(number)));
}

/* Writes a frame at `out`, which has room; returns its bytes. */
static size_t seal(const sealing *s, uint64_t offset, pdb_slice text, uint8_t *out)
{
	unsigned long long len = 0;
	bound b;

	bind_frame(s, offset, &b);
	put32(out, (uint32_t)text.len);
	randombytes_buf(out + 4, NONCE);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(out + FRAME_HEAD, &len, text.ptr, text.len,
							 b.bytes, b.len, NULL, out + 4, s->key);
	return FRAME_HEAD + (size_t)len;
}

static bool unseal(const sealing *s, uint64_t offset, const uint8_t *frame, uint8_t *out)
{
	bound b;

	bind_frame(s, offset, &b);
	return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, frame + FRAME_HEAD,
							  get32(frame) + TAG, b.bytes, b.len,
							  frame + 4, s->key) == 0;
}

pdb_status sealing_append(sealing *s, exports_place *place, pdb_slice text, pdb_err *err)
{
	size_t frames = (text.len + SEALING_FRAME - 1) / SEALING_FRAME;
	uint8_t *bytes = s->self->host->alloc(text.len + frames * (FRAME_HEAD + TAG) + 1);
	size_t len = 0;
	pdb_status status;

	if (bytes == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for an export");
	}
	if (place->stored < SEALING_HEAD) {
		place->stored = SEALING_HEAD;
	}
	for (uint64_t at = place->size; text.len > 0;) {
		size_t piece = text.len < SEALING_FRAME ? text.len : SEALING_FRAME;

		len += seal(s, at, pdb_slice_of(text.ptr, piece), bytes + len);
		text = pdb_slice_skip(text, piece);
		at += piece;
	}
	status = exports_write(s->file, place->stored, pdb_slice_of(bytes, len), err);
	place->stored += len;
	s->self->host->free(bytes);
	return status;
}

/* Copies what the part wants of a frame in clear that begins at `offset`. */
static void take(exports_part *part, uint64_t from, uint64_t offset, pdb_slice text)
{
	uint64_t wanted = from + part->len;
	size_t room = part->max - part->len;

	if (wanted > offset) {
		text = pdb_slice_skip(text, (size_t)(wanted - offset));
	}
	if (text.len > 0 && room > 0) {
		memcpy(part->bytes + part->len, text.ptr, text.len < room ? text.len : room);
		part->len += text.len < room ? text.len : room;
	}
}

static pdb_status read_frames(sealing *s, uint64_t from, exports_part *part, uint8_t *frame,
			      pdb_err *err)
{
	uint8_t *clear = frame + FRAME_HEAD + SEALING_FRAME + TAG;
	off_t at = SEALING_HEAD;
	struct stat about;

	if (fstat(s->file, &about) != 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "an export cannot be read");
	}
	while (pread(s->file, frame, FRAME_HEAD, at) == (ssize_t)FRAME_HEAD) {
		size_t len = get32(frame);
		bool wanted = part->size + len > from && part->len < part->max;

		if (len == 0 || len > SEALING_FRAME) {
			return pdb_err_set(err, PDB_ECORRUPT, NULL, "an export is damaged");
		}
		if (at + (off_t)(FRAME_HEAD + len + TAG) > about.st_size) {
			break; /* a step that a crash cut off */
		}
		if (wanted && (pread(s->file, frame + FRAME_HEAD, len + TAG,
				     at + (off_t)FRAME_HEAD) != (ssize_t)(len + TAG) ||
			       !unseal(s, part->size, frame, clear))) {
			return pdb_err_set(err, PDB_ECORRUPT, NULL, "an export does not open");
		}
		if (wanted) {
			take(part, from, part->size, pdb_slice_of(clear, len));
		}
		part->size += len;
		at += (off_t)(FRAME_HEAD + len + TAG);
	}
	return PDB_OK;
}

pdb_status sealing_read(sealing *s, uint64_t offset, exports_part *part, pdb_err *err)
{
	size_t size = FRAME_HEAD + SEALING_FRAME + TAG + SEALING_FRAME;
	uint8_t *frame = s->self->host->alloc(size);
	pdb_status status;

	if (frame == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a part");
	}
	status = read_frames(s, offset, part, frame, err);
	sodium_memzero(frame, size);
	s->self->host->free(frame);
	return status;
}
