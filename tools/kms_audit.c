/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl kms verify-audit: needs the audit log and the public key, nothing else. */
#include <dirent.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "keyring/audit_check.h"
#include "tools/kms.h"
#include "tools/names.h"
#include "tools/public_key.h"

typedef struct audit_settings {
	const char *public_key;
	bool partial;
} audit_settings;

static const pdb_arg audit_args[] = {
	{"public-key", 'p', PDB_ARG_TEXT, offsetof(audit_settings, public_key), "HEX|FILE", NULL, 0,
	 NULL, "the public key; audit.pub beside the log when not given"},
	{"partial", 0, PDB_ARG_FLAG, offsetof(audit_settings, partial), NULL, NULL, 0, NULL,
	 "older files of the log were put elsewhere"},
	{0},
};

typedef struct audit_run {
	const audit_settings *settings;
	const char *dir;
	pdb_names files;
	uint8_t key[PDB_PUBLIC_KEY_LEN];
	pdb__audit_check check;
	char name[PATH_MAX]; /* of the file that is read */
	uint64_t before;     /* lines of the files before it */
	bool anew;           /* there was a log before this one */
} audit_run;

/* -- the key ------------------------------------------------------------------------------------
 */

static bool find_key(audit_run *run, bool quiet)
{
	char path[PATH_MAX];

	if (run->settings->public_key != NULL) {
		return pdb_public_key_find(run->settings->public_key, run->key);
	}
	(void)snprintf(path, sizeof(path), "%s/audit.pub", run->dir);
	if (!pdb_public_key_load(path, run->key)) {
		pdb_complain("%s holds no public key; give --public-key", path);
		return false;
	}
	if (!quiet) {
		pdb_complain("the public key is the one beside the log: who replaces the one can "
			     "replace the other. Keep it elsewhere and give --public-key");
	}
	return true;
}

/* -- the files ----------------------------------------------------------------------------------
 */

static bool is_part(const char *name)
{
	/* "audit-" 20 digits ".log": sorted by name they are in order, and before audit.log */
	return strlen(name) == 30 && strncmp(name, "audit-", 6) == 0 &&
	       strspn(name + 6, "0123456789") == 20 && strcmp(name + 26, ".log") == 0;
}

static pdb_status list_files(audit_run *run, pdb_err *err)
{
	DIR *dir = opendir(run->dir);
	const struct dirent *entry;
	pdb_status status = PDB_OK;

	if (dir == NULL) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "the directory %s cannot be read",
				   run->dir);
	}
	while (status == PDB_OK && (entry = readdir(dir)) != NULL) {
		if (is_part(entry->d_name)) {
			status = pdb_names_add(&run->files, entry->d_name, err);
		}
	}
	(void)closedir(dir);
	if (status == PDB_OK) {
		status = pdb_names_add(&run->files, "audit.log", err);
	}
	pdb_names_settle(&run->files);
	return status;
}

/* -- judging ------------------------------------------------------------------------------------
 */

static void print_fault(const audit_run *run)
{
	uint64_t line = run->check.line > run->before ? run->check.line - run->before : 1;

	(void)printf("%s:%llu: this line %s\n", run->name, (unsigned long long)line,
		     run->check.fault);
}

/* A log that begins late has lost its beginning, unless that is known. */
static void expect_start(audit_run *run, const char *line, size_t len)
{
	static const char reset[] = ",\"phase\":\"reset\"";
	pdb__audit_line first;

	if (run->check.line == 0) {
		run->anew = memmem(line, len, reset, sizeof(reset) - 1) != NULL;
	}
	if (run->check.line == 0 && run->settings->partial &&
	    pdb__audit_line_read(pdb_slice_of(line, len), &first)) {
		run->check.follows = first.seq != 1;
	}
}

static bool judge_file(audit_run *run, FILE *file)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	bool good = true;

	while (good && (len = getline(&line, &cap, file)) > 0) {
		bool whole = line[len - 1] == '\n';

		/* being written just now, or torn by a crash: the head knows of no such line */
		if (!whole && run->check.has_head && run->check.seq >= run->check.head.seq) {
			break;
		}
		len -= whole ? 1 : 0;
		expect_start(run, line, (size_t)len);
		good = pdb__audit_check_line(&run->check, pdb_slice_of(line, (size_t)len));
		if (good && !whole) {
			(void)snprintf(run->check.fault, sizeof(run->check.fault),
				       "was cut: its end is missing");
			good = false;
		}
	}
	free(line);
	return good;
}

static void take_head(audit_run *run)
{
	char path[PATH_MAX];
	char head[PDB__AUDIT_HEAD_MAX];
	FILE *file;
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "%s/audit.head", run->dir);
	file = fopen(path, "re");
	if (file != NULL) {
		len = fread(head, 1, sizeof(head), file);
		(void)fclose(file);
	}
	pdb__audit_check_head(&run->check, pdb_slice_of(head, len));
}

static pdb_exit judge_all(audit_run *run, bool quiet)
{
	bool good = true;

	take_head(run);
	for (size_t i = 0; i < run->files.count && good; i++) {
		FILE *file;

		(void)snprintf(run->name, sizeof(run->name), "%s/%s", run->dir,
			       run->files.items[i]);
		file = fopen(run->name, "re");
		if (file == NULL) {
			pdb_complain("%s cannot be read", run->name);
			return PDB_EXIT_USAGE;
		}
		run->before = run->check.line;
		good = judge_file(run, file);
		(void)fclose(file);
	}
	if (!good || !pdb__audit_check_end(&run->check)) {
		print_fault(run);
		return PDB_EXIT_NO;
	}
	if (!quiet) {
		(void)printf("%llu lines, numbers %llu to %llu, signed up to %llu: whole\n",
			     (unsigned long long)run->check.line,
			     (unsigned long long)run->check.first_seq,
			     (unsigned long long)run->check.seq,
			     (unsigned long long)run->check.signed_seq);
		if (run->anew) {
			(void)printf("it was begun anew by audit.reset: what was before is in "
				     "audit-before-*.log, and not judged\n");
		}
	}
	return PDB_EXIT_OK;
}

static pdb_exit audit_run_all(const pdb_globals *globals, const void *settings,
			      char *const *operands)
{
	audit_run run = {.settings = settings, .dir = operands[0]};
	pdb_err err = {0};
	pdb_exit code = PDB_EXIT_USAGE;

	if (sodium_init() < 0 || !find_key(&run, globals->quiet)) {
		return PDB_EXIT_USAGE;
	}
	run.check.public_key = run.key;
	if (list_files(&run, &err) == PDB_OK) {
		code = judge_all(&run, globals->quiet);
	} else {
		pdb_complain("%s", err.text);
	}
	pdb_names_fini(&run.files);
	return code;
}

const pdb_command pdb_command_kms_verify_audit = {
	.name = "kms verify-audit",
	.summary = "verify the audit log of keys with the public key only",
	.operands = "DIR",
	.least = 1,
	.most = 1,
	.args = audit_args,
	.settings_size = sizeof(audit_settings),
	.text = "Judges every line of the audit log in DIR: an edited, dropped, inserted or "
		"reordered "
		"line and\na cut tail are told with file and line. No secret is needed, and no "
		"KMS.\n"
		"Exit status: 0 whole; 1 not; 2 it cannot be read.",
	.examples = "  pdbctl kms verify-audit /var/lib/progressdb-kms --public-key 8a1c…\n",
	.run = audit_run_all,
};
