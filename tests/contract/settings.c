/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the plain spellings of option values; the suite stands without the rooms above the store.
 */
#include "settings.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* What is freed at the end: structs and strings. */
static void *made[64];
static size_t made_count;

static void *keep(void *memory)
{
	cr_assert_not_null(memory);
	cr_assert(made_count < sizeof(made) / sizeof(made[0]));
	made[made_count++] = memory;
	return memory;
}

void settings_forget(void)
{
	while (made_count > 0) {
		free(made[--made_count]);
	}
}

/* A number with one of the units; bare numbers have `bare`. */
static int64_t read_number(const char *text, pdb_option_type type)
{
	static const struct {
		const char *name;
		pdb_option_type type;
		int64_t factor;
	} units[] = {
		{"K", PDB_OPTION_SIZE, INT64_C(1) << 10},
		{"KiB", PDB_OPTION_SIZE, INT64_C(1) << 10},
		{"M", PDB_OPTION_SIZE, INT64_C(1) << 20},
		{"MiB", PDB_OPTION_SIZE, INT64_C(1) << 20},
		{"G", PDB_OPTION_SIZE, INT64_C(1) << 30},
		{"GiB", PDB_OPTION_SIZE, INT64_C(1) << 30},
		{"ms", PDB_OPTION_DURATION, INT64_C(1000000)},
		{"s", PDB_OPTION_DURATION, INT64_C(1000000000)},
		{"m", PDB_OPTION_DURATION, INT64_C(60000000000)},
		{"h", PDB_OPTION_DURATION, INT64_C(3600000000000)},
	};
	char *end = NULL;
	long long number = strtoll(text, &end, 10);

	cr_assert(end != text, "'%s' is not a number", text);
	if (*end == '\0') {
		return type == PDB_OPTION_DURATION ? number * INT64_C(1000000000) : number;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (units[i].type == type && strcmp(units[i].name, end) == 0) {
			return number * units[i].factor;
		}
	}
	cr_assert_fail("'%s' has an unknown unit", text);
	return 0;
}

static int64_t read_choice(const pdb_option *row, const char *text)
{
	for (int64_t i = 0; row->choices[i] != NULL; i++) {
		if (strcmp(row->choices[i], text) == 0) {
			return i;
		}
	}
	cr_assert_fail("'%s' is no choice of %s", text, row->key);
	return 0;
}

static void fill(const pdb_option *row, void *settings, const char *text)
{
	void *at = (char *)settings + row->offset;

	switch (row->type) {
	case PDB_OPTION_BOOL:
		*(bool *)at = text != NULL && strcmp(text, "true") == 0;
		break;
	case PDB_OPTION_INT:
	case PDB_OPTION_SIZE:
	case PDB_OPTION_DURATION:
		*(int64_t *)at = text != NULL ? read_number(text, row->type) : 0;
		break;
	case PDB_OPTION_ENUM:
		*(int64_t *)at = text != NULL ? read_choice(row, text) : 0;
		break;
	case PDB_OPTION_STRING:
	case PDB_OPTION_PATH:
	case PDB_OPTION_TREE:
		*(const char **)at = text != NULL ? keep(strdup(text)) : "";
		break;
	case PDB_OPTION_LIST:
		*(pdb_option_list *)at = (pdb_option_list){NULL, 0};
		break;
	}
}

/* The value given for `key`, copied, or NULL. */
static char *find_override(const char *overrides, const char *key)
{
	size_t len = strlen(key);

	while (overrides != NULL && *overrides != '\0') {
		size_t entry = strcspn(overrides, ";");

		if (entry > len && strncmp(overrides, key, len) == 0 && overrides[len] == '=') {
			return strndup(overrides + len + 1, entry - len - 1);
		}
		overrides += entry + (overrides[entry] == ';' ? 1 : 0);
	}
	return NULL;
}

const void *settings_make(const pdb_option_table *table, const char *overrides)
{
	void *settings = keep(calloc(1, table->settings_size + 1));

	for (size_t i = 0; i < table->count; i++) {
		const pdb_option *row =
			(const void *)((const char *)table->rows + i * table->stride);
		char *given = find_override(overrides, row->key);

		fill(row, settings, given != NULL ? given : row->fallback);
		free(given);
	}
	return settings;
}
