/* SPDX-License-Identifier: Apache-2.0 */
/* Values of each type: what is taken, and what each refusal says and where. */
#include <criterion/criterion.h>

#include "table.h"

Test(value, defaults)
{
	const table_settings *settings;
	pdb_config *config = table_read("", &settings);

	cr_expect_eq(pdb_config_problem_count(config), 0);
	cr_expect(settings->flag);
	cr_expect_eq(settings->count, 8);
	cr_expect_eq(settings->size, 1 << 20);
	cr_expect_eq(settings->wait, INT64_C(10000000000));
	cr_expect_str_eq(settings->name, "lobby");
	cr_expect_str_eq(settings->path, "./data");
	cr_expect_eq(settings->level, 2);
	cr_expect_eq(settings->roles.count, 2);
	cr_expect_str_eq(settings->roles.items[1], "assistant");
	cr_expect_str_eq(settings->rules, "");
	cr_expect_str_eq(settings->token, "");
	pdb_config_destroy(&config);
	cr_expect_null(config);
}

Test(value, every_type_from_a_file)
{
	const table_settings *settings;
	pdb_config *config = table_read("room:\n"
					"  flag: Off\n"
					"  count: 1_00\n"
					"  deep: {size: 2m, wait: 1h30m}\n"
					"  name: \"123\"\n"
					"  path: /x\n"
					"  level: WARN\n"
					"  roles: [user, 12]\n"
					"rules:\n"
					"  - {path: body.x, max: 10, big: 12345678901234567890,\n"
					"     yes: yes, none: ~, quoted: \"10\", grouped: 1_0}\n",
					&settings);

	cr_expect_eq(pdb_config_problem_count(config), 0);
	cr_expect_not(settings->flag);
	cr_expect_eq(settings->count, 100);
	cr_expect_eq(settings->size, 2 << 20);
	cr_expect_eq(settings->wait, INT64_C(5400) * 1000000000);
	cr_expect_str_eq(settings->name, "123");
	cr_expect_eq(settings->level, 1);
	cr_expect_str_eq(settings->roles.items[1], "12");
	cr_expect_str_eq(settings->rules,
			 "[{\"path\":\"body.x\",\"max\":10,\"big\":12345678901234567890,"
			 "\"yes\":\"yes\",\"none\":null,\"quoted\":\"10\",\"grouped\":\"1_0\"}]");
	pdb_config_destroy(&config);
}

typedef struct spelling {
	const char *text;
	int64_t number; /* -1: refused */
} spelling;

static int64_t read_number(const char *key, const char *text,
			   int64_t table_settings_value(const table_settings *))
{
	const table_settings *settings;
	char yaml[128];
	pdb_config *config;
	int64_t number;

	(void)snprintf(yaml, sizeof(yaml), "room: {deep: {%s: %s}}", key, text);
	config = table_read(yaml, &settings);
	number = pdb_config_problem_count(config) > 0 ? -1 : table_settings_value(settings);
	pdb_config_destroy(&config);
	return number;
}

static int64_t wait_of(const table_settings *settings)
{
	return settings->wait;
}

static int64_t size_of(const table_settings *settings)
{
	return settings->size;
}

Test(value, durations)
{
	static const spelling spellings[] = {
		{"0", 0},
		{"0s", 0},
		{"5", INT64_C(5000000000)},
		{"500ms", 500000000},
		{"7us", 7000},
		{"9ns", 9},
		{"24h", INT64_C(86400000000000)},
		{"30d", INT64_C(2592000000000000)},
		{"1.5s", 1500000000},
		{"0.25h", INT64_C(900000000000)},
		{"1h30m", INT64_C(5400000000000)},
		{"10x", -1},
		{"-5s", -1},
		{"5s5", -1},
		{"s", -1},
		{"1.s", -1},
		{"999999999999999999d", -1},
		{"99999999999999999999", -1},
		{"366d", -1},
	};

	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		int64_t number = read_number("wait", spellings[i].text, wait_of);

		cr_expect_eq(number, spellings[i].number, "%s: %lld", spellings[i].text,
			     (long long)number);
	}
}

Test(value, sizes)
{
	static const spelling spellings[] = {
		{"1024", 1024},  {"4K", 4096},         {"4KiB", 4096},  {"4kb", 4096},
		{"1M", 1 << 20}, {"1 MiB", 1 << 20},   {"1G", 1 << 30}, {"2_048B", 2048},
		{"1", -1},       {"2G", -1},           {"1.5M", -1},    {"1X", -1},
		{"MiB", -1},     {"99999999999T", -1}, {"-1K", -1},     {"10__24", -1},
	};

	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		int64_t number = read_number("size", spellings[i].text, size_of);

		cr_expect_eq(number, spellings[i].number, "%s: %lld", spellings[i].text,
			     (long long)number);
	}
}

Test(value, refusals_name_place_type_bounds_and_unit)
{
	table_expect(
		"room:\n  count: eighty\n",
		"a.yaml:2:10: room.count: expected a whole number, from 1 to 256 (threads), not "
		"\"eighty\"\n");
	table_expect(
		"room:\n  count: 300\n",
		"a.yaml:2:10: room.count: expected a whole number, from 1 to 256 (threads), not "
		"\"300\"\n");
	table_expect(
		"room:\n  count: [1]\n",
		"a.yaml:2:10: room.count: expected a whole number, from 1 to 256 (threads), not "
		"a list\n");
	table_expect(
		"room:\n  count:\n    x: 1\n",
		"a.yaml:3:5: room.count: expected a whole number, from 1 to 256 (threads), not "
		"a section\n");
	table_expect("room:\n  flag: tru\n", "a.yaml:2:9: room.flag: expected true or false, not "
					     "\"tru\" (did you mean true?)\n");
	table_expect(
		"room: {deep: {size: 2T}}\n",
		"a.yaml:1:21: room.deep.size: expected a size such as 64KiB or 1MiB, from 1KiB "
		"to 1GiB, not \"2T\"\n");
	table_expect("room: {level: wran}\n", "a.yaml:1:15: room.level: expected one of error, "
					      "warn, info, not \"wran\"\n");
	table_expect("room: {level: inf}\n", "a.yaml:1:15: room.level: expected one of error, "
					     "warn, info, not \"inf\" (did you mean info?)\n");
	table_expect("room: {name: a far too long name}\n",
		     "a.yaml:1:14: room.name: expected text, from 1 to 8 bytes long, not "
		     "\"a far too long name\"\n");
	table_expect("room:\n  path: \"\"\n",
		     "a.yaml:2:9: room.path: must be given and not be empty\n");
	table_expect("room:\n  path:\n", "a.yaml:2:8: room.path: must be given and not be empty\n");
}

Test(value, refusals_of_lists)
{
	table_expect("room:\n  roles: user\n", "a.yaml:2:10: room.roles: expected a list such as "
					       "[a, b], not a single value\n");
	table_expect("room:\n  roles: {a: 1}\n", "a.yaml:2:10: room.roles: expected a list such as "
						 "[a, b], not a section\n");
	table_expect("room:\n  roles: [a, [b], ~]\n",
		     "a.yaml:2:14: room.roles: an element of this list must be a word, not a list\n"
		     "a.yaml:2:19: room.roles: an element of this list is empty\n");
	table_expect("room:\n  roles: [a, b, c, d]\n",
		     "a.yaml:2:10: room.roles: expected a list, from 0 to 3 elements, not 4\n");
}

Test(value, a_secret_is_never_said)
{
	table_expect("room:\n  token: sk_very_long_secret\n",
		     "a.yaml:2:10: room.token: expected text, from 0 to 8 bytes long, not this "
		     "value\n");
}

Test(value, nothing_means_the_default)
{
	const table_settings *settings;
	pdb_config *config = table_read("room: {count: , level: \"\", roles: ~}\nrules:\n"
					"security:\n",
					&settings);

	cr_expect_eq(pdb_config_problem_count(config), 0);
	cr_expect_eq(settings->count, 8);
	cr_expect_eq(settings->roles.count, 2);
	cr_expect_not(pdb_config_given(config, "room.count"));
	pdb_config_destroy(&config);
}
