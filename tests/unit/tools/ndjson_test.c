/* SPDX-License-Identifier: Apache-2.0 */
/* A message as a line. */
#include <criterion/criterion.h>

#include "tools/ndjson.h"

static pdb_status read_text(pdb_line *line, const char *text, pdb_err *err)
{
	return pdb_line_read(line, pdb_slice_text(text), err);
}

Test(ndjson, splices_the_bytes_of_every_value)
{
	static const char text[] = "{\"seq\":3,\"body\": {\"b\":1e2,\"a\":[ "
				   "12345678901234567890,0.10 ],\"u\":\"\\u00e9\"} ,"
				   "\"thread\":\"t\\u002d1\",\"author\":\"Z\\u00fc\",\"role\":"
				   "\"user\",\"ts\":1546300807,"
				   "\"reply_to\":\"m-0\",\"id\":\"m-1\"}";
	static const char wanted[] =
		"{\"id\":\"m-1\",\"author\":\"Z\\u00fc\",\"role\":\"user\",\"ts\":1546300807,"
		"\"reply_to\":\"m-0\",\"body\":{\"b\":1e2,\"a\":[ 12345678901234567890,0.10 ],"
		"\"u\":\"\\u00e9\"}}";
	pdb_line line;
	pdb_buf out = {0};
	pdb_err err = {0};

	cr_assert_eq(read_text(&line, text, &err), PDB_OK, "%s", err.text);
	cr_assert_str_eq(line.thread, "t-1");
	pdb_line_write(&line, &out);
	cr_assert(pdb_slice_is(pdb_buf_slice(&out), wanted), "%.*s",
		  PDB_SLICE_ARGS(pdb_buf_slice(&out)));
	pdb_buf_fini(&out);
}

Test(ndjson, leaves_out_what_is_absent_or_null)
{
	pdb_line line;
	pdb_buf out = {0};
	pdb_err err = {0};

	cr_assert_eq(read_text(&line,
			       "{\"thread\":\"t\",\"body\":\"x\",\"author\":null,\"id\":\"m\"}",
			       &err),
		     PDB_OK);
	pdb_line_write(&line, &out);
	cr_assert(pdb_slice_is(pdb_buf_slice(&out), "{\"id\":\"m\",\"body\":\"x\"}"));
	pdb_buf_fini(&out);
}

Test(ndjson, knows_a_tombstone)
{
	pdb_line line;
	pdb_err err = {0};

	cr_assert_eq(read_text(&line, "{\"thread\":\"t\",\"body\":null,\"deleted\":true}", &err),
		     PDB_OK);
	cr_assert(line.deleted);
}

Test(ndjson, refuses_what_is_no_message)
{
	static const char *const lines[] = {
		"",
		"[]",
		"17",
		"{\"thread\":\"t\"",
		"{\"thread\":\"t\"}",
		"{\"body\":1}",
		"{\"thread\":\"t\",\"body\":null}",
		"{\"thread\":\"a:b\",\"body\":1}",
		"{\"thread\":\"\",\"body\":1}",
		"{\"thread\":7,\"body\":1}",
		"{\"thread\":\"t\",\"id\":\"a/b\",\"body\":1}",
		"{\"thread\":\"t\",\"body\":1,\"body\":2}",
		"{\"thread\":\"t\",\"body\":1} x",
		"{\"thread\":\"t\",\"body\":\"\xff\"}",
		"{\"thread\":\"t\\u0000\",\"body\":1}",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		pdb_line line;
		pdb_err err = {0};

		cr_assert_eq(read_text(&line, lines[i], &err), PDB_EINVAL, "%s", lines[i]);
		cr_assert_neq(err.text[0], '\0');
	}
}

Test(ndjson, derives_the_same_id_from_the_same_place_only)
{
	static const char text[] = "{\"thread\":\"t\",\"body\":1}";
	pdb_line a = {.thread = "t"};
	pdb_line b = {.thread = "t"};
	pdb_line other = {.thread = "t"};

	pdb_line_derive_id(&a, 1, pdb_slice_text(text));
	pdb_line_derive_id(&b, 1, pdb_slice_text(text));
	cr_assert_str_eq(a.id, b.id);
	cr_assert_eq(strlen(a.id), 20);
	cr_assert_eq(strncmp(a.id, "imp-", 4), 0);
	pdb_line_derive_id(&other, 2, pdb_slice_text(text));
	cr_assert_str_neq(a.id, other.id, "the ordinal counts");
	pdb_line_derive_id(&other, 1, pdb_slice_text("{\"thread\":\"t\",\"body\":2}"));
	cr_assert_str_neq(a.id, other.id, "the bytes count");
	(void)snprintf(other.thread, sizeof(other.thread), "u");
	pdb_line_derive_id(&other, 1, pdb_slice_text(text));
	cr_assert_str_neq(a.id, other.id, "the thread counts");
}
