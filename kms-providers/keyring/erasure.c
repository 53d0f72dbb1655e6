/* SPDX-License-Identifier: Apache-2.0 */
/* What erasing a key has reached, and the signed word about it. */
#include <sodium.h>
#include <time.h>

#include "keyring_private.h"

#define RECEIPT_LABEL "pdb/receipt1"
#define RECEIPT_MAX   1024u
#define SIG_PART      (sizeof(",\"sig\":\"\"}") - 1 + 2 * PDB__AUDIT_SIG)

/* -- how far it is
 * ---------------------------------------------------------------------------------- */

/* With the lock held. Every KEK version that may have wrapped the key counts. */
static void judge(const pdb_keyring *keyring, const pdb__key *key, pdb_kms_shred *out)
{
	out->state = PDB_KMS_SHRED_LIVE;
	out->kek_version = 0;
	out->reserved = 0;
	out->destroyed = key->destroyed;
	out->final = 0;
	if (key->destroyed == 0) {
		return;
	}
	out->state = PDB_KMS_SHRED_FINAL;
	out->final = key->destroyed;
	for (uint32_t version = key->kek_first; version <= key->kek_last; version++) {
		const pdb__kek *kek = &keyring->keks[version - 1];

		if (kek->state != PDB_KMS_KEK_DESTROYED) {
			out->state = PDB_KMS_SHRED_LOGICAL;
			out->kek_version = version;
		} else if (kek->changed > out->final) {
			out->final = kek->changed;
		}
	}
	if (out->state != PDB_KMS_SHRED_FINAL) {
		out->final = 0;
	}
}

pdb_status pdb_keyring_shred_status(pdb_keyring *keyring, const char *id, pdb_kms_shred *out,
				    pdb_err *err)
{
	uint8_t raw[PDB__WRAP_ID] = {0};
	pdb_status status = pdb__id_parse(id, raw, err);
	const pdb__key *key;

	if (status != PDB_OK) {
		return status;
	}
	(void)pthread_mutex_lock(&keyring->lock);
	key = pdb__key_find(keyring, raw);
	if (key != NULL) {
		judge(keyring, key, out);
	} else {
		status = pdb_err_set(err, PDB_ENOTFOUND, NULL, "the key %s is not known", id);
	}
	(void)pthread_mutex_unlock(&keyring->lock);
	return status;
}

/* -- receipts -----------------------------------------------------------------------------------
 */

static void print_time(int64_t when, char out[40])
{
	time_t seconds = (time_t)(when / 1000000000);
	struct tm parts;

	out[0] = '\0';
	if (when > 0 && gmtime_r(&seconds, &parts) != NULL) {
		(void)strftime(out, 40, "%Y-%m-%dT%H:%M:%SZ", &parts);
	}
}

/* All but the signature. Nothing in it needs escaping: ids and threads are checked when stored. */
static size_t write_body(const pdb_keyring *keyring, const pdb__key *key, char *out, size_t size)
{
	pdb_kms_shred shred = {.size = sizeof(shred)};
	char id[PDB_KMS_ID_SIZE];
	char instance[PDB_KMS_ID_SIZE];
	char destroyed[40];
	char final[40];
	char issued[40];
	int len;

	judge(keyring, key, &shred);
	pdb__id_print(key->id, id);
	pdb__id_print(keyring->instance, instance);
	print_time(shred.destroyed, destroyed);
	print_time(shred.final, final);
	print_time(keyring->host->now(), issued);
	len = snprintf(out, size,
		       "{\"label\":\"" RECEIPT_LABEL "\",\"keyring\":\"%s\",\"key\":\"%s\","
		       "\"thread\":\"%.*s\",\"versions\":%u,\"state\":\"%s\",\"destroyed\":\"%s\","
		       "\"final\":\"%s\",\"kek_versions\":[%u,%u],\"issued\":\"%s\","
		       "\"public_key\":\"%s\"",
		       instance, id, (int)key->thread_len, key->thread, key->newest,
		       shred.state == PDB_KMS_SHRED_FINAL ? "final" : "logical", destroyed, final,
		       key->kek_first, key->kek_last, issued, keyring->public_hex);
	return (size_t)len;
}

static size_t sign(const pdb_keyring *keyring, char *text, size_t len, size_t size)
{
	uint8_t sig[PDB__AUDIT_SIG];
	char hex[2 * PDB__AUDIT_SIG + 1];

	(void)crypto_sign_detached(sig, NULL, (const uint8_t *)text, len,
				   keyring->secrets->sign_key);
	(void)sodium_bin2hex(hex, sizeof(hex), sig, sizeof(sig));
	return len + (size_t)snprintf(text + len, size - len, ",\"sig\":\"%s\"}", hex);
}

static pdb_status run_receipt(pdb_keyring *keyring, pdb__act *act, pdb_err *err)
{
	char *text = act->more;
	uint8_t id[PDB__WRAP_ID] = {0};
	pdb_status status = pdb__id_parse(act->which->id, id, err);
	const pdb__key *key = status == PDB_OK ? pdb__key_find(keyring, id) : NULL;

	if (status != PDB_OK) {
		return status;
	}
	if (key == NULL || key->destroyed == 0) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "the key %s %s", act->which->id,
				   key == NULL ? "is not known" : "lives");
	}
	(void)sign(keyring, text, write_body(keyring, key, text, RECEIPT_MAX), RECEIPT_MAX);
	return PDB_OK;
}

pdb_status pdb_keyring_receipt(pdb_keyring *keyring, const pdb_keyring_which *which,
			       pdb_kms_text_fn text, void *arg, pdb_err *err)
{
	char receipt[RECEIPT_MAX] = "";
	pdb__act act = {
		.event = {.op = "receipt"}, .run = run_receipt, .which = which, .more = receipt};
	pdb_status status = pdb__act_run(keyring, &act, err);

	if (status == PDB_OK) {
		text(arg, pdb_slice_text(receipt));
	}
	return status;
}

bool pdb_keyring_receipt_good(pdb_slice receipt, const char *public_key)
{
	static const char label[] = "{\"label\":\"" RECEIPT_LABEL "\",";
	uint8_t key[PDB__AUDIT_PUBLIC];
	uint8_t sig[PDB__AUDIT_SIG];
	size_t used = 0;
	size_t signed_len;
	const char *tail;

	while (receipt.len > 0 && receipt.ptr[receipt.len - 1] == '\n') {
		receipt.len--;
	}
	if (receipt.len < SIG_PART || !pdb_slice_starts(receipt, pdb_slice_text(label)) ||
	    sodium_hex2bin(key, sizeof(key), public_key, strlen(public_key), NULL, &used, NULL) !=
		    0 ||
	    used != sizeof(key)) {
		return false;
	}
	signed_len = receipt.len - SIG_PART;
	tail = (const char *)receipt.ptr + signed_len;
	return strncmp(tail, ",\"sig\":\"", 8) == 0 &&
	       strncmp(tail + SIG_PART - 2, "\"}", 2) == 0 &&
	       sodium_hex2bin(sig, sizeof(sig), tail + 8, sizeof(sig) * 2, NULL, &used, NULL) ==
		       0 &&
	       used == sizeof(sig) &&
	       crypto_sign_verify_detached(sig, receipt.ptr, signed_len, key) == 0;
}
