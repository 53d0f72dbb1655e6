/* SPDX-License-Identifier: Apache-2.0 */
/* Published examples of what is built on, and blobs of format 1 that must open for ever. */
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "wrap.h"

#define FROZEN PDB_TEST_SOURCE "/tests/unit/kms/frozen/"

TestSuite(vectors, .init = fixture_make, .fini = fixture_clean);

static const char sunscreen[] = "Ladies and Gentlemen of the class of '99: If I could offer you "
				"only one tip for the future, sunscreen would be it.";

static size_t bytes_of(const char *hex, uint8_t *out, size_t size)
{
	size_t len = 0;

	cr_assert_eq(sodium_hex2bin(out, size, hex, strlen(hex), " ", &len, NULL), 0);
	return len;
}

typedef int (*open_fn)(unsigned char *, unsigned long long *, unsigned char *,
		       const unsigned char *, unsigned long long, const unsigned char *,
		       unsigned long long, const unsigned char *, const unsigned char *);

/* Both examples seal the same text under the same key with the same additional data. */
static void expect_sunscreen(open_fn open_it, const char *nonce_hex, const char *cipher_hex)
{
	uint8_t key[32];
	uint8_t nonce[24];
	uint8_t aad[16];
	uint8_t cipher[256];
	uint8_t clear[256];
	unsigned long long len = 0;
	size_t aad_len = bytes_of("50515253c0c1c2c3c4c5c6c7", aad, sizeof(aad));
	size_t cipher_len = bytes_of(cipher_hex, cipher, sizeof(cipher));

	for (size_t i = 0; i < sizeof(key); i++) {
		key[i] = (uint8_t)(0x80 + i);
	}
	(void)bytes_of(nonce_hex, nonce, sizeof(nonce));
	cr_assert_eq(open_it(clear, &len, NULL, cipher, cipher_len, aad, aad_len, nonce, key), 0);
	cr_assert_eq(len, sizeof(sunscreen) - 1);
	cr_assert_arr_eq(clear, sunscreen, sizeof(sunscreen) - 1);
	cipher[cipher_len - 1] ^= 1;
	cr_assert_neq(open_it(clear, &len, NULL, cipher, cipher_len, aad, aad_len, nonce, key), 0);
}

Test(vectors, rfc_8439_section_2_8_2)
{
	expect_sunscreen(crypto_aead_chacha20poly1305_ietf_decrypt, "070000004041424344454647",
			 "d31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6"
			 "3dbea45e8ca9671282fafb69da92728b 1a71de0a9e060b2905d6a5b67ecd3b36"
			 "92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc"
			 "3ff4def08e4b7a9de576d26586cec64b 6116"
			 "1ae10b594f09e26a7e902ecbd0600691");
}

Test(vectors, xchacha_draft_a_3_1)
{
	expect_sunscreen(crypto_aead_xchacha20poly1305_ietf_decrypt,
			 "404142434445464748494a4b4c4d4e4f5051525354555657",
			 "bd6d179d3e83d43b9576579493c0e939 572a1700252bfaccbed2902c21396cbb"
			 "731c7f1b0b4aa6440bf3a82f4eda7e39 ae64c6708c54c216cb96b72e1213b452"
			 "2f8c9ba40db5d945b11b69b982c1bb9e 3f3fac2bc369488f76b2383565d3fff9"
			 "21f9664c97637da9768812f615c68b13 b52e"
			 "c0875924c1c7987947deafd8780acf49");
}

Test(vectors, rfc_4231_case_2)
{
	crypto_auth_hmacsha256_state state;
	uint8_t mac[32];
	uint8_t wanted[32];

	(void)bytes_of("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", wanted,
		       sizeof(wanted));
	(void)crypto_auth_hmacsha256_init(&state, (const uint8_t *)"Jefe", 4);
	(void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)"what do ya want for nothing?",
					    28);
	(void)crypto_auth_hmacsha256_final(&state, mac);
	cr_assert_arr_eq(mac, wanted, sizeof(mac));
}

/* -- blobs of format 1
 * ----------------------------------------------------------------------------- */

/* The inputs of blob `i`, all made of its number. */
static void inputs_of(unsigned i, uint8_t *out, size_t len, uint8_t label)
{
	const uint8_t name[2] = {label, (uint8_t)i};

	(void)crypto_generichash(out, len, name, sizeof(name), NULL, 0);
}

Test(vectors, wrapped_keys_of_format_1_open)
{
	static const char *const labels[] = {"pdb/w1", "pdb/k1", "pdb/i1"};
	FILE *file = fopen(FROZEN "wrap-1.txt", "re");
	char line[512];
	unsigned count = 0;

	cr_assert_not_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		uint8_t root[32], secret[32], out[32], instance[16], key[16], kek[16], nonce[24];
		uint8_t blob[PDB__WRAP_SIZE], again[PDB__WRAP_SIZE];
		char thread[32];
		pdb__wrap_keys keys;
		pdb_err err = {0};

		inputs_of(count, root, 32, 'r');
		inputs_of(count, secret, 32, 's');
		inputs_of(count, instance, 16, 'i');
		inputs_of(count, key, 16, 'k');
		inputs_of(count, kek, 16, 'e');
		inputs_of(count, nonce, 24, 'n');
		(void)snprintf(thread, sizeof(thread), "thread-%u", count);
		{
			const pdb__wrap_context context = {
				.label = labels[count % 3],
				.instance = instance,
				.key_id = key,
				.kek_id = kek,
				.thread = pdb_slice_text(count % 4 == 0 ? "" : thread),
				.version = count + 1,
				.kek_version = 1 + count / 2};

			line[strcspn(line, "\n")] = '\0';
			cr_assert_eq(bytes_of(line, blob, sizeof(blob)), sizeof(blob));
			pdb__wrap_split(&keys, root);
			cr_assert_eq(pdb__wrap_open(&keys, &context,
						    pdb_slice_of(blob, sizeof(blob)), out, &err),
				     PDB_OK, "blob %u", count);
			cr_assert_arr_eq(out, secret, sizeof(out));
			pdb__wrap_seal_nonce(&keys, &context, secret, nonce, again);
			cr_assert_arr_eq(again, blob, sizeof(blob));
		}
		count++;
	}
	(void)fclose(file);
	cr_assert_eq(count, 64);
}

static void copy_file(const char *name)
{
	char from[512];
	uint8_t bytes[65536];
	ssize_t len;
	int fd;

	(void)snprintf(from, sizeof(from), FROZEN "keyring-1/%s", name);
	fd = open(from, O_RDONLY);
	cr_assert_geq(fd, 0, "%s", from);
	len = read(fd, bytes, sizeof(bytes));
	cr_assert_gt(len, 0);
	(void)close(fd);
	fixture_write(name, bytes, (size_t)len);
}

Test(vectors, a_keyring_of_format_1_opens)
{
	static const char *const names[] = {"identity",        "journal",        "journal.head",
					    "audit.log",       "audit.head",     "audit.pub",
					    "keks/kek-000001", "keks/kek-000002"};
	FILE *known = fopen(FROZEN "keyring-1/deks.txt", "re");
	char path[300];
	char id[40];
	char hex[80];
	unsigned version = 0;
	unsigned count = 0;

	(void)snprintf(path, sizeof(path), "%s/keks", fixture_directory);
	cr_assert_eq(mkdir(path, 0700), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		copy_file(names[i]);
	}
	fixture_open();
	cr_assert_not_null(known);
	while (fscanf(known, "%39s %u %79s", id, &version, hex) == 3) {
		uint8_t wanted[32];
		uint8_t dek[32];

		(void)bytes_of(hex, wanted, sizeof(wanted));
		cr_assert_eq(fixture_unwrap(id, version, dek), PDB_OK);
		cr_assert_arr_eq(dek, wanted, sizeof(dek));
		count++;
	}
	(void)fclose(known);
	cr_assert_geq(count, 6);
}
