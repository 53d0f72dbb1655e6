/* SPDX-License-Identifier: Apache-2.0 */
/* The keyring: digests compared in constant time, HMAC states prepared once. */
#include "keyring.h"

#include <sodium.h>

#define DIGEST_SIZE crypto_hash_sha256_BYTES

static const char hashed_prefix[] = "sha256:";

typedef struct key {
	uint8_t digest[DIGEST_SIZE];
	pdb_role role;
	size_t signer;
} key;

struct keyring {
	key *keys; /* both behind the struct, in the same slab */
	size_t key_count;
	crypto_auth_hmacsha256_state *signers;
	size_t signer_count;
	bool locked;
};

static bool is_hashed(const char *text)
{
	return strncmp(text, hashed_prefix, sizeof(hashed_prefix) - 1) == 0;
}

static bool digest_of_hex(uint8_t digest[DIGEST_SIZE], const char *hex)
{
	size_t written = 0;
	const char *end = NULL;
	size_t len = strlen(hex);

	return len == 2 * (size_t)DIGEST_SIZE &&
	       sodium_hex2bin(digest, DIGEST_SIZE, hex, len, NULL, &written, &end) == 0 &&
	       written == DIGEST_SIZE && end == hex + len;
}

static bool digest_of(uint8_t digest[DIGEST_SIZE], const char *text)
{
	if (is_hashed(text)) {
		return digest_of_hex(digest, text + sizeof(hashed_prefix) - 1);
	}
	return crypto_hash_sha256(digest, (const unsigned char *)text, strlen(text)) == 0;
}

static bool has_only_visible(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text <= ' ' || *text > '~') {
			return false;
		}
	}
	return true;
}

const char *keyring_judge(const char *text)
{
	uint8_t digest[DIGEST_SIZE];

	if (is_hashed(text)) {
		return digest_of(digest, text) ? NULL : "\"sha256:\" needs 64 hex digits behind it";
	}
	if (strlen(text) < KEYRING_KEY_MIN) {
		return "a key has at least 8 characters";
	}
	if (strlen(text) > KEYRING_KEY_MAX) {
		return "a key has at most 512 characters";
	}
	return has_only_visible(text) ? NULL : "a key has only visible ASCII characters";
}

bool keyring_same(const char *a, const char *b)
{
	uint8_t left[DIGEST_SIZE];
	uint8_t right[DIGEST_SIZE];

	return digest_of(left, a) && digest_of(right, b) &&
	       sodium_memcmp(left, right, DIGEST_SIZE) == 0;
}

bool keyring_is_short(const char *text)
{
	return !is_hashed(text) && strlen(text) < KEYRING_KEY_COMFORT;
}

static size_t count_plain(pdb_option_list list)
{
	size_t count = 0;

	for (size_t i = 0; i < list.count; i++) {
		count += is_hashed(list.items[i]) ? 0 : 1;
	}
	return count;
}

static void add_signer(keyring *ring, const char *text)
{
	(void)crypto_auth_hmacsha256_init(&ring->signers[ring->signer_count],
					  (const unsigned char *)text, strlen(text));
	ring->signer_count++;
}

static pdb_status add_signers(keyring *ring, pdb_option_list list, pdb_err *err)
{
	for (size_t i = 0; i < list.count; i++) {
		if (is_hashed(list.items[i]) || keyring_judge(list.items[i]) != NULL) {
			return pdb_err_set(err, PDB_EINVAL, "invalid_key",
					   "a signing key is not acceptable");
		}
		add_signer(ring, list.items[i]);
	}
	return PDB_OK;
}

/* A plain backend key signs with itself, as clients expect; a hashed one with a signing key. */
static size_t signer_for(keyring *ring, const char *text, pdb_role role, size_t shared)
{
	if (role != PDB_ROLE_BACKEND) {
		return KEYRING_NO_SIGNER;
	}
	if (is_hashed(text)) {
		return shared > 0 ? 0 : KEYRING_NO_SIGNER;
	}
	add_signer(ring, text);
	return ring->signer_count - 1;
}

static pdb_status add_keys(keyring *ring, pdb_option_list list, pdb_role role, size_t shared,
			   pdb_err *err)
{
	for (size_t i = 0; i < list.count; i++) {
		key *added = &ring->keys[ring->key_count];

		if (keyring_judge(list.items[i]) != NULL ||
		    !digest_of(added->digest, list.items[i])) {
			return pdb_err_set(err, PDB_EINVAL, "invalid_key",
					   "an API key is not acceptable");
		}
		added->role = role;
		added->signer = signer_for(ring, list.items[i], role, shared);
		ring->key_count++;
	}
	return PDB_OK;
}

/* One slab: the struct, then the HMAC states, then the keys. */
static keyring *alloc_ring(size_t key_count, size_t signer_count)
{
	size_t signers = signer_count * sizeof(crypto_auth_hmacsha256_state);
	size_t size = sizeof(keyring) + signers + key_count * sizeof(key);
	/* the end of the slab is page-aligned, so its beginning is only aligned when the size is */
	size_t rounded = (size + 63) & ~(size_t)63;
	keyring *ring = sodium_malloc(rounded);

	if (ring == NULL) {
		return NULL;
	}
	sodium_memzero(ring, rounded);
	ring->locked = sodium_mlock(ring, rounded) == 0;
	ring->signers = (crypto_auth_hmacsha256_state *)(void *)(ring + 1);
	ring->keys = (key *)(void *)(ring->signers + signer_count);
	return ring;
}

pdb_status keyring_create(keyring **out, const keyring_lists *lists, pdb_err *err)
{
	size_t shared = lists->signing.count;
	keyring *ring;
	pdb_status status;

	*out = NULL;
	ring = alloc_ring(lists->frontend.count + lists->backend.count + lists->admin.count,
			  shared + count_plain(lists->backend));
	if (ring == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the API keys");
	}
	status = add_signers(ring, lists->signing, err);
	if (status == PDB_OK) {
		status = add_keys(ring, lists->frontend, PDB_ROLE_FRONTEND, shared, err);
	}
	if (status == PDB_OK) {
		status = add_keys(ring, lists->backend, PDB_ROLE_BACKEND, shared, err);
	}
	if (status == PDB_OK) {
		status = add_keys(ring, lists->admin, PDB_ROLE_ADMIN, shared, err);
	}
	if (status != PDB_OK) {
		keyring_destroy(&ring);
		return status;
	}
	*out = ring;
	return PDB_OK;
}

void keyring_destroy(keyring **ring)
{
	if (ring == NULL || *ring == NULL) {
		return;
	}
	sodium_free(*ring);
	*ring = NULL;
}

/* The place of the matching key plus one, 0 for none; every key is looked at. */
static size_t find_place(const keyring *ring, const uint8_t digest[DIGEST_SIZE])
{
	size_t place = 0;

	for (size_t i = 0; i < ring->key_count; i++) {
		int equal = sodium_memcmp(digest, ring->keys[i].digest, DIGEST_SIZE) == 0;
		size_t mask = (size_t)-equal;

		place = (mask & (i + 1)) | (~mask & place);
	}
	return place;
}

bool keyring_find(const keyring *ring, pdb_slice presented, keyring_entry *entry_out)
{
	uint8_t digest[DIGEST_SIZE];
	char hex[2 * DIGEST_SIZE + 1];
	size_t place;

	if (presented.len == 0 || presented.len > KEYRING_KEY_MAX ||
	    crypto_hash_sha256(digest, presented.ptr, presented.len) != 0) {
		return false;
	}
	place = find_place(ring, digest);
	if (place > 0) {
		(void)sodium_bin2hex(hex, sizeof(hex), digest, DIGEST_SIZE);
		memcpy(entry_out->label, hex, KEYRING_LABEL_SIZE - 1);
		entry_out->label[KEYRING_LABEL_SIZE - 1] = '\0';
		entry_out->role = ring->keys[place - 1].role;
		entry_out->signer = ring->keys[place - 1].signer;
	}
	sodium_memzero(digest, sizeof(digest));
	sodium_memzero(hex, sizeof(hex));
	return place > 0;
}

static void authenticate(const keyring *ring, size_t signer, pdb_slice user,
			 uint8_t mac[crypto_auth_hmacsha256_BYTES])
{
	crypto_auth_hmacsha256_state state = ring->signers[signer];

	(void)crypto_auth_hmacsha256_update(&state, user.ptr, user.len);
	(void)crypto_auth_hmacsha256_final(&state, mac);
	sodium_memzero(&state, sizeof(state));
}

bool keyring_sign(const keyring *ring, size_t signer, pdb_slice user,
		  char out[KEYRING_SIGNATURE_LEN + 1])
{
	uint8_t mac[crypto_auth_hmacsha256_BYTES];

	if (signer >= ring->signer_count) {
		return false;
	}
	authenticate(ring, signer, user, mac);
	(void)sodium_bin2hex(out, KEYRING_SIGNATURE_LEN + 1, mac, sizeof(mac));
	sodium_memzero(mac, sizeof(mac));
	return true;
}

bool keyring_verify(const keyring *ring, pdb_slice user, pdb_slice signature)
{
	uint8_t given[crypto_auth_hmacsha256_BYTES];
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	size_t written = 0;
	int matched = 0;

	if (signature.len != KEYRING_SIGNATURE_LEN ||
	    sodium_hex2bin(given, sizeof(given), (const char *)signature.ptr, signature.len, NULL,
			   &written, NULL) != 0 ||
	    written != sizeof(given)) {
		return false;
	}
	for (size_t i = 0; i < ring->signer_count; i++) {
		authenticate(ring, i, user, mac);
		matched |= sodium_memcmp(given, mac, sizeof(mac)) == 0;
	}
	sodium_memzero(mac, sizeof(mac));
	return matched != 0;
}

bool keyring_locked(const keyring *ring)
{
	return ring->locked;
}
