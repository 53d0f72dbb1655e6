/* SPDX-License-Identifier: Apache-2.0 */
/* Revoked users: whose signatures of before a mark do not hold. */
#ifndef PDB_AUTH_REVOCATION_H
#define PDB_AUTH_REVOCATION_H

#include <pdb/host.h>

/*
 * Model. A mark is a time (seconds since 1970) that goes into what is signed from then on, so that
 * everything signed earlier stops to hold at once. Marks are rows of the plugin, "revoked:<user id
 * in hex>", and all of them are in memory: looking one up touches no disk.
 * Threads: any.
 */
typedef struct revocations revocations;

#define REVOCATIONS_MAX 100000u

/* NULL without memory. */
revocations *revocations_create(const pdb_host *host, pdb_plugin *plugin);
void revocations_destroy(revocations **all);
/* Reads the rows; once, before the first request. */
pdb_status revocations_load(revocations *all, pdb_err *err);
/* The user's mark, 0 for none. */
int64_t revocations_mark(revocations *all, pdb_slice user);
/* Sets a mark of `now`, or later than the last one. On disk when it returns; may block.
 * Errors: PDB_EFULL for too many, PDB_ENOMEM, and those of the store. */
pdb_status revocations_add(revocations *all, pdb_slice user, int64_t now, int64_t *mark_out,
			   pdb_err *err);

#endif
