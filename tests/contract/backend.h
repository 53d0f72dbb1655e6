/* SPDX-License-Identifier: Apache-2.0 */
/* A backend under test: loaded, opened in a directory of its own, and spoken to in short words. */
#ifndef PDB_TEST_CONTRACT_BACKEND_H
#define PDB_TEST_CONTRACT_BACKEND_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <pdb/pdb.h>

/* A parameter of a test: crosses a fork, so it holds no pointers. */
typedef struct backend_name {
	char directory[256];
	char name[64];
	char inner[64]; /* "" = wraps nothing */
	char options[256];
} backend_name;

typedef struct backend {
	const pdb_storage_ops *ops;
	uint32_t capabilities; /* with those of the inner one */
	pdb_storage_params params;
	char directory[256];
	void *db;
} backend;

/* All backends of this tree, or the one of PDB_CONTRACT_BACKEND. */
struct criterion_test_params backend_list(void);

/* CONTRACT(subject) { … `param` names the backend … } */
#define CONTRACT(suite, subject)                                                                   \
	ParameterizedTestParameters(suite, subject)                                                \
	{                                                                                          \
		return backend_list();                                                             \
	}                                                                                          \
	ParameterizedTest(backend_name *param, suite, subject, .fini = backend_clean)

/* Opens in a new directory. Failures end the test. */
backend *backend_open(const backend_name *name);
void backend_reopen(backend *b);
void backend_close(backend *b);
/* Forgets the backends and removes the directories of this process; also after a failed test. */
void backend_clean(void);
/* A new directory that backend_clean removes. */
void backend_directory(char *path, size_t size);
extern const pdb_host backend_host;

/* A key in the partition "p"; the text or bytes are borrowed. */
pdb_key key_of(pdb_slice bytes);
#define KEY(text) key_of(pdb_slice_text(text))

/* Each expects PDB_OK, and ends the test otherwise. */
void *begin(backend *b, bool write);
void commit(backend *b, void **txn);
void put(backend *b, void *txn, const char *key, const char *value);
/* A transaction of its own that writes (value NULL: removes) one row. */
void store(backend *b, const char *key, const char *value);
/* Begins and ends a transaction of its own. */
void expect_stored(backend *b, const char *key, const char *value);
/* `value` NULL: expects PDB_ENOTFOUND. */
void expect_in(backend *b, void *txn, const char *key, const char *value);
/* Expects the scan to give the keys "a b c", in this order, with the values they were stored with.
 */
void expect_scan(backend *b, void *txn, const pdb_range *range, const char *keys);

#endif
