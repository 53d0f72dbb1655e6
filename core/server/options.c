/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the daemon itself. */
#include "base/log.h"
#include "server/server_private.h"

/* "warning" is the older spelling of "warn". */
static const char *const log_levels[] = {"error", "warn", "info", "debug", "warning", NULL};

/* In the order of pdb_log_format. */
static const char *const log_formats[] = {"logfmt", "json", NULL};

static const pdb_option server_options[] = {
	{.key = "server.db_path",
	 .type = PDB_OPTION_PATH,
	 .flags = PDB_OPTION_REQUIRED,
	 .offset = offsetof(pdb_server_settings, db_path),
	 .fallback = "./data",
	 .help = "The directory of the database; made when it does not exist."},
	{.key = "server.workers",
	 .type = PDB_OPTION_INT,
	 .offset = offsetof(pdb_server_settings, workers),
	 .fallback = "8",
	 .min = 1,
	 .max = 256,
	 .unit = "threads",
	 .help = "Threads for requests that may have to wait."},
	{.key = "server.worker_queue",
	 .type = PDB_OPTION_INT,
	 .offset = offsetof(pdb_server_settings, worker_queue),
	 .fallback = "4096",
	 .min = 1,
	 .max = 1000000,
	 .unit = "requests",
	 .help = "Requests that may wait for one of the workers; more are answered with 503."},
	{.key = "logging.level",
	 .type = PDB_OPTION_ENUM,
	 .flags = PDB_OPTION_RELOADABLE,
	 .offset = offsetof(pdb_server_settings, log_level),
	 .fallback = "info",
	 .choices = log_levels,
	 .help = "The least important lines that are logged."},
	{.key = "logging.sink",
	 .type = PDB_OPTION_STRING,
	 .offset = offsetof(pdb_server_settings, log_sink),
	 .fallback = "stderr",
	 .help = "Where log lines go: stderr, journald, or file:PATH."},
	{.key = "logging.access_sink",
	 .type = PDB_OPTION_STRING,
	 .offset = offsetof(pdb_server_settings, access_sink),
	 .fallback = "",
	 .help = "Where the lines of logging.access go, as logging.sink; empty for the same "
		 "place."},
	{.key = "logging.format",
	 .type = PDB_OPTION_ENUM,
	 .flags = PDB_OPTION_RELOADABLE,
	 .offset = offsetof(pdb_server_settings, log_format),
	 .fallback = "logfmt",
	 .choices = log_formats,
	 .help = "How lines are written; journald gets entries of its own form."},
	{.key = "logging.levels",
	 .type = PDB_OPTION_LIST,
	 .flags = PDB_OPTION_RELOADABLE,
	 .offset = offsetof(pdb_server_settings, log_levels),
	 .max = 32,
	 .help = "Components with a level of their own, such as http=debug or store=warn."},
	{.key = "plugins.load",
	 .type = PDB_OPTION_LIST,
	 .offset = offsetof(pdb_server_settings, plugins),
	 .fallback = "[address, auth, cors, ratelimit, audit, metrics, retention, validation, "
		     "backup, admin, viewer, docs]",
	 .max = PDB_PLUGINS_MAX,
	 .help = "The extensions to load, in this order; without a list also encryption, when "
		 "security.encryption.use is on."},
	{.key = "plugins.directory",
	 .type = PDB_OPTION_PATH,
	 .offset = offsetof(pdb_server_settings, plugin_directory),
	 .fallback = "",
	 .help = "Where the shared plugins are; empty for the place that belongs to the program."},
};

const pdb_option_table pdb__server_options = PDB_OPTION_TABLE(server_options, pdb_server_settings);

void pdb__server_log_use(const pdb_server_settings *settings)
{
	pdb_log_set_level(settings->log_level > PDB_LOG_DEBUG ? PDB_LOG_WARN
							      : (pdb_log_level)settings->log_level);
	pdb_log_set_format((pdb_log_format)settings->log_format);
	(void)pdb_log_set_levels(settings->log_levels);
}

void pdb__server_check(const void *all, pdb_problem_fn problem, void *arg)
{
	const pdb_server_settings *settings = all;
	const char *fault = pdb_log_judge_sink(settings->log_sink);

	if (fault != NULL) {
		problem(arg, "logging.sink", fault);
	}
	fault = settings->access_sink[0] != '\0' ? pdb_log_judge_sink(settings->access_sink) : NULL;
	if (fault != NULL) {
		problem(arg, "logging.access_sink", fault);
	}
	for (size_t i = 0; i < settings->log_levels.count; i++) {
		fault = pdb_log_judge_level(settings->log_levels.items[i]);
		if (fault != NULL) {
			problem(arg, "logging.levels", fault);
			break;
		}
	}
}
