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
#define BODYCACHE_BODY_MAX 16384u

/* A body that was found; it may be written over at any time. */
typedef struct bodycache_entry {
	uint64_t key; /* the ticket */
	size_t body_len;
	const struct bodycache_shard *shard;
	uint64_t at; /* the place of the body in it */
} bodycache_entry;

/* Errors: PDB_ENOMEM. */
pdb_status bodycache_create(bodycache **out, const pdb_host *host, size_t size, pdb_err *err);
void bodycache_destroy(bodycache **cache);

/* Each of these fetches what the next one reads into the processor's caches. bodycache_ahead:
 * false when the body is not kept; true is a guess, and good for a moment. */
void bodycache_fetch(const bodycache *cache, const uint8_t *mark);
bool bodycache_ahead(const bodycache *cache, const uint8_t *mark);
bool bodycache_find(const bodycache *cache, const crypt_place *place, const uint8_t *mark,
		    bodycache_entry *out);
/* Copies a found body to `out`, which has room for it; false when it was written over. */
bool bodycache_read(const bodycache *cache, const bodycache_entry *entry, uint8_t *out);
void bodycache_put(bodycache *cache, const crypt_place *place, const uint8_t *mark, uint64_t key,
		   pdb_slice body);
/* Wipes everything: a key was destroyed. */
void bodycache_clear(bodycache *cache);

#endif
