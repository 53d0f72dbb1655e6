/* SPDX-License-Identifier: Apache-2.0 */
/* The line in a plugin's file: read without loading, and never read past the end of a broken file.
 */
#include <criterion/criterion.h>
#include <elf.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "plugin/plugin_private.h"

#define ACME PDB_TEST_MODULES "/../template/acme.so"

static char line[256];
static pdb_err err;

/* A copy on the heap of exactly the file's size, so that a sanitizer sees a read past its end. */
static uint8_t *slurp(const char *path, size_t *size_out)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes;
	long size;

	cr_assert_not_null(file);
	cr_assert_eq(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	rewind(file);
	bytes = malloc((size_t)size);
	cr_assert_not_null(bytes);
	cr_assert_eq(fread(bytes, 1, (size_t)size, file), (size_t)size);
	(void)fclose(file);
	*size_out = (size_t)size;
	return bytes;
}

Test(inspect, reads_the_line_of_a_plugin)
{
	cr_assert_eq(pdb_manifest_inspect(ACME, line, sizeof(line), &err), PDB_OK, "%s", err.text);
	cr_expect_str_eq(line, "name=acme kind=EXTENSION version=0.1.0 license=Apache-2.0 abi=1.1");
}

Test(inspect, cuts_the_line_at_the_size)
{
	memset(line, 'x', sizeof(line));
	cr_assert_eq(pdb_manifest_inspect(ACME, line, 10, &err), PDB_OK);
	cr_expect_str_eq(line, "name=acme");
	cr_expect_eq(line[10], 'x');
}

Test(inspect, tells_files_apart_that_are_no_plugins)
{
	cr_expect_eq(pdb_manifest_inspect("/nonexistent", line, sizeof(line), &err), PDB_ENOTFOUND);
	cr_expect_not_null(strstr(err.text, "cannot be opened"));
	cr_expect_eq(pdb_manifest_inspect("/tmp", line, sizeof(line), &err), PDB_ENOTFOUND);
	cr_expect_not_null(strstr(err.text, "not a regular file"));
	cr_expect_eq(pdb_manifest_inspect("/dev/null", line, sizeof(line), &err), PDB_ENOTFOUND);
	cr_expect_eq(
		pdb_manifest_inspect(PDB_TEST_MODULES "/no_symbol.so", line, sizeof(line), &err),
		PDB_ENOTFOUND);
	cr_expect_not_null(strstr(err.text, "has no section .pdb.manifest"));
	cr_expect_eq(
		pdb_manifest_inspect(PDB_TEST_SOURCE "/CMakeLists.txt", line, sizeof(line), &err),
		PDB_ENOTFOUND);
}

Test(inspect, survives_files_cut_at_any_length)
{
	size_t size;
	uint8_t *bytes = slurp(ACME, &size);
	size_t found = 0;

	for (size_t len = 0; len <= size; len += len < 4096 ? 1 : 61) {
		uint8_t *cut = malloc(len > 0 ? len : 1);

		cr_assert_not_null(cut);
		memcpy(cut, bytes, len);
		found += pdb__manifest_line(pdb_slice_of(cut, len), line, sizeof(line));
		free(cut);
	}
	/* the table of sections is at the very end of the file */
	cr_expect_leq(found, 1u);
	free(bytes);
}

Test(inspect, survives_any_value_in_any_byte_of_the_head)
{
	static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	size_t size;
	uint8_t *bytes = slurp(ACME, &size);

	for (size_t i = 0; i < sizeof(Elf64_Ehdr); i++) {
		uint8_t kept = bytes[i];

		for (size_t j = 0; j < sizeof(values); j++) {
			bytes[i] = values[j];
			(void)pdb__manifest_line(pdb_slice_of(bytes, size), line, sizeof(line));
		}
		bytes[i] = kept;
	}
	cr_expect(pdb__manifest_line(pdb_slice_of(bytes, size), line, sizeof(line)));
	free(bytes);
}

Test(inspect, survives_any_value_in_the_table_of_sections)
{
	static const uint8_t values[] = {0x00, 0x7f, 0xff};
	size_t size;
	uint8_t *bytes = slurp(ACME, &size);
	Elf64_Ehdr head;

	memcpy(&head, bytes, sizeof(head));
	for (size_t i = head.e_shoff; i < size; i++) {
		uint8_t kept = bytes[i];

		for (size_t j = 0; j < sizeof(values); j++) {
			bytes[i] = values[j];
			(void)pdb__manifest_line(pdb_slice_of(bytes, size), line, sizeof(line));
		}
		bytes[i] = kept;
	}
	free(bytes);
}

Test(inspect, shows_nothing_that_a_terminal_obeys)
{
	static const char wanted[] = "name=acme";
	size_t size;
	uint8_t *bytes = slurp(ACME, &size);
	uint8_t *at = memmem(bytes, size, wanted, sizeof(wanted) - 1);

	cr_assert_not_null(at);
	at[4] = 0x1b;
	cr_assert(pdb__manifest_line(pdb_slice_of(bytes, size), line, sizeof(line)));
	cr_expect_eq(line[4], '?');
	free(bytes);
}

Test(inspect, is_an_error_without_memory)
{
	pdb_mem_fail(1, false);
	cr_expect_eq(pdb_manifest_inspect(ACME, line, sizeof(line), &err), PDB_ENOMEM);
	pdb_mem_fail(0, false);
}
