/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON scanner and writers. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"

static pdb_status check(const char *text, pdb_err *err)
{
	return pdb_json_check(pdb_slice_text(text), NULL, err);
}

static void good(const char *text)
{
	pdb_err err = {0};

	cr_assert_eq(check(text, &err), PDB_OK, "%s: %s", text, err.text);
}

static void bad(const char *text, const char *code)
{
	pdb_err err = {0};

	cr_assert_eq(check(text, &err), PDB_EINVAL, "%s was accepted", text);
	cr_assert_str_eq(err.code, code, "%s: %s", text, err.text);
}

Test(json, accepts_what_the_grammar_allows)
{
	static const char *const texts[] = {
		"0",
		"-0",
		"10",
		"1.5",
		"1e5",
		"1E+5",
		"1e-5",
		"0.10",
		"-0.0e0",
		"1e999",
		"123456789012345678901234567890",
		"\"\"",
		"\"a\"",
		"\"\\u0000\"",
		"\"\\ud83d\\ude00\"",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"true",
		"false",
		"null",
		"[]",
		"{}",
		"[1,2,[3]]",
		" \t\r\n{ \"a\" : [ { } , [ ] ] } \n",
		"{\"a\":1,\"b\":{\"a\":1}}",
		"[{\"a\":1},{\"a\":1}]",
		"\"\xf0\x9f\x98\x80\"",
		"\"\x7f\"",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		good(texts[i]);
	}
}

Test(json, refuses_what_it_does_not)
{
	static const char *const texts[] = {
		"",         " ",          "{",         "[",         "}",           "]",
		"[1",       "[1,",        "[1,]",      "[,1]",      "[1 2]",       "{\"a\"}",
		"{\"a\":}", "{\"a\":1,}", "{,}",       "{a:1}",     "{'a':1}",     "{1:1}",
		"\"",       "\"\\",       "\"\\x\"",   "\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"",
		"\"\t\"",   "01",         "+1",        "-",         "1.",          ".5",
		"1e",       "1e+",        "0x1",       "NaN",       "Infinity",    "tru",
		"truex",    "nul",        "1 1",       "{} {}",     "[]]",         "\xef\xbb\xbf{}",
		"// x\n1",  "[1]x",       "{\"a\" 1}", "[\"a\":1]", "1,",          "\"a\"b",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		bad(texts[i], "invalid_json");
	}
}

Test(json, names_each_other_fault)
{
	bad("\"\\ud800\"", "lone_surrogate");
	bad("\"\\ud800\\u0041\"", "lone_surrogate");
	bad("\"\\ud800x\"", "lone_surrogate");
	bad("\"\\udc00\"", "lone_surrogate");
	bad("\"\xff\"", "invalid_utf8");
	bad("\"\xc0\x80\"", "invalid_utf8");
	bad("\"\xed\xa0\x80\"", "invalid_utf8");
	bad("\"\xf4\x90\x80\x80\"", "invalid_utf8");
	bad("{\"a\":1,\"a\":2}", "duplicate_key");
	bad("{\"a\":1,\"\\u0061\":2}", "duplicate_key");
	bad("{\"\":1,\"\":2}", "duplicate_key");
	bad("[{\"x\":{\"k\":1,\"j\":2,\"k\":3}}]", "duplicate_key");
	cr_assert_eq(pdb_json_check(PDB_SLICE("\"a\0b\""), NULL, NULL), PDB_EINVAL);
	cr_assert_eq(pdb_json_check(PDB_SLICE("1\0"), NULL, NULL), PDB_EINVAL);
}

/* `depth` arrays in one another. */
static void nested(char *out, unsigned depth)
{
	memset(out, '[', depth);
	memset(out + depth, ']', depth);
	out[2 * depth] = '\0';
}

Test(json, limits_depth_and_values)
{
	char text[2 * PDB_JSON_DEPTH_MAX + 3];
	pdb_buf many = {0};

	nested(text, PDB_JSON_DEPTH_MAX);
	good(text);
	nested(text, PDB_JSON_DEPTH_MAX + 1);
	bad(text, "too_deep");

	pdb_buf_add_byte(&many, '[');
	for (unsigned i = 0; i + 1 < PDB_JSON_NODES_MAX; i++) {
		pdb_buf_add_text(&many, i > 0 ? ",1" : "1");
	}
	pdb_buf_add(&many, "]", 2);
	good((const char *)many.data);
	many.len -= 2;
	pdb_buf_add(&many, ",1]", 4);
	bad((const char *)many.data, "too_many_values");
	pdb_buf_fini(&many);
}

Test(json, finds_a_duplicate_among_many_keys)
{
	pdb_buf text = {0};

	pdb_buf_add_byte(&text, '{');
	for (int i = 0; i < 20000; i++) {
		pdb_buf_printf(&text, "\"key%d\":%d,", i, i);
	}
	pdb_buf_add(&text, "\"last\":0}", 10);
	good((const char *)text.data);
	text.len -= 10;
	pdb_buf_add(&text, "\"key7\":0}", 10);
	bad((const char *)text.data, "duplicate_key");
	pdb_buf_fini(&text);
}

Test(json, survives_running_out_of_memory)
{
	pdb_buf text = {0};
	unsigned long nth = 0;
	pdb_status status;

	pdb_buf_add_byte(&text, '{');
	for (int i = 0; i < 2000; i++) {
		pdb_buf_printf(&text, "\"key%d\":%d,", i, i);
	}
	pdb_buf_add_text(&text, "\"last\":0}");
	do {
		pdb_mem_fail(++nth, false);
		status = pdb_json_check(pdb_buf_slice(&text), NULL, NULL);
	} while (status == PDB_ENOMEM);
	pdb_mem_fail(0, false);
	cr_assert_eq(status, PDB_OK);
	cr_assert_gt(nth, 2);
	pdb_buf_fini(&text);
}

Test(json, points_at_the_value_without_its_white_space)
{
	pdb_slice span;

	cr_assert_eq(pdb_json_check(PDB_SLICE(" \n{\"b\" : 1.0}\t "), &span, NULL), PDB_OK);
	cr_assert(pdb_slice_is(span, "{\"b\" : 1.0}"));
	cr_assert_eq(pdb_json_check(PDB_SLICE(" 0.10 "), &span, NULL), PDB_OK);
	cr_assert(pdb_slice_is(span, "0.10"));
}

Test(json, walks_members_with_their_exact_bytes)
{
	pdb_slice object = PDB_SLICE(
		"{ \"a\" : 1.50 , \"b\":[1, {\"c\":\"]}\"}] ,\"\\u0063\":\"x\\\"y\",\"d\":{}}");
	static const char *const values[] = {"1.50", "[1, {\"c\":\"]}\"}]", "\"x\\\"y\"", "{}"};
	static const char *const names[] = {"a", "b", "c", "d"};
	pdb_slice key;
	pdb_slice member;
	size_t cursor = 0;

	cr_assert_eq(pdb_json_check(object, NULL, NULL), PDB_OK);
	for (int i = 0; i < 4; i++) {
		cr_assert(pdb_json_next(object, &cursor, &key, &member));
		cr_assert(pdb_json_key_is(key, names[i]));
		cr_assert(pdb_slice_is(member, values[i]), "%d: %.*s", i, PDB_SLICE_ARGS(member));
	}
	cr_assert_not(pdb_json_next(object, &cursor, &key, &member));
	cr_assert(pdb_json_member(object, "c", &member));
	cr_assert_not(pdb_json_member(object, "e", &member));
}

Test(json, compares_long_escaped_keys)
{
	char name[1000];
	char raw[6 * sizeof(name)];

	memset(name, 'k', sizeof(name));
	for (size_t i = 0; i < sizeof(name); i++) {
		memcpy(raw + 6 * i, "\\u006b", 6);
	}
	cr_assert(pdb_json_key_equals(pdb_slice_of((uint8_t *)raw, sizeof(raw)),
				      pdb_slice_of((uint8_t *)name, sizeof(name))));
	cr_assert_not(pdb_json_key_equals(pdb_slice_of((uint8_t *)raw, sizeof(raw) - 6),
					  pdb_slice_of((uint8_t *)name, sizeof(name))));
	cr_assert_not(pdb_json_key_equals(pdb_slice_of((uint8_t *)raw, sizeof(raw)),
					  pdb_slice_of((uint8_t *)name, sizeof(name) - 1)));
	cr_assert(pdb_json_key_equals(PDB_SLICE("\\ud83d\\ude00"), PDB_SLICE("\xf0\x9f\x98\x80")));
	cr_assert_not(pdb_json_key_equals(PDB_SLICE("\\ud83d\\ude00"), PDB_SLICE("\xf0\x9f\x98")));
}

Test(json, walks_arrays_and_empty_containers)
{
	pdb_slice array = PDB_SLICE("[ 1 ,\"two\", [3] ]");
	pdb_slice key;
	pdb_slice member;
	size_t cursor = 0;
	int count = 0;

	while (pdb_json_next(array, &cursor, &key, &member)) {
		cr_assert_eq(key.len, 0);
		count++;
	}
	cr_assert_eq(count, 3);
	cr_assert(pdb_slice_is(member, "[3]"));
	cursor = 0;
	cr_assert_not(pdb_json_next(PDB_SLICE("[ ]"), &cursor, &key, &member));
	cursor = 0;
	cr_assert_not(pdb_json_next(PDB_SLICE("{}"), &cursor, &key, &member));
}

Test(json, writes_what_it_can_read_back)
{
	for (int c = 0; c < 0x80; c++) {
		uint8_t text[3] = {'<', (uint8_t)c, '>'};
		pdb_buf out = {0};
		char back[64];

		pdb_json_add_string(&out, pdb_slice_of(text, 3));
		cr_assert_eq(pdb_json_check(pdb_buf_slice(&out), NULL, NULL), PDB_OK);
		cr_assert_eq(pdb_json_unescape(pdb_buf_slice(&out), back), 3);
		cr_assert_eq(memcmp(back, text, 3), 0);
		pdb_buf_fini(&out);
	}
}

Test(json, unescapes_all_of_unicode)
{
	char out[64];
	size_t len = pdb_json_unescape(PDB_SLICE("\"\\u00e4\\u20ac\\ud83d\\ude00\\u0000\""), out);

	cr_assert_eq(len, 10);
	cr_assert_eq(memcmp(out, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\0", 10), 0);
}

Test(json, reads_integers_to_their_ends)
{
	int64_t number;

	cr_assert(pdb_json_to_int(PDB_SLICE("-9223372036854775808"), &number) &&
		  number == INT64_MIN);
	cr_assert(pdb_json_to_int(PDB_SLICE("9223372036854775807"), &number) &&
		  number == INT64_MAX);
	cr_assert(pdb_json_to_int(PDB_SLICE("-0"), &number) && number == 0);
	cr_assert_not(pdb_json_to_int(PDB_SLICE("9223372036854775808"), &number));
	cr_assert_not(pdb_json_to_int(PDB_SLICE("-9223372036854775809"), &number));
	cr_assert_not(pdb_json_to_int(PDB_SLICE("1.0"), &number));
	cr_assert_not(pdb_json_to_int(PDB_SLICE("1e3"), &number));
	cr_assert_not(pdb_json_to_int(PDB_SLICE("-"), &number));
}

Test(json, places_commas_between_keys)
{
	pdb_buf out = {0};

	pdb_buf_add_byte(&out, '{');
	pdb_json_add_key(&out, "a");
	pdb_buf_add_uint(&out, 1);
	pdb_json_add_key(&out, "b");
	pdb_json_add_string(&out, PDB_SLICE("x"));
	pdb_buf_add_byte(&out, '}');
	cr_assert(pdb_slice_is(pdb_buf_slice(&out), "{\"a\":1,\"b\":\"x\"}"));
	pdb_buf_fini(&out);
}
