/* SPDX-License-Identifier: Apache-2.0 */
/* Where the plugins of the running program are. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "plugin/directory.h"

Test(directory, lies_beside_the_program)
{
	char found[1024];
	char *real;
	pdb_err err = {0};

	cr_assert_eq(pdb_plugin_directory(found, sizeof(found), &err), PDB_OK, "%s", err.text);
	real = realpath(found, NULL);
	cr_assert_not_null(real, "%s is not there", found);
	cr_assert_str_eq(real, PDB_TEST_PLUGINS);
	free(real);
}

Test(directory, says_when_the_path_does_not_fit)
{
	char found[8];
	pdb_err err = {0};

	cr_assert_eq(pdb_plugin_directory(found, sizeof(found), &err), PDB_ETOOLARGE);
	cr_assert_neq(err.text[0], '\0');
}
