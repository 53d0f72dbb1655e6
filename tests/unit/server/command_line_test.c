/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: every option, every refusal, and the help that names them all. */
#include <criterion/criterion.h>

#include "server/server_private.h"

#define ARGC(argv) ((int)(sizeof(argv) / sizeof((argv)[0])))

static pdb_status parse(pdb_command_line *line, int argc, char **argv, pdb_err *err)
{
	*line = (pdb_command_line){0};
	return pdb__command_line_parse(line, argc, argv, err);
}

Test(command_line, takes_values_in_both_spellings)
{
	char set[] = "server.port=9000";
	char *argv[] = {"progressdb", "--config", "a.yaml", "--addr=[::1]:80",
			"--set",      set,        "--db",   "d"};
	pdb_command_line line;
	pdb_err err = {0};

	cr_assert_eq(parse(&line, ARGC(argv), argv, &err), PDB_OK, "%s", err.text);
	cr_assert_eq(line.command, PDB_COMMAND_RUN);
	cr_assert_str_eq(line.config_file, "a.yaml");
	cr_assert_eq(line.flag_count, 3);
	cr_assert_str_eq(line.flags[0].key, "server.address");
	cr_assert_str_eq(line.flags[0].value, "[::1]:80");
	cr_assert_str_eq(line.flags[1].key, "server.port");
	cr_assert_str_eq(line.flags[1].value, "9000");
	cr_assert_str_eq(line.flags[2].key, "server.db_path");
}

static void refused(int argc, char **argv, const char *part)
{
	pdb_command_line line;
	pdb_err err = {0};

	cr_assert_eq(parse(&line, argc, argv, &err), PDB_EINVAL);
	cr_assert_not_null(strstr(err.text, part), "\"%s\" does not say \"%s\"", err.text, part);
}

Test(command_line, refuses_with_a_reason)
{
	char *unknown[] = {"progressdb", "--adr", "x"};
	char *missing[] = {"progressdb", "--db"};
	char *needless[] = {"progressdb", "--help=yes"};
	char bare[] = "server.port";
	char *setting[] = {"progressdb", "--set", bare};
	char *word[] = {"progressdb", "run"};

	refused(ARGC(unknown), unknown, "did you mean --addr?");
	refused(ARGC(missing), missing, "--db wants a value");
	refused(ARGC(needless), needless, "--help takes no value");
	refused(ARGC(setting), setting, "--set wants KEY=VALUE");
	refused(ARGC(word), word, "unknown option run");
}

Test(command_line, help_names_every_option)
{
	static const char *const options[] = {
		"--config FILE",
		"--addr",
		"--db",
		"--tls-cert",
		"--tls-key",
		"--set",
		"--check-config",
		"--dump-config",
		"--config-schema",
		"--config-sample",
		"--config-reference",
		"--version",
		"--help",
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		cr_assert_not_null(strstr(pdb__command_line_help(), options[i]), "%s", options[i]);
	}
}
