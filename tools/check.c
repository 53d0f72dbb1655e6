/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl check: verifies a database that no server has open. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/host.h"
#include "chat/chat.h"
#include "config/config.h"
#include "plugin/directory.h"
#include "plugin/loader.h"
#include "tools/command.h"

typedef struct check_settings {
	const char *db;
	const char *backend;
	const char *plugins;
} check_settings;

static const pdb_arg check_args[] = {
	{"db", 'd', PDB_ARG_TEXT, offsetof(check_settings, db), "DIR", NULL, 0, NULL,
	 "the database directory"},
	{"backend", 0, PDB_ARG_TEXT, offsetof(check_settings, backend), "NAME", "wiredtiger", 0,
	 NULL, "the storage backend it was made with"},
	{"plugins", 0, PDB_ARG_TEXT, offsetof(check_settings, plugins), "DIR", NULL, 0, NULL,
	 "where the plugins are; those of this program when not given"},
	{0},
};

/* A storage backend calls no more of the host than this. */
static const pdb_host check_host = {
	PDB_HOST_BASE,
};

typedef struct check_run {
	const check_settings *settings;
	char directory[PATH_MAX];
	char plugins[PATH_MAX];
	pdb_config *config;
	pdb_loader *loader;
	pdb_sockets sockets; /* none: what is sealed is checked sealed */
	pdb_store *store;
	pdb_chat *chat;
} check_run;

static void print_fault(void *arg, const char *line)
{
	(void)arg;
	(void)printf("%s\n", line);
}

/* The check makes nothing: a directory without a database is a mistake of the caller. The server
 * keeps the engine's files in a folder of their own. */
static pdb_status find_database(check_run *run, pdb_err *err)
{
	char *store = NULL;
	bool found;

	if (run->settings->db == NULL) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "which database? Name its directory with --db");
	}
	if (asprintf(&store, "%s/store", run->settings->db) < 0) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a path");
	}
	found = realpath(store, run->directory) != NULL;
	free(store);
	if (!found) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "there is no database in %s: %s",
				   run->settings->db, strerror(errno));
	}
	if (run->settings->plugins == NULL) {
		return pdb_plugin_directory(run->plugins, sizeof(run->plugins), err);
	}
	if (realpath(run->settings->plugins, run->plugins) == NULL) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "%s cannot be opened: %s",
				   run->settings->plugins, strerror(errno));
	}
	return PDB_OK;
}

static pdb_status read_defaults(check_run *run, const pdb_manifest *manifest,
				const pdb_chat_settings **chat_out, const void **backend_out,
				pdb_err *err)
{
	const void *chat = NULL;
	pdb_status status = pdb_config_create(&run->config, err);

	if (status == PDB_OK) {
		status = pdb_config_read(run->config, "chat", &pdb_chat_options, NULL, &chat, err);
		*chat_out = chat;
	}
	if (status == PDB_OK) {
		status = pdb_config_read(run->config, manifest->name, &manifest->options, NULL,
					 backend_out, err);
	}
	return status;
}

static pdb_status open_database(check_run *run, pdb_err *err)
{
	pdb_store_settings settings = {.directory = run->directory};
	pdb_storage_params params = {
		.size = sizeof(params), .host = &check_host, .directory = run->directory};
	const pdb_chat_settings *chat = NULL;
	pdb_plugin *plugin = NULL;
	pdb_status status = pdb_loader_create(&run->loader, run->plugins, pdb_builtin_plugins, err);

	if (status == PDB_OK) {
		status = pdb_loader_load(run->loader, run->settings->backend, PDB_KIND_STORAGE,
					 &plugin, err);
	}
	if (status == PDB_OK) {
		status = read_defaults(run, pdb_plugin_manifest_of(plugin), &chat, &params.settings,
				       err);
	}
	if (status == PDB_OK) {
		status = pdb_store_open(&run->store, pdb_plugin_storage(plugin), &params, &settings,
					err);
	}
	if (status == PDB_OK) {
		status = pdb_chat_create(&run->chat, run->store, &run->sockets, chat, err);
	}
	return status;
}

static pdb_exit check_rows(check_run *run, bool quiet)
{
	pdb_check_report report = {0};
	pdb_err err = {0};
	pdb_status status = pdb_store_check(run->store, &err);

	if (status != PDB_OK && status != PDB_ENOTSUP) {
		(void)printf("engine: %s\n", err.text);
		report.faults++;
	}
	status = pdb_chat_check(run->chat, print_fault, NULL, &report, &err);
	if (status != PDB_OK) {
		pdb_complain("the check could not be finished: %s", err.text);
		return PDB_EXIT_USAGE;
	}
	if (!quiet) {
		(void)printf(
			"%llu threads, %llu messages, %llu versions, %llu list rows: %llu %s\n",
			(unsigned long long)report.threads, (unsigned long long)report.messages,
			(unsigned long long)report.versions, (unsigned long long)report.list_rows,
			(unsigned long long)report.faults, report.faults == 1 ? "fault" : "faults");
	}
	return report.faults == 0 ? PDB_EXIT_OK : PDB_EXIT_NO;
}

static pdb_exit check_run_all(const pdb_globals *globals, const void *settings,
			      char *const *operands)
{
	check_run *run = pdb_mem_zalloc(sizeof(*run));
	pdb_exit code = PDB_EXIT_USAGE;
	pdb_err err = {0};

	(void)operands;
	if (run == NULL) {
		pdb_complain("no memory");
		return PDB_EXIT_USAGE;
	}
	run->settings = settings;
	pdb_log_set_level(PDB_LOG_WARN);
	if (find_database(run, &err) != PDB_OK || open_database(run, &err) != PDB_OK) {
		pdb_complain("%s%s", err.text,
			     err.status == PDB_EBUSY ? " Stop the server that runs on it first."
						     : "");
	} else {
		code = check_rows(run, globals->quiet);
	}
	pdb_chat_destroy(&run->chat);
	pdb_store_close(&run->store);
	pdb_loader_destroy(&run->loader);
	pdb_sockets_fini(&run->sockets);
	pdb_config_destroy(&run->config);
	pdb_mem_free(run);
	return code;
}

const pdb_command pdb_command_check = {
	.name = "check",
	.summary = "verify a database that no server has open",
	.operands = "",
	.args = check_args,
	.settings_size = sizeof(check_settings),
	.text = "Verifies every index against every record and every record against the indexes:\n"
		"order without gaps, counters, ids, versions, lists. Prints one fault a line.\n"
		"Exit status: 0 no fault; 1 faults; 2 the database cannot be opened.",
	.examples = "  systemctl stop progressdb\n"
		    "  pdbctl check --db /var/lib/progressdb/data\n"
		    "  runuser -u progressdb -- pdbctl check --db /var/lib/progressdb/data\n",
	.run = check_run_all,
};
