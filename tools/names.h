/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted set of names. */
#ifndef PDB_TOOLS_NAMES_H
#define PDB_TOOLS_NAMES_H

#include <pdb/status.h>
#include <stddef.h>

/* Zero-initialise. In order and without doubles after settle. */
typedef struct pdb_names {
	char **items;
	size_t count;
	size_t cap;
} pdb_names;

void pdb_names_fini(pdb_names *names);
/* Copies the name. Errors: PDB_ENOMEM. */
pdb_status pdb_names_add(pdb_names *names, const char *name, pdb_err *err);
/* Sorts by bytes, drops doubles. */
void pdb_names_settle(pdb_names *names);

#endif
