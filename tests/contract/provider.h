/* SPDX-License-Identifier: Apache-2.0 */
/* A KMS provider under test: loaded, opened in a directory of its own. */
#ifndef PDB_TEST_CONTRACT_PROVIDER_H
#define PDB_TEST_CONTRACT_PROVIDER_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <pdb/pdb.h>

/* A parameter of a test: crosses a fork, so it holds no pointers. */
typedef struct provider_name {
	char name[64];
	char way[16]; /* how the daemon is reached; "" = there is none */
} provider_name;

typedef struct provider {
	const pdb_kms_ops *ops;
	void *kms;
	pdb_kms_params params;
	char directory[256];
	char way[16];
	char options[1024];
} provider;

struct criterion_test_params provider_list(void);

#define CONTRACT(subject)                                                                          \
	ParameterizedTestParameters(kms, subject)                                                  \
	{                                                                                          \
		return provider_list();                                                            \
	}                                                                                          \
	ParameterizedTest(provider_name *param, kms, subject, .fini = provider_clean)

/* Opens with keys of its own. Failures end the test. */
provider *provider_open(const provider_name *name);
/* Closes and opens again: what a restart keeps. */
void provider_reopen(provider *p);
void provider_clean(void);

#endif
