/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads at once, failing commits, and memory that runs out. */
#include "base/json.h"
#include "base/mem.h"
#include "world.h"

#define WRITERS 8
#define APPENDS 300
#define SHARED  3

static world w;

static void open_world(void)
{
	world_open(&w);
}

static void close_world(void)
{
	pdb_mem_fail(0, false);
	catch_up_all(&w);
	cr_expect_eq(check_all(&w), 0);
	world_close(&w);
}

TestSuite(storm, .init = open_world, .fini = close_world, .timeout = 120);

static const char *const shared[SHARED] = {"t0", "t1", "t2"};

/* Appends with ids of its own; an answer that is not OK is asked for again, as a client would. */
static void *writer(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	pdb_caller who = back("writer");
	char id[32];
	char body[32];

	for (unsigned i = 0; i < APPENDS; i++) {
		pdb_message_input input = {0};
		pdb_buf out = {0};
		pdb_outcome outcome;
		pdb_err err = {0};
		pdb_status status;

		(void)snprintf(id, sizeof(id), "m%u-%u", me, i);
		(void)snprintf(body, sizeof(body), "%u", i);
		input.id = pdb_slice_text(id);
		input.body = pdb_slice_text(body);
		do {
			out.len = 0;
			status = pdb_chat_append(w.chat, &who, pdb_slice_text(shared[i % SHARED]),
						 &input, 1, &out, &outcome, &err);
		} while (status == PDB_EBUSY || status == PDB_EUNCERTAIN);
		cr_assert_eq(status, PDB_OK, "%s", err.text);
		if (i % 16 == 0) {
			pdb_store_wait(w.store, outcome.ticket);
		}
		pdb_buf_fini(&out);
	}
	return NULL;
}

static _Atomic bool reading;

/* Pages hold what is dense, whatever is being written. */
static void *reader(void *arg)
{
	pdb_caller who = admin("");
	pdb_buf out = {0};

	(void)arg;
	while (atomic_load(&reading)) {
		const pdb_message_query query = {.thread = pdb_slice_text(shared[0])};
		pdb_message_page result;
		pdb_outcome outcome;
		pdb_err err = {0};
		pdb_status status;
		uint64_t first;
		uint64_t last;
		uint64_t ns;

		out.len = 0;
		status = pdb_chat_message_page(w.chat, &who, &query, &out, &result, &outcome, &err);
		cr_assert(status == PDB_OK || status == PDB_ENOTFOUND, "%s", err.text);
		if (status == PDB_OK && result.count > 0) {
			cr_assert(pdb_position_read(pdb_slice_text(result.before), &ns, &first));
			cr_assert(pdb_position_read(pdb_slice_text(result.after), &ns, &last));
			cr_assert_eq(last - first + 1, result.count);
			cr_assert_eq(last, result.last_seq);
		}
	}
	pdb_buf_fini(&out);
	return NULL;
}

static void storm(void)
{
	pthread_t writers[WRITERS];
	pthread_t other;
	uint64_t all_threads;
	uint64_t all_messages;
	bool more;

	atomic_store(&reading, true);
	cr_assert_eq(pthread_create(&other, NULL, reader, NULL), 0);
	for (uintptr_t i = 0; i < WRITERS; i++) {
		cr_assert_eq(pthread_create(&writers[i], NULL, writer, (void *)i), 0);
	}
	for (int i = 0; i < 50; i++) {
		pdb_status status = pdb__crowd_step(w.chat, &more, &w.err);

		cr_assert(status == PDB_OK || status == PDB_EBUSY || status == PDB_EUNCERTAIN);
	}
	for (int i = 0; i < WRITERS; i++) {
		cr_assert_eq(pthread_join(writers[i], NULL), 0);
	}
	atomic_store(&reading, false);
	cr_assert_eq(pthread_join(other, NULL), 0);
	world_faults_end();
	pdb_chat_counts(w.chat, &all_threads, &all_messages);
	cr_assert_eq(all_threads, SHARED);
	cr_assert_eq(all_messages, WRITERS * APPENDS);
	world_reopen(&w);
	pdb_chat_counts(w.chat, &all_threads, &all_messages);
	cr_assert_eq(all_messages, WRITERS * APPENDS);
}

Test(storm, nothing_is_lost)
{
	storm();
}

Test(storm, nothing_is_lost_nor_doubled_when_commits_fail)
{
	atomic_store(&faults.conflict_every, 3);
	atomic_store(&faults.lose_every, 7);
	atomic_store(&faults.keep_every, 5);
	storm();
}

/* Each reacts and edits; no reaction may be lost to an edit or to another reaction. */
static void *reactor(void *arg)
{
	const pdb_message_ref ref = {PDB_SLICE("t1"), PDB_SLICE("m1")};
	const pdb_message_input input = {.body = PDB_SLICE("2")};
	pdb_caller who = back("ann");
	char identity[8];

	(void)snprintf(identity, sizeof(identity), "p%u", (unsigned)(uintptr_t)arg);
	for (int i = 0; i < 50; i++) {
		pdb_buf out = {0};
		pdb_outcome outcome;
		pdb_err err = {0};
		pdb_status status;

		cr_assert_eq(pdb_chat_reaction_set(w.chat, &who, &ref, pdb_slice_text(identity),
						   PDB_SLICE("x"), &out, &outcome, &err),
			     PDB_OK, "%s", err.text);
		status = pdb_chat_message_edit(w.chat, &who, &ref, &input, 0, &out, &outcome, &err);
		cr_assert(status == PDB_OK || status == PDB_EBUSY, "%s", err.text);
		pdb_buf_fini(&out);
	}
	return NULL;
}

Test(storm, no_reaction_is_lost)
{
	pthread_t reactors[5];

	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_OK);
	for (uintptr_t i = 0; i < 5; i++) {
		cr_assert_eq(pthread_create(&reactors[i], NULL, reactor, (void *)i), 0);
	}
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(pthread_join(reactors[i], NULL), 0);
	}
	cr_assert_eq(get(&w, front("ann"), "t1", "m1"), PDB_OK);
	for (int i = 0; i < 5; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "\"id\":\"p%d\"", i);
		cr_assert(answer_has(&w, text), "%s", answer(&w));
	}
}

Test(storm, blocking_storage_needs_a_worker)
{
	pdb_caller loop = front("ann");

	world_close(&w);
	world_storage_blocks();
	memset(&w, 0, sizeof(w));
	world_open(&w);
	loop.may_block = false;
	cr_assert_eq(post(&w, loop, "t1", "m1", "1"), PDB_EOFFLOAD);
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_OK);
}

Test(storm, busy_when_every_commit_conflicts)
{
	atomic_store(&faults.conflict_every, 1);
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_EBUSY);
	atomic_store(&faults.conflict_every, 0);
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_OK);
	cr_assert_not(w.outcome.replayed);
}

Test(storm, uncertain_when_it_cannot_be_known)
{
	atomic_store(&faults.keep_every, 1);
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_EUNCERTAIN);
	atomic_store(&faults.keep_every, 0);
	cr_assert_eq(post(&w, front("ann"), "t1", "m1", "1"), PDB_OK);
	cr_assert(w.outcome.replayed);
	world_reopen(&w);
}

static pdb_status change_members(void)
{
	const pdb_slice people[] = {PDB_SLICE("bob"), PDB_SLICE("eve")};
	const pdb_thread_input input = {.title = PDB_SLICE("x"),
					.attributes = PDB_SLICE("{\"a\":1}"),
					.participants = people,
					.participant_count = 2};
	pdb_caller ann = front("ann");

	clear_answer(&w);
	return pdb_chat_thread_update(w.chat, &ann, PDB_SLICE("t1"), &input, &w.out, &w.outcome,
				      &w.err);
}

/* Each call with the nth allocation failing, for every n: an error, and nothing half done. */
static pdb_status scene(int step)
{
	pdb_message_page result;
	pdb_thread_page list;
	const pdb_thread_query query = {0};

	switch (step) {
	case 0:
		return post(&w, front("ann"), "t1", "m1", "{\"a\":1}");
	case 1:
		return post(&w, back("bob"), "t1", "m2", "2");
	case 2:
		return edit(&w, front("ann"), "t1", "m1", "3");
	case 3:
		return react(&w, front("bob"), "t1", "m1", "bob", "+1");
	case 4:
		return page(&w, front("ann"), "t1", PDB_ANCHOR_NEWEST, "", 0, &result);
	case 5:
		return threads(&w, front("ann"), &query, &list);
	case 6:
		return versions(&w, front("ann"), "t1", "m1");
	case 7:
		return erase(&w, front("ann"), "t1", "m1");
	case 8:
		return restore(&w, front("ann"), "t1", "m1", 0);
	case 9:
		return make_thread(&w, front("ann"), "t2");
	case 10:
		return change_members();
	case 11:
		return react(&w, front("bob"), "t1", "m1", "bob", NULL);
	case 12:
		return page(&w, front("ann"), "t1", PDB_ANCHOR_AROUND, "2", 0, &result);
	case 13:
		return get_thread(&w, front("ann"), "t1");
	default:
		return PDB_EINTERNAL;
	}
}

Test(storm, memory_may_run_out_anywhere)
{
	for (int step = 0; step <= 13; step++) {
		unsigned long failures = 0;
		pdb_status status = PDB_ENOMEM;

		for (unsigned long n = 1; status == PDB_ENOMEM; n++) {
			/* Without idle arenas every allocation is made, and can fail. */
			pdb__arena_pool_fini(&w.chat->arenas);
			pdb_buf_fini(&w.out);
			memset(&w.out, 0, sizeof(w.out));
			pdb_mem_fail(n, false);
			status = scene(step);
			pdb_mem_fail(0, false);
			failures += status == PDB_ENOMEM;
			cr_assert(status == PDB_OK || status == PDB_ENOMEM, "step %d at %lu: %d %s",
				  step, n, status, w.err.text);
			cr_assert_eq(check_all(&w), 0, "step %d at %lu", step, n);
		}
		cr_assert_gt(failures, 1);
		cr_assert_not(w.outcome.replayed, "step %d", step);
	}
}
