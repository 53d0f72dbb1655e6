/* SPDX-License-Identifier: Apache-2.0 */
/* Random calls, compared with a naive model of the domain. */
#include <stdlib.h>

#include "base/json.h"
#include "base/text.h"
#include "world.h"

#define OPS      20000
#define THREADS  6
#define AUTHORS  5
#define MESSAGES 1200
#define VERSIONS 40
#define GONE     (-1)

typedef struct model_message {
	int author;
	int count;
	int bodies[VERSIONS]; /* GONE for a deletion */
	int reactions[AUTHORS];
	int hidden[AUTHORS]; /* reactions that a deletion hides */
} model_message;

typedef struct model_thread {
	bool exists;
	bool deleted;
	int owner;
	bool member[AUTHORS];
	uint64_t activity;
	int count;
	model_message messages[MESSAGES];
} model_thread;

static const char *const names[AUTHORS] = {"ann", "bob", "c:d", "d\"e", "eve"};
static model_thread model[THREADS];
static uint64_t clock_ticks;
static world w;

static unsigned rnd(unsigned n)
{
	return (unsigned)random() % n;
}

static const char *thread_name(int t)
{
	static char name[16];

	(void)snprintf(name, sizeof(name), "t%d", t);
	return name;
}

static const char *message_name(int m)
{
	static char name[16];

	(void)snprintf(name, sizeof(name), "m%d", m);
	return name;
}

static bool sees(int t, int a)
{
	return model[t].exists && !model[t].deleted && model[t].member[a];
}

static bool is_gone(const model_message *m)
{
	return m->bodies[m->count - 1] == GONE;
}

/* -- reading answers ------------------------------------------------------------------------- */

static int64_t number(pdb_slice object, const char *name, int64_t absent)
{
	pdb_slice member;
	int64_t value = absent;

	if (pdb_json_member(object, name, &member)) {
		cr_assert(pdb_json_to_int(member, &value));
	}
	return value;
}

static void expect_reactions(pdb_slice object, const model_message *m)
{
	pdb_slice list;
	size_t cursor = 0;
	pdb_slice key;
	pdb_slice entry;
	int expected = 0;
	int found = 0;

	for (int a = 0; a < AUTHORS; a++) {
		expected += !is_gone(m) && m->reactions[a] != 0;
	}
	if (pdb_json_member(object, "reactions", &list)) {
		while (pdb_json_next(list, &cursor, &key, &entry)) {
			found++;
		}
	}
	cr_assert_eq(found, expected);
}

static void expect_message(pdb_slice object, int t, int m, int version)
{
	const model_message *message = &model[t].messages[m];
	int body = message->bodies[version - 1];
	pdb_slice member;
	char id[24];

	(void)snprintf(id, sizeof(id), "\"%s\"", message_name(m));
	cr_assert(pdb_json_member(object, "id", &member));
	cr_assert(pdb_slice_is(member, id), "%.*s is not %s", PDB_SLICE_ARGS(member), id);
	cr_assert_eq(number(object, "seq", 0), m + 1);
	cr_assert_eq(number(object, "version", 0), version);
	if (body == GONE) {
		cr_assert(pdb_json_member(object, "deleted", &member));
		cr_assert(pdb_json_member(object, "body", &member));
		cr_assert(pdb_slice_is(member, "null"));
	} else {
		cr_assert_eq(number(object, "body", -5), body);
	}
}

static void expect_present(int t, int m)
{
	const char *text = answer(&w);
	pdb_slice object;

	cr_assert_eq(pdb_json_check(pdb_slice_text(text), &object, &w.err), PDB_OK, "%s", text);
	expect_message(object, t, m, model[t].messages[m].count);
	expect_reactions(object, &model[t].messages[m]);
}

/* -- writes ------------------------------------------------------------------------------------ */

static void do_append(int t, int a)
{
	model_thread *thread = &model[t];
	bool backend = rnd(4) == 0;
	bool replay = thread->count > 0 && rnd(5) == 0;
	int m = replay ? (int)rnd((unsigned)thread->count) : thread->count;
	int body = replay && rnd(3) > 0 ? thread->messages[m].bodies[0] : (int)rnd(1000);
	char text[16];
	char t_name[16];
	pdb_status status;
	pdb_status expected = PDB_OK;

	if (m >= MESSAGES) {
		return;
	}
	(void)snprintf(text, sizeof(text), "%d", body);
	(void)snprintf(t_name, sizeof(t_name), "%s", thread_name(t));
	status =
		post(&w, backend ? back(names[a]) : front(names[a]), t_name, message_name(m), text);
	if (thread->exists && thread->deleted) {
		expected = backend || thread->owner == a ? PDB_EEXISTS : PDB_ENOTFOUND;
	} else if (thread->exists && !backend && !thread->member[a]) {
		expected = PDB_ENOTFOUND;
	} else if (replay &&
		   (thread->messages[m].author != a || thread->messages[m].bodies[0] != body)) {
		expected = PDB_EEXISTS;
	}
	cr_assert_eq(status, expected, "append %s", w.err.text);
	if (status != PDB_OK) {
		return;
	}
	cr_assert_eq(w.outcome.replayed, replay);
	if (!replay) {
		thread->owner = thread->exists ? thread->owner : a;
		thread->exists = true;
		thread->member[a] = true;
		thread->activity = ++clock_ticks;
		thread->messages[m] = (model_message){.author = a, .count = 1};
		thread->messages[m].bodies[0] = body;
		thread->count++;
	}
	expect_present(t, m);
}

static pdb_status may_write(int t, int a, int m, bool want_gone)
{
	if (!sees(t, a)) {
		return PDB_ENOTFOUND;
	}
	if (is_gone(&model[t].messages[m]) && !want_gone) {
		return PDB_ENOTFOUND;
	}
	return model[t].messages[m].author == a ? PDB_OK : PDB_EDENIED;
}

static void do_change(int t, int a)
{
	model_thread *thread = &model[t];
	int m = thread->count > 0 ? (int)rnd((unsigned)thread->count) : 0;
	model_message *message = &thread->messages[m];
	unsigned what = rnd(4);
	int body = (int)rnd(1000);
	int version = what == 3 ? 1 + (int)rnd((unsigned)message->count + 1) : 0;
	char text[16];
	char t_name[16];
	pdb_status status;
	pdb_status expected;

	if (thread->count == 0 || message->count == VERSIONS) {
		return;
	}
	if (rnd(3) > 0) {
		a = message->author;
	}
	expected = may_write(t, a, m, what >= 2);
	(void)snprintf(text, sizeof(text), "%d", body);
	(void)snprintf(t_name, sizeof(t_name), "%s", thread_name(t));
	if (what == 0) {
		status = edit(&w, front(names[a]), t_name, message_name(m), text);
	} else if (what == 1) {
		status = erase(&w, front(names[a]), t_name, message_name(m));
	} else {
		status = restore(&w, front(names[a]), t_name, message_name(m), (uint32_t)version);
	}
	if (expected == PDB_OK && version > message->count) {
		expected = PDB_ENOTFOUND;
	} else if (expected == PDB_OK && version > 0 && message->bodies[version - 1] == GONE) {
		expected = PDB_EINVAL;
	}
	cr_assert_eq(status, expected, "change %u %s", what, w.err.text);
	if (status != PDB_OK) {
		return;
	}
	if (what == 1) {
		memcpy(message->hidden, message->reactions, sizeof(message->hidden));
		memset(message->reactions, 0, sizeof(message->reactions));
		message->bodies[message->count++] = GONE;
		return;
	}
	if (what == 2 && !is_gone(message)) {
		expect_present(t, m);
		return;
	}
	if (is_gone(message)) {
		memcpy(message->reactions, message->hidden, sizeof(message->hidden));
	}
	if (what == 2) {
		body = message->bodies[message->count - 2];
	} else if (what == 3) {
		body = message->bodies[version - 1];
	}
	message->bodies[message->count++] = body;
	expect_present(t, m);
}

static void do_react(int t, int a)
{
	model_thread *thread = &model[t];
	int m = thread->count > 0 ? (int)rnd((unsigned)thread->count) : 0;
	bool removal = rnd(3) == 0;
	pdb_status expected = PDB_OK;
	char t_name[16];

	if (thread->count == 0) {
		return;
	}
	if (!sees(t, a) || is_gone(&thread->messages[m]) ||
	    (removal && thread->messages[m].reactions[a] == 0)) {
		expected = PDB_ENOTFOUND;
	}
	(void)snprintf(t_name, sizeof(t_name), "%s", thread_name(t));
	cr_assert_eq(react(&w, front(names[a]), t_name, message_name(m), names[a],
			   removal ? NULL : "+1"),
		     expected);
	if (expected == PDB_OK) {
		thread->messages[m].reactions[a] = removal ? 0 : 1;
	}
}

static void do_thread(int t, int a)
{
	pdb_caller who = front(names[a]);
	pdb_slice id = pdb_slice_text(thread_name(t));
	model_thread *thread = &model[t];
	pdb_status expected = PDB_OK;
	pdb_status status;

	clear_answer(&w);
	if (rnd(2) == 0) {
		status = pdb_chat_thread_delete(w.chat, &who, id, &w.outcome, &w.err);
		if (!sees(t, a)) {
			expected = PDB_ENOTFOUND;
		} else if (thread->owner != a) {
			expected = PDB_EDENIED;
		} else {
			thread->deleted = true;
		}
	} else {
		status = pdb_chat_thread_restore(w.chat, &who, id, &w.out, &w.outcome, &w.err);
		if (!thread->exists || (thread->deleted && thread->owner != a) ||
		    !thread->member[a]) {
			expected = PDB_ENOTFOUND;
		} else if (thread->owner != a) {
			expected = PDB_EDENIED;
		} else {
			thread->deleted = false;
		}
	}
	cr_assert_eq(status, expected, "%s", w.err.text);
}

/* -- reads ------------------------------------------------------------------------------------- */

static int visible_before(int t, int below)
{
	int count = 0;

	for (int m = 0; m < below; m++) {
		count += !is_gone(&model[t].messages[m]);
	}
	return count;
}

/* The first message shown and how many, for a page. */
static void expected_page(int t, pdb_anchor anchor, int at, int limit, int *first, int *count)
{
	int all = visible_before(t, model[t].count);
	int before = visible_before(t, at);
	int upto = visible_before(t, at + 1);
	int half = limit / 2 < before ? limit / 2 : before;

	switch (anchor) {
	case PDB_ANCHOR_AFTER:
		*first = upto;
		*count = all - upto < limit ? all - upto : limit;
		return;
	case PDB_ANCHOR_AROUND:
		*first = before - half;
		if (all - *first < limit) {
			*first = all > limit ? all - limit : 0;
		}
		*count = all - *first < limit ? all - *first : limit;
		return;
	case PDB_ANCHOR_BEFORE:
		all = before;
		break;
	case PDB_ANCHOR_NEWEST:
		break;
	}
	*count = all < limit ? all : limit;
	*first = all - *count;
}

static void expect_page(int t, int first, int count, const pdb_message_page *result)
{
	char *array = malloc(w.out.len + 3);
	int shown = 0;
	size_t cursor = 0;
	pdb_slice key;
	pdb_slice object;
	pdb_slice whole;

	(void)snprintf(array, w.out.len + 3, "[%s]", answer(&w));
	cr_assert_eq(pdb_json_check(pdb_slice_text(array), &whole, &w.err), PDB_OK);
	for (int m = 0, index = 0; m < model[t].count; m++) {
		if (is_gone(&model[t].messages[m])) {
			continue;
		}
		if (index >= first && index < first + count) {
			cr_assert(pdb_json_next(whole, &cursor, &key, &object));
			expect_message(object, t, m, model[t].messages[m].count);
			shown++;
		}
		index++;
	}
	cr_assert_not(pdb_json_next(whole, &cursor, &key, &object));
	cr_assert_eq(result->count, (uint32_t)shown);
	cr_assert_eq(result->last_seq, (uint64_t)model[t].count);
	free(array);
}

static void do_page(int t, int a)
{
	pdb_anchor anchor = (pdb_anchor)rnd(4);
	int at = model[t].count > 0 ? (int)rnd((unsigned)model[t].count) : 0;
	int limit = 1 + (int)rnd(rnd(2) == 0 ? 8 : 300);
	char t_name[16];
	char where[16];
	pdb_message_page result;
	pdb_status status;
	int first;
	int count;

	(void)snprintf(t_name, sizeof(t_name), "%s", thread_name(t));
	if (rnd(2) == 0) {
		(void)snprintf(where, sizeof(where), "%d", at + 1);
	} else {
		(void)snprintf(where, sizeof(where), "%s", message_name(at));
	}
	status = page(&w, front(names[a]), t_name, anchor, where, (uint32_t)limit, &result);
	if (!sees(t, a)) {
		cr_assert_eq(status, PDB_ENOTFOUND);
		return;
	}
	if (model[t].count == 0) {
		return;
	}
	cr_assert_eq(status, PDB_OK, "%s", w.err.text);
	expected_page(t, anchor, at, limit, &first, &count);
	expect_page(t, first, count, &result);
	cr_assert_eq(result.has_before, first > 0);
	cr_assert_eq(result.has_after, first + count < visible_before(t, model[t].count));
}

static void do_list(int a)
{
	const pdb_thread_query query = {0};
	pdb_thread_page result;
	uint64_t last = UINT64_MAX;
	const char *at;
	uint32_t shown = 0;

	cr_assert_eq(threads(&w, front(names[a]), &query, &result), PDB_OK, "%s", w.err.text);
	at = answer(&w);
	while ((at = strstr(at, "{\"id\":\"t")) != NULL) {
		int t = at[8] - '0';

		cr_assert(sees(t, a));
		cr_assert_lt(model[t].activity, last);
		last = model[t].activity;
		shown++;
		at++;
	}
	cr_assert_eq(result.count, shown);
	for (int t = 0; t < THREADS; t++) {
		shown -= sees(t, a) ? 1 : 0;
	}
	cr_assert_eq(shown, 0);
}

static void expect_counts(void)
{
	uint64_t all_threads;
	uint64_t all_messages;

	pdb_chat_counts(w.chat, &all_threads, &all_messages);
	for (int t = 0; t < THREADS; t++) {
		all_threads -= model[t].exists && !model[t].deleted ? 1 : 0;
		all_messages -= (uint64_t)visible_before(t, model[t].count);
	}
	cr_assert_eq(all_threads, 0);
	cr_assert_eq(all_messages, 0);
}

static void do_one(void)
{
	int t = (int)rnd(THREADS);
	int a = (int)rnd(AUTHORS);
	unsigned what = rnd(100);

	if (what < 35) {
		do_append(t, a);
	} else if (what < 60) {
		do_change(t, a);
	} else if (what < 70) {
		do_react(t, a);
	} else if (what < 73) {
		do_thread(t, a);
	} else if (what < 90) {
		do_page(t, a);
	} else if (what < 98) {
		do_list(a);
	} else if (what < 99) {
		catch_up_all(&w);
		expect_counts();
	} else {
		world_reopen(&w);
		expect_counts();
	}
}

static void run(unsigned seed)
{
	(void)fprintf(stderr, "model seed %u\n", seed);
	srandom(seed);
	world_open(&w);
	for (int i = 0; i < OPS; i++) {
		do_one();
		if (i % 2000 == 0) {
			cr_assert_eq(check_all(&w), 0, "op %d", i);
		}
	}
	cr_assert_eq(check_all(&w), 0);
	world_close(&w);
}

static unsigned seed_of_the_day(void)
{
	const char *given = getenv("PDB_MODEL_SEED");
	uint64_t seed = 0;

	if (given != NULL && pdb_text_to_uint(pdb_slice_text(given), &seed)) {
		return (unsigned)seed;
	}
	pdb_random(&seed, sizeof(seed));
	return (unsigned)seed;
}

Test(model, agrees_with_the_domain)
{
	run(seed_of_the_day());
}

/* The same with every commit in doubt at times: nothing is lost, nothing happens twice. */
Test(model, agrees_while_commits_fail)
{
	atomic_store(&faults.conflict_every, 7);
	atomic_store(&faults.lose_every, 11);
	atomic_store(&faults.keep_every, 13);
	run(seed_of_the_day());
}
