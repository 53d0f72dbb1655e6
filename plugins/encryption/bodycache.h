/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that were opened lately, so that a page that is read again is not opened again. */
#ifndef ENCRYPTION_BODYCACHE_H
#define ENCRYPTION_BODYCACHE_H

#include <pdb/host.h>

#include "crypt.h"

/*
 * Model. A body is found again by the mark of its record, which only who has the key can make, and
 * by its place: a record that was moved does not find it. What a caller gets is what was opened
 * under that mark, and a ticket of the key (keycache.h): whether the key may still be used is for
 * the caller to ask.
 *
 * The memory is fixed, left out of core images, and written round and round: the oldest bodies go
 * first. A size of 0 keeps nothing. Who looks takes no lock and writes nothing that others read, so
 * that readers never wait. Threads: any.
 */
typedef struct bodycache bodycache;

/* Bodies larger than this are not kept. */
#define BODYCACHE_BODY_MAX   16384u
#define BODYCACHE_COPY_WORDS ((BODYCACHE_BODY_MAX + 2 * CRYPT_ID_MAX) / 8)

/* A body that was found, in memory of the caller. */
typedef struct bodycache_copy {
	uint64_t key; /* the ticket */
	pdb_slice body;
	uint64_t words[BODYCACHE_COPY_WORDS];
} bodycache_copy;

/* Errors: PDB_ENOMEM. */
pdb_status bodycache_create(bodycache **out, const pdb_host *host, size_t size, pdb_err *err);
void bodycache_destroy(bodycache **cache);

/* Fetches a body of about this size into the processor's caches: it will be looked for soon. */
void bodycache_ahead(const bodycache *cache, const uint8_t *mark, size_t size);
bool bodycache_get(const bodycache *cache, const crypt_place *place, const uint8_t *mark,
		   bodycache_copy *out);
void bodycache_put(bodycache *cache, const crypt_place *place, const uint8_t *mark, uint64_t key,
		   pdb_slice body);
/* Wipes everything: a key was destroyed. */
void bodycache_clear(bodycache *cache);

#endif
