/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-1-3 under a key drawn once per process. */
#include "base/hash.h"

#include <pthread.h>

#include "base/id.h"

static uint64_t hash_key[2];
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;

static void hash_key_draw(void)
{
	pdb_random(hash_key, sizeof(hash_key));
}

static inline uint64_t rotate(uint64_t word, unsigned bits)
{
	return (word << bits) | (word >> (64 - bits));
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

uint64_t pdb_hash(pdb_slice bytes)
{
	uint64_t v[4];
	uint64_t word = 0;
	size_t at;

	(void)pthread_once(&hash_once, hash_key_draw);
	v[0] = hash_key[0] ^ UINT64_C(0x736f6d6570736575);
	v[1] = hash_key[1] ^ UINT64_C(0x646f72616e646f6d);
	v[2] = hash_key[0] ^ UINT64_C(0x6c7967656e657261);
	v[3] = hash_key[1] ^ UINT64_C(0x7465646279746573);
	for (at = 0; at + 8 <= bytes.len; at += 8) {
		memcpy(&word, bytes.ptr + at, 8);
		sip_word(v, word);
	}
	word = 0;
	if (at < bytes.len) {
		memcpy(&word, bytes.ptr + at, bytes.len - at);
	}
	sip_word(v, word | ((uint64_t)bytes.len << 56));
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
