/* SPDX-License-Identifier: Apache-2.0 */
/* What another process has used, from /proc. */
#ifndef PDB_BENCH_PROCESS_H
#define PDB_BENCH_PROCESS_H

#include <stdint.h>

typedef struct pdb_process_use {
	double cpu_seconds; /* user and system, all threads */
	uint64_t rss_bytes;
} pdb_process_use;

/* All zero when `pid` is 0 or cannot be read. */
pdb_process_use pdb_process_use_read(long pid);

#endif
