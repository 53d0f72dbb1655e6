/* SPDX-License-Identifier: Apache-2.0 */
/* Callers as numbers, which nobody outside can choose. */
#ifndef PDB_RATELIMIT_WHO_H
#define PDB_RATELIMIT_WHO_H

#include <pdb/host.h>
#include <sodium.h>

typedef struct who_secret {
	uint8_t bytes[crypto_shorthash_KEYBYTES];
} who_secret;

/* What a number stands for; the same text of two kinds gives two numbers. */
typedef enum who_kind {
	WHO_ADDRESS = 'a',
	WHO_CREDENTIAL = 'c',
	WHO_KEY = 'k',
	WHO_USER = 'u'
} who_kind;

/* Never 0. Of a text only the first 1,024 bytes count, and its length. */
uint64_t who_text(const who_secret *secret, who_kind kind, pdb_slice text);
/* An IPv6 address counts with all of its /64, which is what one subscriber has. */
uint64_t who_address(const who_secret *secret, const char *peer);

#endif
