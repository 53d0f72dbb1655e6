/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshot: dump, compare, tables of other sizes, checks, and memory that runs out. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/mem.h"
#include "table.h"

Test(snapshot, dump_shows_origins_and_hides_secrets)
{
	pdb_config *config = table_read("room: {count: 3, token: hush}\n"
					"security: {api_keys: {backend: [sk_hush]}}\n",
					NULL);
	char *text = table_dump(config);

	cr_expect_str_eq(text,
			 "room:\n"
			 "  count: 3  # a.yaml:1:15\n"
			 "  deep:\n"
			 "    size: 1MiB  # default\n"
			 "    wait: 10s  # default\n"
			 "  flag: true  # default\n"
			 "  level: \"info\"  # default\n"
			 "  name: \"lobby\"  # default\n"
			 "  path: \"./data\"  # default\n"
			 "  roles: [\"user\", \"assistant\"]  # default\n"
			 "  token: \"***\"  # a.yaml:1:25\n"
			 "rules: null  # default\n"
			 "security:\n"
			 "  api_keys:\n"
			 "    backend: \"***\"  # a.yaml:2:32\n",
			 "%s", text);
	free(text);
	pdb_config_destroy(&config);
}

typedef struct difference {
	char text[256];
} difference;

static void take_difference(void *arg, const char *key, bool reloadable)
{
	difference *out = arg;
	size_t len = strlen(out->text);

	(void)snprintf(out->text + len, sizeof(out->text) - len, "%s%s ", key,
		       reloadable ? "+" : "");
}

Test(snapshot, compare)
{
	pdb_config *before = table_read("room: {count: 3, token: a}", NULL);
	pdb_config *after = table_read("room: {count: 4, token: b, name: lobby}", NULL);
	difference found = {""};

	pdb_config_compare(before, before, after, take_difference, &found);
	cr_expect_str_eq(found.text, "room.count+ room.token ");
	pdb_config_destroy(&before);
	pdb_config_destroy(&after);
}

/* What needs a restart differs from what the process began with, whatever was read since. */
Test(snapshot, compare_with_what_is_in_force)
{
	pdb_config *first = table_read("room: {count: 3, token: a}", NULL);
	pdb_config *second = table_read("room: {count: 4, token: b}", NULL);
	difference again = {""};
	difference back = {""};

	pdb_config_compare(first, second, second, take_difference, &again);
	cr_expect_str_eq(again.text, "room.token ");
	pdb_config_compare(first, second, first, take_difference, &back);
	cr_expect_str_eq(back.text, "room.count+ ");
	pdb_config_destroy(&first);
	pdb_config_destroy(&second);
}

/* As a plugin would be that was built when rows had one field more. */
typedef struct long_option {
	pdb_option row;
	void *more;
} long_option;

Test(snapshot, stride)
{
	static const long_option rows[] = {
		{{"x.a", PDB_OPTION_INT, 0, 0, "1", 0, 0, NULL, NULL, NULL, "A."}, NULL},
		{{"x.b", PDB_OPTION_INT, 0, 8, "2", 0, 0, NULL, NULL, NULL, "B."}, NULL},
	};
	static const pdb_option_table wide = {&rows[0].row, 2, sizeof(rows[0]), 16};
	static const pdb_option_table narrow = {&rows[0].row, 2, 16, 16};
	pdb_config *config = NULL;
	const void *settings = NULL;

	cr_assert_eq(pdb_config_create(&config, NULL), PDB_OK);
	cr_assert_eq(pdb_config_read(config, "x", &wide, NULL, &settings, NULL), PDB_OK);
	cr_expect_eq(((const int64_t *)settings)[1], 2);
	cr_expect_eq(pdb_config_read(config, "x", &narrow, NULL, &settings, NULL), PDB_EABI);
	cr_expect_null(settings);
	pdb_config_destroy(&config);
}

Test(snapshot, a_default_that_does_not_fit_is_the_tables_fault)
{
	static const pdb_option rows[] = {
		{"x.a", PDB_OPTION_INT, 0, 0, "9", 1, 5, NULL, NULL, NULL, "A."}};
	static const pdb_option_table bad = {rows, 1, sizeof(rows[0]), 8};
	pdb_config *config = NULL;
	const void *settings;
	pdb_err err = {0};

	cr_assert_eq(pdb_config_create(&config, NULL), PDB_OK);
	cr_expect_eq(pdb_config_read(config, "x", &bad, NULL, &settings, &err), PDB_EABI);
	cr_expect_not_null(strstr(err.text, "x.a"));
	pdb_config_destroy(&config);
}

static void check(const void *settings, pdb_problem_fn problem, void *arg)
{
	const table_settings *given = settings;

	if (given->count > 10) {
		problem(arg, "room.count", "is more than the room holds");
	}
	problem(arg, "room.name", "is not nice");
}

Test(snapshot, check_and_the_same_key_twice)
{
	pdb_config *config = NULL;
	const void *settings;
	char *text;

	cr_assert_eq(pdb_config_create(&config, NULL), PDB_OK);
	cr_assert_eq(pdb_config_add_text(config, "a.yaml", PDB_SLICE("room: {count: 11}"), NULL),
		     PDB_OK);
	cr_assert_eq(pdb_config_read(config, "one", &table, check, &settings, NULL), PDB_OK);
	cr_assert_eq(pdb_config_read(config, "two", &table, NULL, &settings, NULL), PDB_OK);
	text = table_problems(config);
	cr_expect_not_null(strstr(text, "a.yaml:1:15: room.count: is more than the room holds\n"
					"configuration: room.name: is not nice\n"));
	cr_expect_not_null(strstr(text, "room.count: both one and two have an option of this "
					"name\n"));
	free(text);
	pdb_config_destroy(&config);
}

static pdb_status read_all(void)
{
	static const char yaml[] = "room: {count: x, roles: [a, b], nmae: 1}\nrules: [1]\n";
	static char variable[] = "PROGRESSDB_COUNT=4";
	static char *environment[] = {variable, NULL};
	pdb_config *config = NULL;
	const void *settings;
	pdb_status status = pdb_config_create(&config, NULL);

	if (status == PDB_OK) {
		status = pdb_config_add_text(config, "a", pdb_slice_text(yaml), NULL);
	}
	if (status == PDB_OK) {
		status = pdb_config_add_environment(config, environment, NULL);
	}
	if (status == PDB_OK) {
		status = pdb_config_read(config, "room", &table, NULL, &settings, NULL);
	}
	if (status == PDB_OK) {
		status = pdb_config_finish(config, NULL);
	}
	pdb_config_destroy(&config);
	return status;
}

Test(snapshot, memory_may_run_out_anywhere)
{
	unsigned long nth = 0;
	pdb_status status;

	do {
		pdb_mem_fail(++nth, true);
		status = read_all();
		pdb_mem_fail(0, false);
		cr_assert(status == PDB_OK || status == PDB_ENOMEM, "allocation %lu: %d", nth,
			  status);
	} while (status != PDB_OK);
	cr_expect_gt(nth, 5);
}
