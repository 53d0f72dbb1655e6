/* SPDX-License-Identifier: Apache-2.0 */
/* A provider in memory that does as told, and a host whose clock stands still. */
#ifndef PDB_TEST_FAKE_KMS_H
#define PDB_TEST_FAKE_KMS_H

#include <criterion/criterion.h>
#include <pdb/pdb.h>
#include <stdatomic.h>

extern _Atomic int64_t fake_now; /* nanoseconds */
extern const pdb_host fake_kms_host;
extern pdb_kms_ops fake_kms_ops; /* blocking, unless a test changes it */

/* What unwrap, prepare and claim answer; health too, when it is PDB_EUNAVAILABLE. */
extern _Atomic int fake_status;
extern _Atomic bool fake_nonsense;
extern _Atomic bool fake_hold; /* unwrap waits while this is true */
extern _Atomic unsigned fake_unwraps;
extern _Atomic unsigned fake_prepared;
extern _Atomic unsigned fake_destroyed;
extern _Atomic unsigned fake_claims;
extern char fake_claimed[PDB_KMS_THREAD_SIZE]; /* of the last claim */

#define SECONDS(n) ((int64_t)(n)*1000000000)

#endif
