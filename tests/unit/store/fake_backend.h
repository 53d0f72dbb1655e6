/* SPDX-License-Identifier: Apache-2.0 */
/* A backend that the tests steer: rows in memory that outlive close, and a sync that waits. */
#ifndef PDB_TEST_STORE_FAKE_BACKEND_H
#define PDB_TEST_STORE_FAKE_BACKEND_H

#include <criterion/criterion.h>
#include <pdb/pdb.h>
#include <stdatomic.h>

#include "store/store_private.h"

/* One per process: each test is a process of its own. */
typedef struct fake_backend {
	pdb_storage_ops ops; /* change it before fake_open */
	pdb_storage_params params;
	pdb_store_settings settings;
	char directory[64]; /* new and empty; removed by fake_clean */
	void *db;           /* of the memory backend below */
	pdb_status commit_result;
	atomic_uint opened;
	atomic_uint closed;
	atomic_uint syncs_begun;
	atomic_uint syncs_ended;
	atomic_bool hold; /* a sync that has begun waits while it is set */
} fake_backend;
extern fake_backend fake;

void fake_init(void);
void fake_clean(void);
/* Drops the rows. */
void fake_forget(void);
/* Opens a store on it; failures end the test. */
pdb_store *fake_open(void);
/* Opens, expecting `status`; *err is filled. */
void fake_refused(pdb_status status, pdb_err *err);
/* Commits one row and returns its ticket. */
uint64_t fake_commit(pdb_store *store, const char *name);
/* Waits for `expected` with a deadline; ends the test when it does not come. */
void fake_wait(atomic_uint *counter, unsigned expected);
/* Writes a row of meta: past the store. */
void fake_write_meta(const char *name, const char *value);

#endif
