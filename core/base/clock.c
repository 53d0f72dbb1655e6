/* SPDX-License-Identifier: Apache-2.0 */
/* Time, which tests can set. */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t fixed_now;

static int64_t clock_read(clockid_t clock)
{
	struct timespec at = {0};

	(void)clock_gettime(clock, &at);
	return (int64_t)at.tv_sec * PDB_NS_PER_SECOND + at.tv_nsec;
}

int64_t pdb_clock_now(void)
{
	int64_t fixed = atomic_load_explicit(&fixed_now, memory_order_relaxed);

	return fixed != 0 ? fixed : clock_read(CLOCK_REALTIME);
}

int64_t pdb_clock_monotonic(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

int64_t pdb_clock_coarse(void)
{
	return clock_read(CLOCK_MONOTONIC_COARSE);
}

void pdb_clock_set(int64_t now)
{
	atomic_store(&fixed_now, now);
}
