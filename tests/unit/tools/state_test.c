/* SPDX-License-Identifier: Apache-2.0 */
/* State files, and names. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/names.h"
#include "tools/state.h"

static char folder[64];
static char path[96];

static void make_folder(void)
{
	(void)snprintf(folder, sizeof(folder), "/tmp/pdb-state-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/state", folder);
}

static void remove_folder(void)
{
	(void)unlink(path);
	(void)rmdir(folder);
}

TestSuite(state, .init = make_folder, .fini = remove_folder);

Test(state, comes_back_as_it_was_written)
{
	pdb_state state = {.what = "import of a file to http://x",
			   .offset = UINT64_MAX,
			   .count = 7,
			   .seq = 9,
			   .thread = "t-1"};
	pdb_state back;
	pdb_err err = {0};

	cr_assert_eq(pdb_state_read(&back, path, state.what, &err), PDB_ENOTFOUND);
	cr_assert_eq(pdb_state_write(&state, path, &err), PDB_OK, "%s", err.text);
	state.count = 8;
	cr_assert_eq(pdb_state_write(&state, path, &err), PDB_OK, "%s", err.text);
	cr_assert_eq(pdb_state_read(&back, path, state.what, &err), PDB_OK, "%s", err.text);
	cr_assert_eq(back.offset, UINT64_MAX);
	cr_assert_eq(back.count, 8);
	cr_assert_eq(back.seq, 9);
	cr_assert_str_eq(back.thread, "t-1");
	pdb_state_remove(path);
	cr_assert_eq(pdb_state_read(&back, path, state.what, &err), PDB_ENOTFOUND);
	cr_assert_eq(rmdir(folder), 0, "nothing is left beside it");
}

Test(state, is_not_followed_when_it_is_of_something_else)
{
	pdb_state state = {.what = "import of a", .offset = 5};
	pdb_err err = {0};
	FILE *file;

	cr_assert_eq(pdb_state_write(&state, path, &err), PDB_OK);
	cr_assert_eq(pdb_state_read(&state, path, "import of b", &err), PDB_EINVAL);
	file = fopen(path, "w");
	(void)fputs("somebody's notes\n", file);
	(void)fclose(file);
	cr_assert_eq(pdb_state_read(&state, path, "import of a", &err), PDB_EINVAL);
}

Test(state, says_when_it_cannot_be_written)
{
	pdb_state state = {.what = "x"};
	pdb_err err = {0};

	cr_assert_eq(pdb_state_write(&state, "/nowhere/at/all", &err), PDB_EBACKEND);
	cr_assert_neq(err.text[0], '\0');
}

Test(names, are_sorted_and_single)
{
	static const char *const given[] = {"b", "a", "c", "a", "b", "a"};
	pdb_names names = {0};
	pdb_err err = {0};

	for (size_t i = 0; i < 6; i++) {
		cr_assert_eq(pdb_names_add(&names, given[i], &err), PDB_OK);
	}
	pdb_names_settle(&names);
	cr_assert_eq(names.count, 3);
	cr_assert_str_eq(names.items[0], "a");
	cr_assert_str_eq(names.items[2], "c");
	pdb_names_fini(&names);
	pdb_names_settle(&names);
	cr_assert_eq(names.count, 0);
}
