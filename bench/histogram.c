/* SPDX-License-Identifier: Apache-2.0 */
/* Latencies, in buckets that are at most 1/32 wide. */
#include "histogram.h"

/* Below 64 each value has its bucket; above, each power of two is cut into 32. */
static uint32_t bucket_of(uint64_t value)
{
	uint32_t power = 0;

	while ((value >> power) >= UINT64_C(2) * PDB_HISTOGRAM_STEPS) {
		power++;
	}
	return (power * PDB_HISTOGRAM_STEPS) + (uint32_t)(value >> power);
}

static uint64_t value_of(uint32_t bucket)
{
	uint32_t power = 0;

	while (bucket >= 2 * PDB_HISTOGRAM_STEPS) {
		bucket -= PDB_HISTOGRAM_STEPS;
		power++;
	}
	return (uint64_t)bucket << power;
}

void pdb_histogram_add(pdb_histogram *histogram, uint64_t value)
{
	uint32_t bucket = bucket_of(value);

	if (bucket >= PDB_HISTOGRAM_BUCKETS) {
		bucket = PDB_HISTOGRAM_BUCKETS - 1;
	}
	histogram->counts[bucket]++;
	histogram->total++;
	histogram->max = value > histogram->max ? value : histogram->max;
}

void pdb_histogram_merge(pdb_histogram *into, const pdb_histogram *from)
{
	for (uint32_t i = 0; i < PDB_HISTOGRAM_BUCKETS; i++) {
		into->counts[i] += from->counts[i];
	}
	into->total += from->total;
	into->max = from->max > into->max ? from->max : into->max;
}

uint64_t pdb_histogram_quantile(const pdb_histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)histogram->total);
	uint64_t seen = 0;

	for (uint32_t i = 0; i < PDB_HISTOGRAM_BUCKETS; i++) {
		seen += histogram->counts[i];
		if (seen > wanted) {
			return value_of(i);
		}
	}
	return histogram->max;
}
