/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl kms rotate, rewrap, verify, retire, disable, enable, destroy, hold, release. */
#include <stdio.h>
#include <stdlib.h>

#include "tools/kms.h"

typedef struct act_settings {
	pdb_kms_place place;
	const char *confirm;
	bool only;
	bool retire;
} act_settings;

static const pdb_arg plain_args[] = {PDB_KMS_PLACE_ARGS(act_settings), {0}};

/* -- rotate -------------------------------------------------------------------------------------
 */

static const pdb_arg rotate_args[] = {
	PDB_KMS_PLACE_ARGS(act_settings),
	{"only", 0, PDB_ARG_FLAG, offsetof(act_settings, only), NULL, NULL, 0, NULL,
	 "make the new version, and leave the keys under the old one"},
	{"retire", 0, PDB_ARG_FLAG, offsetof(act_settings, retire), NULL, NULL, 0, NULL,
	 "then destroy the older versions for ever, once every key has opened"},
	{0},
};

typedef struct old_versions {
	uint32_t items[256];
	size_t count;
} old_versions;

static pdb_status note_old(void *arg, const pdb_kms_kek *kek)
{
	old_versions *old = arg;

	if ((kek->state == PDB_KMS_KEK_DECRYPT_ONLY || kek->state == PDB_KMS_KEK_DISABLED) &&
	    old->count < sizeof(old->items) / sizeof(old->items[0])) {
		old->items[old->count++] = kek->version;
	}
	return PDB_OK;
}

static pdb_exit retire_old(pdb_kms_session *session)
{
	old_versions old = {{0}, 0};
	pdb_err err = {0};
	pdb_status status = session->ops->keks(session->kms, note_old, &old, &err);

	for (size_t i = 0; i < old.count && status == PDB_OK; i++) {
		status = session->ops->retire(session->kms, old.items[i], session->actor, &err);
		if (status == PDB_OK) {
			(void)printf("KEK version %u is destroyed\n", old.items[i]);
		}
	}
	return status == PDB_OK ? PDB_EXIT_OK : pdb_kms_failed(&err);
}

static pdb_exit roll(pdb_kms_session *session, const act_settings *given, bool quiet)
{
	uint32_t version = 0;
	pdb_err err = {0};
	pdb_exit code;

	if (session->ops->rotate_kek(session->kms, session->actor, &version, &err) != PDB_OK) {
		return pdb_kms_failed(&err);
	}
	(void)printf("KEK version %u is active\n", version);
	if (given->only) {
		return PDB_EXIT_OK;
	}
	code = pdb_kms_pass(session, quiet, "rewrapped", session->ops->rewrap);
	if (code == PDB_EXIT_OK && given->retire) {
		code = pdb_kms_pass(session, quiet, "verified", session->ops->verify);
	}
	return code == PDB_EXIT_OK && given->retire ? retire_old(session) : code;
}

static pdb_exit rotate_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	const act_settings *given = settings;
	pdb_kms_session session;
	pdb_exit code = pdb_kms_session_begin(&session, &given->place);

	(void)operands;
	if (code == PDB_EXIT_OK) {
		code = roll(&session, given, globals->quiet);
		pdb_kms_session_end(&session);
	}
	return code;
}

const pdb_command pdb_command_kms_rotate = {
	.name = "kms rotate",
	.summary = "make a new KEK version and wrap all keys under it",
	.operands = "",
	.args = rotate_args,
	.settings_size = sizeof(act_settings),
	.text = "Makes a new version of the key-encryption key, which is generated inside and "
		"never "
		"shown,\nand wraps every key under it. Servers notice nothing. Interrupted, `kms "
		"rewrap` goes on.\nWith --retire the older versions are destroyed when every key "
		"has "
		"opened under the new\none: what was erased before is then final.",
	.examples = "  pdbctl kms rotate\n  pdbctl kms rotate --retire --actor ann\n",
	.run = rotate_run,
};

/* -- passes ----------------------------------------------------------------------------------- */

static pdb_exit rewrap_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	const act_settings *given = settings;
	pdb_kms_session session;
	pdb_exit code = pdb_kms_session_begin(&session, &given->place);

	(void)operands;
	if (code == PDB_EXIT_OK) {
		code = pdb_kms_pass(&session, globals->quiet, "rewrapped", session.ops->rewrap);
		pdb_kms_session_end(&session);
	}
	return code;
}

const pdb_command pdb_command_kms_rewrap = {
	.name = "kms rewrap",
	.summary = "wrap all keys under the active KEK version",
	.operands = "",
	.args = plain_args,
	.settings_size = sizeof(act_settings),
	.text = "Wraps every key that is under an older version of the key-encryption key under "
		"the "
		"active\none. Those that are done are passed over, so it may be run again.",
	.examples = "  pdbctl kms rewrap\n",
	.run = rewrap_run,
};

static pdb_exit verify_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	const act_settings *given = settings;
	pdb_kms_session session;
	pdb_exit code = pdb_kms_session_begin(&session, &given->place);

	(void)operands;
	if (code == PDB_EXIT_OK) {
		code = pdb_kms_pass(&session, globals->quiet, "verified", session.ops->verify);
		pdb_kms_session_end(&session);
	}
	return code;
}

const pdb_command pdb_command_kms_verify = {
	.name = "kms verify",
	.summary = "unwrap every key, to prove that it opens",
	.operands = "",
	.args = plain_args,
	.settings_size = sizeof(act_settings),
	.text = "Unwraps every version of every key inside the KMS. A pass without a failure is "
		"remembered:\nonly then can an older KEK version be retired. Run it after a "
		"restore, "
		"too.",
	.examples = "  pdbctl kms verify\n",
	.run = verify_run,
};

/* -- versions -----------------------------------------------------------------------------------
 */

static bool read_version(const char *text, uint32_t *out)
{
	char *end = NULL;
	unsigned long number = strtoul(text, &end, 10);

	*out = (uint32_t)number;
	if (end == text || *end != '\0' || number == 0 || number > UINT32_MAX) {
		pdb_complain("%s is not the number of a KEK version", text);
		return false;
	}
	return true;
}

/* `state` 0 = destroyed for ever. */
static pdb_exit change_version(const act_settings *given, const char *text, uint32_t state)
{
	pdb_kms_session session;
	uint32_t version = 0;
	pdb_err err = {0};
	pdb_exit code;
	pdb_status status;

	if (!read_version(text, &version)) {
		return PDB_EXIT_USAGE;
	}
	code = pdb_kms_session_begin(&session, &given->place);
	if (code != PDB_EXIT_OK) {
		return code;
	}
	status = state == 0
			 ? session.ops->retire(session.kms, version, session.actor, &err)
			 : session.ops->set_kek(session.kms, version, state, session.actor, &err);
	code = status == PDB_OK ? PDB_EXIT_OK : pdb_kms_failed(&err);
	pdb_kms_session_end(&session);
	return code;
}

static pdb_exit retire_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	(void)globals;
	return change_version(settings, operands[0], 0);
}

const pdb_command pdb_command_kms_retire = {
	.name = "kms retire",
	.summary = "destroy an old KEK version for ever",
	.operands = "VERSION",
	.least = 1,
	.most = 1,
	.args = plain_args,
	.settings_size = sizeof(act_settings),
	.text = "Destroys a version that no key needs, after a verify pass has opened every key "
		"since "
		"the\nversion went out of use. Keys that were destroyed while it wrapped them "
		"become "
		"final.",
	.examples = "  pdbctl kms retire 3\n",
	.run = retire_run,
};

static pdb_exit disable_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	(void)globals;
	return change_version(settings, operands[0], PDB_KMS_KEK_DISABLED);
}

const pdb_command pdb_command_kms_disable = {
	.name = "kms disable",
	.summary = "let a KEK version unwrap nothing for now",
	.operands = "VERSION",
	.least = 1,
	.most = 1,
	.args = plain_args,
	.settings_size = sizeof(act_settings),
	.text = "A disabled version unwraps nothing until it is enabled again. Servers may have "
		"keys in "
		"memory\nuntil their time is over.",
	.examples = "  pdbctl kms disable 2\n",
	.run = disable_run,
};

static pdb_exit enable_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	(void)globals;
	return change_version(settings, operands[0], PDB_KMS_KEK_DECRYPT_ONLY);
}

const pdb_command pdb_command_kms_enable = {
	.name = "kms enable",
	.summary = "let a disabled KEK version unwrap again",
	.operands = "VERSION",
	.least = 1,
	.most = 1,
	.args = plain_args,
	.settings_size = sizeof(act_settings),
	.text = "The opposite of `kms disable`.",
	.examples = "  pdbctl kms enable 2\n",
	.run = enable_run,
};

/* -- one key ---------------------------------------------------------------------------------- */

static const pdb_arg destroy_args[] = {
	PDB_KMS_PLACE_ARGS(act_settings),
	{"confirm", 0, PDB_ARG_TEXT, offsetof(act_settings, confirm), "KEY", NULL, 0, NULL,
	 "the id once more: this cannot be undone"},
	{0},
};

static pdb_exit destroy_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	const act_settings *given = settings;
	pdb_kms_session session;
	pdb_err err = {0};
	pdb_exit code;

	(void)globals;
	if (given->confirm == NULL || strcmp(given->confirm, operands[0]) != 0) {
		pdb_complain(
			"what is sealed under this key is lost for ever; say so with --confirm %s",
			operands[0]);
		return PDB_EXIT_USAGE;
	}
	code = pdb_kms_session_begin(&session, &given->place);
	if (code != PDB_EXIT_OK) {
		return code;
	}
	if (session.ops->destroy(session.kms, operands[0], session.actor, &err) != PDB_OK) {
		code = pdb_kms_failed(&err);
	}
	pdb_kms_session_end(&session);
	return code;
}

const pdb_command pdb_command_kms_destroy = {
	.name = "kms destroy",
	.summary = "destroy a key, and with it what is sealed under it",
	.operands = "KEY",
	.least = 1,
	.most = 1,
	.args = destroy_args,
	.settings_size = sizeof(act_settings),
	.text = "Destroys all versions of a key. No call opens it again; servers forget it when "
		"its "
		"time in\ntheir memory is over. Refused for a key under a hold. `kms shred-status` "
		"tells when it is final.",
	.examples = "  pdbctl kms destroy 5f0c… --confirm 5f0c…\n",
	.run = destroy_run,
};

static pdb_exit set_hold(const act_settings *given, const char *id, bool on)
{
	pdb_kms_session session;
	pdb_err err = {0};
	pdb_exit code = pdb_kms_session_begin(&session, &given->place);

	if (code != PDB_EXIT_OK) {
		return code;
	}
	if (session.ops->hold(session.kms, id, on, session.actor, &err) != PDB_OK) {
		code = pdb_kms_failed(&err);
	}
	pdb_kms_session_end(&session);
	return code;
}

static pdb_exit hold_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	(void)globals;
	return set_hold(settings, operands[0], true);
}

const pdb_command pdb_command_kms_hold = {
	.name = "kms hold",
	.summary = "keep a key from being destroyed",
	.operands = "KEY",
	.least = 1,
	.most = 1,
	.args = plain_args,
	.settings_size = sizeof(act_settings),
	.text = "While a hold lasts, nobody destroys the key: not the server either.",
	.examples = "  pdbctl kms hold 5f0c…\n",
	.run = hold_run,
};

static pdb_exit release_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	(void)globals;
	return set_hold(settings, operands[0], false);
}

const pdb_command pdb_command_kms_release = {
	.name = "kms release",
	.summary = "end a hold",
	.operands = "KEY",
	.least = 1,
	.most = 1,
	.args = plain_args,
	.settings_size = sizeof(act_settings),
	.text = "The opposite of `kms hold`.",
	.examples = "  pdbctl kms release 5f0c…\n",
	.run = release_run,
};
