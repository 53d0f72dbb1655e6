/* SPDX-License-Identifier: Apache-2.0 */
/* Latencies, in buckets that are at most 1/32 wide. */
#ifndef PDB_BENCH_HISTOGRAM_H
#define PDB_BENCH_HISTOGRAM_H

#include <stdint.h>

#define PDB_HISTOGRAM_STEPS   32u
#define PDB_HISTOGRAM_BUCKETS (60u * PDB_HISTOGRAM_STEPS)

/* Zero-initialise. */
typedef struct pdb_histogram {
	uint64_t counts[PDB_HISTOGRAM_BUCKETS];
	uint64_t total;
	uint64_t max;
} pdb_histogram;

void pdb_histogram_add(pdb_histogram *histogram, uint64_t value);
void pdb_histogram_merge(pdb_histogram *into, const pdb_histogram *from);
/* The value below which `share` (0 to 1) of all lie; 0 when there are none. */
uint64_t pdb_histogram_quantile(const pdb_histogram *histogram, double share);

#endif
