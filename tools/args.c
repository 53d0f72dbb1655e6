/* SPDX-License-Identifier: Apache-2.0 */
/* Options on the command line, read by tables that also make the help. */
#include "tools/args.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

const pdb_arg pdb_global_args[] = {
	{"url", 0, PDB_ARG_TEXT, offsetof(pdb_globals, url), "URL", "http://127.0.0.1:8080", 0,
	 "PROGRESSDB_URL", "where the server listens"},
	{"key", 0, PDB_ARG_SECRET, offsetof(pdb_globals, key), "KEY", NULL, 0, "PROGRESSDB_KEY",
	 "the API key; the environment or a file hides it better"},
	{"key-file", 0, PDB_ARG_TEXT, offsetof(pdb_globals, key_file), "FILE", NULL, 0,
	 "PROGRESSDB_KEY_FILE", "a file whose first line is the API key"},
	{"quiet", 'q', PDB_ARG_FLAG, offsetof(pdb_globals, quiet), NULL, NULL, 0, NULL,
	 "no progress and no summary, errors only"},
	{"help", 'h', PDB_ARG_FLAG, offsetof(pdb_globals, help), NULL, NULL, 0, NULL,
	 "explain the program or the command"},
	{"version", 'V', PDB_ARG_FLAG, offsetof(pdb_globals, version), NULL, NULL, 0, NULL,
	 "print the version"},
	{0},
};

static pdb_status keep_uint(const pdb_arg *arg, const char *text, void *at, pdb_err *err)
{
	uint64_t number;

	if (!pdb_text_to_uint(pdb_slice_text(text), &number) || number < arg->min) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "--%s wants a number, %llu or more, not \"%s\"", arg->name,
				   (unsigned long long)arg->min, text);
	}
	memcpy(at, &number, sizeof(number));
	return PDB_OK;
}

static pdb_status keep_list(const pdb_arg *arg, const char *text, void *at, pdb_err *err)
{
	pdb_arg_list *list = at;

	if (list->count == PDB_ARG_LIST_MAX) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "--%s may be given %u times", arg->name,
				   PDB_ARG_LIST_MAX);
	}
	list->items[list->count++] = text;
	return PDB_OK;
}

static void forget(char *secret)
{
	if (secret != NULL) {
		explicit_bzero(secret, strlen(secret));
		pdb_mem_free(secret);
	}
}

static pdb_status keep_secret(const pdb_arg *arg, const char *text, void *at, pdb_err *err)
{
	char *copy = pdb_mem_text(text);
	char *before;

	if (copy == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for --%s", arg->name);
	}
	memcpy(&before, at, sizeof(before));
	forget(before);
	memcpy(at, &copy, sizeof(copy));
	return PDB_OK;
}

void pdb_args_fini(const pdb_arg_target *target)
{
	for (const pdb_arg *arg = target->args; arg->name != NULL; arg++) {
		void *at = (char *)target->settings + arg->offset;
		char *secret;

		if (arg->kind == PDB_ARG_SECRET) {
			memcpy(&secret, at, sizeof(secret));
			forget(secret);
			secret = NULL;
			memcpy(at, &secret, sizeof(secret));
		}
	}
}

static pdb_status keep(const pdb_arg *arg, const char *text, void *settings, pdb_err *err)
{
	void *at = (char *)settings + arg->offset;

	switch (arg->kind) {
	case PDB_ARG_FLAG:
		*(bool *)at = true;
		return PDB_OK;
	case PDB_ARG_UINT:
		return keep_uint(arg, text, at, err);
	case PDB_ARG_LIST:
		return keep_list(arg, text, at, err);
	case PDB_ARG_SECRET:
		return keep_secret(arg, text, at, err);
	case PDB_ARG_TEXT:
	default:
		memcpy(at, &text, sizeof(text));
		return PDB_OK;
	}
}

pdb_status pdb_args_defaults(const pdb_arg_target *target, pdb_err *err)
{
	for (const pdb_arg *arg = target->args; arg->name != NULL; arg++) {
		const char *text = arg->env != NULL ? getenv(arg->env) : NULL;
		pdb_status status;

		if (text == NULL || text[0] == '\0') {
			text = arg->fallback;
		}
		status = text != NULL ? keep(arg, text, target->settings, err) : PDB_OK;
		if (status != PDB_OK) {
			return status;
		}
	}
	return PDB_OK;
}

/* The row for "--name", "--name=value" or "-n". */
static const pdb_arg *find(const pdb_arg *args, const char *word)
{
	size_t len = strcspn(word + 1, "=") + 1;

	for (const pdb_arg *arg = args; arg->name != NULL; arg++) {
		if (word[1] != '-' && word[1] == arg->letter && word[2] == '\0') {
			return arg;
		}
		if (word[1] == '-' && strlen(arg->name) == len - 2 &&
		    strncmp(word + 2, arg->name, len - 2) == 0) {
			return arg;
		}
	}
	return NULL;
}

typedef struct reader {
	const pdb_arg_target *targets;
	size_t target_count;
	int argc;
	char **argv;
	int at;
} reader;

/* The value behind '=', or the next word; NULL when there is none. */
static char *value_of(reader *read, char *word)
{
	char *equals = word[1] == '-' ? strchr(word, '=') : NULL;

	if (equals != NULL) {
		return equals + 1;
	}
	return read->at + 1 < read->argc ? read->argv[++read->at] : NULL;
}

static pdb_status read_value(reader *read, const pdb_arg *arg, void *settings, pdb_err *err)
{
	char *word = read->argv[read->at];
	char *value;
	pdb_status status;

	if (arg->kind == PDB_ARG_FLAG) {
		if (strchr(word, '=') != NULL) {
			return pdb_err_set(err, PDB_EINVAL, NULL, "--%s takes no value", arg->name);
		}
		return keep(arg, NULL, settings, err);
	}
	value = value_of(read, word);
	if (value == NULL) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "--%s wants a value: %s", arg->name,
				   arg->value);
	}
	status = keep(arg, value, settings, err);
	if (arg->kind == PDB_ARG_SECRET) {
		memset(value, '*', strlen(value));
	}
	return status;
}

static pdb_status read_option(reader *read, pdb_err *err)
{
	const char *word = read->argv[read->at];

	for (size_t i = 0; i < read->target_count; i++) {
		const pdb_arg *arg = find(read->targets[i].args, word);

		if (arg != NULL) {
			return read_value(read, arg, read->targets[i].settings, err);
		}
	}
	return pdb_err_set(err, PDB_EINVAL, NULL, "there is no option %.*s here",
			   (int)strcspn(word, "="), word);
}

pdb_status pdb_args_read(const pdb_arg_target *targets, size_t target_count, int argc, char **argv,
			 size_t *count_out, pdb_err *err)
{
	reader read = {targets, target_count, argc, argv, 1};
	size_t count = 0;
	bool ended = false;

	for (; read.at < argc; read.at++) {
		char *word = argv[read.at];
		pdb_status status;

		if (!ended && strcmp(word, "--") == 0) {
			ended = true;
		} else if (ended || word[0] != '-' || word[1] == '\0') {
			argv[count++] = word;
		} else {
			status = read_option(&read, err);
			if (status != PDB_OK) {
				return status;
			}
		}
	}
	*count_out = count;
	return PDB_OK;
}

void pdb_args_help(const pdb_arg *args)
{
	for (const pdb_arg *arg = args; arg->name != NULL; arg++) {
		char left[64];

		(void)snprintf(left, sizeof(left), "%s%c%s--%s%s%s", arg->letter != 0 ? "-" : " ",
			       arg->letter != 0 ? arg->letter : ' ', arg->letter != 0 ? ", " : "  ",
			       arg->name, arg->value != NULL ? " " : "",
			       arg->value != NULL ? arg->value : "");
		(void)printf("  %-24s %s", left, arg->help);
		if (arg->fallback != NULL && arg->fallback[0] != '\0') {
			(void)printf(" (default %s)", arg->fallback);
		}
		if (arg->env != NULL) {
			(void)printf(" [%s]", arg->env);
		}
		(void)printf("\n");
	}
}
