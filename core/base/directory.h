/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of a server. */
#ifndef PDB_BASE_DIRECTORY_H
#define PDB_BASE_DIRECTORY_H

#include <pdb/status.h>

/*
 * Makes `path` and what is missing above it, for the owner alone (0700); fine when it is there.
 * Errors: PDB_EINVAL (empty or longer than PATH_MAX), PDB_EDENIED, PDB_EBACKEND.  Threads: any.
 */
pdb_status pdb_directory_make(const char *path, pdb_err *err);

#endif
