/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of option tables: nothing in a row may reach outside the settings. */
#include <criterion/criterion.h>

#include "plugin/plugin_private.h"

typedef struct settings {
	bool flag;
	int64_t number;
	pdb_option_list list;
} settings;

/* A row as a later minor version might have it: longer. */
typedef struct long_row {
	pdb_option row;
	const char *later;
} long_row;

static pdb_option rows[3];
static pdb_manifest manifest;
static pdb_err err;

static void set_up(void)
{
	rows[0] = (pdb_option){.key = "a.flag",
			       .type = PDB_OPTION_BOOL,
			       .offset = offsetof(settings, flag),
			       .help = "A flag."};
	rows[1] = (pdb_option){.key = "a.number",
			       .type = PDB_OPTION_INT,
			       .offset = offsetof(settings, number),
			       .min = -1,
			       .max = 1,
			       .help = "A number."};
	rows[2] = (pdb_option){.key = "a.list",
			       .type = PDB_OPTION_LIST,
			       .offset = offsetof(settings, list),
			       .help = "A list."};
	manifest.options = (pdb_option_table)PDB_OPTION_TABLE(rows, settings);
}

TestSuite(options, .init = set_up);

static void refused(const char *why)
{
	err.text[0] = '\0';
	cr_expect_eq(pdb__manifest_check_options(&manifest, &err), PDB_EABI);
	cr_expect_not_null(strstr(err.text, why), "\"%s\" is not in \"%s\"", why, err.text);
}

Test(options, accepts_a_good_table_and_none)
{
	cr_expect_eq(pdb__manifest_check_options(&manifest, &err), PDB_OK, "%s", err.text);
	manifest.options = (pdb_option_table){0};
	cr_expect_eq(pdb__manifest_check_options(&manifest, &err), PDB_OK);
}

Test(options, walks_by_the_stride_of_the_author)
{
	long_row longer[2] = {{.row = rows[0]}, {.row = rows[1]}};

	manifest.options =
		(pdb_option_table){&longer[0].row, 2, sizeof(long_row), sizeof(settings)};
	cr_expect_eq(pdb__manifest_check_options(&manifest, &err), PDB_OK, "%s", err.text);
	longer[1].row.key = NULL;
	refused("(row 2) has no key");
}

Test(options, refuses_a_short_or_crooked_stride)
{
	manifest.options.stride = sizeof(pdb_option) - 8;
	refused("a row of the option table has");
	manifest.options.stride = sizeof(pdb_option) + 4;
	refused("a row of the option table has");
}

Test(options, refuses_rows_without_an_address_and_too_many)
{
	manifest.options.rows = NULL;
	refused("at no address");
	manifest.options.rows = rows;
	manifest.options.count = 1001;
	refused("1001 rows");
}

Test(options, refuses_what_lies_outside_the_settings)
{
	const size_t bad[] = {sizeof(settings) - 8, sizeof(settings), SIZE_MAX - 7, 4};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rows[2].offset = bad[i];
		refused("the option a.list (row 3) lies outside the settings");
	}
}

Test(options, refuses_unknown_types_and_flags)
{
	rows[1].flags = 0x80;
	refused("a.number (row 2) has unknown flags");
	rows[1].flags = 0;
	rows[1].type = (pdb_option_type)77;
	refused("a.number (row 2) is of an unknown type");
}

Test(options, refuses_an_enum_without_choices)
{
	static const char *const none[] = {NULL};

	rows[1].type = PDB_OPTION_ENUM;
	refused("has no choices");
	rows[1].choices = none;
	refused("has no choices");
}

Test(options, refuses_crossed_bounds_and_missing_help)
{
	rows[1].min = 2;
	refused("bounds that cross");
	rows[0].help = NULL;
	refused("has no help text");
}
