/* SPDX-License-Identifier: Apache-2.0 */
/* Counting requests that are being worked on. */
#include "crowd.h"

crowd_size crowd_come(crowd *counted, uint64_t address)
{
	crowd_size size;

	size.all = 1 + atomic_fetch_add_explicit(&counted->all, 1, memory_order_relaxed);
	size.here = 1 + atomic_fetch_add_explicit(crowd_counter(counted, address), 1,
						  memory_order_relaxed);
	return size;
}

void crowd_go(crowd *counted, uint64_t address)
{
	(void)atomic_fetch_sub_explicit(&counted->all, 1, memory_order_relaxed);
	(void)atomic_fetch_sub_explicit(crowd_counter(counted, address), 1, memory_order_relaxed);
}
