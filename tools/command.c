/* SPDX-License-Identifier: Apache-2.0 */
/* Finds, explains and runs a command. */
#include "tools/command.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/mem.h"

#ifndef PDB_VERSION
#define PDB_VERSION "0"
#endif

#define OPERANDS_MAX 8u

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

bool pdb_interrupted(void)
{
	static bool listening;

	if (!listening) {
		/* A second signal ends the program at once. */
		struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

		(void)sigaction(SIGINT, &action, NULL);
		(void)sigaction(SIGTERM, &action, NULL);
		listening = true;
	}
	return interrupted != 0;
}

void pdb_complain(const char *format, ...)
{
	va_list args;

	(void)fflush(stdout);
	(void)fputs("pdbctl: ", stderr);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
}

static void help_program(const pdb_command *const *commands)
{
	(void)printf("Usage: pdbctl [options] <command> …\n\n"
		     "Takes care of a ProgressDB server and its database.\n\nCommands:\n");
	for (; *commands != NULL; commands++) {
		(void)printf("  %-20s %s\n", (*commands)->name, (*commands)->summary);
	}
	(void)printf("\nOptions of every command:\n");
	pdb_args_help(pdb_global_args);
	(void)printf(
		"\n\"pdbctl <command> --help\" explains a command.\n\n"
		"Exit status: 0 done; 1 the answer is no (refused, not ready, faults found);\n"
		"2 wrong usage, or a file or database that cannot be opened; 3 the server did\n"
		"not answer in time; 130 interrupted.\n");
}

static void help_command(const pdb_command *command)
{
	(void)printf("Usage: pdbctl %s [options]%s%s\n\n%s\n", command->name,
		     command->operands[0] != '\0' ? " " : "", command->operands, command->text);
	if (command->args[0].name != NULL) {
		(void)printf("\nOptions:\n");
		pdb_args_help(command->args);
	}
	(void)printf("\nOptions of every command:\n");
	pdb_args_help(pdb_global_args);
	(void)printf("\nExamples:\n%s", command->examples);
}

/* The words of "plugin inspect" at the front of the operands: their number, 0 for another name. */
static size_t words_match(const char *name, char *const *words, size_t count)
{
	size_t used = 0;

	while (used < count) {
		size_t len = strcspn(name, " ");

		if (strlen(words[used]) != len || strncmp(words[used], name, len) != 0) {
			return 0;
		}
		used++;
		if (name[len] == '\0') {
			return used;
		}
		name += len + 1;
	}
	return 0;
}

static const pdb_command *choose(const pdb_command *const *commands, char *const *words,
				 size_t count, size_t *used)
{
	for (; *commands != NULL; commands++) {
		*used = words_match((*commands)->name, words, count);
		if (*used > 0) {
			return *commands;
		}
	}
	return NULL;
}

/* Options may stand before the command, so the command is looked for among words that are none. */
static const pdb_command *scout(const pdb_command *const *commands, int argc, char **argv)
{
	size_t used;

	for (int at = 1; at < argc; at++) {
		const pdb_command *found = choose(commands, argv + at, (size_t)(argc - at), &used);

		if (found != NULL) {
			return found;
		}
	}
	return NULL;
}

static int run(const pdb_command *command, const pdb_globals *globals, const void *settings,
	       char **words, size_t count)
{
	char *operands[OPERANDS_MAX + 1] = {0};
	size_t used = words_match(command->name, words, count);

	if (used == 0) {
		pdb_complain("there is no command \"%s\"; see pdbctl --help", words[0]);
		return PDB_EXIT_USAGE;
	}
	if (count - used < command->least || count - used > command->most) {
		pdb_complain("usage: pdbctl %s [options] %s; see pdbctl %s --help", command->name,
			     command->operands, command->name);
		return PDB_EXIT_USAGE;
	}
	for (size_t i = used; i < count && i - used < OPERANDS_MAX; i++) {
		operands[i - used] = words[i];
	}
	return (int)command->run(globals, settings, operands);
}

/* "kms", when there is "kms status". */
static bool begins_command(const pdb_command *const *commands, const char *word)
{
	size_t len = strlen(word);

	while (*commands != NULL &&
	       (strncmp((*commands)->name, word, len) != 0 || (*commands)->name[len] != ' ')) {
		commands++;
	}
	return *commands != NULL;
}

static int without_command(const pdb_command *const *commands, const pdb_globals *globals,
			   char *const *words, size_t count)
{
	if (globals->version) {
		(void)printf("pdbctl %s\n", PDB_VERSION);
		return PDB_EXIT_OK;
	}
	if (globals->help) {
		help_program(commands);
		return PDB_EXIT_OK;
	}
	if (count > 1 && begins_command(commands, words[0])) {
		pdb_complain("there is no command \"%s %s\"; see pdbctl --help", words[0],
			     words[1]);
	} else if (count > 0 && begins_command(commands, words[0])) {
		pdb_complain("which command of \"%s\"? See pdbctl --help", words[0]);
	} else if (count > 0) {
		pdb_complain("there is no command \"%s\"; see pdbctl --help", words[0]);
	} else {
		pdb_complain("which command? See pdbctl --help");
	}
	return PDB_EXIT_USAGE;
}

/* What was printed and did not arrive was not done. */
static int finish(int code)
{
	if ((fflush(stdout) == 0 && !ferror(stdout)) || code != PDB_EXIT_OK) {
		return code;
	}
	pdb_complain("standard output cannot be written: %s", strerror(errno));
	return PDB_EXIT_USAGE;
}

int pdb_command_main(const pdb_command *const *commands, int argc, char **argv)
{
	static const pdb_arg none[] = {{0}};
	const pdb_command *command = scout(commands, argc, argv);
	pdb_globals globals = {0};
	void *settings = pdb_mem_zalloc(command != NULL ? command->settings_size + 1 : 1);
	pdb_arg_target targets[] = {{pdb_global_args, &globals},
				    {command != NULL ? command->args : none, settings}};
	size_t count = 0;
	pdb_err err = {0};
	int code = PDB_EXIT_USAGE;

	if (settings == NULL || pdb_args_defaults(&targets[0], &err) != PDB_OK ||
	    pdb_args_defaults(&targets[1], &err) != PDB_OK ||
	    pdb_args_read(targets, 2, argc, argv, &count, &err) != PDB_OK) {
		pdb_complain("%s; see pdbctl %s%s--help", err.text,
			     command != NULL ? command->name : "", command != NULL ? " " : "");
	} else if (command == NULL || globals.version) {
		code = without_command(commands, &globals, argv, count);
	} else if (globals.help) {
		help_command(command);
		code = PDB_EXIT_OK;
	} else {
		code = run(command, &globals, settings, argv, count);
	}
	pdb_args_fini(&targets[0]);
	pdb_mem_free(settings);
	return finish(code);
}
