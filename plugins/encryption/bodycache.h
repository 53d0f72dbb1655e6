/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that were opened lately, so that a page that is read again is not opened again. */
#ifndef ENCRYPTION_BODYCACHE_H
#define ENCRYPTION_BODYCACHE_H

#include <pdb/host.h>

#include "crypt.h"

/*
 * Model. A body is found again by the mark of its record, which only who has the key can make, and
 * by its place: a record that was moved does not find it. What a caller gets is what was opened
 * under that mark. Whether the key may still be used is asked before (keycache_take).
 *
 * The memory is fixed, left out of core images, and written round and round: the oldest bodies go
 * first. A size of 0 keeps nothing. Threads: any.
 */
typedef struct bodycache bodycache;

/* Bodies larger than this are not kept. */
#define BODYCACHE_BODY_MAX 16384u

/* Errors: PDB_ENOMEM. */
pdb_status bodycache_create(bodycache **out, const pdb_host *host, size_t size, pdb_err *err);
void bodycache_destroy(bodycache **cache);

/* True when the body was found; it has been set on the record then, with the status in *out. */
bool bodycache_get(bodycache *cache, const crypt_place *place, const uint8_t *mark,
		   pdb_record *record, pdb_status *out);
void bodycache_put(bodycache *cache, const crypt_place *place, const uint8_t *mark, pdb_slice body);
/* Wipes everything: a key was destroyed. */
void bodycache_clear(bodycache *cache);

#endif
