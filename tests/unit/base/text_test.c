/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8, percent and hex encoding, numbers, likeness. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/text.h"

/* Encodes without judging, so that forbidden values can be made. */
static size_t encode(uint8_t *out, uint32_t point, size_t len)
{
	for (size_t i = len; i > 1; i--) {
		out[i - 1] = (uint8_t)(0x80 | (point & 0x3f));
		point >>= 6;
	}
	out[0] = (uint8_t)(len == 1 ? point : (0xf00u >> len) | point);
	return len;
}

Test(text, utf8_is_judged_for_every_code_point)
{
	for (uint32_t point = 0; point < 0x120000; point++) {
		size_t shortest =
			point < 0x80 ? 1 : (point < 0x800 ? 2 : (point < 0x10000 ? 3 : 4));
		bool scalar = point < 0x110000 && (point < 0xd800 || point > 0xdfff);
		uint8_t bytes[4];

		for (size_t len = shortest; len <= 4; len++) {
			bool expected = scalar && len == shortest;

			encode(bytes, point, len);
			cr_assert_eq(pdb_utf8_valid(pdb_slice_of(bytes, len)), expected,
				     "U+%04X in %zu bytes", point, len);
			if (len > 1) {
				cr_assert_not(pdb_utf8_valid(pdb_slice_of(bytes, len - 1)));
			}
		}
	}
}

Test(text, utf8_is_found_behind_long_plain_text)
{
	char text[] = "0123456789abcdef\xc3\xa4tail-tail-tail";

	cr_assert(pdb_utf8_valid(pdb_slice_text(text)));
	cr_assert_eq(pdb_utf8_length(pdb_slice_text(text)), strlen(text) - 1);
	text[17] = 'x';
	cr_assert_not(pdb_utf8_valid(pdb_slice_text(text)));
}

static bool decodes(const char *in, bool plus, const char *expected)
{
	char out[64];
	size_t len;

	return pdb_percent_decode(pdb_slice_text(in), plus, out, &len) &&
	       pdb_slice_is(pdb_slice_of(out, len), expected);
}

Test(text, percent_encoding_is_strict)
{
	char out[64];
	size_t len;

	cr_assert(decodes("a%2Fb%c3%A4", false, "a/b\xc3\xa4"));
	cr_assert(decodes("a+b", false, "a+b"));
	cr_assert(decodes("a+b", true, "a b"));
	cr_assert(decodes("", false, ""));
	cr_assert_not(pdb_percent_decode(PDB_SLICE("%"), false, out, &len));
	cr_assert_not(pdb_percent_decode(PDB_SLICE("%4"), false, out, &len));
	cr_assert_not(pdb_percent_decode(PDB_SLICE("%zz"), false, out, &len));
	cr_assert_not(pdb_percent_decode(PDB_SLICE("a%00b"), false, out, &len));
}

Test(text, percent_encoding_round_trips)
{
	uint8_t all[255];
	char back[255];
	pdb_buf out = {0};
	size_t len;

	for (int i = 0; i < 255; i++) {
		all[i] = (uint8_t)(i + 1);
	}
	pdb_percent_encode(&out, pdb_slice_of(all, sizeof(all)));
	for (size_t i = 0; i < out.len; i++) {
		cr_assert_neq(out.data[i], ':');
		cr_assert_neq(out.data[i], '/');
	}
	/* 3 bytes of output shrink to one, so the room is that of the output. */
	char *room = malloc(out.len);
	cr_assert(pdb_percent_decode(pdb_buf_slice(&out), false, room, &len));
	cr_assert_eq(len, sizeof(all));
	memcpy(back, room, len);
	cr_assert_eq(memcmp(back, all, len), 0);
	free(room);
	pdb_buf_fini(&out);
}

Test(text, hex_goes_both_ways)
{
	uint8_t bytes[3] = {0x00, 0xab, 0xff};
	uint8_t back[3];
	char hex[7];

	pdb_hex_encode(hex, pdb_slice_of(bytes, 3));
	cr_assert_str_eq(hex, "00abff");
	cr_assert(pdb_hex_decode(back, PDB_SLICE("00ABff")));
	cr_assert_eq(memcmp(back, bytes, 3), 0);
	cr_assert_not(pdb_hex_decode(back, PDB_SLICE("0")));
	cr_assert_not(pdb_hex_decode(back, PDB_SLICE("0g")));
}

Test(text, numbers_are_digits_only)
{
	uint64_t number;

	cr_assert(pdb_text_to_uint(PDB_SLICE("18446744073709551615"), &number));
	cr_assert_eq(number, UINT64_MAX);
	cr_assert_not(pdb_text_to_uint(PDB_SLICE("18446744073709551616"), &number));
	cr_assert_not(pdb_text_to_uint(PDB_SLICE(""), &number));
	cr_assert_not(pdb_text_to_uint(PDB_SLICE("-1"), &number));
	cr_assert_not(pdb_text_to_uint(PDB_SLICE("+1"), &number));
	cr_assert_not(pdb_text_to_uint(PDB_SLICE("1 "), &number));
}

Test(text, likeness_suggests_only_the_near)
{
	static const char *const names[] = {"server.port", "server.address", "storage.backend"};

	cr_assert_str_eq(pdb_text_nearest("server.prot", names, 3), "server.port");
	cr_assert_str_eq(pdb_text_nearest("Server.Adress", names, 3), "server.address");
	cr_assert_null(pdb_text_nearest("completely", names, 3));
	cr_assert_null(pdb_text_nearest("x", names, 0));
}
