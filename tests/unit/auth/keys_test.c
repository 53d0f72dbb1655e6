/* SPDX-License-Identifier: Apache-2.0 */
/* Configured keys: what is acceptable, where it may be kept, and when and whence it is good. */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyring.h"

#define NOW 1800000000 /* 2027-01-15T08:00:00Z */

static char said[4096];

static void note(void *arg, const char *key, const char *text)
{
	(void)arg;
	(void)snprintf(said, sizeof(said), "%s: %s", key, text);
}

/* The last problem, "" for none. */
static const char *judge(const key_settings *settings)
{
	key_specs specs;

	said[0] = '\0';
	(void)keys_read(&specs, settings, note, NULL);
	keys_free(&specs);
	return said;
}

static const char *judge_key(const char *key)
{
	const char *const items[] = {key};

	return judge(&(key_settings){.backend = {items, 1}});
}

static const char *judge_tree(const char *json)
{
	return judge(&(key_settings){.keys = json});
}

static void start(void)
{
	cr_assert(sodium_init() >= 0);
}

TestSuite(keys, .init = start);

Test(keys, plain_ones)
{
	char long_key[KEY_MAX + 2];

	memset(long_key, 'k', sizeof(long_key) - 1);
	long_key[sizeof(long_key) - 1] = '\0';
	cr_expect_str_empty(judge_key("sk_12345"));
	cr_expect_str_eq(judge_key("sk_1234"),
			 "security.api_keys.backend: key 1: a key has at least 8 characters");
	cr_expect_str_not_empty(judge_key(""));
	cr_expect_str_not_empty(judge_key("sk_with space"));
	cr_expect_str_not_empty(judge_key("sk_with_\xc3\xa4"));
	cr_expect_str_not_empty(judge_key(long_key));
	cr_expect_str_empty(judge_key(long_key + 1));
	cr_expect_str_not_empty(judge_key("sha256:abcd"));
	cr_expect_str_not_empty(judge_key("sha256:"));
}

/* -- files ------------------------------------------------------------------------------------ */

static char folder[] = "/tmp/pdb-keys-XXXXXX";

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
	(void)chmod(path, mode);
}

static const char *judge_file(const char *text, mode_t mode)
{
	char path[64];
	char spelled[80];

	(void)snprintf(path, sizeof(path), "%s/key", folder);
	(void)snprintf(spelled, sizeof(spelled), "file:%s", path);
	write_file(path, text, mode);
	return judge_key(spelled);
}

static void remove_folder(void)
{
	char command[64];

	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	(void)!system(command);
}

Test(keys, files, .fini = remove_folder)
{
	cr_assert_not_null(mkdtemp(folder));
	cr_expect_str_empty(judge_file("sk_from_a_file", 0600));
	cr_expect_str_empty(judge_file("sk_from_a_file\n", 0640));
	cr_expect_str_empty(judge_file("sk_from_a_file\r\n", 0400));
	cr_expect_not_null(strstr(judge_file("sk_from_a_file", 0644), "open to others"));
	cr_expect_not_null(strstr(judge_file("sk_from_a_file", 0620), "open to others"));
	cr_expect_not_null(strstr(judge_file("", 0600), "one line"));
	cr_expect_not_null(strstr(judge_file("one_key_here\nanother_one\n", 0600), "one line"));
	cr_expect_not_null(strstr(judge_file("short", 0600), "at least 8"));
	cr_expect_null(strstr(judge_file("a secret with spaces", 0600), "secret"));
	cr_expect_not_null(strstr(judge_key("file:/nowhere/at/all"), "cannot open"));
	cr_expect_not_null(strstr(judge_key("file:/tmp"), "no plain file"));
}

Test(keys, a_link_is_not_followed, .fini = remove_folder)
{
	char path[64];
	char link[64];
	char spelled[80];

	cr_assert_not_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/key", folder);
	(void)snprintf(link, sizeof(link), "%s/link", folder);
	(void)snprintf(spelled, sizeof(spelled), "file:%s", link);
	write_file(path, "sk_from_a_file", 0600);
	cr_assert_eq(symlink(path, link), 0);
	cr_expect_not_null(strstr(judge_key(spelled), "is a link"));
}

Test(keys, credentials, .fini = remove_folder)
{
	char path[64];

	cr_assert_not_null(mkdtemp(folder));
	(void)unsetenv("CREDENTIALS_DIRECTORY");
	cr_expect_not_null(strstr(judge_key("credential:backend"), "no $CREDENTIALS_DIRECTORY"));
	(void)setenv("CREDENTIALS_DIRECTORY", folder, 1);
	(void)snprintf(path, sizeof(path), "%s/backend", folder);
	write_file(path, "sk_from_a_credential\n", 0400);
	cr_expect_str_empty(judge_key("credential:backend"));
	cr_expect_not_null(strstr(judge_key("credential:other"), "cannot open"));
	cr_expect_not_null(strstr(judge_key("credential:../backend"), "no name"));
	cr_expect_not_null(strstr(judge_key("credential:"), "no name"));
}

/* -- trees ------------------------------------------------------------------------------------ */

Test(keys, trees)
{
	static const char *const bad[] = {
		"{}",
		"7",
		"[7]",
		"[{}]",
		"[{\"id\":\"a\",\"role\":\"backend\"}]",
		"[{\"id\":\"a\",\"key\":\"sk_12345678\"}]",
		"[{\"role\":\"admin\",\"key\":\"sk_12345678\"}]",
		"[{\"id\":\"a b\",\"role\":\"admin\",\"key\":\"sk_12345678\"}]",
		"[{\"id\":\"a\",\"role\":\"root\",\"key\":\"sk_12345678\"}]",
		"[{\"id\":\"a\",\"role\":\"admin\",\"key\":7}]",
		"[{\"id\":\"a\",\"role\":\"admin\",\"key\":\"sk_12345678\",\"x\":1}]",
		"[{\"id\":\"a\",\"role\":\"admin\",\"key\":\"sk_12345678\",\"expires\":\"soon\"}]",
		"[{\"id\":\"a\",\"role\":\"admin\",\"key\":\"sk_12345678\",\"expires\":2027}]",
		"[{\"id\":\"a\",\"role\":\"admin\",\"key\":\"sk_12345678\",\"addresses\":[]}]",
		"[{\"id\":\"a\",\"role\":\"admin\",\"key\":\"sk_12345678\",\"addresses\":[\"10.0.0."
		"1/8\"]}]",
		"[{\"id\":\"a\",\"role\":\"admin\",\"key\":\"sk_12345678\",\"not_before\":\"2027-"
		"01-02\","
		"\"expires\":\"2027-01-01\"}]",
		"[{\"id\":\"a\",\"role\":\"admin\",\"key\":\"sk_12345678\"},"
		"{\"id\":\"a\",\"role\":\"admin\",\"key\":\"sk_87654321\"}]",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_str_not_empty(judge_tree(bad[i]), "%s", bad[i]);
		cr_expect_null(strstr(said, "12345678"), "%s", said);
	}
	cr_expect_str_empty(judge_tree(""));
	cr_expect_str_empty(judge_tree("null"));
	cr_expect_str_empty(
		judge_tree("[{\"id\":\"web\",\"role\":\"frontend\",\"key\":\"pk_12345678\","
			   "\"not_before\":\"2026-01-01\",\"expires\":\"2027-01-01T10:00:00Z\","
			   "\"addresses\":[\"192.0.2.0/24\",\"2001:db8::/32\"]}]"));
	cr_expect_str_eq(
		judge(&(key_settings){.signing_keys = "[{\"id\":\"s\",\"role\":\"admin\","
						      "\"key\":\"sk_12345678\"}]"}),
		"security.signing.keys: key 1: an entry has id, key, not_before and expires");
}

static bool admitted(const char *tree, int64_t now, const char *peer)
{
	key_settings settings = {.keys = tree};
	keyring_visit visit = {.now = now, .peer = peer};
	keyring_entry entry;
	keyring *ring = NULL;
	pdb_err err = {0};
	bool found;

	cr_assert_eq(keyring_create(&ring, &settings, &err), PDB_OK, "%s", err.text);
	found = keyring_find(ring, PDB_SLICE("sk_12345678"), &visit, &entry);
	keyring_destroy(&ring);
	return found;
}

#define ENTRY(more) "[{\"id\":\"a\",\"role\":\"backend\",\"key\":\"sk_12345678\"" more "}]"

Test(keys, have_a_life)
{
	static const char tree[] = ENTRY(",\"not_before\":\"2027-01-15T08:00:00Z\","
					 "\"expires\":\"2027-01-15T08:00:10Z\"");

	cr_expect(!admitted(tree, NOW - 1, "192.0.2.1"));
	cr_expect(admitted(tree, NOW, "192.0.2.1"));
	cr_expect(admitted(tree, NOW + 9, "192.0.2.1"));
	cr_expect(!admitted(tree, NOW + 10, "192.0.2.1"));
}

Test(keys, have_a_home)
{
	static const char tree[] = ENTRY(",\"addresses\":[\"192.0.2.0/24\",\"2001:db8::/32\"]");

	cr_expect(admitted(tree, NOW, "192.0.2.9"));
	cr_expect(admitted(tree, NOW, "::ffff:192.0.2.9"));
	cr_expect(admitted(tree, NOW, "2001:db8::7"));
	cr_expect(admitted(tree, NOW, "unix"));
	cr_expect(!admitted(tree, NOW, "192.0.3.9"));
	cr_expect(!admitted(tree, NOW, ""));
	cr_expect(admitted(ENTRY(""), NOW, ""));
}

Test(keys, one_that_has_ended_signs_no_more)
{
	key_settings settings = {
		.signing_keys = "[{\"id\":\"old\",\"key\":\"sign_12345678\",\"expires\":\"2027-01-"
				"15T08:00:10Z\"},"
				"{\"id\":\"new\",\"key\":\"sign_87654321\"}]",
		.keys = "[{\"id\":\"b\",\"role\":\"backend\",\"key\":\"sha256:"
			"61080e29b3c83c621d54adbef3a76ef5ece1b0e16a659932339764eb197fced7\"}]",
		.legacy = true};
	keyring_claim claim = {.database = "db", .user = PDB_SLICE("ann")};
	keyring *ring = NULL;
	pdb_err err = {0};
	char text[2][TOKEN_MAX];
	token given;

	cr_assert_eq(keyring_create(&ring, &settings, &err), PDB_OK, "%s", err.text);
	cr_assert(keyring_sign_claim(ring, 0, NOW, NOW + 100, &claim, text[0]));
	cr_assert(!keyring_sign_claim(ring, 0, NOW + 10, NOW + 100, &claim, text[1]));
	cr_assert(keyring_sign_claim(ring, 1, NOW + 10, NOW + 100, &claim, text[1]));
	cr_expect_eq(strncmp(text[0], "v2.old.", 7), 0);
	cr_expect_eq(strncmp(text[1], "v2.new.", 7), 0);
	cr_assert(token_read(&given, pdb_slice_text(text[0])));
	cr_expect(keyring_verify_claim(ring, NOW + 9, &given, &claim));
	cr_expect(!keyring_verify_claim(ring, NOW + 10, &given, &claim), "its key has ended");
	cr_assert(token_read(&given, pdb_slice_text(text[1])));
	cr_expect(keyring_verify_claim(ring, NOW + 10, &given, &claim));
	claim.database = "other";
	cr_expect(!keyring_verify_claim(ring, NOW + 10, &given, &claim),
		  "it is of another database");
	keyring_destroy(&ring);
}
