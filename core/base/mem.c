/* SPDX-License-Identifier: Apache-2.0 */
/* The core's allocator, with a counter that tests can make fail. */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* 0: nothing fails and nothing is counted. */
static atomic_ulong fail_at;
static atomic_bool fail_forever;
static atomic_ulong allocations;

void pdb_mem_fail(unsigned long nth, bool forever)
{
	atomic_store(&allocations, 0);
	atomic_store(&fail_forever, forever);
	atomic_store(&fail_at, nth);
}

unsigned long pdb_mem_count(void)
{
	return atomic_load(&allocations);
}

static bool must_fail(void)
{
	unsigned long nth = atomic_load_explicit(&fail_at, memory_order_relaxed);
	unsigned long count;

	if (nth == 0) {
		return false;
	}
	count = atomic_fetch_add(&allocations, 1) + 1;
	return count == nth || (count > nth && atomic_load(&fail_forever));
}

void *pdb_mem_alloc(size_t size)
{
	return must_fail() ? NULL : malloc(size > 0 ? size : 1);
}

void *pdb_mem_zalloc(size_t size)
{
	return must_fail() ? NULL : calloc(1, size > 0 ? size : 1);
}

void *pdb_mem_realloc(void *ptr, size_t size)
{
	return must_fail() ? NULL : realloc(ptr, size > 0 ? size : 1);
}

void pdb_mem_free(void *ptr)
{
	free(ptr);
}

char *pdb_mem_text(const char *text)
{
	return pdb_mem_text_of(pdb_slice_text(text));
}

char *pdb_mem_text_of(pdb_slice bytes)
{
	char *copy = pdb_mem_alloc(bytes.len + 1);

	if (copy != NULL) {
		if (bytes.len > 0) {
			memcpy(copy, bytes.ptr, bytes.len);
		}
		copy[bytes.len] = '\0';
	}
	return copy;
}
