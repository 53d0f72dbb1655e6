/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl kms status, keys, shred-status, receipt, verify-receipt: looking at keys. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "keyring/keyring.h"
#include "tools/kms.h"

typedef struct look_settings {
	pdb_kms_place place;
} look_settings;

static const pdb_arg look_args[] = {PDB_KMS_PLACE_ARGS(look_settings), {0}};

/* What a command does with the keys once they are open. */
typedef pdb_exit (*look_fn)(const pdb_kms_session *session, const char *operand);

static pdb_exit look(const void *settings, const char *operand, look_fn fn)
{
	const look_settings *given = settings;
	pdb_kms_session session;
	pdb_exit code = pdb_kms_session_begin(&session, &given->place);

	if (code == PDB_EXIT_OK) {
		code = fn(&session, operand);
		pdb_kms_session_end(&session);
	}
	return code;
}

static pdb_exit told(pdb_status status, const pdb_err *err)
{
	return status == PDB_OK ? PDB_EXIT_OK : pdb_kms_failed(err);
}

/* -- status -------------------------------------------------------------------------------------
 */

static pdb_status print_kek(void *arg, const pdb_kms_kek *kek)
{
	static const char *const states[] = {"?",        "standby",  "active", "decrypt-only",
					     "disabled", "destroyed"};
	char when[32];

	(void)arg;
	pdb_kms_time(kek->created, when);
	(void)printf("%7u  %-12s  %10llu  %s\n", kek->version,
		     states[kek->state <= PDB_KMS_KEK_DESTROYED ? kek->state : 0],
		     (unsigned long long)kek->keys, when);
	return PDB_OK;
}

static pdb_exit print_status(const pdb_kms_session *session, const char *operand)
{
	pdb_kms_health health = {.size = sizeof(health)};
	pdb_err err = {0};

	(void)operand;
	if (session->ops->health(session->kms, &health, &err) != PDB_OK) {
		return pdb_kms_failed(&err);
	}
	(void)printf("%skeys %llu, of these under an older KEK %llu; memory %s\n\n"
		     "version  state              wraps  made\n",
		     health.refuses ? "NO KEY IS TOUCHED: the audit log cannot be written\n" : "",
		     (unsigned long long)health.keys, (unsigned long long)health.outdated,
		     health.locked ? "locked" : "NOT locked");
	return told(session->ops->keks(session->kms, print_kek, NULL, &err), &err);
}

static pdb_exit status_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	(void)globals, (void)operands;
	return look(settings, NULL, print_status);
}

const pdb_command pdb_command_kms_status = {
	.name = "kms status",
	.summary = "show keys and KEK versions",
	.operands = "",
	.args = look_args,
	.settings_size = sizeof(look_settings),
	.text = "Shows how many keys there are, and every version of the key-encryption key with "
		"its\nstate and how many wrapped keys need it.",
	.examples = "  pdbctl kms status\n",
	.run = status_run,
};

/* -- keys ------------------------------------------------------------------------------------- */

static pdb_status print_key(void *arg, const pdb_kms_key *key)
{
	static const char *const states[] = {"?", "prepared", "bound", "destroyed"};
	char when[32];

	(void)arg;
	pdb_kms_time(key->created, when);
	(void)printf("%s  %-9s  %u  %u  %s  %s  %s\n", key->id,
		     states[key->state <= PDB_KMS_KEY_DESTROYED ? key->state : 0], key->newest,
		     key->kek_version, when, key->held ? "held" : "-",
		     key->thread[0] != '\0' ? key->thread : "-");
	return pdb_interrupted() ? PDB_ESTOP : PDB_OK;
}

static pdb_exit print_keys(const pdb_kms_session *session, const char *operand)
{
	const char *after = operand != NULL ? operand : "";
	pdb_err err = {0};

	return told(session->ops->each(session->kms, after, print_key, NULL, &err), &err);
}

static pdb_exit print_table(const pdb_kms_session *session, const char *operand)
{
	(void)printf("key state versions kek made hold thread\n");
	return print_keys(session, operand);
}

static pdb_exit keys_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	return look(settings, operands[0], globals->quiet ? print_keys : print_table);
}

const pdb_command pdb_command_kms_keys = {
	.name = "kms keys",
	.summary = "list keys, destroyed ones too",
	.operands = "[AFTER]",
	.most = 1,
	.args = look_args,
	.settings_size = sizeof(look_settings),
	.text = "Lists keys in the order of their ids, behind the id AFTER: state, number of "
		"versions,\nKEK version, when it was made, hold, thread. No key bytes are shown.",
	.examples = "  pdbctl kms keys | grep destroyed\n",
	.run = keys_run,
};

/* -- erasure ------------------------------------------------------------------------------------
 */

static pdb_exit print_shred(const pdb_kms_session *session, const char *operand)
{
	static const char *const states[] = {"live", "logical", "final"};
	pdb_kms_shred shred = {.size = sizeof(shred)};
	char destroyed[32];
	char final[32];
	pdb_err err = {0};

	if (session->ops->shred_status(session->kms, operand, &shred, &err) != PDB_OK) {
		return pdb_kms_failed(&err);
	}
	pdb_kms_time(shred.destroyed, destroyed);
	pdb_kms_time(shred.final, final);
	(void)printf("%s destroyed=%s final=%s",
		     states[shred.state <= PDB_KMS_SHRED_FINAL ? shred.state : 0], destroyed,
		     final);
	if (shred.state == PDB_KMS_SHRED_LOGICAL) {
		(void)printf(" retire-kek=%u", shred.kek_version);
	}
	(void)printf("\n");
	return shred.state == PDB_KMS_SHRED_LIVE ? PDB_EXIT_NO : PDB_EXIT_OK;
}

static pdb_exit shred_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	(void)globals;
	return look(settings, operands[0], print_shred);
}

const pdb_command pdb_command_kms_shred_status = {
	.name = "kms shred-status",
	.summary = "tell how far the erasure of a key is",
	.operands = "KEY",
	.least = 1,
	.most = 1,
	.args = look_args,
	.settings_size = sizeof(look_settings),
	.text = "live: the key opens. logical: it was destroyed, no call opens it again. final: "
		"the "
		"KEK\nversions that wrapped it are destroyed too, so that no backup opens it.\n"
		"Exit status: 0 logical or final, 1 live.",
	.examples = "  pdbctl kms shred-status 5f0c…\n",
	.run = shred_run,
};

static void print_text(void *arg, pdb_slice text)
{
	(void)arg;
	(void)printf("%.*s\n", PDB_SLICE_ARGS(text));
}

static pdb_exit print_receipt(const pdb_kms_session *session, const char *operand)
{
	pdb_err err = {0};

	return told(session->ops->receipt(session->kms, operand, print_text, NULL, &err), &err);
}

static pdb_exit receipt_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	(void)globals;
	return look(settings, operands[0], print_receipt);
}

const pdb_command pdb_command_kms_receipt = {
	.name = "kms receipt",
	.summary = "print the signed receipt of an erasure",
	.operands = "KEY",
	.least = 1,
	.most = 1,
	.args = look_args,
	.settings_size = sizeof(look_settings),
	.text = "Prints one line of JSON: the key, its thread, when it was destroyed, whether that "
		"is\nlogical or final, signed by the key of the audit log.",
	.examples = "  pdbctl kms receipt 5f0c… >receipt.json\n",
	.run = receipt_run,
};

/* -- verify-receipt -------------------------------------------------------------------------------
 */

typedef struct verify_settings {
	const char *public_key;
} verify_settings;

static const pdb_arg verify_args[] = {
	{"public-key", 'p', PDB_ARG_TEXT, offsetof(verify_settings, public_key), "HEX", NULL, 0,
	 NULL, "the public key, 64 hex digits"},
	{0},
};

static pdb_exit verify_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	const verify_settings *given = settings;
	char text[4096];
	ssize_t len;
	int fd;

	if (given->public_key == NULL) {
		pdb_complain("with which key? Give --public-key");
		return PDB_EXIT_USAGE;
	}
	fd = open(operands[0], O_RDONLY | O_CLOEXEC);
	len = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
	if (fd >= 0) {
		(void)close(fd);
	}
	if (len < 0) {
		pdb_complain("%s cannot be read", operands[0]);
		return PDB_EXIT_USAGE;
	}
	if (!pdb_keyring_receipt_good(pdb_slice_of(text, (size_t)len), given->public_key)) {
		(void)printf("the receipt is not one that this key has signed\n");
		return PDB_EXIT_NO;
	}
	if (!globals->quiet) {
		(void)printf("the receipt is good\n");
	}
	return PDB_EXIT_OK;
}

const pdb_command pdb_command_kms_verify_receipt = {
	.name = "kms verify-receipt",
	.summary = "verify a receipt with the public key only",
	.operands = "FILE",
	.least = 1,
	.most = 1,
	.args = verify_args,
	.settings_size = sizeof(verify_settings),
	.text = "Verifies that the receipt was signed by the owner of the public key, and is as it "
		"was\nthen.",
	.examples = "  pdbctl kms verify-receipt receipt.json --public-key 8a1c…\n",
	.run = verify_run,
};
