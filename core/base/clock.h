/* SPDX-License-Identifier: Apache-2.0 */
/* Time, which tests can set. */
#ifndef PDB_BASE_CLOCK_H
#define PDB_BASE_CLOCK_H

#include <stdint.h>

#define PDB_NS_PER_SECOND INT64_C(1000000000)
#define PDB_NS_PER_MS     INT64_C(1000000)

/* Wall clock in nanoseconds since 1970 UTC, and a clock that never runs backwards. Threads: any. */
int64_t pdb_clock_now(void);
int64_t pdb_clock_monotonic(void);
/* The latter as it was at the kernel's last tick, at most 10 ms ago; costs next to nothing. */
int64_t pdb_clock_coarse(void);

/* For tests: the wall clock reads `now` from here on; 0 gives the real one back. */
void pdb_clock_set(int64_t now);

#endif
