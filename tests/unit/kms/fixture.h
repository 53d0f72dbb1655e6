/* SPDX-License-Identifier: Apache-2.0 */
/* A keyring in a directory of its own, and its files under the knife. */
#ifndef PDB_TEST_KMS_FIXTURE_H
#define PDB_TEST_KMS_FIXTURE_H

#include <criterion/criterion.h>

#include "base/log.h"
#include "keyring.h"

extern const pdb_host fixture_host;
extern char fixture_directory[256];
extern pdb_keyring *fixture;

#define FIXTURE_HEX "9f3c1a77e05b42d8866e1fca9d30b7245a81c6ef0d92347bb8e15f60a3c7d914"

void fixture_make(void);
void fixture_clean(void);

/* What opening says; the keyring is in `fixture`. */
pdb_status fixture_try(pdb_err *err);
void fixture_open(void);
void fixture_close(void);

/* A new key for the thread; its bytes in `dek` unless NULL. */
pdb_kms_key fixture_key(const char *thread, uint8_t *dek);
pdb_status fixture_unwrap(const char *id, uint32_t version, uint8_t *dek);

/* The whole file, to be freed; or the whole file replaced. */
uint8_t *fixture_read(const char *name, size_t *len_out);
void fixture_write(const char *name, const void *bytes, size_t len);
void fixture_remove(const char *name);
bool fixture_has(const char *name);

/* A count from the environment, for longer runs. */
unsigned long fixture_count(const char *name, unsigned long fallback);

#endif
