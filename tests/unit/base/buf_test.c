/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers: growth, formatting, and failure that sticks. */
#include <criterion/criterion.h>

#include "base/buf.h"
#include "base/mem.h"

Test(buf, grows_and_keeps_its_bytes)
{
	pdb_buf buf = {0};

	for (unsigned i = 0; i < 100000; i++) {
		pdb_buf_add_byte(&buf, (uint8_t)(i * 7));
	}
	cr_assert_eq(pdb_buf_status(&buf, NULL), PDB_OK);
	cr_assert_eq(buf.len, 100000);
	for (unsigned i = 0; i < 100000; i++) {
		cr_assert_eq(buf.data[i], (uint8_t)(i * 7));
	}
	pdb_buf_fini(&buf);
	cr_assert_null(buf.data);
}

Test(buf, writes_numbers_at_their_ends)
{
	pdb_buf buf = {0};

	pdb_buf_add_uint(&buf, 0);
	pdb_buf_add_byte(&buf, ' ');
	pdb_buf_add_uint(&buf, UINT64_MAX);
	pdb_buf_add_byte(&buf, ' ');
	pdb_buf_add_int(&buf, INT64_MIN);
	pdb_buf_printf(&buf, " %s-%d", "x", 5);
	cr_assert(pdb_slice_is(pdb_buf_slice(&buf),
			       "0 18446744073709551615 -9223372036854775808 x-5"));
	pdb_buf_fini(&buf);
}

Test(buf, remembers_that_memory_ran_out)
{
	pdb_buf buf = {0};
	pdb_err err = {0};

	pdb_buf_add_text(&buf, "kept");
	pdb_mem_fail(1, false);
	pdb_buf_reserve(&buf, 1 << 20);
	pdb_mem_fail(0, false);
	/* There would be memory again, but a hole in the middle must not go unseen. */
	pdb_buf_add_text(&buf, "lost");
	cr_assert_eq(pdb_buf_status(&buf, &err), PDB_ENOMEM);
	cr_assert(pdb_slice_is(pdb_buf_slice(&buf), "kept"));
	pdb_buf_clear(&buf);
	cr_assert_eq(pdb_buf_status(&buf, &err), PDB_OK);
	pdb_buf_fini(&buf);
}

Test(buf, refuses_sizes_that_overflow)
{
	pdb_buf buf = {0};

	pdb_buf_add_text(&buf, "x");
	cr_assert_not(pdb_buf_reserve(&buf, SIZE_MAX - 8));
	cr_assert(buf.failed);
	pdb_buf_fini(&buf);
}
