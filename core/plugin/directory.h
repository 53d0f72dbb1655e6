/* SPDX-License-Identifier: Apache-2.0 */
/* Where the plugins of the running program are. */
#ifndef PDB_PLUGIN_DIRECTORY_H
#define PDB_PLUGIN_DIRECTORY_H

#include <pdb/status.h>
#include <stddef.h>

/*
 * pdb_plugin_directory - the directory of shared plugins that belongs to this program, found from
 * where the program itself lies: <its folder>/../lib/progressdb/plugins-<ABI major>, or the same
 * below the library folder of the distribution. The first that exists; else the first.
 *
 * Errors: PDB_EBACKEND when the place of the program is not known, PDB_ETOOLARGE for `size`.
 * Threads: any.
 */
pdb_status pdb_plugin_directory(char *out, size_t size, pdb_err *err);

#endif
