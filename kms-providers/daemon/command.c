/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of progressdb-kms, and what only looks at the configuration. */
#include <signal.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/host.h"
#include "daemon/daemon.h"

#define EXIT_CONFIG 2

const pdb_host kms_daemon_host = {
	PDB_HOST_BASE,
};

typedef enum command {
	COMMAND_RUN = 0,
	COMMAND_CHECK,
	COMMAND_DUMP,
	COMMAND_SCHEMA,
	COMMAND_SAMPLE,
	COMMAND_REFERENCE,
	COMMAND_VERSION,
	COMMAND_HELP
} command;

static const struct {
	const char *spelling;
	command command;
} COMMANDS[] = {
	{"--check-config", COMMAND_CHECK},
	{"--dump-config", COMMAND_DUMP},
	{"--config-schema", COMMAND_SCHEMA},
	{"--config-sample", COMMAND_SAMPLE},
	{"--config-reference", COMMAND_REFERENCE},
	{"--version", COMMAND_VERSION},
	{"--help", COMMAND_HELP},
};

static const char HELP[] =
	"Usage: progressdb-kms [options]\n"
	"\n"
	"Keeps the keys of ProgressDB servers, in the foreground.\n"
	"\n"
	"  --config FILE        read FILE instead of " KMS_CONFIG_FILE "\n"
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
	"A flag wins over the environment (PROGRESSDB_KMS_...), which wins over the file.\n"
	"The environment is wiped once it was read. TERM and INT stop it, HUP has\n"
	"it read its configuration again.\n"
	"Exit status: 0 stopped in order, 1 cannot start, 2 wrong command line or\n"
	"configuration.\n";

static int complain(const char *what, int status)
{
	(void)fprintf(stderr, "progressdb-kms: %s\n", what);
	return status;
}

static pdb_status add_setting(pdb_config *config, const char *text, pdb_err *err)
{
	const char *equals = strchr(text, '=');
	char key[128];

	if (equals == NULL || equals == text || (size_t)(equals - text) >= sizeof(key)) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "--set wants KEY=VALUE, not \"%s\"",
				   text);
	}
	(void)snprintf(key, sizeof(key), "%.*s", (int)(equals - text), text);
	return pdb_config_add_flag(config, "--set", key, equals + 1, err);
}

/* The value of "--name value" or "--name=value"; NULL when this is another option. */
static const char *value_of(const char *name, char **argv, int *at)
{
	size_t len = strlen(name);

	if (!pdb_slice_starts(pdb_slice_text(argv[*at]), pdb_slice_text(name))) {
		return NULL;
	}
	if (argv[*at][len] == '=') {
		return argv[*at] + len + 1;
	}
	return argv[*at][len] == '\0' && argv[*at + 1] != NULL ? argv[++*at] : NULL;
}

static bool find_command(const char *text, command *out)
{
	for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++) {
		if (strcmp(text, COMMANDS[i].spelling) == 0) {
			*out = COMMANDS[i].command;
			return true;
		}
	}
	return false;
}

static pdb_status read_arguments(char **argv, pdb_config *config, const char **file_out,
				 command *command_out, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (int i = 1; argv[i] != NULL && status == PDB_OK; i++) {
		const char *value;

		if ((value = value_of("--config", argv, &i)) != NULL) {
			*file_out = value;
		} else if ((value = value_of("--set", argv, &i)) != NULL) {
			status = add_setting(config, value, err);
		} else if (!find_command(argv[i], command_out)) {
			status = pdb_err_set(err, PDB_EINVAL, NULL,
					     "unknown option %s (see --help)", argv[i]);
		}
	}
	return status;
}

static int describe(const pdb_config *config, pdb_status (*write)(const pdb_config *, pdb_buf *))
{
	pdb_buf text = {0};
	bool good = write(config, &text) == PDB_OK && pdb_buf_status(&text, NULL) == PDB_OK &&
		    fwrite(text.data, 1, text.len, stdout) == text.len;

	pdb_buf_fini(&text);
	return good ? 0 : 1;
}

static int answer(kms_daemon *daemon, command asked)
{
	switch (asked) {
	case COMMAND_CHECK:
		(void)printf("The configuration is good.\n");
		return 0;
	case COMMAND_DUMP:
		pdb_config_dump(daemon->config, stdout);
		return 0;
	case COMMAND_SCHEMA:
		return describe(daemon->config, pdb_config_schema);
	case COMMAND_SAMPLE:
		return describe(daemon->config, pdb_config_sample);
	case COMMAND_REFERENCE:
		return describe(daemon->config, pdb_config_reference);
	default:
		return kms_run(daemon);
	}
}

/* A file that was named must be there; the usual one may be missing, as long as nothing runs. */
static pdb_status add_file(pdb_config *config, const char *named, pdb_err *err)
{
	if (named == NULL && access(KMS_CONFIG_FILE, F_OK) != 0) {
		return PDB_OK;
	}
	return pdb_config_add_file(config, named != NULL ? named : KMS_CONFIG_FILE, err);
}

pdb_status kms_config_finish(const kms_daemon *daemon, pdb_config *config,
			     const kms_settings **settings_out, pdb_err *err)
{
	const void *settings = NULL;
	pdb_status status = add_file(config, daemon->file, err);

	if (status == PDB_OK) {
		status = pdb_config_read(config, "kms", &kms_daemon_options, kms_daemon_check,
					 &settings, err);
	}
	*settings_out = settings;
	return status == PDB_OK ? pdb_config_finish(config, err) : status;
}

static int configured(kms_daemon *daemon, command asked)
{
	pdb_err err = {0};
	pdb_status status = pdb_config_add_environment(daemon->config, environ, &err);

	if (status == PDB_OK) {
		status = kms_config_finish(daemon, daemon->config, &daemon->settings, &err);
	}
	if (status != PDB_OK) {
		return complain(err.text, EXIT_CONFIG);
	}
	pdb_config_print_problems(daemon->config, stderr);
	return pdb_config_problem_count(daemon->config) > 0 ? EXIT_CONFIG : answer(daemon, asked);
}

int kms_daemon_main(int argc, char **argv)
{
	kms_daemon daemon = {.access_lock = PTHREAD_MUTEX_INITIALIZER,
			     .lock = PTHREAD_MUTEX_INITIALIZER};
	command asked = COMMAND_RUN;
	pdb_err err = {0};
	int status;

	(void)argc;
	if (sodium_init() < 0 || pdb_config_create(&daemon.config, &err) != PDB_OK) {
		return complain("no memory", 1);
	}
	if (read_arguments(argv, daemon.config, &daemon.file, &asked, &err) != PDB_OK) {
		status = complain(err.text, EXIT_CONFIG);
	} else if (asked == COMMAND_HELP) {
		status = fputs(HELP, stdout) >= 0 ? 0 : 1;
	} else if (asked == COMMAND_VERSION) {
		status = printf("progressdb-kms %s\n", PDB_VERSION) > 0 ? 0 : 1;
	} else {
		(void)umask(077);
		status = configured(&daemon, asked);
	}
	pdb_config_destroy(&daemon.config);
	return status;
}
