/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that works ahead: keys for threads to come, claims, and the care of the cache. */
#ifndef ENCRYPTION_KEEPER_H
#define ENCRYPTION_KEEPER_H

#include "keycache.h"

/*
 * Model. A thread's key is made before the thread is: `prepared` keys lie ready in locked memory,
 * so that creating a thread waits for nobody. The provider is told later whose the key has become
 * (claim); if that is forgotten in a crash, the next use of the key finds out and tells it again.
 * Prepared keys that are left at the end are destroyed.
 * Threads: any, unless said otherwise.
 */
typedef struct keeper keeper;

/* `prepared` is how many keys lie ready. Errors: PDB_ENOMEM, PDB_EUNAVAILABLE (see keycache). */
pdb_status keeper_create(keeper **out, const pdb_host *host, keycache *cache, size_t prepared,
			 bool must_lock, pdb_err *err);
void keeper_destroy(keeper **k);
/* Threads: main. Errors: PDB_EUNAVAILABLE when no thread can be started. */
pdb_status keeper_start(keeper *k, const pdb_kms_ops *ops, void *kms, pdb_err *err);
/* Ends the thread, and destroys what is left. Accepts one that was not started. Threads: main. */
void keeper_stop(keeper *k);

/* Hands out a prepared key for a thread, which is in the cache then; `key` is without the DEK.
 * False when there is none. What was handed out for the thread lately is handed out again: a
 * request that runs twice, or two at once, use one key. */
bool keeper_take(keeper *k, pdb_slice thread, pdb_kms_key *key);
/* Remembers in the same way a key that was made for the thread by a call to the provider. */
void keeper_remember(keeper *k, pdb_slice thread, const pdb_kms_key *key);
/* Forgets a key that is destroyed. */
void keeper_forget(keeper *k, const char *id);
/* Has the provider told that the key is the thread's. */
void keeper_claim(keeper *k, const char *id, pdb_slice thread);

/* Keys that lie ready. */
size_t keeper_ready(keeper *k);

#endif
