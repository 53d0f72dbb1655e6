/* SPDX-License-Identifier: Apache-2.0 */
/* Runs something again and again, failing one allocation after the other, until none is left. */
#ifndef PDB_TEST_NTH_ALLOC_H
#define PDB_TEST_NTH_ALLOC_H

#include <criterion/criterion.h>
#include <pdb/status.h>

#include "base/mem.h"

/*
 * The body under test: it makes, uses and ends what it needs, and returns the first status that is
 * not PDB_OK. It must free all it made on every path, and start from nothing each time.
 */
typedef pdb_status (*nth_alloc_fn)(void *arg, pdb_err *err);

/* Of the leak sanitizer, when it is there. */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* No body here needs as many; a count above it is a loop without end. */
#define NTH_ALLOC_MAX 1000000ul

/*
 * Fails allocation N for N = 1, 2, 3 … (and all later ones too when `forever`), until a run asks
 * for fewer than N. Each run that lost an allocation must say PDB_ENOMEM and why; the last one must
 * succeed. Under the address sanitizer nothing may be left behind. Returns how many allocations
 * the body makes: assert that there are some, so that the test looks at something.
 */
static inline unsigned long nth_alloc_each(nth_alloc_fn body, void *arg, bool forever)
{
	for (unsigned long nth = 1; nth < NTH_ALLOC_MAX; nth++) {
		pdb_err err = {0};
		pdb_status status;
		unsigned long count;

		pdb_mem_fail(nth, forever);
		status = body(arg, &err);
		count = pdb_mem_count();
		pdb_mem_fail(0, false);
		if (count < nth) {
			cr_assert_eq(status, PDB_OK, "without a failure: %s", err.text);
			cr_assert(__lsan_do_recoverable_leak_check == NULL ||
					  __lsan_do_recoverable_leak_check() == 0,
				  "memory is left behind");
			return nth - 1;
		}
		cr_assert_eq(status, PDB_ENOMEM, "allocation %lu: status %d, %s", nth, (int)status,
			     err.text);
		cr_assert_neq(err.text[0], '\0', "allocation %lu: no word of it", nth);
	}
	cr_assert_fail("the body asks for memory without end");
	return 0;
}

#endif
