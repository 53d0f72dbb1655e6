/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors of Wycheproof, in the directory PDB_WYCHEPROOF, through the very calls made here. */
#include <jansson.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKIPPED   77
#define BYTES_MAX 4096u
#define TAG_SIZE  16u
#define NONCE_MAX 24u

typedef struct bytes {
	size_t len;
	uint8_t at[BYTES_MAX];
} bytes;

static bytes bytes_of(const json_t *vector, const char *name)
{
	const char *hex = json_string_value(json_object_get(vector, name));
	bytes out = {0};

	if (hex == NULL ||
	    sodium_hex2bin(out.at, sizeof(out.at), hex, strlen(hex), NULL, &out.len, NULL) != 0) {
		(void)fprintf(stderr, "a vector without %s\n", name);
		exit(1);
	}
	return out;
}

typedef enum verdict {
	REJECTED,
	ACCEPTED,
	INEXPRESSIBLE /* the call takes a nonce of one size only */
} verdict;

/* -- authenticated encryption ------------------------------------------------------------------ */

typedef int seal_fn(unsigned char *, unsigned long long *, const unsigned char *,
		    unsigned long long, const unsigned char *, unsigned long long,
		    const unsigned char *, const unsigned char *, const unsigned char *);
typedef int open_fn(unsigned char *, unsigned long long *, unsigned char *, const unsigned char *,
		    unsigned long long, const unsigned char *, unsigned long long,
		    const unsigned char *, const unsigned char *);
typedef int seal_apart_fn(unsigned char *, unsigned char *, unsigned long long *,
			  const unsigned char *, unsigned long long, const unsigned char *,
			  unsigned long long, const unsigned char *, const unsigned char *,
			  const unsigned char *);
typedef int open_apart_fn(unsigned char *, unsigned char *, const unsigned char *,
			  unsigned long long, const unsigned char *, const unsigned char *,
			  unsigned long long, const unsigned char *, const unsigned char *);

typedef struct cipher {
	size_t nonce;
	seal_fn *seal;
	open_fn *open;
	seal_apart_fn *seal_apart;
	open_apart_fn *open_apart;
} cipher;

static const cipher chacha = {crypto_aead_chacha20poly1305_ietf_NPUBBYTES,
			      crypto_aead_chacha20poly1305_ietf_encrypt,
			      crypto_aead_chacha20poly1305_ietf_decrypt,
			      crypto_aead_chacha20poly1305_ietf_encrypt_detached,
			      crypto_aead_chacha20poly1305_ietf_decrypt_detached};
static const cipher xchacha = {crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
			       crypto_aead_xchacha20poly1305_ietf_encrypt,
			       crypto_aead_xchacha20poly1305_ietf_decrypt,
			       crypto_aead_xchacha20poly1305_ietf_encrypt_detached,
			       crypto_aead_xchacha20poly1305_ietf_decrypt_detached};

typedef struct sealing {
	bytes key, iv, aad, msg, ct, tag;
} sealing;

/* What is sealed here is, with its tag, what the vector has; in one piece and in two. */
static bool seals_alike(const cipher *c, const sealing *s)
{
	uint8_t out[BYTES_MAX + TAG_SIZE], tag[TAG_SIZE];

	(void)c->seal(out, NULL, s->msg.at, s->msg.len, s->aad.at, s->aad.len, NULL, s->iv.at,
		      s->key.at);
	if (memcmp(out, s->ct.at, s->ct.len) != 0 ||
	    memcmp(out + s->ct.len, s->tag.at, TAG_SIZE) != 0) {
		return false;
	}
	(void)c->seal_apart(out, tag, NULL, s->msg.at, s->msg.len, s->aad.at, s->aad.len, NULL,
			    s->iv.at, s->key.at);
	return memcmp(out, s->ct.at, s->ct.len) == 0 && memcmp(tag, s->tag.at, TAG_SIZE) == 0;
}

/* Both ways of opening must agree. */
static bool opens(const cipher *c, const sealing *s)
{
	uint8_t both[BYTES_MAX + TAG_SIZE], out[BYTES_MAX + TAG_SIZE];
	unsigned long long len = 0;
	bool whole, apart;

	memcpy(both, s->ct.at, s->ct.len);
	memcpy(both + s->ct.len, s->tag.at, s->tag.len);
	whole = c->open(out, &len, NULL, both, s->ct.len + s->tag.len, s->aad.at, s->aad.len,
			s->iv.at, s->key.at) == 0 &&
		len == s->msg.len && memcmp(out, s->msg.at, s->msg.len) == 0;
	apart = c->open_apart(out, NULL, s->ct.at, s->ct.len, s->tag.at, s->aad.at, s->aad.len,
			      s->iv.at, s->key.at) == 0 &&
		memcmp(out, s->msg.at, s->msg.len) == 0;
	if (whole != apart) {
		(void)fprintf(stderr, "one way of opening says yes, the other no\n");
		exit(1);
	}
	return whole;
}

static verdict try_aead(const cipher *c, const json_t *vector)
{
	sealing s = {bytes_of(vector, "key"), bytes_of(vector, "iv"), bytes_of(vector, "aad"),
		     bytes_of(vector, "msg"), bytes_of(vector, "ct"), bytes_of(vector, "tag")};

	if (s.iv.len != c->nonce) {
		return INEXPRESSIBLE;
	}
	return opens(c, &s) && seals_alike(c, &s) ? ACCEPTED : REJECTED;
}

static verdict try_chacha(const json_t *group, const json_t *vector)
{
	(void)group;
	return try_aead(&chacha, vector);
}

static verdict try_xchacha(const json_t *group, const json_t *vector)
{
	(void)group;
	return try_aead(&xchacha, vector);
}

/* -- the others -------------------------------------------------------------------------------- */

/* A tag that the vector has cut is compared as far as it goes. */
static verdict try_hmac(const json_t *group, const json_t *vector)
{
	bytes key = bytes_of(vector, "key"), msg = bytes_of(vector, "msg");
	bytes tag = bytes_of(vector, "tag");
	size_t half = msg.len / 2;
	crypto_auth_hmacsha256_state state;
	uint8_t mac[crypto_auth_hmacsha256_BYTES];

	(void)group;
	(void)crypto_auth_hmacsha256_init(&state, key.at, key.len);
	(void)crypto_auth_hmacsha256_update(&state, msg.at, half);
	(void)crypto_auth_hmacsha256_update(&state, msg.at + half, msg.len - half);
	(void)crypto_auth_hmacsha256_final(&state, mac);
	return tag.len > 0 && tag.len <= sizeof(mac) && memcmp(mac, tag.at, tag.len) == 0
		       ? ACCEPTED
		       : REJECTED;
}

static verdict try_ed25519(const json_t *group, const json_t *vector)
{
	bytes key = bytes_of(json_object_get(group, "publicKey"), "pk");
	bytes msg = bytes_of(vector, "msg"), sig = bytes_of(vector, "sig");

	if (key.len != crypto_sign_PUBLICKEYBYTES || sig.len != crypto_sign_BYTES) {
		return REJECTED; /* as the callers do: they read hex of that length only */
	}
	return crypto_sign_verify_detached(sig.at, msg.at, msg.len, key.at) == 0 ? ACCEPTED
										 : REJECTED;
}

/* -- files ------------------------------------------------------------------------------------- */

typedef struct suite {
	const char *file;
	verdict (*try_one)(const json_t *group, const json_t *vector);
	size_t good, bad, left;
} suite;

static void judge(suite *s, const json_t *group, const json_t *vector)
{
	const char *result = json_string_value(json_object_get(vector, "result"));
	bool invalid = result == NULL || strcmp(result, "invalid") == 0;
	verdict got = s->try_one(group, vector);

	if (got == INEXPRESSIBLE) {
		s->left++;
	} else if ((got == REJECTED) == invalid) {
		s->good++;
	} else {
		s->bad++;
		(void)fprintf(stderr, "%s: vector %lld (%s) was %s\n", s->file,
			      (long long)json_integer_value(json_object_get(vector, "tcId")),
			      result, got == ACCEPTED ? "accepted" : "rejected");
	}
}

static bool run(const char *directory, suite *s)
{
	char path[4096];
	json_error_t error;
	json_t *root, *group, *vector;
	size_t i, j;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, s->file);
	root = json_load_file(path, 0, &error);
	if (root == NULL) {
		(void)fprintf(stderr, "%s: %s\n", path, error.text);
		return false;
	}
	json_array_foreach(json_object_get(root, "testGroups"), i, group)
	{
		json_array_foreach(json_object_get(group, "tests"), j, vector)
		{
			judge(s, group, vector);
		}
	}
	json_decref(root);
	(void)printf("%s: %zu as they should be, %zu not, %zu with a nonce of another size\n",
		     s->file, s->good, s->bad, s->left);
	return s->bad == 0 && s->good > 0;
}

int main(void)
{
	suite suites[] = {{.file = "chacha20_poly1305_test.json", .try_one = try_chacha},
			  {.file = "xchacha20_poly1305_test.json", .try_one = try_xchacha},
			  {.file = "hmac_sha256_test.json", .try_one = try_hmac},
			  {.file = "ed25519_test.json", .try_one = try_ed25519}};
	const char *directory = getenv("PDB_WYCHEPROOF");
	bool good = sodium_init() >= 0;

	if (directory == NULL || directory[0] == '\0') {
		(void)printf("skipped: PDB_WYCHEPROOF names no directory with the vectors\n");
		return SKIPPED;
	}
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		good = run(directory, &suites[i]) && good;
	}
	return good ? 0 : 1;
}
