/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a full export: what is written comes back as the server had it. */
#include <criterion/criterion.h>

#include "tools/full.h"

static pdb_full_line line;

static void free_line(void)
{
	pdb_buf_fini(&line.json);
	line = (pdb_full_line){0};
}

TestSuite(full, .fini = free_line);

static pdb_status read_text(const char *text, pdb_err *err)
{
	return pdb_full_read(&line, pdb_slice_text(text), err);
}

static void there_and_back(const char *object)
{
	pdb_buf text = {0};
	pdb_err err = {0};

	pdb_full_write(pdb_slice_text(object), &text);
	cr_assert_not(text.failed);
	cr_expect_null(memchr(text.data, '\n', text.len));
	cr_expect_null(memchr(text.data, '\r', text.len));
	cr_assert_eq(pdb_full_read(&line, pdb_buf_slice(&text), &err), PDB_OK, "%s", err.text);
	cr_expect_eq(line.kind, PDB_FULL_OF_THREAD);
	cr_expect_str_eq(line.thread, "t-1");
	cr_expect(pdb_slice_is(pdb_buf_slice(&line.json), object), "%.*s",
		  PDB_SLICE_ARGS(pdb_buf_slice(&line.json)));
	pdb_buf_fini(&text);
}

Test(full, keeps_every_byte)
{
	there_and_back(
		"{\"type\":\"message\",\"thread\":\"t-1\",\"body\":{\"b\":1e2,\"a\":[ 1 ,\t2 ]}}");
	there_and_back(
		"{\"type\":\"message\",\"thread\":\"t-1\",\"body\":\"\\n\\u0000\\ud83d\\ude00\"}");
	there_and_back("{\"type\":\"message\",\"thread\":\"t-1\",\"body\":{\n\"a\\n\" "
		       ":\r\n\t[\"\\\"\"]}}");
	there_and_back("{\"type\":\"message\",\"thread\":\"t-1\",\"body\":[\n],\"edited_ts\":5}");
	there_and_back("{\"type\":\"message\",\"thread\":\"t-1\",\"body\":{\"body_text\":\"x\"}}");
	there_and_back("{\"type\":\"thread\",\"id\":\"t-1\",\"attributes\":{\n},\"deleted\":true}");
}

Test(full, reads_the_end)
{
	pdb_err err = {0};

	cr_assert_eq(read_text("{\"type\":\"end\",\"lines\":7}", &err), PDB_OK);
	cr_expect_eq(line.kind, PDB_FULL_END);
	cr_expect_eq(line.lines, 7u);
}

Test(full, refuses_what_is_no_line)
{
	static const char *const texts[] = {
		"[]",
		"7",
		"{",
		"{}",
		"{\"type\":\"end\"}",
		"{\"type\":\"end\",\"lines\":-1}",
		"{\"type\":\"end\",\"lines\":\"7\"}",
		"{\"type\":\"message\"}",
		"{\"type\":\"message\",\"thread\":7}",
		"{\"type\":\"message\",\"thread\":\"a:b\"}",
		"{\"type\":\"message\",\"thread\":\"\"}",
		"{\"type\":\"thread\",\"thread\":\"t-1\"}",
		"{\"type\":\"user\",\"id\":\"t-1\"}",
		"{\"type\":\"message\",\"type\":\"end\",\"thread\":\"t-1\"}",
		"{\"type\":\"message\",\"thread\":\"t-1\",\"body_text\":\"{\"}",
		"{\"type\":\"message\",\"thread\":\"t-1\",\"body_text\":\"\"}",
		"{\"type\":\"message\",\"thread\":\"t-1\",\"body_text\":\"1,\\\"seq\\\":2\"}",
		"{\"type\":\"message\",\"thread\":\"t-1\",\"body\":1,\"body_text\":\"1\"}",
		"{\"type\":\"message\",\"thread\":\"t-1\",\"body_text\":\"1\",\"b\\u006fdy\":1}",
		"{\"type\":\"message\",\"thread\":\"t-1\",\"body\":\"\xff\"}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		pdb_err err = {0};

		cr_expect_eq(read_text(texts[i], &err), PDB_EINVAL, "%s", texts[i]);
	}
}

Test(full, refuses_a_thread_with_a_long_id)
{
	char text[16 * PDB_ID_MAX];
	pdb_err err = {0};
	int len = snprintf(text, sizeof(text), "{\"type\":\"thread\",\"id\":\"");

	for (size_t i = 0; i < PDB_ID_MAX + 1u; i++) {
		len += snprintf(text + len, sizeof(text) - (size_t)len, "\\u0061");
	}
	(void)snprintf(text + len, sizeof(text) - (size_t)len, "\"}");
	cr_expect_eq(read_text(text, &err), PDB_EINVAL);
}

Test(full, knows_its_head)
{
	pdb_err err = {0};
	bool is = false;

	cr_assert_eq(
		pdb_full_is_head(PDB_SLICE("{\"format\":\"progressdb\",\"version\":1}"), &is, &err),
		PDB_OK);
	cr_expect(is);
	cr_assert_eq(pdb_full_is_head(PDB_SLICE("{\"thread\":\"t\",\"body\":1}"), &is, &err),
		     PDB_OK);
	cr_expect_not(is);
	cr_expect_eq(
		pdb_full_is_head(PDB_SLICE("{\"format\":\"progressdb\",\"version\":2}"), &is, &err),
		PDB_EINVAL);
}
