/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked becomes a call of the keyring, and its result a body. */
#include <sodium.h>

#include "base/mem.h"
#include "daemon/daemon.h"

/* One request at work. Texts have a NUL here. */
typedef struct job {
	pdb_keyring *keyring;
	wire_request request;
	wire_answer answer;
	wire_buf keys;
	wire_buf keks;
	wire_buf stats;
	wire_buf bytes;
	char id[PDB_KMS_ID_SIZE + 1];
	char who[KMS_WHO_MAX + 160];
	pdb_keyring_which which;
} job;

static void copy_text(char *out, size_t size, pdb_slice text)
{
	(void)snprintf(out, size, "%.*s", (int)text.len,
		       text.len > 0 ? (const char *)text.ptr : "");
}

static void put_bytes(wire_buf *out, pdb_slice bytes)
{
	uint8_t *at = wire_buf_room(out, bytes.len);

	if (at != NULL && bytes.len > 0) {
		memcpy(at, bytes.ptr, bytes.len);
		out->len += bytes.len;
	}
}

/* -- calls about one key --------------------------------------------------------------------------
 */

static pdb_status call_key(job *j, wire_op op, pdb_kms_key *key, pdb_err *err)
{
	switch (op) {
	case WIRE_OP_CREATE:
		return pdb_keyring_create(j->keyring, j->who, j->request.thread, key, err);
	case WIRE_OP_CLAIM:
		return pdb_keyring_claim(j->keyring, &j->which, key, err);
	case WIRE_OP_UNWRAP:
		return pdb_keyring_unwrap(j->keyring, &j->which, key, err);
	case WIRE_OP_ADD_VERSION:
		return pdb_keyring_add_version(j->keyring, &j->which, key, err);
	default:
		return pdb_keyring_describe(j->keyring, j->id, key, err);
	}
}

static pdb_status one_key(job *j, wire_op op, pdb_err *err)
{
	uint8_t dek[PDB_KMS_DEK_SIZE] = {0};
	pdb_kms_key key = {.size = sizeof(key)};
	pdb_status status;

	if (j->request.number != 0 && op != WIRE_OP_DESCRIBE) {
		key.dek = dek;
	}
	status = call_key(j, op, &key, err);
	if (status == PDB_OK) {
		wire_key_write(&j->keys, &key);
		j->answer.key_count = 1;
	}
	sodium_memzero(dek, sizeof(dek));
	return status;
}

static pdb_status prepare(job *j, pdb_err *err)
{
	size_t count = j->request.number;
	bool wanted = j->request.version != 0;
	size_t each = sizeof(pdb_kms_key) + PDB_KMS_DEK_SIZE;
	pdb_kms_key *keys;
	uint8_t *deks;
	pdb_status status;

	if (count == 0 || count > WIRE_KEYS_MAX) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "1 to %u keys can be prepared at once",
				   WIRE_KEYS_MAX);
	}
	keys = pdb_mem_zalloc(count * each);
	if (keys == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for keys");
	}
	deks = (uint8_t *)(keys + count);
	for (size_t i = 0; i < count; i++) {
		keys[i].size = sizeof(keys[i]);
		keys[i].dek = wanted ? deks + i * PDB_KMS_DEK_SIZE : NULL;
	}
	status = pdb_keyring_prepare(j->keyring, j->who, keys, count, err);
	for (size_t i = 0; i < count && status == PDB_OK; i++) {
		wire_key_write(&j->keys, &keys[i]);
		j->answer.key_count++;
	}
	sodium_memzero(keys, count * each);
	pdb_mem_free(keys);
	return status;
}

static pdb_status text_call(job *j, wire_op op, pdb_err *err)
{
	pdb_keyring_text text = {.aad = j->request.aad, .bytes = j->request.bytes};
	pdb_status status = op == WIRE_OP_ENCRYPT
				    ? pdb_keyring_encrypt(j->keyring, &j->which, &text, err)
				    : pdb_keyring_decrypt(j->keyring, &j->which, &text, err);

	if (status == PDB_OK) {
		put_bytes(&j->bytes, pdb_slice_of(text.out, text.out_len));
		sodium_memzero(text.out, text.out_len);
		pdb_mem_free(text.out);
	}
	return status;
}

static void take_text(void *arg, pdb_slice text)
{
	put_bytes(arg, text);
}

static pdb_status restore(job *j, pdb_err *err)
{
	bool stored = false;
	pdb_status status = pdb_keyring_restore(j->keyring, j->who, j->request.bytes, &stored, err);

	j->answer.number = stored ? 1 : 0;
	return status;
}

/* -- rows ------------------------------------------------------------------------------------- */

static pdb_status add_key(void *arg, const pdb_kms_key *key)
{
	job *j = arg;

	wire_key_write(&j->keys, key);
	j->answer.key_count++;
	return PDB_OK;
}

static pdb_status add_kek(void *arg, const pdb_kms_kek *kek)
{
	job *j = arg;

	wire_kek_write(&j->keks, kek);
	j->answer.kek_count++;
	return PDB_OK;
}

static void add_stat(void *arg, const char *name, double value)
{
	job *j = arg;

	wire_stat_write(&j->stats, name, value);
	j->answer.stat_count++;
}

static pdb_status each(job *j, pdb_err *err)
{
	size_t limit = j->request.number;

	limit = limit == 0 || limit > WIRE_KEYS_MAX ? WIRE_KEYS_MAX : limit;
	if (pdb_keyring_each(j->keyring, j->id, limit, add_key, j) != PDB_OK) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "\"%s\" is not the id of a key", j->id);
	}
	return PDB_OK;
}

/* -- all ops ---------------------------------------------------------------------------------- */

static pdb_status call_kek(job *j, wire_op op, pdb_err *err)
{
	const wire_request *request = &j->request;

	switch (op) {
	case WIRE_OP_ROTATE_KEK:
		return pdb_keyring_rotate_kek(j->keyring, j->who, &j->answer.number, err);
	case WIRE_OP_ADD_KEK:
		return pdb_keyring_add_kek(j->keyring, j->who, &j->answer.number, err);
	case WIRE_OP_SET_KEK:
		return pdb_keyring_set_kek(j->keyring, j->who, request->version, request->number,
					   err);
	case WIRE_OP_RETIRE:
		return pdb_keyring_retire(j->keyring, j->who, request->version, err);
	case WIRE_OP_REWRAP_KEY:
		return pdb_keyring_rewrap_key(j->keyring, j->who, j->id, err);
	case WIRE_OP_REWRAP:
		return pdb_keyring_rewrap(j->keyring, j->who, request->number, &j->answer.progress,
					  err);
	case WIRE_OP_VERIFY:
		return pdb_keyring_verify(j->keyring, j->who, request->number, &j->answer.progress,
					  err);
	default:
		return PDB_ENOTSUP;
	}
}

static pdb_status call_look(job *j, wire_op op, pdb_err *err)
{
	switch (op) {
	case WIRE_OP_SHRED_STATUS:
		return pdb_keyring_shred_status(j->keyring, j->id, &j->answer.shred, err);
	case WIRE_OP_RECEIPT:
		return pdb_keyring_receipt(j->keyring, &j->which, take_text, &j->bytes, err);
	case WIRE_OP_EACH:
		return each(j, err);
	case WIRE_OP_KEKS:
		return pdb_keyring_keks(j->keyring, add_kek, j, err);
	case WIRE_OP_HEALTH:
		pdb_keyring_health(j->keyring, &j->answer.health);
		return PDB_OK;
	case WIRE_OP_STATS:
		pdb_keyring_stats(j->keyring, add_stat, j);
		return PDB_OK;
	case WIRE_OP_PUBLIC_KEY:
		put_bytes(&j->bytes, pdb_slice_text(pdb_keyring_public_key(j->keyring)));
		return PDB_OK;
	default:
		return call_kek(j, op, err);
	}
}

static pdb_status call(job *j, wire_op op, pdb_err *err)
{
	switch (op) {
	case WIRE_OP_CREATE:
	case WIRE_OP_CLAIM:
	case WIRE_OP_UNWRAP:
	case WIRE_OP_ADD_VERSION:
	case WIRE_OP_DESCRIBE:
		return one_key(j, op, err);
	case WIRE_OP_PREPARE:
		return prepare(j, err);
	case WIRE_OP_ENCRYPT:
	case WIRE_OP_DECRYPT:
		return text_call(j, op, err);
	case WIRE_OP_WRAPPED:
		return pdb_keyring_wrapped(j->keyring, &j->which, take_text, &j->bytes, err);
	case WIRE_OP_RESTORE:
		return restore(j, err);
	case WIRE_OP_DESTROY:
		return pdb_keyring_destroy(j->keyring, j->who, j->id, err);
	case WIRE_OP_HOLD:
		return pdb_keyring_hold(j->keyring, j->who, j->id, j->request.number != 0, err);
	default:
		return call_look(j, op, err);
	}
}

void kms_refuse(wire_buf *out, const pdb_err *err)
{
	const wire_answer answer = {.status = err->status,
				    .code = pdb_slice_text(err->code),
				    .text = pdb_slice_text(err->text)};

	out->len = 0;
	wire_answer_write(out, &answer);
}

static pdb_status judge(kms_daemon *daemon, const kms_peer *peer, wire_op op, pdb_slice body,
			job *j, pdb_err *err)
{
	if ((wire_op_roles(op) & peer->roles) == 0) {
		(void)kms_peer_refused(daemon, peer->who, wire_op_name(op));
		return pdb_err_set(err, PDB_EDENIED, NULL, "%s may not call %s", peer->who,
				   wire_op_name(op));
	}
	if (!wire_request_read(body, &j->request)) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "the body is not one of a request");
	}
	copy_text(j->id, sizeof(j->id), j->request.id);
	if (j->request.actor.len > 0) {
		(void)snprintf(j->who, sizeof(j->who), "%s for %.*s", peer->who,
			       PDB_SLICE_ARGS(j->request.actor));
	} else {
		(void)snprintf(j->who, sizeof(j->who), "%s", peer->who);
	}
	j->answer.progress = j->request.progress;
	j->which = (pdb_keyring_which){.who = j->who,
				       .id = j->id,
				       .thread = j->request.thread,
				       .version = j->request.version};
	return PDB_OK;
}

static void write_answer(job *j, wire_buf *out)
{
	j->answer.keys = pdb_slice_of(j->keys.ptr, j->keys.len);
	j->answer.keks = pdb_slice_of(j->keks.ptr, j->keks.len);
	j->answer.stats = pdb_slice_of(j->stats.ptr, j->stats.len);
	j->answer.bytes = pdb_slice_of(j->bytes.ptr, j->bytes.len);
	wire_answer_write(out, &j->answer);
	out->failed = out->failed || j->keys.failed || j->keks.failed || j->stats.failed ||
		      j->bytes.failed;
}

pdb_status kms_handle(kms_daemon *daemon, const kms_peer *peer, wire_op op, pdb_slice body,
		      wire_buf *out)
{
	job j = {.keyring = daemon->keyring,
		 .keys = {.host = &kms_daemon_host},
		 .keks = {.host = &kms_daemon_host},
		 .stats = {.host = &kms_daemon_host},
		 .bytes = {.host = &kms_daemon_host}};
	pdb_err err = {0};
	pdb_status status = judge(daemon, peer, op, body, &j, &err);

	if (status == PDB_OK) {
		status = call(&j, op, &err);
	}
	if (status == PDB_OK) {
		write_answer(&j, out);
	} else {
		err.status = status;
		kms_refuse(out, &err);
	}
	wire_buf_fini(&j.keys);
	wire_buf_fini(&j.keks);
	wire_buf_fini(&j.stats);
	wire_buf_fini(&j.bytes);
	return status;
}
