/* SPDX-License-Identifier: Apache-2.0 */
/* Layers: precedence, the environment, flags, what nobody knows, and all of it in one run. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "table.h"

static pdb_config *layers(const char *yaml, const char *variable, const char *flag)
{
	char *environment[] = {NULL, NULL};
	pdb_config *config = NULL;

	cr_assert_eq(pdb_config_create(&config, NULL), PDB_OK);
	cr_assert_eq(pdb_config_add_text(config, "a.yaml", pdb_slice_text(yaml), NULL), PDB_OK);
	if (variable != NULL) {
		environment[0] = strdup(variable);
	}
	cr_assert_eq(pdb_config_add_environment(config, environment, NULL), PDB_OK);
	if (flag != NULL) {
		cr_assert_eq(pdb_config_add_flag(config, "--set", "room.count", flag, NULL),
			     PDB_OK);
	}
	free(environment[0]);
	return config;
}

static int64_t count_of(const char *yaml, const char *variable, const char *flag)
{
	pdb_config *config = layers(yaml, variable, flag);
	const table_settings *settings = table_finish(config);
	int64_t count = settings->count;

	cr_expect_eq(pdb_config_problem_count(config), 0);
	pdb_config_destroy(&config);
	return count;
}

Test(layer, flag_over_environment_over_file_over_default)
{
	cr_expect_eq(count_of("", NULL, NULL), 8);
	cr_expect_eq(count_of("room: {count: 1}", NULL, NULL), 1);
	cr_expect_eq(count_of("room: {count: 1}", "PROGRESSDB_COUNT=2", NULL), 2);
	cr_expect_eq(count_of("room: {count: 1}", "PROGRESSDB_COUNT=", NULL), 1);
	cr_expect_eq(count_of("room: {count: 1}", "PROGRESSDB_COUNT=2", "3"), 3);
}

Test(layer, later_file_wins)
{
	pdb_config *config = layers("room: {count: 1, name: one}", NULL, NULL);
	const table_settings *settings;

	cr_assert_eq(pdb_config_add_text(config, "b.yaml", PDB_SLICE("room: {count: 2}"), NULL),
		     PDB_OK);
	settings = table_finish(config);
	cr_expect_eq(settings->count, 2);
	cr_expect_str_eq(settings->name, "one");
	pdb_config_destroy(&config);
}

Test(layer, lists_and_trees_in_variables)
{
	pdb_config *config = layers("", "PROGRESSDB_ROOM_ROLES= a, b ,,c", NULL);
	const table_settings *settings;

	cr_assert_eq(pdb_config_add_flag(config, "--set", "rules", "{a: 1}", NULL), PDB_OK);
	settings = table_finish(config);
	cr_expect_eq(pdb_config_problem_count(config), 0);
	cr_assert_eq(settings->roles.count, 3);
	cr_expect_str_eq(settings->roles.items[0], "a");
	cr_expect_str_eq(settings->roles.items[2], "c");
	cr_expect_str_eq(settings->rules, "{\"a\":1}");
	pdb_config_destroy(&config);
}

Test(layer, unknown_variable_and_flag)
{
	pdb_config *config = layers("", "PROGRESSDB_COUMT=2", NULL);
	char *text;

	cr_assert_eq(pdb_config_add_flag(config, "--set", "room.cuont", "1", NULL), PDB_OK);
	(void)table_finish(config);
	text = table_problems(config);
	cr_expect_str_eq(text,
			 "PROGRESSDB_COUMT: unknown variable \"PROGRESSDB_COUMT\" (did you mean "
			 "PROGRESSDB_COUNT?)\n"
			 "--set: unknown option \"room.cuont\" (did you mean room.count?)\n");
	free(text);
	pdb_config_destroy(&config);
}

Test(layer, bad_variable_names_it)
{
	pdb_config *config = layers("", "PROGRESSDB_COUNT=x\ny", NULL);
	char *text;

	(void)table_finish(config);
	text = table_problems(config);
	cr_expect_str_eq(text, "PROGRESSDB_COUNT: room.count: expected a whole number, from 1 to "
			       "256 (threads), not \"x\\x0ay\"\n");
	free(text);
	pdb_config_destroy(&config);
}

Test(layer, unknown_keys)
{
	table_expect("room:\n  cuont: 1\n",
		     "a.yaml:2:3: unknown key \"room.cuont\" (did you mean room.count?)\n");
	table_expect("rom:\n  count: 1\n",
		     "a.yaml:1:1: unknown key \"rom\" (did you mean room?)\n");
	table_expect("count: 1\n",
		     "a.yaml:1:1: unknown key \"count\" (did you mean room.count?)\n");
	table_expect("zzzzzz: 1\n", "a.yaml:1:1: unknown key \"zzzzzz\"\n");
	table_expect("room: 5\n", "a.yaml:1:7: room: expected a section, not a single value\n");
	table_expect("room.count: 5\n",
		     "a.yaml:1:1: \"room.count\" is one word here: write each part of the key on a "
		     "line of its own, indented below the one before\n");
}

Test(layer, ten_problems_in_one_run)
{
	table_expect(
		"room:\n"
		"  flag: maybe\n"
		"  count: 0\n"
		"  deep:\n"
		"    size: 1\n"
		"    wait: soon\n"
		"    wiat: 1\n"
		"  name: \"\"\n"
		"  path: \"\"\n"
		"  level: loud\n"
		"  roles: x\n"
		"other: 1\n",
		"a.yaml:2:9: room.flag: expected true or false, not \"maybe\"\n"
		"a.yaml:3:10: room.count: expected a whole number, from 1 to 256 (threads), not "
		"\"0\"\n"
		"a.yaml:5:11: room.deep.size: expected a size such as 64KiB or 1MiB, from 1KiB "
		"to 1GiB, not \"1\"\n"
		"a.yaml:6:11: room.deep.wait: expected a duration such as 250ms, 10s or 24h, "
		"from 0 to 365d, not \"soon\"\n"
		"a.yaml:7:5: unknown key \"room.deep.wiat\" (did you mean room.deep.wait?)\n"
		"a.yaml:8:9: room.name: expected text, from 1 to 8 bytes long, not \"\"\n"
		"a.yaml:9:9: room.path: must be given and not be empty\n"
		"a.yaml:10:10: room.level: expected one of error, warn, info, not \"loud\"\n"
		"a.yaml:11:10: room.roles: expected a list such as [a, b], not a single value\n"
		"a.yaml:12:1: unknown key \"other\"\n");
}

Test(layer, problems_are_bounded)
{
	pdb_buf yaml = {0};
	pdb_config *config;
	char *text;

	for (unsigned i = 0; i < 150; i++) {
		pdb_buf_printf(&yaml, "k%u: 1\n", i);
	}
	pdb_buf_add_byte(&yaml, '\0');
	config = table_read((const char *)yaml.data, NULL);
	cr_expect_eq(pdb_config_problem_count(config), 150);
	text = table_problems(config);
	cr_expect_not_null(strstr(text, "configuration: and 50 more\n"));
	free(text);
	pdb_buf_fini(&yaml);
	pdb_config_destroy(&config);
}
