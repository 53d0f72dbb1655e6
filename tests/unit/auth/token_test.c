/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of version 2 as text: one spelling each. */
#include <criterion/criterion.h>

#include "token.h"

#define MAC "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

Test(token, reads_and_writes_the_same)
{
	static const char *const good[] = {
		"v2.a.1." MAC, "v2.key-1_B.1800000000." MAC,
		"v2.abcdefghijklmnopqrstuvwxyz012345.999999999999999999." MAC};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		token read;
		char written[TOKEN_MAX];

		cr_assert(token_read(&read, pdb_slice_text(good[i])), "%s", good[i]);
		token_write(&read, written);
		cr_expect_str_eq(written, good[i]);
	}
}

Test(token, refuses_every_other_spelling)
{
	static const char *const bad[] = {
		"",
		"v2",
		"v2.",
		"v2..1." MAC,
		"v2.a.." MAC,
		"v2.a.1",
		"v2.a.1.",
		"v2.a.1." MAC "0",
		"v2.a.01." MAC,
		"v2.a.+1." MAC,
		"v2.a.-1." MAC,
		"v2.a. 1." MAC,
		"v2.a.1 ." MAC,
		"v2.a.0." MAC,
		"v2.a.1000000000000000000." MAC,
		"V2.a.1." MAC,
		"v1.a.1." MAC,
		"v2.a.1.00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff",
		"v2.a.1.0011223344556677:899aabbccddeeff00112233445566778899aabbccddeeff",
		"v2.abcdefghijklmnopqrstuvwxyz0123456.1." MAC,
		"v2.a.1." MAC "\n",
		" v2.a.1." MAC,
		"v2.a.b.1." MAC,
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		token read;

		cr_expect(!token_read(&read, pdb_slice_text(bad[i])), "%s", bad[i]);
	}
}
