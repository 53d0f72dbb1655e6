/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the daemon itself. */
#include "server/server_private.h"

/* "warning" is the older spelling of "warn". */
static const char *const log_levels[] = {"error", "warn", "info", "debug", "warning", NULL};

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
	 .help = "Where log lines go: stderr, or file:PATH."},
	{.key = "plugins.load",
	 .type = PDB_OPTION_LIST,
	 .offset = offsetof(pdb_server_settings, plugins),
	 .fallback = "[address, auth, cors, metrics]",
	 .max = PDB_PLUGINS_MAX,
	 .help = "The extensions to load, in this order."},
	{.key = "plugins.directory",
	 .type = PDB_OPTION_PATH,
	 .offset = offsetof(pdb_server_settings, plugin_directory),
	 .fallback = "",
	 .help = "Where the shared plugins are; empty for the place that belongs to the program."},
};

const pdb_option_table pdb__server_options = PDB_OPTION_TABLE(server_options, pdb_server_settings);

pdb_log_level pdb__server_log_level(const pdb_server_settings *settings)
{
	return settings->log_level > PDB_LOG_DEBUG ? PDB_LOG_WARN
						   : (pdb_log_level)settings->log_level;
}
