/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl verify and restore: what becomes of a backup. */
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "backup/backup.h"
#include "tools/command.h"
#include "tools/progress.h"
#include "tools/public_key.h"

typedef struct set_settings {
	const char *from;
	const char *db;
	const char *database;
	const char *public_key;
} set_settings;

#define DATABASE_ROW                                                                               \
	{                                                                                          \
		"database", 0, PDB_ARG_TEXT, offsetof(set_settings, database), "ID", "", 0, NULL,  \
			"refuse a set of another database than this one"                           \
	}

#define PUBLIC_KEY_ROW                                                                             \
	{                                                                                          \
		"public-key", 'p', PDB_ARG_TEXT, offsetof(set_settings, public_key), "HEX|FILE",   \
			NULL, 0, NULL, "refuse a set that is not signed by this key"               \
	}

static const pdb_arg verify_args[] = {DATABASE_ROW, PUBLIC_KEY_ROW, {0}};

static const pdb_arg restore_args[] = {
	{"from", 'f', PDB_ARG_TEXT, offsetof(set_settings, from), "SET", NULL, 0, NULL,
	 "the set: a directory that a backup has made"},
	{"db", 'd', PDB_ARG_TEXT, offsetof(set_settings, db), "DIR", NULL, 0, NULL,
	 "the new database directory; absent or empty"},
	DATABASE_ROW,
	PUBLIC_KEY_ROW,
	{0},
};

static pdb_status show(void *arg, uint64_t done, uint64_t total)
{
	pdb_progress_show(arg, done, total, 0);
	return pdb_interrupted() ? PDB_ESTOP : PDB_OK;
}

static void print_about(const char *verb, const char *set, const pdb_backup_about *about)
{
	time_t seconds = (time_t)(about->made_ts / INT64_C(1000000000));
	struct tm date = {0};
	char text[32];

	(void)gmtime_r(&seconds, &date);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &date);
	(void)printf(
		"%s %s: database %s of %s, position %llu, %llu files, %llu bytes, signed by %s\n",
		verb, set, about->database, text, (unsigned long long)about->position,
		(unsigned long long)about->files, (unsigned long long)about->bytes, about->key);
}

/* 1 means that the set is not to be used; 2 that it could not be tried. */
static pdb_exit exit_of(pdb_status status)
{
	switch (status) {
	case PDB_OK:
		return PDB_EXIT_OK;
	case PDB_ESTOP:
		return PDB_EXIT_INTERRUPTED;
	case PDB_ECORRUPT:
	case PDB_EDENIED:
	case PDB_ENOTSUP:
		return PDB_EXIT_NO;
	default:
		return PDB_EXIT_USAGE;
	}
}

static pdb_exit run(const pdb_globals *globals, const char *set, const char *target,
		    const set_settings *chosen)
{
	uint8_t key[PDB_PUBLIC_KEY_LEN];
	pdb_progress progress = {.quiet = globals->quiet,
				 .verb = target == NULL ? "verified" : "restored",
				 .unit = "bytes",
				 .plain = true};
	pdb_backup_restore_params params = {.set = set,
					    .target = target,
					    .database = chosen->database,
					    .key = chosen->public_key != NULL ? key : NULL,
					    .progress = show,
					    .arg = &progress};
	pdb_backup_about about = {0};
	pdb_err err = {0};
	pdb_status status;

	if (chosen->public_key != NULL && !pdb_public_key_find(chosen->public_key, key)) {
		return PDB_EXIT_USAGE;
	}
	(void)pdb_interrupted();
	/* a database is for its owner alone */
	(void)umask(077);
	if (sodium_init() < 0) {
		pdb_complain("the crypto library does not start");
		return PDB_EXIT_USAGE;
	}
	status = pdb_backup_restore(&params, &about, &err);
	pdb_progress_end(&progress);
	if (status != PDB_OK) {
		pdb_complain("%s: %s", set, err.text);
	} else if (!globals->quiet) {
		print_about(progress.verb, set, &about);
	}
	return exit_of(status);
}

static pdb_exit verify_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	return run(globals, operands[0], NULL, settings);
}

static pdb_exit restore_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	const set_settings *chosen = settings;

	(void)operands;
	if (chosen->from == NULL || chosen->db == NULL) {
		pdb_complain("which set, and where? Name them with --from and --db");
		return PDB_EXIT_USAGE;
	}
	return run(globals, chosen->from, chosen->db, chosen);
}

const pdb_command pdb_command_verify = {
	.name = "verify",
	.summary = "read every byte of a backup",
	.operands = "SET",
	.least = 1,
	.most = 1,
	.args = verify_args,
	.settings_size = sizeof(set_settings),
	.text = "Reads a set, compares every part with its digest, and judges the signature of "
		"the\n"
		"manifest. Exit status: 0 good; 1 damaged, incomplete, of another database, or "
		"signed\n"
		"by another key than the one of --public-key; 2 it cannot be read.",
	.examples = "  pdbctl verify --public-key backup.pub "
		    "/backup/20261126T020000.000Z-1a2b3c4d\n",
	.run = verify_run,
};

const pdb_command pdb_command_restore = {
	.name = "restore",
	.summary = "make a database directory of a backup",
	.operands = "",
	.args = restore_args,
	.settings_size = sizeof(set_settings),
	.text = "Verifies the set while it is copied. The database appears in DIR when all of it "
		"is\n"
		"on disk; a set that is damaged, incomplete, of another database or signed by\n"
		"another key than the one of --public-key leaves DIR empty. What was interrupted "
		"is\n"
		"begun anew by the same command. Keys and configuration are not in a set. Run it "
		"as\n"
		"the user of the server, which accepts no directory of another. Exit status: 0 "
		"done;\n"
		"1 the set is refused; 2 DIR is not empty, or something cannot be read or "
		"written.",
	.examples =
		"  pdbctl restore --from /backup/20261126T020000.000Z-1a2b3c4d --db /var/lib/new\n"
		"  pdbctl check --db /var/lib/new\n",
	.run = restore_run,
};
