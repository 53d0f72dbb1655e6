/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of an import. */
#include <criterion/criterion.h>

#include "tools/plan.h"

static void add(pdb_plan *plan, const char *thread, const char *id, uint64_t offset)
{
	pdb_line line = {.body = PDB_SLICE("1")};
	pdb_err err = {0};

	(void)snprintf(line.id, sizeof(line.id), "%s", id);
	cr_assert_eq(pdb_plan_add(plan, pdb_plan_thread_get(plan, thread), &line, offset,
				  offset + 1, &err),
		     PDB_OK);
}

static bool batch_is(const pdb_batch *batch, const char *json)
{
	return pdb_slice_is(pdb_buf_slice(&batch->json), json);
}

Test(plan, gathers_a_thread_and_keeps_its_order)
{
	pdb_plan plan = {.batch_messages = 2, .batch_bytes = 4096};
	pdb_batch *a;
	pdb_batch *b;

	add(&plan, "a", "a1", 0);
	add(&plan, "b", "b1", 10);
	add(&plan, "a", "a2", 20);
	add(&plan, "a", "a3", 30);
	a = pdb_plan_take(&plan, 0);
	cr_assert(batch_is(
		a, "{\"messages\":[{\"id\":\"a1\",\"body\":1},{\"id\":\"a2\",\"body\":1}]}"));
	cr_assert_eq(pdb_batch_line(a, 1), 21);
	b = pdb_plan_take(&plan, 0);
	cr_assert_str_eq(b->thread->name, "b");
	cr_assert_null(pdb_plan_take(&plan, 0), "a's second batch waits for its first");
	pdb_plan_done(&plan, a);
	a = pdb_plan_take(&plan, 0);
	cr_assert(batch_is(a, "{\"messages\":[{\"id\":\"a3\",\"body\":1}]}"));
	pdb_plan_done(&plan, b);
	pdb_plan_done(&plan, a);
	cr_assert_eq(plan.messages, 0);
	cr_assert_eq(plan.bytes, 0);
	pdb_plan_fini(&plan);
}

Test(plan, a_batch_to_be_tried_again_holds_its_thread)
{
	pdb_plan plan = {.batch_messages = 1, .batch_bytes = 4096};
	pdb_batch *first;

	add(&plan, "a", "a1", 0);
	add(&plan, "a", "a2", 10);
	first = pdb_plan_take(&plan, 0);
	pdb_plan_return(first, 100);
	cr_assert_null(pdb_plan_take(&plan, 99));
	cr_assert_eq(pdb_plan_take(&plan, 100), first);
	cr_assert(batch_is(first, "{\"messages\":[{\"id\":\"a1\",\"body\":1}]}"), "closed once");
	pdb_plan_done(&plan, first);
	pdb_plan_done(&plan, pdb_plan_take(&plan, 0));
	cr_assert_eq(plan.bytes, 0);
	pdb_plan_fini(&plan);
}

Test(plan, confirms_what_lies_before_the_first_open_line)
{
	pdb_plan plan = {.batch_messages = 10, .batch_bytes = 4096};
	pdb_batch *a;
	pdb_batch *b;

	cr_assert_eq(pdb_plan_confirmed(&plan, 5), 5);
	add(&plan, "a", "a1", 5);
	add(&plan, "b", "b1", 15);
	add(&plan, "a", "a2", 25);
	a = pdb_plan_take(&plan, 0);
	b = pdb_plan_take(&plan, 0);
	cr_assert_eq(pdb_plan_confirmed(&plan, 35), 5);
	pdb_plan_done(&plan, b);
	cr_assert_eq(pdb_plan_confirmed(&plan, 35), 5);
	pdb_plan_done(&plan, a);
	cr_assert_eq(pdb_plan_confirmed(&plan, 35), 35);
	pdb_plan_fini(&plan);
}

Test(plan, splits_by_bytes_and_lets_one_large_message_through)
{
	pdb_plan plan = {.batch_messages = 10, .batch_bytes = 600};
	char body[2000];
	pdb_line large = {.id = "l"};
	pdb_err err = {0};

	memset(body, '7', sizeof(body));
	large.body = pdb_slice_of(body, sizeof(body));
	add(&plan, "a", "a1", 0);
	cr_assert_eq(pdb_plan_add(&plan, pdb_plan_thread_get(&plan, "a"), &large, 10, 2, &err),
		     PDB_OK);
	add(&plan, "a", "a2", 20);
	for (size_t wanted = 0; wanted < 3; wanted++) {
		pdb_batch *batch = pdb_plan_take(&plan, 0);

		cr_assert_not_null(batch);
		cr_assert_eq(batch->count, 1);
		pdb_plan_done(&plan, batch);
	}
	cr_assert_null(pdb_plan_take(&plan, 0));
	pdb_plan_fini(&plan);
}

Test(plan, finds_every_thread_again)
{
	pdb_plan plan = {.batch_messages = 1, .batch_bytes = 1};
	char name[32];

	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < 20000; i++) {
			pdb_plan_thread *thread;

			(void)snprintf(name, sizeof(name), "t%llu", (unsigned long long)i);
			thread = pdb_plan_thread_get(&plan, name);
			cr_assert_eq(thread->ordinal, round == 0 ? 0 : i);
			thread->ordinal = i;
		}
	}
	cr_assert_eq(plan.thread_count, 20000);
	pdb_plan_fini(&plan);
}
