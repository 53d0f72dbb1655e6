/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: a configuration file, from its text to what is printed of it. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "config/config.h"
#include "config/dropin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct settings {
	bool flag;
	int64_t count;
	int64_t size;
	int64_t wait;
	const char *name;
	const char *path;
	int64_t level;
	pdb_option_list roles;
	const char *rules;
} settings;

#define AT(member) offsetof(settings, member)

static const char *const LEVELS[] = {"error", "warn", "info", NULL};

static const pdb_option ROWS[] = {
	{"a.flag", PDB_OPTION_BOOL, 0, AT(flag), "yes", 0, 0, NULL, NULL, NULL, "A flag."},
	{"a.count", PDB_OPTION_INT, 0, AT(count), "8", 1, 256, NULL, NULL, NULL, "A number."},
	{"a.b.size", PDB_OPTION_SIZE, 0, AT(size), "1M", 0, 0, NULL, NULL, NULL, "A size."},
	{"a.b.wait", PDB_OPTION_DURATION, 0, AT(wait), "10s", 0, 0, NULL, NULL, NULL, "A wait."},
	{"a.name", PDB_OPTION_STRING, 0, AT(name), "x", 1, 8, NULL, NULL, NULL, "A name."},
	{"a.path", PDB_OPTION_PATH, PDB_OPTION_REQUIRED, AT(path), NULL, 0, 0, NULL, NULL, NULL,
	 "A path."},
	{"a.level", PDB_OPTION_ENUM, 0, AT(level), "info", 0, 0, LEVELS, NULL, NULL, "A level."},
	{"a.roles", PDB_OPTION_LIST, 0, AT(roles), "[user]", 0, 9, NULL, NULL, NULL, "Roles."},
	{"rules", PDB_OPTION_TREE, 0, AT(rules), NULL, 0, 0, NULL, NULL, NULL, "Rules."},
};

static const pdb_option_table table = PDB_OPTION_TABLE(ROWS, settings);

static void must(bool holds)
{
	if (!holds) {
		abort();
	}
}

static bool claimed(void *arg, const char *plugin)
{
	(void)arg;
	(void)plugin;
	return false;
}

static void judge(const settings *read)
{
	must(read->count >= 1 && read->count <= 256);
	must(read->level >= 0 && read->level < 3);
	must(read->roles.count <= 9);
	must(strlen(read->name) >= 1 && strlen(read->name) <= 8);
	for (size_t i = 0; i < read->roles.count; i++) {
		must(read->roles.items[i] != NULL);
	}
	must(read->rules[0] == '\0' ||
	     pdb_json_check(pdb_slice_text(read->rules), NULL, NULL) == PDB_OK);
}

/* The same text as a variable, which has readers of its own. */
static void add_variables(pdb_config *config, const uint8_t *data, size_t size)
{
	char line[256];
	char *environment[] = {line, NULL};
	int len = size > 200 ? 200 : (int)size;

	(void)snprintf(line, sizeof(line), "PROGRESSDB_A_ROLES=%.*s", len, (const char *)data);
	must(pdb_config_add_environment(config, environment, NULL) == PDB_OK);
	(void)snprintf(line, sizeof(line), "PROGRESSDB_SERVER_ADDR=%.*s", len, (const char *)data);
	must(pdb_config_add_environment(config, environment, NULL) == PDB_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere = NULL;
	pdb_config *config = NULL;
	const void *read = NULL;

	if (nowhere == NULL) {
		nowhere = fopen("/dev/null", "w");
		must(nowhere != NULL);
	}
	must(pdb_config_create(&config, NULL) == PDB_OK);
	must(pdb_config_add_text(config, "fuzz", pdb_slice_of(data, size), NULL) == PDB_OK);
	if (size > 0 && data[0] == '#') {
		add_variables(config, data + 1, size - 1);
	}
	must(pdb_config_read(config, "fuzz", &table, NULL, &read, NULL) == PDB_OK);
	judge(read);
	must(pdb_dropin_read(config, claimed, NULL, NULL) == PDB_OK);
	must(pdb_config_finish(config, NULL) == PDB_OK);
	pdb_config_print_problems(config, nowhere);
	pdb_config_dump(config, nowhere);
	pdb_config_destroy(&config);
	return 0;
}
