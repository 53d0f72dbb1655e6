/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials with something changed: PDB_AUTH_MUTATIONS of them (50,000), none of which is good.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "keyring.h"

#define NOW  1800000000
#define SIZE 160u

static const char *const frontend[] = {"pk_frontend_key_0123456789"};
static const char *const backend[] = {"sk_backend_key_0123456789", "sk_another_key_9876543210"};
static const char *const admin[] = {"ak_admin_key_0123456789"};
static const key_settings settings = {
	.frontend = {frontend, 1}, .backend = {backend, 2}, .admin = {admin, 1}, .legacy = true};

static uint32_t rnd(uint32_t bound)
{
	return randombytes_uniform(bound);
}

/* One to three changes: a byte changed, dropped, doubled, put in, or two swapped. */
static size_t mutate(char *text, size_t len)
{
	for (uint32_t n = 1 + rnd(3); n > 0 && len > 0 && len + 1 < SIZE; n--) {
		size_t at = rnd((uint32_t)len);

		switch (rnd(5)) {
		case 0:
			text[at] = (char)(text[at] ^ (1 << rnd(8)));
			break;
		case 1:
			memmove(text + at, text + at + 1, len - at - 1);
			len--;
			break;
		case 2:
			memmove(text + at + 1, text + at, len - at);
			len++;
			break;
		case 3:
			text[at] = (char)(33 + rnd(94));
			break;
		default: {
			size_t other = rnd((uint32_t)len);
			char kept = text[at];

			text[at] = text[other];
			text[other] = kept;
		}
		}
	}
	return len;
}

static bool is_key(const char *text, size_t len)
{
	const char *const all[] = {frontend[0], backend[0], backend[1], admin[0]};

	for (size_t i = 0; i < 4; i++) {
		if (pdb_slice_is(pdb_slice_of(text, len), all[i])) {
			return true;
		}
	}
	return false;
}

/* A bare signature may be spelled in either case. */
static bool same_hex(const char *text, size_t len, const char *good)
{
	return len == strlen(good) && strncasecmp(text, good, len) == 0;
}

static long count(void)
{
	const char *text = getenv("PDB_AUTH_MUTATIONS");

	return text != NULL ? strtol(text, NULL, 10) : 50000;
}

typedef struct good {
	keyring *ring;
	char bare[KEYRING_SIGNATURE_LEN + 1];
	char token[TOKEN_MAX];
	keyring_claim claim;
} good;

static bool key_opens(const good *g, const char *text, size_t len)
{
	const keyring_visit visit = {.now = NOW, .peer = "192.0.2.1"};
	keyring_entry entry;

	return keyring_find(g->ring, pdb_slice_of(text, len), &visit, &entry);
}

static bool token_opens(const good *g, const char *text, size_t len)
{
	token given;

	return token_read(&given, pdb_slice_of(text, len)) &&
	       keyring_verify_claim(g->ring, NOW, &given, &g->claim);
}

/* False when something was let in that must not be. */
static bool shut(const good *g, long i)
{
	char text[SIZE];
	const char *from[] = {backend[i % 2], g->bare, g->token};
	size_t kind = (size_t)(i % 3);
	size_t len = strlen(from[kind]);

	memcpy(text, from[kind], len);
	len = mutate(text, len);
	switch (kind) {
	case 0:
		return is_key(text, len) || !key_opens(g, text, len);
	case 1:
		return same_hex(text, len, g->bare) ||
		       !keyring_verify(g->ring, NOW, g->claim.user, pdb_slice_of(text, len));
	default:
		return pdb_slice_is(pdb_slice_of(text, len), g->token) ||
		       !token_opens(g, text, len);
	}
}

Test(mutation, none_is_good)
{
	good g = {.claim = {.database = "00112233445566778899aabbccddeeff",
			    .user = PDB_SLICE("ann")}};
	pdb_err err = {0};
	long all = count();
	long open = 0;

	cr_assert(sodium_init() >= 0);
	cr_assert_eq(keyring_create(&g.ring, &settings, &err), PDB_OK, "%s", err.text);
	cr_assert(keyring_sign(g.ring, 0, NOW, g.claim.user, g.bare));
	cr_assert(keyring_sign_claim(g.ring, 1, NOW, NOW + 60, &g.claim, g.token));
	cr_assert(key_opens(&g, backend[0], strlen(backend[0])));
	cr_assert(keyring_verify(g.ring, NOW, g.claim.user, pdb_slice_text(g.bare)));
	cr_assert(token_opens(&g, g.token, strlen(g.token)));
	for (long i = 0; i < all; i++) {
		open += !shut(&g, i);
	}
	cr_assert_eq(open, 0);
	(void)fprintf(stderr, "%ld changed credentials, none accepted\n", all);
	keyring_destroy(&g.ring);
}
