/* SPDX-License-Identifier: Apache-2.0 */
/* The arena: alignment, growth, and an ordinary failure. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "http/arena.h"

Test(arena, hands_out_aligned_memory_that_does_not_overlap)
{
	static pdb_arena arena;
	unsigned char *blocks[400];

	for (size_t i = 0; i < 400; i++) {
		blocks[i] = pdb_arena_alloc(&arena, i * 3);
		cr_assert_not_null(blocks[i]);
		cr_assert_eq((uintptr_t)blocks[i] % 16, 0);
		memset(blocks[i], (int)(i & 0xff), i * 3);
	}
	for (size_t i = 0; i < 400; i++) {
		for (size_t j = 0; j < i * 3; j++) {
			cr_assert_eq(blocks[i][j], i & 0xff);
		}
	}
	cr_assert_not_null(pdb_arena_alloc(&arena, 100000));
	pdb_arena_clear(&arena);
	cr_expect_eq(arena.used, 0);
	cr_expect_str_eq(pdb_arena_text(&arena, PDB_SLICE("abc")), "abc");
	pdb_arena_clear(&arena);
}

Test(arena, fails_without_memory)
{
	static pdb_arena arena;

	cr_expect_null(pdb_arena_alloc(&arena, SIZE_MAX));
	cr_expect_null(pdb_arena_alloc(&arena, SIZE_MAX - 8));
	pdb_mem_fail(1, true);
	cr_expect_not_null(pdb_arena_alloc(&arena, PDB_ARENA_FIRST));
	cr_expect_null(pdb_arena_alloc(&arena, 1));
	pdb_mem_fail(0, false);
	cr_expect_not_null(pdb_arena_alloc(&arena, 1));
	pdb_arena_clear(&arena);
}
