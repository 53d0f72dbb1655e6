/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the host table that this room alone can give. */
#ifndef PDB_BASE_HOST_H
#define PDB_BASE_HOST_H

#include <pdb/host.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"

/* Initialisers of a pdb_host: all that a storage backend calls. Others add theirs behind it. */
#define PDB_HOST_BASE                                                                              \
	.size = sizeof(pdb_host), .alloc = pdb_mem_alloc, .realloc = pdb_mem_realloc,              \
	.free = pdb_mem_free, .log = pdb_log, .fatal = pdb_fatal, .now = pdb_clock_now,            \
	.monotonic = pdb_clock_monotonic, .random = pdb_random

#endif
