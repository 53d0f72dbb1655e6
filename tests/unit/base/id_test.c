/* SPDX-License-Identifier: Apache-2.0 */
/* Ids, authors, hashes. */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"

static bool valid(const char *id)
{
	return pdb_id_valid(pdb_slice_text(id));
}

Test(id, follows_its_pattern)
{
	char longest[PDB_ID_MAX + 2];

	cr_assert(valid("a"));
	cr_assert(valid("Thread-1_x.y~z@home+tag"));
	cr_assert_not(valid(""));
	cr_assert_not(valid("-a"));
	cr_assert_not(valid("_a"));
	cr_assert_not(valid("a:b"));
	cr_assert_not(valid("a/b"));
	cr_assert_not(valid("a b"));
	cr_assert_not(valid("a%2f"));
	cr_assert_not(valid("\xc3\xa4"));
	cr_assert_not(pdb_id_valid(PDB_SLICE("a\0b")));
	memset(longest, 'x', sizeof(longest));
	longest[PDB_ID_MAX + 1] = '\0';
	cr_assert_not(valid(longest));
	longest[PDB_ID_MAX] = '\0';
	cr_assert(valid(longest));
}

Test(id, every_byte_is_judged)
{
	for (int c = 0; c < 256; c++) {
		uint8_t id[2] = {'a', (uint8_t)c};
		bool expected = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
				(c >= 'a' && c <= 'z') || (c != 0 && strchr("._~@+-", c) != NULL);

		cr_assert_eq(pdb_id_valid(pdb_slice_of(id, 2)), expected, "byte %d", c);
	}
}

Test(id, new_ones_sort_by_time_and_differ)
{
	char ids[2000][PDB_ID_MAX + 1];

	for (int i = 0; i < 2000; i++) {
		size_t len;

		pdb_clock_set((1700000000 + i) * PDB_NS_PER_SECOND);
		len = pdb_id_make(ids[i], "msg-");
		cr_assert_eq(len, strlen(ids[i]));
		cr_assert(valid(ids[i]));
		cr_assert_eq(strncmp(ids[i], "msg-", 4), 0);
		if (i > 0) {
			cr_assert_lt(strcmp(ids[i - 1], ids[i]), 0);
		}
	}
	/* The tail is random: two ids do not share it. */
	cr_assert_neq(strcmp(ids[0] + 17, ids[1] + 17), 0);
}

Test(id, authors_may_be_any_clean_text)
{
	cr_assert(pdb_author_valid(PDB_SLICE("user:1/\xc3\xa4 x%")));
	cr_assert_not(pdb_author_valid(PDB_SLICE("")));
	cr_assert_not(pdb_author_valid(PDB_SLICE("a\nb")));
	cr_assert_not(pdb_author_valid(PDB_SLICE("a\x7f")));
	cr_assert_not(pdb_author_valid(PDB_SLICE("a\0b")));
	cr_assert_not(pdb_author_valid(PDB_SLICE("\xc2\x85"))); /* a C1 control */
	cr_assert_not(pdb_author_valid(PDB_SLICE("\xff")));
}

Test(hash, spreads_and_repeats)
{
	unsigned slots[16] = {0};

	for (uint32_t i = 0; i < 16000; i++) {
		uint64_t hash = pdb_hash(pdb_slice_of(&i, sizeof(i)));

		cr_assert_eq(hash, pdb_hash(pdb_slice_of(&i, sizeof(i))));
		slots[hash & 15]++;
	}
	for (int i = 0; i < 16; i++) {
		cr_assert(slots[i] > 850 && slots[i] < 1150, "slot %d has %u", i, slots[i]);
	}
	cr_assert_neq(pdb_hash(PDB_SLICE("a")), pdb_hash(PDB_SLICE("a\0")));
}
