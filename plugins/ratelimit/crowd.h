/* SPDX-License-Identifier: Apache-2.0 */
/* How many requests of each address are being worked on. */
#ifndef PDB_RATELIMIT_CROWD_H
#define PDB_RATELIMIT_CROWD_H

#include <pdb/host.h>
#include <stdatomic.h>

/*
 * Counters without names: an address counts in the one that its keyed hash falls on. Two that fall
 * on the same share it, which nobody can bring about on purpose; nothing has to be thrown out.
 */
#define CROWD_COUNTERS 65536u

typedef struct crowd {
	atomic_uint all;
	atomic_uint each[CROWD_COUNTERS];
} crowd;

typedef struct crowd_size {
	unsigned all; /* with the one that just came */
	unsigned here;
} crowd_size;

static inline atomic_uint *crowd_counter(crowd *counted, uint64_t address)
{
	return &counted->each[address >> 48];
}

/* Every come has its go. */
crowd_size crowd_come(crowd *counted, uint64_t address);
void crowd_go(crowd *counted, uint64_t address);

#endif
