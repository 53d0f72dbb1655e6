/* SPDX-License-Identifier: Apache-2.0 */
/* The keyring: which key is whose, and what signs what. */
#include "keyring.h"

#include <criterion/criterion.h>
#include <sodium.h>

#define LIST(items_)                                                                               \
	(pdb_option_list)                                                                          \
	{                                                                                          \
		(items_), sizeof(items_) / sizeof((items_)[0])                                     \
	}

static void start(void)
{
	cr_assert(sodium_init() >= 0);
}

TestSuite(keyring, .init = start);

#define NOW 1800000000

static const keyring_visit here = {.now = NOW, .peer = "192.0.2.1"};

static keyring *ring_of(const key_settings *lists)
{
	keyring *ring = NULL;
	pdb_err err = {0};

	cr_assert(keyring_create(&ring, lists, &err) == PDB_OK, "%s", err.text);
	return ring;
}

static pdb_slice text(const char *bytes)
{
	return pdb_slice_text(bytes);
}

static void digest_spelling(char out[72], const char *key)
{
	uint8_t digest[32];

	crypto_hash_sha256(digest, (const unsigned char *)key, strlen(key));
	memcpy(out, "sha256:", 7);
	sodium_bin2hex(out + 7, 65, digest, sizeof(digest));
}

Test(keyring, finds_the_role_of_each_key)
{
	const char *frontend[] = {"pk_frontend_one"};
	const char *backend[] = {"sk_backend_one", "sk_backend_two"};
	const char *admin[] = {"admin_key_one"};
	key_settings lists = {.frontend = LIST(frontend),
			      .backend = LIST(backend),
			      .admin = LIST(admin),
			      .legacy = true};
	keyring *ring = ring_of(&lists);
	keyring_entry entry;

	cr_assert(keyring_find(ring, text("pk_frontend_one"), &here, &entry));
	cr_assert(entry.role == PDB_ROLE_FRONTEND && entry.signer == KEYRING_NO_SIGNER);
	cr_assert(keyring_find(ring, text("sk_backend_two"), &here, &entry));
	cr_assert(entry.role == PDB_ROLE_BACKEND && entry.signer == 1);
	cr_assert(keyring_find(ring, text("admin_key_one"), &here, &entry));
	cr_assert(entry.role == PDB_ROLE_ADMIN && entry.signer == KEYRING_NO_SIGNER);
	keyring_destroy(&ring);
	cr_assert(ring == NULL);
}

Test(keyring, refuses_what_is_nearly_a_key)
{
	const char *backend[] = {"sk_backend_one"};
	key_settings lists = {.backend = LIST(backend), .legacy = true};
	keyring *ring = ring_of(&lists);
	static const char *const wrong[] = {"", "sk_backend_on", "sk_backend_one ",
					    "sk_backend_onf", "SK_BACKEND_ONE"};
	keyring_entry entry;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		cr_assert_not(keyring_find(ring, text(wrong[i]), &here, &entry), "%s", wrong[i]);
	}
	keyring_destroy(&ring);
}

Test(keyring, takes_a_digest_for_a_key_but_not_as_one)
{
	char hashed[72];
	const char *backend[] = {hashed};
	key_settings lists = {.backend = LIST(backend), .legacy = true};
	keyring_entry entry;
	keyring *ring;

	digest_spelling(hashed, "sk_backend_one");
	ring = ring_of(&lists);
	cr_assert(keyring_find(ring, text("sk_backend_one"), &here, &entry));
	cr_assert_eq(entry.signer, KEYRING_NO_SIGNER);
	cr_assert_arr_eq(entry.label, hashed + 7, 8);
	cr_assert_eq(strlen(entry.label), 8);
	cr_assert_not(keyring_find(ring, text(hashed), &here, &entry));
	keyring_destroy(&ring);
}

Test(keyring, the_same_key_twice_in_a_list_is_one_key)
{
	const char *backend[] = {"sk_backend_two", "sk_backend_two"};
	const char *admin[] = {"admin_key_one"};
	key_settings lists = {.backend = LIST(backend), .admin = LIST(admin), .legacy = true};
	keyring *ring = ring_of(&lists);
	keyring_entry entry = {0};

	cr_assert(keyring_find(ring, text("sk_backend_two"), &here, &entry));
	cr_assert_eq(entry.role, PDB_ROLE_BACKEND);
	cr_assert(entry.signer < 2);
	keyring_destroy(&ring);
}

/* The expected values were computed with another implementation of RFC 2104. */
Test(keyring, signs_as_hmac_sha256_does)
{
	char long_key[132];
	const char *signing[] = {"Jefe1234", long_key};
	key_settings lists = {.signing = LIST(signing), .legacy = true};
	char signature[KEYRING_SIGNATURE_LEN + 1];
	keyring *ring;

	memset(long_key, 'k', sizeof(long_key) - 1);
	long_key[sizeof(long_key) - 1] = '\0';
	ring = ring_of(&lists);
	cr_assert(keyring_sign(ring, 0, NOW, text("what do ya want for nothing?"), signature));
	cr_assert_str_eq(signature,
			 "d19cd0dcd9be7df5d143cd420de57c202827562c54d766d9d9f08857c55cbe2b");
	cr_assert(keyring_sign(ring, 1, NOW, text("user-1"), signature));
	cr_assert_str_eq(signature,
			 "3fdb71a17def4091ce745cf9a78cec572f57cddd986c77f09e468f7ba91a1b34");
	cr_assert_not(keyring_sign(ring, 2, NOW, text("user-1"), signature));
	cr_assert_not(keyring_sign(ring, KEYRING_NO_SIGNER, NOW, text("user-1"), signature));
	keyring_destroy(&ring);
}

/* RFC 4231 itself, on the primitive as it is used: prepared once, copied for each message. */
static void check_vector(const char *key_hex, const char *data_hex, const char *mac_hex)
{
	uint8_t key[256];
	uint8_t data[256];
	uint8_t mac[32];
	char hex[65];
	size_t key_len = 0;
	size_t data_len = 0;
	crypto_auth_hmacsha256_state prepared;
	crypto_auth_hmacsha256_state copy;

	sodium_hex2bin(key, sizeof(key), key_hex, strlen(key_hex), NULL, &key_len, NULL);
	sodium_hex2bin(data, sizeof(data), data_hex, strlen(data_hex), NULL, &data_len, NULL);
	crypto_auth_hmacsha256_init(&prepared, key, key_len);
	for (int round = 0; round < 2; round++) {
		copy = prepared;
		crypto_auth_hmacsha256_update(&copy, data, data_len);
		crypto_auth_hmacsha256_final(&copy, mac);
		sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
		cr_assert_str_eq(hex, mac_hex);
	}
}

Test(keyring, the_primitive_meets_rfc_4231)
{
	char key131[263];
	char data50[101];

	for (size_t i = 0; i < 262; i += 2) {
		memcpy(key131 + i, "aa", 2);
	}
	key131[262] = '\0';
	for (size_t i = 0; i < 100; i += 2) {
		memcpy(data50 + i, "dd", 2);
	}
	data50[100] = '\0';
	check_vector("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
		     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	check_vector("4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	check_vector("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", data50,
		     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	check_vector(key131,
		     "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579"
		     "202d2048617368204b6579204669727374",
		     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

Test(keyring, verifies_what_any_signing_key_made)
{
	const char *frontend[] = {"pk_frontend_one"};
	const char *backend[] = {"sk_backend_one", "sk_backend_two"};
	const char *other[] = {"sk_another_ring"};
	key_settings lists = {.frontend = LIST(frontend), .backend = LIST(backend), .legacy = true};
	key_settings others = {.backend = LIST(other), .legacy = true};
	char signature[KEYRING_SIGNATURE_LEN + 1];
	keyring *ring = ring_of(&lists);
	keyring *foreign = ring_of(&others);

	for (size_t signer = 0; signer < 2; signer++) {
		cr_assert(keyring_sign(ring, signer, NOW, text("user-1"), signature));
		cr_assert(keyring_verify(ring, NOW, text("user-1"), text(signature)));
		cr_assert_not(keyring_verify(ring, NOW, text("user-2"), text(signature)));
		cr_assert_not(keyring_verify(foreign, NOW, text("user-1"), text(signature)));
	}
	for (char *c = signature; *c != '\0'; c++) {
		*c = (char)(*c >= 'a' ? *c - 32 : *c);
	}
	cr_assert(keyring_verify(ring, NOW, text("user-1"), text(signature)),
		  "upper case is hex too");
	signature[5] = signature[5] == '0' ? '1' : '0';
	cr_assert_not(keyring_verify(ring, NOW, text("user-1"), text(signature)));
	keyring_destroy(&ring);
	keyring_destroy(&foreign);
}

Test(keyring, refuses_signatures_of_another_form)
{
	const char *backend[] = {"sk_backend_one"};
	key_settings lists = {.backend = LIST(backend), .legacy = true};
	char signature[KEYRING_SIGNATURE_LEN + 2];
	keyring *ring = ring_of(&lists);

	cr_assert(keyring_sign(ring, 0, NOW, text("user-1"), signature));
	cr_assert_not(keyring_verify(ring, NOW, text("user-1"), pdb_slice_of(signature, 63)));
	cr_assert_not(keyring_verify(ring, NOW, text("user-1"), pdb_slice_of(signature, 0)));
	signature[KEYRING_SIGNATURE_LEN] = '0';
	cr_assert_not(keyring_verify(ring, NOW, text("user-1"), pdb_slice_of(signature, 65)));
	signature[10] = 'x';
	cr_assert_not(keyring_verify(ring, NOW, text("user-1"), pdb_slice_of(signature, 64)));
	keyring_destroy(&ring);
}

Test(keyring, a_hashed_backend_key_signs_with_a_signing_key)
{
	char hashed[72];
	const char *backend[] = {hashed};
	const char *signing[] = {"a-signing-key-of-its-own"};
	key_settings lists = {.backend = LIST(backend), .signing = LIST(signing), .legacy = true};
	char signature[KEYRING_SIGNATURE_LEN + 1];
	keyring_entry entry;
	keyring *ring;

	digest_spelling(hashed, "sk_backend_one");
	ring = ring_of(&lists);
	cr_assert(keyring_find(ring, text("sk_backend_one"), &here, &entry));
	cr_assert(keyring_sign(ring, entry.signer, NOW, text("user-1"), signature));
	cr_assert(keyring_verify(ring, NOW, text("user-1"), text(signature)));
	keyring_destroy(&ring);
}
