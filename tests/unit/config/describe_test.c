/* SPDX-License-Identifier: Apache-2.0 */
/* What describes the options: the sample reads back, the schema is JSON, the reference a table. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/json.h"
#include "table.h"

static char *describe(pdb_status (*write)(const pdb_config *, pdb_buf *))
{
	pdb_config *config = table_read("", NULL);
	pdb_buf out = {0};
	char *text;

	cr_assert_eq(write(config, &out), PDB_OK);
	text = strndup((const char *)out.data, out.len);
	pdb_buf_fini(&out);
	pdb_config_destroy(&config);
	return text;
}

Test(describe, the_sample_is_acceptable_with_and_without_its_marks)
{
	char *sample = describe(pdb_config_sample);
	char *to = sample;

	table_expect(sample, "");
	cr_expect_not_null(strstr(sample, "  # A number. Takes a whole number, from 1 to 256 "
					  "(threads).\n  #count: 8\n"));
	/* "#key" is an option, "# word" a comment. */
	for (char *from = sample; *from != '\0'; from++) {
		if (from[0] != '#' || from[1] == ' ') {
			*to++ = *from;
		}
	}
	*to = '\0';
	table_expect(sample, "");
	free(sample);
}

Test(describe, the_schema_is_json)
{
	char *schema = describe(pdb_config_schema);
	pdb_slice span;
	pdb_slice member;

	cr_assert_eq(pdb_json_check(pdb_slice_text(schema), &span, NULL), PDB_OK, "%s", schema);
	cr_assert(pdb_json_member(span, "properties", &member));
	cr_assert(pdb_json_member(member, "room", &member));
	cr_assert(pdb_json_member(member, "properties", &member));
	cr_assert(pdb_json_member(member, "count", &member));
	cr_expect(pdb_json_member(member, "maximum", &span) && pdb_slice_is(span, "256"));
	cr_expect(pdb_json_member(member, "default", &span) && pdb_slice_is(span, "8"));
	free(schema);
}

Test(describe, the_reference_has_a_row_per_option)
{
	char *page = describe(pdb_config_reference);

	cr_expect_not_null(strstr(page, "\n## room\n\n| Option |"));
	cr_expect_not_null(strstr(page, "| `room.count` | number | `8` | 1 to 256 threads | "
					"`PROGRESSDB_COUNT` | A number. Taken over on reload. |\n"),
			   "%s", page);
	cr_expect_not_null(strstr(page, "A path, or \\| so. **Required.**"));
	free(page);
}
