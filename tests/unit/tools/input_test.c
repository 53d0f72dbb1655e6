/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of files. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "tools/input.h"

static char path[64];

static void write_file(const void *bytes, size_t len)
{
	int fd;

	(void)snprintf(path, sizeof(path), "/tmp/pdb-input-XXXXXX");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	(void)close(fd);
}

static void remove_file(void)
{
	(void)unlink(path);
}

static void expect_line(pdb_input *input, const char *text, uint64_t offset_behind)
{
	pdb_slice line;
	pdb_err err = {0};

	cr_assert_eq(pdb_input_line(input, &line, &err), PDB_OK, "%s", err.text);
	cr_assert(pdb_slice_is(line, text), "\"%.*s\"", PDB_SLICE_ARGS(line));
	cr_assert_eq(pdb_input_offset(input), offset_behind);
}

TestSuite(input, .fini = remove_file);

Test(input, gives_lines_and_where_it_is)
{
	static const char text[] = "one\n\ntwo\r\nlast";
	pdb_input *input;
	pdb_slice line;
	pdb_err err = {0};

	write_file(text, sizeof(text) - 1);
	cr_assert_eq(pdb_input_open(&input, path, &err), PDB_OK);
	expect_line(input, "one", 4);
	expect_line(input, "", 5);
	expect_line(input, "two", 10);
	expect_line(input, "last", 14);
	cr_assert_eq(pdb_input_line_number(input), 4);
	cr_assert_eq(pdb_input_line(input, &line, &err), PDB_ESTOP);
	cr_assert_eq(pdb_input_line(input, &line, &err), PDB_ESTOP);
	cr_assert_eq(pdb_input_raw_total(input), 14);
	pdb_input_close(&input);
}

/* Many lines of all lengths, so that they lie across every boundary of the buffers. */
static char *long_text(size_t *len_out)
{
	size_t cap = 8u << 20;
	char *text = malloc(cap);
	size_t len = 0;

	for (size_t i = 0; len + 5000 < cap; i++) {
		size_t fill = i * 37 % 4099;

		len += (size_t)snprintf(text + len, 24, "%zu:", i);
		memset(text + len, 'a' + (int)(i % 26), fill);
		len += fill;
		text[len++] = '\n';
	}
	*len_out = len;
	return text;
}

static void expect_text(pdb_input *input, const char *text, size_t len)
{
	size_t at = 0;
	pdb_slice line;
	pdb_err err = {0};

	while (at < len) {
		size_t end = (size_t)((const char *)memchr(text + at, '\n', len - at) - text);

		cr_assert_eq(pdb_input_line(input, &line, &err), PDB_OK, "%s", err.text);
		cr_assert(pdb_slice_equal(line, pdb_slice_of(text + at, end - at)));
		at = end + 1;
		cr_assert_eq(pdb_input_offset(input), at);
	}
	cr_assert_eq(pdb_input_line(input, &line, &err), PDB_ESTOP);
}

Test(input, reads_long_files_plain_and_packed)
{
	size_t len;
	char *text = long_text(&len);
	size_t bound = ZSTD_compressBound(len);
	char *packed = malloc(2 * bound);
	/* Two frames in a row are one file, as `cat a.zst b.zst` makes it. */
	size_t half = (size_t)((char *)memchr(text + len / 2, '\n', len / 2) - text) + 1;
	size_t first = ZSTD_compress(packed, bound, text, half, 3);
	size_t second = ZSTD_compress(packed + first, bound, text + half, len - half, 3);
	pdb_input *input;
	pdb_err err = {0};

	write_file(text, len);
	cr_assert_eq(pdb_input_open(&input, path, &err), PDB_OK);
	expect_text(input, text, len);
	pdb_input_close(&input);
	remove_file();
	write_file(packed, first + second);
	cr_assert_eq(pdb_input_open(&input, path, &err), PDB_OK);
	expect_text(input, text, len);
	pdb_input_close(&input);
	free(packed);
	free(text);
}

static pdb_status read_all(pdb_err *err)
{
	pdb_input *input;
	pdb_slice line;
	pdb_status status = pdb_input_open(&input, path, err);

	while (status == PDB_OK) {
		status = pdb_input_line(input, &line, err);
	}
	pdb_input_close(&input);
	return status;
}

Test(input, refuses_a_damaged_or_cut_pack)
{
	static const char text[] = "{\"a\":1}\n{\"a\":2}\n";
	char packed[256];
	size_t len = ZSTD_compress(packed, sizeof(packed), text, sizeof(text) - 1, 3);
	pdb_err err = {0};

	write_file(packed, len - 3);
	cr_assert_eq(read_all(&err), PDB_ECORRUPT, "a cut file");
	remove_file();
	packed[5] ^= 0x7f;
	write_file(packed, len);
	cr_assert_eq(read_all(&err), PDB_ECORRUPT, "a damaged file");
}

Test(input, refuses_a_line_without_end_and_a_file_that_is_not_there)
{
	size_t len = PDB_INPUT_LINE_MAX + (1u << 20);
	char *text = malloc(len);
	pdb_input *input;
	pdb_err err = {0};

	memset(text, 'x', len);
	write_file(text, len);
	free(text);
	cr_assert_eq(read_all(&err), PDB_ETOOLARGE);
	cr_assert_eq(pdb_input_open(&input, "/nowhere/at/all", &err), PDB_ENOTFOUND);
	cr_assert_null(input);
}
