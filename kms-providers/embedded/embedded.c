/* SPDX-License-Identifier: Apache-2.0 */
/* The provider `embedded`: the keyring in the server's own process. */
#include <pdb/pdb.h>

#include "keyring/keyring.h"

#define WHO_SERVER "server"

typedef struct embedded_settings {
	const char *master_key_file;
	const char *master_key_hex;
	const char *kek_dir;
	int64_t audit_file_size;
	int64_t memory;
} embedded_settings;

static const char *const MEMORY[] = {"warn", "require", NULL};
#define MEMORY_REQUIRE 1

static const pdb_option options[] = {
	{.key = "security.kms.master_key_file",
	 .type = PDB_OPTION_PATH,
	 .offset = offsetof(embedded_settings, master_key_file),
	 .env = "KMS_MASTER_KEY_FILE",
	 .help = "The file of the master key, 32 bytes or 64 hex digits, closed to others; the "
		 "systemd credential \"kek\" goes before it."},
	{.key = "security.kms.master_key_hex",
	 .type = PDB_OPTION_STRING,
	 .flags = PDB_OPTION_SECRET,
	 .offset = offsetof(embedded_settings, master_key_hex),
	 .env = "KMS_MASTER_KEY_HEX",
	 .help = "The master key itself, for development."},
	{.key = "security.kms.kek_dir",
	 .type = PDB_OPTION_PATH,
	 .offset = offsetof(embedded_settings, kek_dir),
	 .help = "The directory of the KEK versions; empty for keks in the data directory. Kept "
		 "out "
		 "of backups it makes erasure final for them too."},
	{.key = "security.kms.audit_file_size",
	 .type = PDB_OPTION_SIZE,
	 .offset = offsetof(embedded_settings, audit_file_size),
	 .fallback = "64MiB",
	 .min = INT64_C(64) << 10,
	 .max = INT64_C(1) << 40,
	 .unit = "bytes",
	 .help = "Size at which the audit log of keys goes on in a new file."},
	{.key = "security.kms.locked_memory",
	 .type = PDB_OPTION_ENUM,
	 .offset = offsetof(embedded_settings, memory),
	 .fallback = "warn",
	 .choices = MEMORY,
	 .help = "What happens when the memory of the keys cannot be locked."},
};

static const char *actor_of(const char *actor)
{
	return actor != NULL && actor[0] != '\0' ? actor : WHO_SERVER;
}

static pdb_status kms_open(const pdb_kms_params *params, void **kms_out, pdb_err *err)
{
	const embedded_settings *settings = params->settings;
	const pdb_keyring_params keyring = {.host = params->host,
					    .directory = params->directory,
					    .kek_directory = settings->kek_dir,
					    .master_key_file = settings->master_key_file,
					    .master_key_hex = settings->master_key_hex,
					    .audit_file_max = (uint64_t)settings->audit_file_size,
					    .must_lock = settings->memory == MEMORY_REQUIRE};
	pdb_keyring *made = NULL;
	pdb_status status = pdb_keyring_open(&made, &keyring, err);

	*kms_out = made;
	return status;
}

static void kms_close(void **kms)
{
	pdb_keyring *keyring = kms != NULL ? *kms : NULL;

	pdb_keyring_close(&keyring);
	if (kms != NULL) {
		*kms = NULL;
	}
}

/* -- keys ------------------------------------------------------------------------------------- */

static pdb_status kms_create(void *kms, pdb_slice thread, pdb_kms_key *key, pdb_err *err)
{
	return pdb_keyring_create(kms, WHO_SERVER, thread, key, err);
}

static pdb_status kms_prepare(void *kms, pdb_kms_key *keys, size_t count, pdb_err *err)
{
	return pdb_keyring_prepare(kms, WHO_SERVER, keys, count, err);
}

static pdb_status kms_claim(void *kms, const char *id, pdb_slice thread, pdb_kms_key *key,
			    pdb_err *err)
{
	const pdb_keyring_which which = {.who = WHO_SERVER, .id = id, .thread = thread};

	return pdb_keyring_claim(kms, &which, key, err);
}

static pdb_status kms_unwrap(void *kms, const char *id, uint32_t version, pdb_kms_key *key,
			     pdb_err *err)
{
	const pdb_keyring_which which = {.who = WHO_SERVER, .id = id, .version = version};

	return pdb_keyring_unwrap(kms, &which, key, err);
}

static pdb_status kms_add_version(void *kms, const char *id, uint32_t after, pdb_kms_key *key,
				  pdb_err *err)
{
	const pdb_keyring_which which = {.who = WHO_SERVER, .id = id, .version = after};

	return pdb_keyring_add_version(kms, &which, key, err);
}

static pdb_status kms_describe(void *kms, const char *id, pdb_kms_key *key, pdb_err *err)
{
	return pdb_keyring_describe(kms, id, key, err);
}

static pdb_status kms_destroy(void *kms, const char *id, const char *actor, pdb_err *err)
{
	return pdb_keyring_destroy(kms, actor_of(actor), id, err);
}

static pdb_status kms_wrapped(void *kms, const char *id, uint32_t version, pdb_kms_text_fn text,
			      void *arg, pdb_err *err)
{
	const pdb_keyring_which which = {.who = WHO_SERVER, .id = id, .version = version};

	return pdb_keyring_wrapped(kms, &which, text, arg, err);
}

static pdb_status kms_restore(void *kms, pdb_slice wrapped, const char *actor, bool *stored_out,
			      pdb_err *err)
{
	return pdb_keyring_restore(kms, actor_of(actor), wrapped, stored_out, err);
}

static pdb_status kms_hold(void *kms, const char *id, bool on, const char *actor, pdb_err *err)
{
	return pdb_keyring_hold(kms, actor_of(actor), id, on, err);
}

/* -- KEK versions and passes ----------------------------------------------------------------------
 */

static pdb_status kms_rotate(void *kms, const char *actor, uint32_t *version_out, pdb_err *err)
{
	return pdb_keyring_rotate_kek(kms, actor_of(actor), version_out, err);
}

static pdb_status kms_add_kek(void *kms, const char *actor, uint32_t *version_out, pdb_err *err)
{
	return pdb_keyring_add_kek(kms, actor_of(actor), version_out, err);
}

static pdb_status kms_set_kek(void *kms, uint32_t version, uint32_t state, const char *actor,
			      pdb_err *err)
{
	return pdb_keyring_set_kek(kms, actor_of(actor), version, state, err);
}

static pdb_status kms_rewrap_key(void *kms, const char *id, pdb_err *err)
{
	return pdb_keyring_rewrap_key(kms, WHO_SERVER, id, err);
}

static pdb_status kms_rewrap(void *kms, uint32_t limit, pdb_kms_progress *progress, pdb_err *err)
{
	return pdb_keyring_rewrap(kms, WHO_SERVER, limit, progress, err);
}

static pdb_status kms_verify(void *kms, uint32_t limit, pdb_kms_progress *progress, pdb_err *err)
{
	return pdb_keyring_verify(kms, WHO_SERVER, limit, progress, err);
}

static pdb_status kms_retire(void *kms, uint32_t version, const char *actor, pdb_err *err)
{
	return pdb_keyring_retire(kms, actor_of(actor), version, err);
}

/* -- looking ---------------------------------------------------------------------------------- */

static pdb_status kms_shred_status(void *kms, const char *id, pdb_kms_shred *out, pdb_err *err)
{
	return pdb_keyring_shred_status(kms, id, out, err);
}

static pdb_status kms_receipt(void *kms, const char *id, pdb_kms_text_fn text, void *arg,
			      pdb_err *err)
{
	const pdb_keyring_which which = {.who = WHO_SERVER, .id = id};

	return pdb_keyring_receipt(kms, &which, text, arg, err);
}

static pdb_status kms_each(void *kms, const char *after, pdb_kms_key_fn row, void *arg,
			   pdb_err *err)
{
	pdb_status status = pdb_keyring_each(kms, after, 0, row, arg);

	return status == PDB_EINVAL
		       ? pdb_err_set(err, PDB_EINVAL, NULL, "\"%s\" is not the id of a key", after)
		       : status;
}

static pdb_status kms_keks(void *kms, pdb_kms_kek_fn row, void *arg, pdb_err *err)
{
	return pdb_keyring_keks(kms, row, arg, err);
}

static pdb_status kms_health(void *kms, pdb_kms_health *out, pdb_err *err)
{
	(void)err;
	pdb_keyring_health(kms, out);
	return PDB_OK;
}

static void kms_stats(void *kms, pdb_kms_stat_fn stat, void *arg)
{
	pdb_keyring_stats(kms, stat, arg);
}

static const pdb_kms_ops ops = {
	.size = sizeof(pdb_kms_ops),
	.open = kms_open,
	.close = kms_close,
	.create = kms_create,
	.prepare = kms_prepare,
	.claim = kms_claim,
	.unwrap = kms_unwrap,
	.add_version = kms_add_version,
	.describe = kms_describe,
	.destroy = kms_destroy,
	.rotate_kek = kms_rotate,
	.add_kek = kms_add_kek,
	.set_kek = kms_set_kek,
	.rewrap_key = kms_rewrap_key,
	.rewrap = kms_rewrap,
	.verify = kms_verify,
	.retire = kms_retire,
	.shred_status = kms_shred_status,
	.receipt = kms_receipt,
	.each = kms_each,
	.keks = kms_keks,
	.health = kms_health,
	.stats = kms_stats,
	.hold = kms_hold,
	.wrapped = kms_wrapped,
	.restore = kms_restore,
};

PDB_PLUGIN(embedded, KMS, "0.1.0", "Apache-2.0", "Keys in the server's own process",
	   .options = PDB_OPTION_TABLE(options, embedded_settings), .ops = &ops);
