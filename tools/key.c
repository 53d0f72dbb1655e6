/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl key new: makes an API key, and the digest by which a configuration may know it. */
#include <sodium.h>
#include <stdio.h>

#include "tools/command.h"

#define SECRET_SIZE 32u

typedef struct kind {
	const char *role;
	const char *prefix;
} kind;

static const kind kinds[] = {{"frontend", "pk_"}, {"backend", "sk_"}, {"admin", "ak_"}};

static const pdb_arg key_new_args[] = {{0}};

/* NULL for an unknown role. */
static const char *prefix_of(const char *role)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].role, role) == 0) {
			return kinds[i].prefix;
		}
	}
	return NULL;
}

static pdb_exit key_new_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	const char *prefix = prefix_of(operands[0]);
	uint8_t secret[SECRET_SIZE];
	uint8_t digest[crypto_hash_sha256_BYTES];
	char text[4 +
		  sodium_base64_ENCODED_LEN(SECRET_SIZE, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
	char hex[2 * sizeof(digest) + 1];
	size_t len;

	(void)globals, (void)settings;
	if (prefix == NULL) {
		pdb_complain("the role is frontend, backend or admin, not \"%s\"", operands[0]);
		return PDB_EXIT_USAGE;
	}
	if (sodium_init() < 0) {
		pdb_complain("the crypto library does not start");
		return PDB_EXIT_NO;
	}
	randombytes_buf(secret, sizeof(secret));
	len = strlen(prefix);
	memcpy(text, prefix, len);
	(void)sodium_bin2base64(text + len, sizeof(text) - len, secret, sizeof(secret),
				sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	(void)crypto_hash_sha256(digest, (const unsigned char *)text, strlen(text));
	(void)sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
	(void)printf("key:    %s\ndigest: sha256:%s\n", text, hex);
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(text, sizeof(text));
	return PDB_EXIT_OK;
}

const pdb_command pdb_command_key_new = {
	.name = "key new",
	.summary = "make an API key and its digest",
	.operands = "ROLE",
	.least = 1,
	.most = 1,
	.args = key_new_args,
	.text = "Prints a new key of 256 random bits for a ROLE (frontend, backend or admin) and "
		"its digest.\n"
		"Give the key to the caller and the digest to security.api_keys or security.keys: "
		"the\n"
		"server then never holds the key.",
	.examples = "  pdbctl key new backend\n",
	.run = key_new_run,
};
