/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused in a file before any value is looked at. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/buf.h"
#include "table.h"

Test(document, refusals)
{
	table_expect("room:\n  count: 1\n  count: 2\n",
		     "a.yaml:3:3: the key \"count\" is given twice; first on line 2\n");
	table_expect("room:\n  name: &x abc\n", "a.yaml:2:9: anchors are not accepted\n");
	table_expect("room:\n  name: *x\n", "a.yaml:2:9: aliases are not accepted\n");
	table_expect("room:\n  count: !!int 3\n", "a.yaml:2:10: tags are not accepted\n");
	table_expect("room: {}\n---\nroom: {}\n", "a.yaml:2:1: a second document begins here\n");
	table_expect("[a]: 1\n", "a.yaml:1:1: a key must be a plain word\n");
	table_expect("just text\n",
		     "a.yaml:1:1: a configuration is made of \"key: value\" lines\n");
	table_expect("room:\n  name: \"a\\0b\"\n",
		     "a.yaml:2:9: a value may not hold a NUL character\n");
	table_expect("room:\n  count: \"3\n", "a.yaml:3:1: not YAML: found unexpected end of "
					      "stream while scanning a quoted scalar\n");
}

Test(document, depth)
{
	pdb_buf yaml = {0};

	pdb_buf_add_text(&yaml, "rules: ");
	for (unsigned i = 0; i < 32; i++) {
		pdb_buf_add_byte(&yaml, '[');
	}
	pdb_buf_add_byte(&yaml, '\0');
	table_expect((const char *)yaml.data, "a.yaml:1:39: the nesting is deeper than 32 "
					      "levels\n");
	pdb_buf_fini(&yaml);
}

Test(document, size_and_number_of_values)
{
	pdb_config *config = NULL;
	pdb_buf yaml = {0};
	char *text;

	cr_assert(pdb_buf_reserve(&yaml, 1024 * 1024 + 1));
	memset(yaml.data, '\n', 1024 * 1024 + 1);
	yaml.len = 1024 * 1024 + 1;
	cr_assert_eq(pdb_config_create(&config, NULL), PDB_OK);
	cr_assert_eq(pdb_config_add_text(config, "big", pdb_buf_slice(&yaml), NULL), PDB_OK);
	pdb_buf_clear(&yaml);
	pdb_buf_add_text(&yaml, "rules: [");
	for (unsigned i = 0; i < 10000; i++) {
		pdb_buf_add_text(&yaml, "1,");
	}
	pdb_buf_add_byte(&yaml, ']');
	cr_assert_eq(pdb_config_add_text(config, "many", pdb_buf_slice(&yaml), NULL), PDB_OK);
	text = table_problems(config);
	cr_expect_str_eq(text, "big: the file is larger than 1 MiB\n"
			       "many:1:20005: there are more than 10,000 values in this file\n");
	free(text);
	pdb_buf_fini(&yaml);
	pdb_config_destroy(&config);
}

Test(document, missing_file)
{
	pdb_config *config = NULL;
	char *text;

	cr_assert_eq(pdb_config_create(&config, NULL), PDB_OK);
	cr_assert_eq(pdb_config_add_file(config, "/nonexistent/x.yaml", NULL), PDB_OK);
	text = table_problems(config);
	cr_expect_str_eq(text, "/nonexistent/x.yaml: the file cannot be read: No such file or "
			       "directory\n");
	free(text);
	pdb_config_destroy(&config);
}
