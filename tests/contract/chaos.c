/* SPDX-License-Identifier: Apache-2.0 */
/* A caller that retries as the contract says survives every fault that chaos injects. */
#include <pthread.h>
#include <stdlib.h>

#include "backend.h"

#define THREADS    4
#define INCREMENTS 300

/* One in ten calls fails; over memory, so that thousands run in a moment. */
#define FAULTS                                                                                     \
	"storage.chaos.seed=11;storage.chaos.conflict=400;storage.chaos.full=200;"                 \
	"storage.chaos.backend=200;storage.chaos.nomem=200;storage.chaos.uncertain=2000"

typedef struct worker {
	backend *b;
	unsigned id;
	uint64_t faults;
	uint64_t uncertain;
} worker;

static backend *open_chaos(const char *options)
{
	backend_name name = {PDB_TEST_PLUGINS, "chaos", "memory", ""};

	(void)snprintf(name.options, sizeof(name.options), "%s", options);
	return backend_open(&name);
}

/* Counts one step; the step's own row tells later whether it happened. */
static pdb_status try_step(backend *b, const pdb_key *counter, const pdb_key *mark)
{
	char text[24] = "0";
	pdb_slice value = {NULL, 0};
	void *txn = NULL;
	int len;
	pdb_status status = b->ops->begin(b->db, true, &txn, NULL);

	if (status == PDB_OK) {
		status = b->ops->insert(txn, mark, PDB_SLICE("1"), NULL);
	}
	if (status == PDB_OK) {
		status = b->ops->get(txn, counter, &value, NULL);
	}
	if (status == PDB_OK || status == PDB_ENOTFOUND) {
		(void)snprintf(text, sizeof(text), "%.*s", PDB_SLICE_ARGS(value));
		len = snprintf(text, sizeof(text), "%lu", strtoul(text, NULL, 10) + 1);
		status = b->ops->put(txn, counter, pdb_slice_of(text, (size_t)len), NULL);
	}
	if (status == PDB_OK) {
		return b->ops->commit(&txn, NULL);
	}
	b->ops->abort(&txn);
	return status;
}

/* Asks until the answer is not a fault itself. */
static bool happened(worker *w, const pdb_key *mark)
{
	for (;;) {
		pdb_slice value;
		void *txn = NULL;
		pdb_status status = w->b->ops->begin(w->b->db, false, &txn, NULL);

		if (status == PDB_OK) {
			status = w->b->ops->get(txn, mark, &value, NULL);
			w->b->ops->abort(&txn);
		}
		if (status == PDB_OK || status == PDB_ENOTFOUND) {
			return status == PDB_OK;
		}
		w->faults++;
	}
}

static void *work(void *arg)
{
	worker *w = arg;
	pdb_key counter = KEY("counter");

	for (unsigned i = 0; i < INCREMENTS; i++) {
		char name[32];
		pdb_key mark;
		pdb_status status;

		(void)snprintf(name, sizeof(name), "mark-%u-%u", w->id, i);
		mark = KEY(name);
		while ((status = try_step(w->b, &counter, &mark)) != PDB_OK) {
			w->faults++;
			w->uncertain += status == PDB_EUNCERTAIN ? 1 : 0;
			if (status == PDB_EUNCERTAIN && happened(w, &mark)) {
				break;
			}
		}
	}
	return NULL;
}

static unsigned long read_counter(backend *b)
{
	worker w = {.b = b};
	char text[24] = "";
	pdb_key counter = KEY("counter");
	pdb_slice value = {NULL, 0};
	pdb_status status = PDB_EBACKEND;
	void *txn = NULL;

	cr_assert(happened(&w, &counter));
	while (status != PDB_OK) {
		if (b->ops->begin(b->db, false, &txn, NULL) == PDB_OK) {
			status = b->ops->get(txn, &counter, &value, NULL);
			(void)snprintf(text, sizeof(text), "%.*s", PDB_SLICE_ARGS(value));
			b->ops->abort(&txn);
		}
	}
	return strtoul(text, NULL, 10);
}

Test(chaos, a_retrying_counter_neither_loses_nor_doubles, .fini = backend_clean)
{
	backend *b = open_chaos(FAULTS);
	pthread_t threads[THREADS];
	worker workers[THREADS] = {{0}};
	uint64_t faults = 0;
	uint64_t uncertain = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (worker){.b = b, .id = i};
		cr_assert_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		(void)pthread_join(threads[i], NULL);
		faults += workers[i].faults;
		uncertain += workers[i].uncertain;
	}
	cr_expect_eq(read_counter(b), THREADS * INCREMENTS);
	cr_expect_gt(faults, 100, "faults were injected");
	cr_expect_gt(uncertain, 50, "some outcomes were not told");
	backend_close(b);
}

Test(chaos, uncertain_commits_go_both_ways, .fini = backend_clean)
{
	backend *b = open_chaos("storage.chaos.seed=3;storage.chaos.uncertain=10000");
	worker w = {.b = b};
	unsigned there = 0;

	for (unsigned i = 0; i < 200; i++) {
		char name[16];
		pdb_key key;
		void *txn = begin(b, true);

		(void)snprintf(name, sizeof(name), "%u", i);
		key = KEY(name);
		put(b, txn, name, "v");
		cr_expect_eq(b->ops->commit(&txn, NULL), PDB_EUNCERTAIN);
		cr_expect_null(txn);
		there += happened(&w, &key) ? 1 : 0;
	}
	cr_expect(there > 50 && there < 150, "%u of 200 happened", there);
	backend_close(b);
}

static unsigned long run_and_count_faults(const char *options)
{
	backend *b = open_chaos(options);
	worker w = {.b = b};

	(void)work(&w);
	backend_close(b);
	return (unsigned long)w.faults;
}

Test(chaos, one_seed_gives_one_sequence, .fini = backend_clean)
{
	unsigned long once = run_and_count_faults(FAULTS);

	cr_expect_eq(run_and_count_faults(FAULTS), once);
}

/* Each probability at its highest gives its result, from the first call on. */
Test(chaos, each_fault_has_its_result, .fini = backend_clean)
{
	static const struct {
		const char *options;
		pdb_status status;
	} faults[] = {
		{"storage.chaos.seed=1;storage.chaos.conflict=10000", PDB_ECONFLICT},
		{"storage.chaos.seed=1;storage.chaos.backend=10000", PDB_EBACKEND},
		{"storage.chaos.seed=1;storage.chaos.nomem=10000", PDB_ENOMEM},
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		backend *b = open_chaos(faults[i].options);
		void *txn = NULL;

		cr_expect_eq(b->ops->begin(b->db, true, &txn, NULL), faults[i].status);
		cr_expect_null(txn);
		backend_close(b);
	}
}

Test(chaos, a_full_disk_refuses_writes_only, .fini = backend_clean)
{
	backend *b = open_chaos(
		"storage.chaos.seed=1;storage.chaos.full=10000;storage.chaos.latency=1ms");
	void *txn = begin(b, true);
	pdb_key key = KEY("a");

	expect_in(b, txn, "a", NULL);
	cr_expect_eq(b->ops->put(txn, &key, PDB_SLICE("1"), NULL), PDB_EFULL);
	cr_expect_eq(b->ops->commit(&txn, NULL), PDB_EFULL);
	cr_expect_null(txn);
	cr_expect_eq(b->ops->sync(b->db, NULL), PDB_OK);
	expect_stored(b, "a", NULL);
	backend_close(b);
}

Test(chaos, needs_a_backend_to_wrap, .fini = backend_clean)
{
	backend *b = open_chaos("storage.chaos.seed=1");
	pdb_storage_params params = b->params;
	pdb_err err = {0};
	void *db = NULL;

	params.inner = NULL;
	cr_expect_eq(b->ops->open(&params, &db, &err), PDB_EINVAL);
	cr_expect_null(db);
	cr_expect_not_null(strstr(err.text, "storage.inner"));
	backend_close(b);
}
