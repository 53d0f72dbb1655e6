/* SPDX-License-Identifier: Apache-2.0 */
/* The keyring: digests compared in constant time, HMAC states prepared once. */
#include "keyring.h"

#include <sodium.h>
#include <stdio.h>

/* A hashed backend key signs with the first signing key that is good at the time. */
#define ANY_SHARED (SIZE_MAX - 1)

typedef struct key {
	uint8_t digest[KEY_DIGEST_SIZE];
	pdb_role role;
	size_t signer;
	char id[KEY_ID_SIZE];
	int64_t not_before;
	int64_t expires;
	size_t network_count;
	pdb_network networks[KEY_NETWORKS_MAX];
} key;

typedef struct signer {
	crypto_auth_hmacsha256_state state;
	char id[KEY_ID_SIZE];
	int64_t not_before;
	int64_t expires;
} signer;

struct keyring {
	key *keys; /* both behind the struct, in the same slab */
	size_t key_count;
	signer *signers; /* the shared ones first */
	size_t signer_count;
	size_t shared_count;
	size_t brief_count; /* keys shorter than is comfortable */
	bool legacy;
	int64_t max_age;
	bool locked;
};

/* -- making -------------------------------------------------------------------------------------
 */

static bool signs(const key_spec *spec)
{
	return spec->text[0] != '\0' &&
	       (spec->role == PDB_ROLE_NONE || spec->role == PDB_ROLE_BACKEND);
}

static size_t add_signer(keyring *ring, const key_spec *spec)
{
	signer *added = &ring->signers[ring->signer_count];

	(void)crypto_auth_hmacsha256_init(&added->state, (const unsigned char *)spec->text,
					  strlen(spec->text));
	memcpy(added->id, spec->id, sizeof(added->id));
	added->not_before = spec->not_before;
	added->expires = spec->expires;
	return ring->signer_count++;
}

static void add_key(keyring *ring, const key_spec *spec)
{
	key *added = &ring->keys[ring->key_count++];

	memcpy(added->digest, spec->digest, sizeof(added->digest));
	memcpy(added->id, spec->id, sizeof(added->id));
	memcpy(added->networks, spec->networks, sizeof(added->networks));
	added->network_count = spec->network_count;
	added->role = spec->role;
	added->not_before = spec->not_before;
	added->expires = spec->expires;
	added->signer = KEYRING_NO_SIGNER;
	/* A plain backend key signs with itself, as clients expect. */
	if (signs(spec)) {
		added->signer = add_signer(ring, spec);
	} else if (spec->role == PDB_ROLE_BACKEND && ring->shared_count > 0) {
		added->signer = ANY_SHARED;
	}
}

static void fill(keyring *ring, const key_specs *specs)
{
	for (size_t i = 0; i < specs->count; i++) {
		size_t len = strlen(specs->list[i].text);

		ring->brief_count += len > 0 && len < KEY_COMFORT;
		if (specs->list[i].role == PDB_ROLE_NONE) {
			(void)add_signer(ring, &specs->list[i]);
		}
	}
	ring->shared_count = ring->signer_count;
	for (size_t i = 0; i < specs->count; i++) {
		if (specs->list[i].role != PDB_ROLE_NONE) {
			add_key(ring, &specs->list[i]);
		}
	}
}

/* One slab: the struct, then the signers, then the keys. */
static keyring *alloc_ring(const key_specs *specs)
{
	size_t key_count = 0;
	size_t signer_count = 0;
	size_t rounded;
	keyring *ring;

	for (size_t i = 0; i < specs->count; i++) {
		key_count += specs->list[i].role != PDB_ROLE_NONE;
		signer_count += signs(&specs->list[i]);
	}
	/* the end of the slab is page-aligned, so its beginning is only aligned when the size is */
	rounded = (sizeof(*ring) + signer_count * sizeof(signer) + key_count * sizeof(key) + 63) &
		  ~(size_t)63;
	ring = sodium_malloc(rounded);
	if (ring == NULL) {
		return NULL;
	}
	sodium_memzero(ring, rounded);
	ring->locked = sodium_mlock(ring, rounded) == 0;
	ring->signers = (signer *)(void *)(ring + 1);
	ring->keys = (key *)(void *)(ring->signers + signer_count);
	return ring;
}

static void take_problem(void *arg, const char *option, const char *text)
{
	pdb_err *err = arg;

	if (err->status == PDB_OK) {
		(void)pdb_err_set(err, PDB_EINVAL, "invalid_key", "%s: %s", option, text);
	}
}

pdb_status keyring_create(keyring **out, const key_settings *settings, pdb_err *err)
{
	key_specs specs;
	pdb_err found = {0};

	*out = NULL;
	if (keys_read(&specs, settings, take_problem, &found)) {
		*out = alloc_ring(&specs);
		if (*out == NULL) {
			(void)pdb_err_set(&found, PDB_ENOMEM, NULL, "no memory for the API keys");
		}
	}
	if (*out != NULL) {
		fill(*out, &specs);
		(*out)->legacy = settings->legacy;
		(*out)->max_age = settings->max_age / INT64_C(1000000000);
	}
	keys_free(&specs);
	if (*out == NULL && err != NULL) {
		*err = found;
	}
	return *out != NULL ? PDB_OK : found.status;
}

void keyring_destroy(keyring **ring)
{
	if (ring == NULL || *ring == NULL) {
		return;
	}
	sodium_free(*ring);
	*ring = NULL;
}

/* -- API keys -----------------------------------------------------------------------------------
 */

/* The place of the matching key plus one, 0 for none; every key is looked at. */
static size_t find_place(const keyring *ring, const uint8_t digest[KEY_DIGEST_SIZE],
			 const keyring_visit *visit)
{
	size_t place = 0;

	for (size_t i = 0; i < ring->key_count; i++) {
		const key *k = &ring->keys[i];
		/* of a key that stands twice, the one that is good just now */
		int good = k->not_before <= visit->now && visit->now < k->expires;
		int equal = sodium_memcmp(digest, k->digest, KEY_DIGEST_SIZE) == 0;
		size_t mask = (size_t) - (equal & good);

		place = (mask & (i + 1)) | (~mask & place);
	}
	return place;
}

static bool may_come_from(const key *k, const char *peer)
{
	pdb_address address;

	if (k->network_count == 0 || strcmp(peer, "unix") == 0) {
		return true;
	}
	if (!pdb_address_parse(&address, pdb_slice_text(peer))) {
		return false;
	}
	for (size_t i = 0; i < k->network_count; i++) {
		if (pdb_network_has(&k->networks[i], &address)) {
			return true;
		}
	}
	return false;
}

bool keyring_find(const keyring *ring, pdb_slice presented, const keyring_visit *visit,
		  keyring_entry *entry_out)
{
	uint8_t digest[KEY_DIGEST_SIZE];
	size_t place;
	const key *found;

	if (presented.len == 0 || presented.len > KEY_MAX ||
	    crypto_hash_sha256(digest, presented.ptr, presented.len) != 0) {
		return false;
	}
	place = find_place(ring, digest, visit);
	sodium_memzero(digest, sizeof(digest));
	if (place == 0) {
		return false;
	}
	found = &ring->keys[place - 1];
	memcpy(entry_out->label, found->id, sizeof(entry_out->label));
	entry_out->role = found->role;
	entry_out->signer = found->signer;
	return may_come_from(found, visit->peer);
}

/* -- signatures ---------------------------------------------------------------------------------
 */

static bool lives(const signer *s, int64_t now)
{
	return s->not_before <= now && now < s->expires;
}

/* NULL when it cannot sign now. */
static const signer *pick(const keyring *ring, size_t place, int64_t now)
{
	if (place == ANY_SHARED) {
		place = 0;
		while (place < ring->shared_count && !lives(&ring->signers[place], now)) {
			place++;
		}
		return place < ring->shared_count ? &ring->signers[place] : NULL;
	}
	return place < ring->signer_count && lives(&ring->signers[place], now)
		       ? &ring->signers[place]
		       : NULL;
}

static void authenticate(const signer *s, pdb_slice user, uint8_t mac[TOKEN_MAC_SIZE])
{
	crypto_auth_hmacsha256_state state = s->state;

	(void)crypto_auth_hmacsha256_update(&state, user.ptr, user.len);
	(void)crypto_auth_hmacsha256_final(&state, mac);
	sodium_memzero(&state, sizeof(state));
}

bool keyring_sign(const keyring *ring, size_t place, int64_t now, pdb_slice user,
		  char out[KEYRING_SIGNATURE_LEN + 1])
{
	const signer *s = pick(ring, place, now);
	uint8_t mac[TOKEN_MAC_SIZE];

	if (s == NULL) {
		return false;
	}
	authenticate(s, user, mac);
	(void)sodium_bin2hex(out, KEYRING_SIGNATURE_LEN + 1, mac, sizeof(mac));
	sodium_memzero(mac, sizeof(mac));
	return true;
}

bool keyring_verify(const keyring *ring, int64_t now, pdb_slice user, pdb_slice signature)
{
	uint8_t given[TOKEN_MAC_SIZE];
	uint8_t mac[TOKEN_MAC_SIZE];
	size_t written = 0;
	int matched = 0;

	if (signature.len != KEYRING_SIGNATURE_LEN ||
	    sodium_hex2bin(given, sizeof(given), (const char *)signature.ptr, signature.len, NULL,
			   &written, NULL) != 0 ||
	    written != sizeof(given)) {
		return false;
	}
	for (size_t i = 0; i < ring->signer_count; i++) {
		authenticate(&ring->signers[i], user, mac);
		int same = sodium_memcmp(given, mac, sizeof(mac)) == 0;
		int good = lives(&ring->signers[i], now);

		matched |= same & good;
	}
	sodium_memzero(mac, sizeof(mac));
	return matched != 0;
}

/* Lines: "v2", database, user, expiry, and the last revocation when there was one. No part can hold
 * a line end, so no two claims have the same lines. */
static void authenticate_claim(const signer *s, const keyring_claim *claim, int64_t expires,
			       uint8_t mac[TOKEN_MAC_SIZE])
{
	crypto_auth_hmacsha256_state state = s->state;
	char text[64];
	int len;

	(void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)"v2\n", 3);
	(void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)claim->database,
					    strlen(claim->database));
	(void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)"\n", 1);
	(void)crypto_auth_hmacsha256_update(&state, claim->user.ptr, claim->user.len);
	len = snprintf(text, sizeof(text), "\n%lld", (long long)expires);
	if (claim->mark != 0) {
		len += snprintf(text + len, sizeof(text) - (size_t)len, "\n%lld",
				(long long)claim->mark);
	}
	(void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)text,
					    (unsigned long long)len);
	(void)crypto_auth_hmacsha256_final(&state, mac);
	sodium_memzero(&state, sizeof(state));
}

bool keyring_sign_claim(const keyring *ring, size_t place, int64_t now, int64_t expires,
			const keyring_claim *claim, char out[TOKEN_MAX])
{
	const signer *s = pick(ring, place, now);
	token made = {.expires = expires};

	if (s == NULL) {
		return false;
	}
	made.id = pdb_slice_text(s->id);
	authenticate_claim(s, claim, expires, made.mac);
	token_write(&made, out);
	sodium_memzero(&made, sizeof(made));
	return true;
}

bool keyring_verify_claim(const keyring *ring, int64_t now, const token *given,
			  const keyring_claim *claim)
{
	uint8_t mac[TOKEN_MAC_SIZE];
	char id[KEY_ID_SIZE] = "";
	int matched = 0;

	if (given->id.len >= sizeof(id)) {
		return false;
	}
	memcpy(id, given->id.ptr, given->id.len);
	for (size_t i = 0; i < ring->signer_count; i++) {
		const signer *s = &ring->signers[i];

		if (lives(s, now) && sodium_memcmp(id, s->id, sizeof(id)) == 0) {
			authenticate_claim(s, claim, given->expires, mac);
			matched |= sodium_memcmp(given->mac, mac, sizeof(mac)) == 0;
		}
	}
	sodium_memzero(mac, sizeof(mac));
	return matched != 0;
}

bool keyring_legacy(const keyring *ring)
{
	return ring->legacy && ring->max_age == 0;
}

int64_t keyring_max_age(const keyring *ring)
{
	return ring->max_age;
}

size_t keyring_brief(const keyring *ring)
{
	return ring->brief_count;
}

bool keyring_locked(const keyring *ring)
{
	return ring->locked;
}
