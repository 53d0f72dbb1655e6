/* SPDX-License-Identifier: Apache-2.0 */
/* Where the master key comes from, and which are refused. */
#include "source.h"

#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

TestSuite(source, .init = fixture_make, .fini = fixture_clean);

static const uint8_t good_key[32] = {0x9f, 0x3c, 0x1a, 0x77, 0xe0, 0x5b, 0x42, 0xd8,
				     0x86, 0x6e, 0x1f, 0xca, 0x9d, 0x30, 0xb7, 0x24,
				     0x5a, 0x81, 0xc6, 0xef, 0x0d, 0x92, 0x34, 0x7b,
				     0xb8, 0xe1, 0x5f, 0x60, 0xa3, 0xc7, 0xd9, 0x14};
static char path[300];

static const char *place(const char *name)
{
	(void)snprintf(path, sizeof(path), "%s/%s", fixture_directory, name);
	return path;
}

static pdb_status read_file(const char *file, uint8_t out[32], pdb_err *err)
{
	const pdb__master_source source = {
		.host = &fixture_host, .credentials = "/nonexistent", .file = file};

	return pdb__master_read(&source, out, err);
}

Test(source, a_file_is_read_raw_or_as_hex)
{
	static const char *const ends[] = {"", "\n", "\r\n"};
	uint8_t out[32];
	pdb_err err = {0};

	fixture_write("raw", good_key, 32);
	cr_assert_eq(read_file(place("raw"), out, &err), PDB_OK, "%s", err.text);
	cr_assert_arr_eq(out, good_key, 32);
	for (size_t i = 0; i < 3; i++) {
		char text[80];

		(void)snprintf(text, sizeof(text), "%s%s", FIXTURE_HEX, ends[i]);
		fixture_write("hex", text, strlen(text));
		cr_assert_eq(read_file(place("hex"), out, &err), PDB_OK, "%s", err.text);
		cr_assert_arr_eq(out, good_key, 32);
	}
}

Test(source, other_lengths_are_not_made_to_fit)
{
	static const size_t lengths[] = {0, 1, 31, 33, 63, 65};
	char text[80];
	uint8_t out[32];
	pdb_err err = {0};

	memset(text, 'q', sizeof(text));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		fixture_write("key", text, lengths[i]);
		cr_assert_eq(read_file(place("key"), out, &err), PDB_EINVAL, "%zu", lengths[i]);
		cr_assert_null(strstr(err.text, "qqq"), "no key in an error");
	}
}

Test(source, keys_that_anybody_guesses_are_refused)
{
	static const char *const bad[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		"deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
	};
	uint8_t out[32];
	pdb_err err = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fixture_write("key", bad[i], 64);
		cr_assert_eq(read_file(place("key"), out, &err), PDB_EINVAL, "%s", bad[i]);
	}
}

Test(source, files_that_others_can_touch_are_refused)
{
	char link_path[300];
	uint8_t out[32];
	pdb_err err = {0};

	fixture_write("key", good_key, 32);
	for (unsigned mode = 01; mode <= 040; mode <<= 1) {
		cr_assert_eq(chmod(place("key"), 0600 | mode), 0);
		cr_assert_eq(read_file(place("key"), out, &err), PDB_EDENIED, "mode %o", mode);
		cr_assert_not_null(strstr(err.text, "chmod 0600"), "%s", err.text);
	}
	cr_assert_eq(chmod(place("key"), 0400), 0);
	cr_assert_eq(read_file(place("key"), out, &err), PDB_OK);
	(void)snprintf(link_path, sizeof(link_path), "%s/link", fixture_directory);
	cr_assert_eq(symlink(place("key"), link_path), 0);
	cr_assert_eq(read_file(link_path, out, &err), PDB_EDENIED);
	cr_assert_not_null(strstr(err.text, "symbolic link"), "%s", err.text);
	cr_assert_eq(chmod(fixture_directory, 0777), 0);
	cr_assert_eq(read_file(place("key"), out, &err), PDB_EDENIED);
	cr_assert_not_null(strstr(err.text, "go-w"), "%s", err.text);
	cr_assert_eq(chmod(fixture_directory, 0700), 0);
	cr_assert_eq(read_file(fixture_directory, out, &err), PDB_EDENIED, "not a file");
	cr_assert_eq(read_file(place("absent"), out, &err), PDB_ENOTFOUND);
}

Test(source, the_credential_goes_before_the_file)
{
	uint8_t out[32];
	pdb__master_source source = {
		.host = &fixture_host, .credentials = fixture_directory, .file = "/nonexistent/x"};
	pdb_err err = {0};

	fixture_write("kek", good_key, 32);
	cr_assert_eq(pdb__master_read(&source, out, &err), PDB_OK, "%s", err.text);
	cr_assert_arr_eq(out, good_key, 32);
}

Test(source, without_a_source_there_is_no_key)
{
	uint8_t out[32];
	const pdb__master_source source = {.host = &fixture_host, .credentials = "/nonexistent"};
	pdb_err err = {0};

	cr_assert_eq(pdb__master_read(&source, out, &err), PDB_EINVAL);
	cr_assert_not_null(strstr(err.text, "no master key"), "%s", err.text);
}
