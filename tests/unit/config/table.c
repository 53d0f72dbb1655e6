/* SPDX-License-Identifier: Apache-2.0 */
/* A table with every type of option, and helpers around one snapshot. */
#include "table.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define AT(member) offsetof(table_settings, member)

static const char *const LEVELS[] = {"error", "warn", "info", NULL};

static const pdb_option ROWS[] = {
	{"room.flag", PDB_OPTION_BOOL, 0, AT(flag), "yes", 0, 0, NULL, NULL, NULL, "A flag."},
	{"room.count", PDB_OPTION_INT, PDB_OPTION_RELOADABLE, AT(count), "8", 1, 256, NULL,
	 "threads", "COUNT", "A number."},
	{"room.deep.size", PDB_OPTION_SIZE, 0, AT(size), "1MiB", 1024, 1 << 30, NULL, "bytes", NULL,
	 "A size."},
	{"room.deep.wait", PDB_OPTION_DURATION, 0, AT(wait), "10s", 0,
	 INT64_C(86400) * 365 * 1000000000, NULL, NULL, NULL, "A duration."},
	{"room.name", PDB_OPTION_STRING, 0, AT(name), "lobby", 1, 8, NULL, NULL, NULL, "A name."},
	{"room.path", PDB_OPTION_PATH, PDB_OPTION_REQUIRED, AT(path), "./data", 0, 0, NULL, NULL,
	 NULL, "A path, or | so."},
	{"room.level", PDB_OPTION_ENUM, 0, AT(level), "info", 0, 0, LEVELS, NULL, NULL, "A level."},
	{"room.roles", PDB_OPTION_LIST, 0, AT(roles), "[user, assistant]", 0, 3, NULL, NULL, NULL,
	 "Roles."},
	{"rules", PDB_OPTION_TREE, 0, AT(rules), NULL, 0, 0, NULL, NULL, NULL, "Rules."},
	{"security.api_keys.backend", PDB_OPTION_LIST, PDB_OPTION_SECRET, AT(keys), NULL, 0, 0,
	 NULL, NULL, "API_BACKEND_KEYS", "Keys."},
	{"room.token", PDB_OPTION_STRING, PDB_OPTION_SECRET, AT(token), NULL, 0, 8, NULL, NULL,
	 NULL, "A token."},
};

const pdb_option_table table = PDB_OPTION_TABLE(ROWS, table_settings);

const table_settings *table_finish(pdb_config *config)
{
	const void *settings = NULL;
	pdb_err err = {0};

	cr_assert_eq(pdb_config_read(config, "room", &table, NULL, &settings, &err), PDB_OK, "%s",
		     err.text);
	cr_assert_eq(pdb_config_finish(config, &err), PDB_OK, "%s", err.text);
	return settings;
}

pdb_config *table_read(const char *yaml, const table_settings **settings_out)
{
	pdb_config *config = NULL;
	const table_settings *settings;

	cr_assert_eq(pdb_config_create(&config, NULL), PDB_OK);
	cr_assert_eq(pdb_config_add_text(config, "a.yaml", pdb_slice_text(yaml), NULL), PDB_OK);
	settings = table_finish(config);
	if (settings_out != NULL) {
		*settings_out = settings;
	}
	return config;
}

static char *print(const pdb_config *config, void (*write)(const pdb_config *, FILE *))
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	cr_assert_not_null(to);
	write(config, to);
	cr_assert_eq(fclose(to), 0);
	return text;
}

char *table_problems(const pdb_config *config)
{
	return print(config, pdb_config_print_problems);
}

char *table_dump(const pdb_config *config)
{
	return print(config, pdb_config_dump);
}

void table_expect(const char *yaml, const char *problems)
{
	pdb_config *config = table_read(yaml, NULL);
	char *text = table_problems(config);

	cr_expect_str_eq(text, problems, "got:\n%s", text);
	free(text);
	pdb_config_destroy(&config);
}
