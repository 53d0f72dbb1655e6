/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon from its first line to its last. */
#include "server/server.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/server_private.h"

static int complain(const char *what, int status)
{
	(void)fprintf(stderr, "progressdb: %s\n", what);
	return status;
}

/* Prints what --config-schema and its like ask for. */
static int describe(const pdb_config *config, pdb_status (*write)(const pdb_config *, pdb_buf *))
{
	pdb_buf text = {0};
	int status = PDB_EXIT_FAILURE;

	if (write(config, &text) == PDB_OK && pdb_buf_status(&text, NULL) == PDB_OK &&
	    fwrite(text.data, 1, text.len, stdout) == text.len) {
		status = 0;
	}
	pdb_buf_fini(&text);
	return status;
}

/* Commands that only look at the configuration. */
static int answer(pdb_server *server)
{
	const pdb_config *config = server->first.config;

	switch (server->line.command) {
	case PDB_COMMAND_CHECK_CONFIG:
		(void)printf("The configuration is good.\n");
		return 0;
	case PDB_COMMAND_DUMP_CONFIG:
		pdb_config_dump(config, stdout);
		return 0;
	case PDB_COMMAND_CONFIG_SCHEMA:
		return describe(config, pdb_config_schema);
	case PDB_COMMAND_CONFIG_SAMPLE:
		return describe(config, pdb_config_sample);
	default:
		return describe(config, pdb_config_reference);
	}
}

static void reload(pdb_server *server)
{
	pdb_err err = {0};

	pdb__notify("RELOADING=1");
	if (pdb__setup_reload(server, NULL, NULL, &err) != PDB_OK) {
		pdb_log(PDB_LOG_WARN, "server", "not reloaded: %s", err.text);
	}
	pdb__notify("READY=1");
}

static void reopen_log(void)
{
	if (pdb_log_reopen()) {
		pdb_log(PDB_LOG_INFO, "server", "log files opened again");
	} else {
		pdb_log(PDB_LOG_ERROR, "server",
			"a log file cannot be opened again; lines go to the old one");
	}
}

static void serve(pdb_server *server)
{
	int64_t period = pdb__watchdog_period();
	int caught;

	while ((caught = pdb__signals_wait(period)) == SIGHUP || caught == SIGUSR1 || caught == 0) {
		if (caught == SIGHUP) {
			reload(server);
		} else if (caught == SIGUSR1) {
			reopen_log();
		} else {
			pdb__watchdog_feed(server);
		}
	}
	pdb_log(PDB_LOG_INFO, "server", "stopping on signal %d", caught);
	pdb__signals_second_kills();
	pdb__notify("STOPPING=1");
	atomic_store(&server->ready, false);
}

static int run(pdb_server *server)
{
	pdb_err err = {0};

	if (pdb__startup_run(server, &err) != PDB_OK) {
		pdb_log(PDB_LOG_ERROR, "server", "cannot start: %s", err.text);
		return PDB_EXIT_FAILURE;
	}
	serve(server);
	pdb__startup_undo(server);
	pdb_log(PDB_LOG_INFO, "server", "stopped");
	return 0;
}

static int configured(pdb_server *server)
{
	pdb_err err = {0};

	if (pdb__setup_read(server, &server->first, &err) != PDB_OK) {
		return complain(err.text, PDB_EXIT_CONFIG);
	}
	pdb_config_print_problems(server->first.config, stderr);
	if (pdb_config_problem_count(server->first.config) > 0) {
		return PDB_EXIT_CONFIG;
	}
	return server->line.command == PDB_COMMAND_RUN ? run(server) : answer(server);
}

int pdb_server_main(int argc, char **argv, char *const *environment)
{
	pdb_server server = {.environment = environment,
			     .reload_lock = PTHREAD_MUTEX_INITIALIZER,
			     .started = pdb_clock_now(),
			     .audit = PDB_AUDIT_CLOSED};
	pdb_err err = {0};
	int status;

	if (pdb__command_line_parse(&server.line, argc, argv, &err) != PDB_OK) {
		return complain(err.text, PDB_EXIT_CONFIG);
	}
	if (server.line.command == PDB_COMMAND_HELP) {
		(void)fputs(pdb__command_line_help(), stdout);
		return 0;
	}
	if (server.line.command == PDB_COMMAND_VERSION) {
		(void)printf("progressdb %s (plugin ABI %d.%d)\n", PDB_VERSION, PDB_ABI_MAJOR,
			     PDB_ABI_MINOR);
		return 0;
	}
	/* Whatever is made, the storage engine's files too, is for this user alone. */
	(void)umask(077);
	pdb__signals_block();
	status = configured(&server);
	pdb_loader_destroy(&server.loader);
	pdb__setup_forget(&server);
	pdb__setup_fini(&server.first);
	pdb__server_unmeasure();
	return status;
}
