/* SPDX-License-Identifier: Apache-2.0 */
/* Unwrapped keys, for a while, in locked memory. */
#ifndef ENCRYPTION_KEYCACHE_H
#define ENCRYPTION_KEYCACHE_H

#include <pdb/host.h>
#include <pdb/kms.h>
#include <stdatomic.h>

#include "crypt.h"

/*
 * Model. A key, one version of a DEK, is unwrapped by the provider when it is first asked for and
 * kept for `ttl` from then on, however often it is used: what is destroyed elsewhere ends within
 * that time. Only what is derived from the DEK is kept (crypt.h), in one slab of locked memory that
 * is left out of core images; a slot is wiped when its key leaves.
 *
 * - Single flight: one unwrap of a key at a time, whoever else wants it waits.
 * - Ahead: a key in use is unwrapped again at 70 to 90 % of its time, by keycache_tend(), so that
 *   keys do not expire together and nobody waits. A provider that is away takes nothing from a
 *   key's time.
 * - A failure is remembered for a second.
 * - A provider that was not reachable is left alone until keycache_tend() finds that it is: whoever
 *   needs a key that is not here is refused at once, so that nobody queues behind a time-out.
 * - At `entries` the one not used for longest (by a clock hand) leaves.
 *
 * A key in use is held and stays where it is until it is given back. Threads: any.
 */
typedef struct keycache keycache;

typedef struct keycache_settings {
	size_t entries;
	int64_t ttl; /* nanoseconds */
	bool must_lock;
} keycache_settings;

/* A key that is held. Borrowed from the cache; give it back soon. */
typedef struct keycache_hold {
	const crypt_keys *keys;
	const uint8_t *check; /* CRYPT_CHECK_SIZE bytes */
	const char *thread;   /* whose it is, as the provider says; "" = nobody's yet */
	uint64_t ticket;      /* for keycache_valid() */
	uint32_t version;
	bool prepared; /* the provider does not know its thread yet */
	uint32_t place;
} keycache_hold;

typedef struct keycache_counts {
	_Atomic uint64_t hits;
	_Atomic uint64_t misses;
	_Atomic uint64_t refreshes;
	_Atomic uint64_t evictions;
} keycache_counts;

/* Errors: PDB_EUNAVAILABLE when memory must be locked and cannot be, PDB_ENOMEM. */
pdb_status keycache_create(keycache **out, const pdb_host *host, const keycache_settings *settings,
			   pdb_err *err);
void keycache_destroy(keycache **cache);
/* True when the slab is locked. */
bool keycache_locked(const keycache *cache);
/* The provider; before any key is taken. */
void keycache_use(keycache *cache, const pdb_kms_ops *ops, void *kms);

/*
 * Takes a key. Errors: PDB_EOFFLOAD when it must be unwrapped and `may_block` is false; those of
 * pdb_kms_ops.unwrap; PDB_EBUSY when every slot is held.
 */
pdb_status keycache_take(keycache *cache, const char *id, uint32_t version, bool may_block,
			 keycache_hold *out, pdb_err *err);
void keycache_give(keycache *cache, const keycache_hold *hold);
/* True while the key that was held with this ticket may be used, and the provider knows its thread.
 * A use like any other, but without a lock. 0 is no ticket. */
bool keycache_valid(keycache *cache, uint64_t ticket);

/* True when a key that was handed out with its DEK is one. */
bool keycache_good(const pdb_kms_key *key);
/* Keeps a key that was just handed out; its DEK is read, not kept. Without room nothing is kept. */
void keycache_put(keycache *cache, const pdb_kms_key *key);
/* Remembers that the provider knows the key's thread now. */
void keycache_bound(keycache *cache, const char *id);
/* Forgets all versions of a key at once; those held go when they are given back. */
void keycache_purge(keycache *cache, const char *id);

/* Something did not open: should the provider have given a wrong key, it is asked again. At most
 * once a second, so that a damaged record cannot keep it busy. */
void keycache_doubt(keycache *cache, const char *id, uint32_t version);

/* True, and what the provider said at the last unwrap, when a version of the key is here. */
bool keycache_peek(keycache *cache, const char *id, uint32_t version, pdb_kms_key *out);

/* Tells that the provider could not be reached. */
void keycache_lost(keycache *cache);
bool keycache_is_lost(const keycache *cache);

/* Looks after a provider that was lost, wipes what has expired, and unwraps again what is due. May
 * block; by one thread, twice a second. */
void keycache_tend(keycache *cache);

const keycache_counts *keycache_counted(const keycache *cache);
/* Keys that are kept just now. */
size_t keycache_size(keycache *cache);

#endif
