/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies: one layout for all requests, one for all answers. */
#include <sodium.h>

#include "keyring/little.h"
#include "wire/wire.h"

#define MAGIC_REQUEST UINT32_C(0x31515250) /* "PRQ1" */
#define MAGIC_ANSWER  UINT32_C(0x31534e41) /* "ANS1" */
#define TEXT_MAX      512u
#define STAT_NAME_MAX 63u

#define ROLE_SERVER   WIRE_ROLE_SERVER
#define ROLE_OPERATOR WIRE_ROLE_OPERATOR
#define ROLE_BOTH     (WIRE_ROLE_SERVER | WIRE_ROLE_OPERATOR)
#define ROLE_ANY      (WIRE_ROLE_SERVER | WIRE_ROLE_OPERATOR | WIRE_ROLE_AUDITOR)

static const struct {
	const char *name;
	unsigned roles;
	bool again;
} OPS[] = {{"", 0, false},
#define ROW(name, text, role, again) {text, ROLE_##role, again},
	   WIRE_OPS(ROW)
#undef ROW
};

const char *wire_op_name(wire_op op)
{
	return op < WIRE_OP_END ? OPS[op].name : "";
}

wire_op wire_op_find(pdb_slice name)
{
	for (int op = 1; op < WIRE_OP_END; op++) {
		if (pdb_slice_compare(name, pdb_slice_text(OPS[op].name)) == 0) {
			return (wire_op)op;
		}
	}
	return WIRE_OP_NONE;
}

unsigned wire_op_roles(wire_op op)
{
	return op < WIRE_OP_END ? OPS[op].roles : 0;
}

bool wire_op_again(wire_op op)
{
	return op < WIRE_OP_END && OPS[op].again;
}

/* -- bytes ------------------------------------------------------------------------------------- */

void wire_buf_fini(wire_buf *buf)
{
	if (buf->ptr != NULL) {
		sodium_memzero(buf->ptr, buf->cap);
		buf->host->free(buf->ptr);
	}
	*buf = (wire_buf){.host = buf->host};
}

uint8_t *wire_buf_room(wire_buf *buf, size_t more)
{
	size_t cap = buf->cap > 0 ? buf->cap : 512;
	uint8_t *grown;

	while (!buf->failed && cap - buf->len < more) {
		cap *= 2;
	}
	if (buf->failed || more > WIRE_BODY_MAX + WIRE_HEAD_MAX) {
		buf->failed = true;
		return NULL;
	}
	if (cap == buf->cap) {
		return buf->ptr + buf->len;
	}
	/* not realloc: it would leave the old bytes behind */
	grown = buf->host->alloc(cap);
	if (grown == NULL) {
		buf->failed = true;
		return NULL;
	}
	if (buf->ptr != NULL) {
		memcpy(grown, buf->ptr, buf->len);
		sodium_memzero(buf->ptr, buf->cap);
		buf->host->free(buf->ptr);
	}
	buf->ptr = grown;
	buf->cap = cap;
	return buf->ptr + buf->len;
}

static void put(wire_buf *out, const void *bytes, size_t len)
{
	uint8_t *at = wire_buf_room(out, len);

	if (at != NULL) {
		(void)little_put(at, bytes, len);
		out->len += len;
	}
}

static void put32(wire_buf *out, uint32_t number)
{
	uint8_t bytes[4];

	(void)little_put32(bytes, number);
	put(out, bytes, sizeof(bytes));
}

static void put64(wire_buf *out, uint64_t number)
{
	uint8_t bytes[8];

	(void)little_put64(bytes, number);
	put(out, bytes, sizeof(bytes));
}

/* Length first. */
static void put_bytes(wire_buf *out, pdb_slice bytes)
{
	put32(out, (uint32_t)bytes.len);
	put(out, bytes.ptr, bytes.len);
}

static pdb_slice take_bytes(little_reader *from, size_t max)
{
	size_t len = (size_t)little_number(from, 4);

	if (len > max) {
		from->failed = true;
	}
	return little_take(from, len);
}

/* A text into a field with a NUL; no NUL inside. */
static void take_text(little_reader *from, char *out, size_t size)
{
	pdb_slice text = take_bytes(from, size - 1);

	memset(out, 0, size);
	if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL) {
		from->failed = true;
	} else if (text.len > 0) {
		memcpy(out, text.ptr, text.len);
	}
}

/* -- parts of both -------------------------------------------------------------------------------
 */

static void put_progress(wire_buf *out, const pdb_kms_progress *progress)
{
	put32(out, progress->finished);
	put64(out, progress->done);
	put64(out, progress->total);
	put64(out, progress->failed);
	put_bytes(out, pdb_slice_text(progress->cursor));
}

static void take_progress(little_reader *from, pdb_kms_progress *out)
{
	*out = (pdb_kms_progress){.size = sizeof(*out)};
	out->finished = (uint32_t)little_number(from, 4);
	out->done = little_number(from, 8);
	out->total = little_number(from, 8);
	out->failed = little_number(from, 8);
	take_text(from, out->cursor, sizeof(out->cursor));
}

/* -- requests -----------------------------------------------------------------------------------
 */

void wire_request_write(wire_buf *out, const wire_request *request)
{
	put32(out, MAGIC_REQUEST);
	put_bytes(out, request->id);
	put_bytes(out, request->thread);
	put_bytes(out, request->actor);
	put32(out, request->version);
	put32(out, request->number);
	put_progress(out, &request->progress);
	put_bytes(out, request->aad);
	put_bytes(out, request->bytes);
}

bool wire_request_read(pdb_slice body, wire_request *out)
{
	little_reader from = {body, false};
	bool known = little_number(&from, 4) == MAGIC_REQUEST;

	*out = (wire_request){.id = take_bytes(&from, PDB_KMS_ID_SIZE)};
	out->thread = take_bytes(&from, PDB_KMS_THREAD_SIZE);
	out->actor = take_bytes(&from, 128);
	out->version = (uint32_t)little_number(&from, 4);
	out->number = (uint32_t)little_number(&from, 4);
	take_progress(&from, &out->progress);
	out->aad = take_bytes(&from, WIRE_BODY_MAX);
	out->bytes = take_bytes(&from, WIRE_BODY_MAX);
	return known && little_ended(&from);
}

/* -- rows ---------------------------------------------------------------------------------------
 */

void wire_key_write(wire_buf *out, const pdb_kms_key *key)
{
	put32(out, key->state);
	put32(out, key->dek_version);
	put32(out, key->newest);
	put32(out, key->kek_version);
	put32(out, key->held);
	put64(out, (uint64_t)key->created);
	put_bytes(out, pdb_slice_text(key->id));
	put_bytes(out, pdb_slice_text(key->kek_id));
	put_bytes(out, pdb_slice_text(key->thread));
	put_bytes(out, pdb_slice_of(key->dek, key->dek != NULL ? PDB_KMS_DEK_SIZE : 0));
}

static bool take_key(little_reader *from, pdb_kms_key *out)
{
	pdb_slice dek;

	out->state = (uint32_t)little_number(from, 4);
	out->dek_version = (uint32_t)little_number(from, 4);
	out->newest = (uint32_t)little_number(from, 4);
	out->kek_version = (uint32_t)little_number(from, 4);
	out->held = (uint32_t)little_number(from, 4);
	out->created = (int64_t)little_number(from, 8);
	take_text(from, out->id, sizeof(out->id));
	take_text(from, out->kek_id, sizeof(out->kek_id));
	take_text(from, out->thread, sizeof(out->thread));
	dek = take_bytes(from, PDB_KMS_DEK_SIZE);
	if (dek.len != 0 && dek.len != PDB_KMS_DEK_SIZE) {
		from->failed = true;
	}
	if (from->failed) {
		return false;
	}
	if (out->dek != NULL) {
		/* a DEK that was asked for and did not come is none */
		if (dek.len == 0) {
			sodium_memzero(out->dek, PDB_KMS_DEK_SIZE);
			return true;
		}
		memcpy(out->dek, dek.ptr, PDB_KMS_DEK_SIZE);
	}
	return true;
}

bool wire_key_next(pdb_slice *rows, pdb_kms_key *key)
{
	little_reader from = {*rows, false};
	bool taken = rows->len > 0 && take_key(&from, key);

	*rows = from.left;
	return taken;
}

void wire_kek_write(wire_buf *out, const pdb_kms_kek *kek)
{
	put32(out, kek->version);
	put32(out, kek->state);
	put64(out, kek->keys);
	put64(out, (uint64_t)kek->created);
	put_bytes(out, pdb_slice_text(kek->id));
}

static bool take_kek(little_reader *from, pdb_kms_kek *out)
{
	*out = (pdb_kms_kek){.size = sizeof(*out)};
	out->version = (uint32_t)little_number(from, 4);
	out->state = (uint32_t)little_number(from, 4);
	out->keys = little_number(from, 8);
	out->created = (int64_t)little_number(from, 8);
	take_text(from, out->id, sizeof(out->id));
	return !from->failed;
}

bool wire_kek_next(pdb_slice *rows, pdb_kms_kek *kek)
{
	little_reader from = {*rows, false};
	bool taken = rows->len > 0 && take_kek(&from, kek);

	*rows = from.left;
	return taken;
}

void wire_stat_write(wire_buf *out, const char *name, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	put_bytes(out, pdb_slice_text(name));
	put64(out, bits);
}

static bool take_stat(little_reader *from, char name[STAT_NAME_MAX + 1], double *value)
{
	uint64_t bits;

	take_text(from, name, STAT_NAME_MAX + 1);
	bits = little_number(from, 8);
	memcpy(value, &bits, sizeof(bits));
	return !from->failed;
}

bool wire_stat_next(pdb_slice *rows, char name[64], double *value)
{
	little_reader from = {*rows, false};
	bool taken = rows->len > 0 && take_stat(&from, name, value);

	*rows = from.left;
	return taken;
}

/* -- answers ------------------------------------------------------------------------------------
 */

static void put_health(wire_buf *out, const pdb_kms_health *health)
{
	put32(out, health->kek_version);
	put32(out, health->locked);
	put32(out, health->refuses);
	put64(out, health->keys);
	put64(out, health->outdated);
}

static void put_shred(wire_buf *out, const pdb_kms_shred *shred)
{
	put32(out, shred->state);
	put32(out, shred->kek_version);
	put64(out, (uint64_t)shred->destroyed);
	put64(out, (uint64_t)shred->final);
}

void wire_answer_write(wire_buf *out, const wire_answer *answer)
{
	put32(out, MAGIC_ANSWER);
	put32(out, (uint32_t)answer->status);
	put_bytes(out, answer->code);
	put_bytes(out, answer->text);
	put32(out, answer->number);
	put_progress(out, &answer->progress);
	put_health(out, &answer->health);
	put_shred(out, &answer->shred);
	put32(out, answer->key_count);
	put(out, answer->keys.ptr, answer->keys.len);
	put32(out, answer->kek_count);
	put(out, answer->keks.ptr, answer->keks.len);
	put32(out, answer->stat_count);
	put(out, answer->stats.ptr, answer->stats.len);
	put_bytes(out, answer->bytes);
}

static void take_health(little_reader *from, pdb_kms_health *out)
{
	*out = (pdb_kms_health){.size = sizeof(*out)};
	out->kek_version = (uint32_t)little_number(from, 4);
	out->locked = (uint32_t)little_number(from, 4);
	out->refuses = (uint32_t)little_number(from, 4);
	out->keys = little_number(from, 8);
	out->outdated = little_number(from, 8);
}

static void take_shred(little_reader *from, pdb_kms_shred *out)
{
	*out = (pdb_kms_shred){.size = sizeof(*out)};
	out->state = (uint32_t)little_number(from, 4);
	out->kek_version = (uint32_t)little_number(from, 4);
	out->destroyed = (int64_t)little_number(from, 8);
	out->final = (int64_t)little_number(from, 8);
}

static bool skip_key(little_reader *from)
{
	pdb_kms_key key = {.size = sizeof(key)};

	return take_key(from, &key);
}

static bool skip_kek(little_reader *from)
{
	pdb_kms_kek kek;

	return take_kek(from, &kek);
}

static bool skip_stat(little_reader *from)
{
	char name[STAT_NAME_MAX + 1];
	double value;

	return take_stat(from, name, &value);
}

/* As many whole rows as are said to be there. */
static pdb_slice take_rows(little_reader *from, uint32_t *count_out,
			   bool (*skip)(little_reader *from))
{
	const uint8_t *start;
	size_t before;

	*count_out = (uint32_t)little_number(from, 4);
	start = from->left.ptr;
	before = from->left.len;
	for (uint32_t i = 0; i < *count_out && !from->failed; i++) {
		(void)skip(from);
	}
	return from->failed ? pdb_slice_of(NULL, 0) : pdb_slice_of(start, before - from->left.len);
}

bool wire_answer_read(pdb_slice body, wire_answer *out)
{
	little_reader from = {body, false};
	bool known = little_number(&from, 4) == MAGIC_ANSWER;

	*out = (wire_answer){.status = (pdb_status)(int32_t)little_number(&from, 4)};
	out->code = take_bytes(&from, TEXT_MAX);
	out->text = take_bytes(&from, TEXT_MAX);
	out->number = (uint32_t)little_number(&from, 4);
	take_progress(&from, &out->progress);
	take_health(&from, &out->health);
	take_shred(&from, &out->shred);
	out->keys = take_rows(&from, &out->key_count, skip_key);
	out->keks = take_rows(&from, &out->kek_count, skip_kek);
	out->stats = take_rows(&from, &out->stat_count, skip_stat);
	out->bytes = take_bytes(&from, WIRE_BODY_MAX);
	return known && little_ended(&from) && out->status <= PDB_OK && out->status >= PDB_EOFFLOAD;
}
