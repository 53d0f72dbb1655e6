/* SPDX-License-Identifier: Apache-2.0 */
/* What a process that holds keys gives up. */
#ifndef PDB_BASE_HARDEN_H
#define PDB_BASE_HARDEN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * pdb_harden_process - no core dumps, and no other process of this user may read the memory or the
 * open files of this one (PR_SET_DUMPABLE 0).
 *
 * False when the kernel refuses; what it granted stays. Threads: any, best before keys are read.
 */
bool pdb_harden_process(void);

/*
 * pdb_harden_environment - wipes values out of the environment, where /proc shows them for ever:
 * of the variable `name`, or of all when NULL. The variables are removed too. Threads: main,
 * before there are others.
 */
void pdb_harden_environment(const char *name);

#endif
