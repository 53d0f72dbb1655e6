/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that were good a while ago, by their keyed hash. */
#ifndef PDB_RATELIMIT_KNOWN_H
#define PDB_RATELIMIT_KNOWN_H

#include <pdb/host.h>

/*
 * Whoever shows what was accepted before is not guessing, so somebody else's failures from the same
 * address need not keep it out. Being known lets nobody in: the key is judged as ever.
 *
 * A table of fixed size, in which only accepted credentials get a place, the last used ones.
 * Threads: any, several at once.
 */
typedef struct known known;

/* Owns: the caller. Errors: PDB_ENOMEM. */
pdb_status known_create(known **out, const pdb_host *host, pdb_err *err);
void known_destroy(known **table);

/* True when it was added and not removed since. */
bool known_has(known *table, uint64_t credentials, int64_t now);
void known_add(known *table, uint64_t credentials, int64_t now);
void known_remove(known *table, uint64_t credentials);

#endif
