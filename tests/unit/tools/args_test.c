/* SPDX-License-Identifier: Apache-2.0 */
/* Options on the command line. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tools/args.h"

typedef struct sample {
	const char *text;
	const char *secret;
	uint64_t number;
	bool flag;
	pdb_arg_list list;
} sample;

static const pdb_arg rows[] = {
	{"text", 't', PDB_ARG_TEXT, offsetof(sample, text), "T", "fallback", 0, "PDB_SAMPLE", "h"},
	{"secret", 0, PDB_ARG_SECRET, offsetof(sample, secret), "S", NULL, 0, NULL, "h"},
	{"number", 'n', PDB_ARG_UINT, offsetof(sample, number), "N", "7", 2, NULL, "h"},
	{"flag", 'f', PDB_ARG_FLAG, offsetof(sample, flag), NULL, NULL, 0, NULL, "h"},
	{"list", 'l', PDB_ARG_LIST, offsetof(sample, list), "L", NULL, 0, NULL, "h"},
	{0},
};

/* Reads a command line, cut at blanks; `words` gets what is left. */
static pdb_status read_line(sample *out, char *line, char *words[16], size_t *count, pdb_err *err)
{
	pdb_arg_target target = {rows, out};
	int argc = 0;

	for (char *save = NULL, *word = strtok_r(line, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save)) {
		words[argc++] = word;
	}
	cr_assert_eq(pdb_args_defaults(&target, err), PDB_OK);
	return pdb_args_read(&target, 1, argc, words, count, err);
}

Test(args, reads_every_spelling_anywhere)
{
	char line[] = "prog one -t a --number=9 two -f --list x -l y -- --flag";
	char *words[16];
	size_t count;
	sample out = {0};
	pdb_err err = {0};

	cr_assert_eq(read_line(&out, line, words, &count, &err), PDB_OK, "%s", err.text);
	cr_assert_str_eq(out.text, "a");
	cr_assert_eq(out.number, 9);
	cr_assert(out.flag);
	cr_assert_eq(out.list.count, 2);
	cr_assert_str_eq(out.list.items[1], "y");
	cr_assert_eq(count, 3);
	cr_assert_str_eq(words[0], "one");
	cr_assert_str_eq(words[2], "--flag");
}

Test(args, takes_fallback_then_environment_then_flag)
{
	char plain[] = "prog";
	char given[] = "prog --text flag";
	char *words[16];
	size_t count;
	sample out = {0};
	pdb_err err = {0};

	cr_assert_eq(read_line(&out, plain, words, &count, &err), PDB_OK);
	cr_assert_str_eq(out.text, "fallback");
	cr_assert_eq(out.number, 7);
	(void)setenv("PDB_SAMPLE", "environment", 1);
	cr_assert_eq(read_line(&out, plain, words, &count, &err), PDB_OK);
	cr_assert_str_eq(out.text, "environment");
	cr_assert_eq(read_line(&out, given, words, &count, &err), PDB_OK);
	cr_assert_str_eq(out.text, "flag");
}

Test(args, hides_a_secret_in_the_list_of_processes)
{
	char line[] = "prog --secret=hunter2";
	char *words[16];
	size_t count;
	sample out = {0};
	pdb_err err = {0};

	cr_assert_eq(read_line(&out, line, words, &count, &err), PDB_OK);
	cr_assert_str_eq(out.secret, "hunter2");
	cr_assert_null(memmem(line, sizeof(line), "hunter2", 7));
	pdb_args_fini(&(pdb_arg_target){rows, &out});
	cr_assert_null(out.secret);
}

Test(args, refuses_what_it_does_not_know)
{
	static const char *const lines[] = {
		"prog --nothing",   "prog -x",         "prog --text",     "prog --number x",
		"prog --number=-1", "prog --number 1", "prog --flag=yes", "prog --tex a",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char line[64];
		char *words[16];
		size_t count;
		sample out = {0};
		pdb_err err = {0};

		(void)snprintf(line, sizeof(line), "%s", lines[i]);
		cr_assert_eq(read_line(&out, line, words, &count, &err), PDB_EINVAL, "%s",
			     lines[i]);
		cr_assert_neq(err.text[0], '\0');
	}
}
