/* SPDX-License-Identifier: Apache-2.0 */
/* Nonces that were used: a proof holds once. */
#include <sodium.h>

#include "base/mem.h"
#include "daemon/daemon.h"

/* 131,072 in all: over 1,000 requests a second for the two minutes that a proof may be valid. */
#define BUCKETS 4096u
#define PLACES  32u

typedef struct used_nonce {
	uint8_t bytes[WIRE_NONCE / 2];
	int64_t until;
} used_nonce;

struct kms_nonces {
	pthread_mutex_t lock;
	int64_t since; /* what was used before it is not known */
	used_nonce places[BUCKETS][PLACES];
};

kms_nonces *kms_nonces_create(int64_t now)
{
	kms_nonces *nonces = pdb_mem_zalloc(sizeof(*nonces));

	if (nonces != NULL) {
		(void)pthread_mutex_init(&nonces->lock, NULL);
		nonces->since = now;
	}
	return nonces;
}

void kms_nonces_destroy(kms_nonces **nonces)
{
	if (*nonces != NULL) {
		(void)pthread_mutex_destroy(&(*nonces)->lock);
		pdb_mem_free(*nonces);
		*nonces = NULL;
	}
}

static bool use(used_nonce *bucket, const uint8_t *bytes, int64_t now, int64_t until)
{
	used_nonce *room = NULL;

	for (size_t i = 0; i < PLACES; i++) {
		if (bucket[i].until < now) {
			room = &bucket[i];
		} else if (sodium_memcmp(bucket[i].bytes, bytes, sizeof(bucket[i].bytes)) == 0) {
			return false;
		}
	}
	/* what cannot be remembered could come twice */
	if (room == NULL) {
		return false;
	}
	memcpy(room->bytes, bytes, sizeof(room->bytes));
	room->until = until;
	return true;
}

bool kms_nonces_use(kms_nonces *nonces, const char *nonce, int64_t now, int64_t made)
{
	uint8_t bytes[WIRE_NONCE / 2];
	size_t used = 0;
	bool good;

	if (sodium_hex2bin(bytes, sizeof(bytes), nonce, WIRE_NONCE, NULL, &used, NULL) != 0 ||
	    used != sizeof(bytes) || made < nonces->since) {
		return false;
	}
	(void)pthread_mutex_lock(&nonces->lock);
	good = use(nonces->places[((size_t)bytes[0] << 4 | bytes[1] >> 4) % BUCKETS], bytes, now,
		   made + KMS_SKEW_MAX);
	(void)pthread_mutex_unlock(&nonces->lock);
	return good;
}
