/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. */
#include "base/text.h"
#include "server/server_private.h"

typedef struct command_option {
	const char *spelling;
	const char *key;     /* the option it sets, or NULL */
	pdb_command command; /* what it asks for, when it takes no value */
} command_option;

static const command_option command_options[] = {
	{"--config", NULL, PDB_COMMAND_RUN},
	{"--set", NULL, PDB_COMMAND_RUN},
	{"--addr", "server.address", PDB_COMMAND_RUN},
	{"--db", "server.db_path", PDB_COMMAND_RUN},
	{"--tls-cert", "server.tls.cert_file", PDB_COMMAND_RUN},
	{"--tls-key", "server.tls.key_file", PDB_COMMAND_RUN},
	{"--check-config", NULL, PDB_COMMAND_CHECK_CONFIG},
	{"--dump-config", NULL, PDB_COMMAND_DUMP_CONFIG},
	{"--config-schema", NULL, PDB_COMMAND_CONFIG_SCHEMA},
	{"--config-sample", NULL, PDB_COMMAND_CONFIG_SAMPLE},
	{"--config-reference", NULL, PDB_COMMAND_CONFIG_REFERENCE},
	{"--help", NULL, PDB_COMMAND_HELP},
	{"--version", NULL, PDB_COMMAND_VERSION},
};

#define OPTION_COUNT (sizeof(command_options) / sizeof(command_options[0]))

const char *pdb__command_line_help(void)
{
	return "Usage: progressdb [options]\n"
	       "\n"
	       "Runs the database in the foreground. Without a configuration file it starts a "
	       "safe\n"
	       "default: loopback only, data under ./data, keys made once and printed.\n"
	       "\n"
	       "  --config FILE        read FILE instead of " PDB_CONFIG_FILE "\n"
	       "  --addr HOST:PORT     listen there (server.address, server.port)\n"
	       "  --db DIRECTORY       keep the data there (server.db_path)\n"
	       "  --tls-cert FILE      certificate chain, PEM (server.tls.cert_file)\n"
	       "  --tls-key FILE       private key, PEM (server.tls.key_file)\n"
	       "  --set KEY=VALUE      set any option; may be repeated\n"
	       "\n"
	       "  --check-config       judge the configuration, report every problem, and end\n"
	       "  --dump-config        print every option with its value and where it came from\n"
	       "  --config-schema      print the JSON Schema of the configuration file\n"
	       "  --config-sample      print a configuration file with every option commented out\n"
	       "  --config-reference   print the reference of all options, as Markdown\n"
	       "  --version            print the version\n"
	       "  --help               print this text\n"
	       "\n"
	       "A flag wins over the environment (PROGRESSDB_...), which wins over the file.\n"
	       "Signals: TERM and INT stop it (a second one at once), HUP reloads the "
	       "configuration,\n"
	       "USR1 opens the log files again.\n"
	       "Exit status: 0 stopped in order, 1 cannot start, 2 wrong command line or\n"
	       "configuration, 70 the storage engine can promise nothing any more.\n";
}

static pdb_status add_flag(pdb_command_line *out, const char *spelling, const char *key,
			   const char *value, pdb_err *err)
{
	if (out->flag_count == PDB_FLAGS_MAX) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "more than %u flags", PDB_FLAGS_MAX);
	}
	out->flags[out->flag_count++] = (pdb_flag){spelling, key, value};
	return PDB_OK;
}

/* "--set key=value": the text is cut at the '='. */
static pdb_status add_setting(pdb_command_line *out, char *text, pdb_err *err)
{
	char *equals = strchr(text, '=');

	if (equals == NULL || equals == text) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "--set wants KEY=VALUE, not \"%s\"",
				   text);
	}
	*equals = '\0';
	return add_flag(out, "--set", text, equals + 1, err);
}

/* The row of the option spelled by the first `len` bytes of `text`, or NULL. */
static const command_option *find_option(const char *text, size_t len)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (strlen(command_options[i].spelling) == len &&
		    strncmp(command_options[i].spelling, text, len) == 0) {
			return &command_options[i];
		}
	}
	return NULL;
}

static pdb_status unknown_option(const char *text, pdb_err *err)
{
	const char *names[OPTION_COUNT];
	const char *nearest;

	for (size_t i = 0; i < OPTION_COUNT; i++) {
		names[i] = command_options[i].spelling;
	}
	nearest = pdb_text_nearest(text, names, OPTION_COUNT);
	if (nearest != NULL) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "unknown option %s (did you mean %s?)",
				   text, nearest);
	}
	return pdb_err_set(err, PDB_EINVAL, NULL, "unknown option %s (see --help)", text);
}

static pdb_status take_value(pdb_command_line *out, const command_option *option, char *value,
			     pdb_err *err)
{
	if (option->key != NULL) {
		return add_flag(out, option->spelling, option->key, value, err);
	}
	if (strcmp(option->spelling, "--set") == 0) {
		return add_setting(out, value, err);
	}
	out->config_file = value;
	return PDB_OK;
}

static bool wants_value(const command_option *option)
{
	return option->command == PDB_COMMAND_RUN;
}

pdb_status pdb__command_line_parse(pdb_command_line *out, int argc, char **argv, pdb_err *err)
{
	for (int i = 1; i < argc; i++) {
		char *equals = strchr(argv[i], '=');
		size_t len = equals != NULL ? (size_t)(equals - argv[i]) : strlen(argv[i]);
		const command_option *option = find_option(argv[i], len);
		char *value = equals != NULL ? equals + 1 : NULL;
		pdb_status status;

		if (option == NULL) {
			return unknown_option(argv[i], err);
		}
		if (!wants_value(option)) {
			if (value != NULL) {
				return pdb_err_set(err, PDB_EINVAL, NULL, "%s takes no value",
						   option->spelling);
			}
			out->command = option->command;
			continue;
		}
		if (value == NULL && ++i < argc) {
			value = argv[i];
		}
		if (value == NULL) {
			return pdb_err_set(err, PDB_EINVAL, NULL, "%s wants a value",
					   option->spelling);
		}
		status = take_value(out, option, value, err);
		if (status != PDB_OK) {
			return status;
		}
	}
	return PDB_OK;
}
