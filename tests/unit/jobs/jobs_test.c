/* SPDX-License-Identifier: Apache-2.0 */
/* The job runner: periods, demands, saved state, failures, and runs that are submitted. */
#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#include "base/host.h"
#include "base/log.h"
#include "base/text.h"
#include "jobs/jobs.h"
#include "plugin/loader.h"

#define PATIENCE 20

typedef struct bench {
	pdb_loader *loader;
	pdb_store *store;
	pdb_sockets sockets;
	pdb_jobs *jobs;
	sem_t stepped;
	int steps;
	uint64_t found;
	pdb_job_view view;
} bench;

static char directory[] = "/tmp/pdb-jobs-XXXXXX";

static const pdb_host host = {PDB_HOST_BASE};

static void set_up(bench *b, const pdb_job *job)
{
	pdb_storage_params params = {.size = sizeof(params), .host = &host};
	pdb_store_settings settings = {.directory = directory, .reserve_bytes = 0};
	pdb_plugin *memory = NULL;
	pdb_err err = {0};

	cr_assert_not_null(mkdtemp(directory));
	params.directory = directory;
	(void)sem_init(&b->stepped, 0, 0);
	cr_assert_eq(pdb_loader_create(&b->loader, PDB_TEST_PLUGINS, pdb_builtin_plugins, &err),
		     PDB_OK);
	cr_assert_eq(pdb_loader_load(b->loader, "memory", PDB_KIND_STORAGE, &memory, &err), PDB_OK,
		     "%s", err.text);
	cr_assert_eq(
		pdb_store_open(&b->store, pdb_plugin_storage(memory), &params, &settings, &err),
		PDB_OK, "%s", err.text);
	cr_assert_eq(pdb_sockets_add(&b->sockets, PDB_SOCKET_JOB, "test", job, b, &err), PDB_OK);
	cr_assert_eq(pdb_jobs_create(&b->jobs, &b->sockets, b->store, &err), PDB_OK);
}

static void tear_down(bench *b)
{
	char command[128];

	pdb_jobs_destroy(&b->jobs);
	pdb_store_close(&b->store);
	pdb_sockets_fini(&b->sockets);
	pdb_loader_destroy(&b->loader);
	(void)snprintf(command, sizeof(command), "rm -rf %s", directory);
	cr_assert_eq(system(command), 0);
}

static void await(sem_t *semaphore)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE;
	cr_assert_eq(sem_timedwait(semaphore, &until), 0, "no step within %d s", PATIENCE);
}

/* Counts to five over five steps, saving each time, and tells how far it came. */
static pdb_status counting(void *self, pdb_job_run *run, pdb_err *err)
{
	bench *b = self;
	pdb_slice state = pdb_job_saved(run);
	uint64_t count = 0;
	pdb_status status;

	if (state.len == sizeof(count)) {
		memcpy(&count, state.ptr, sizeof(count));
	}
	count++;
	status = pdb_job_save(run, pdb_slice_of(&count, sizeof(count)), err);
	pdb_job_progress(run, count, 5);
	if (count % 5 == 0) {
		b->found = count;
		pdb_job_done(run);
		(void)sem_post(&b->stepped);
	}
	return status;
}

static const pdb_job on_demand = {sizeof(pdb_job), "counting", 0, counting};
static const pdb_job often = {sizeof(pdb_job), "counting", 1000000, counting};

static pdb_status look(void *arg, const pdb_job_view *view)
{
	*(pdb_job_view *)arg = *view;
	return PDB_OK;
}

/* What the test knows of a run; the texts of a view live only as long as the call. */
typedef struct seen {
	pdb_job_state state;
	char params[64];
	char result[64];
	char error[64];
	uint64_t done;
	int64_t ended_ts;
} seen;

static pdb_status note(void *arg, const pdb_job_view *view)
{
	seen *s = arg;

	s->state = view->state;
	s->done = view->done;
	s->ended_ts = view->ended_ts;
	(void)snprintf(s->params, sizeof(s->params), "%.*s", PDB_SLICE_ARGS(view->params));
	(void)snprintf(s->result, sizeof(s->result), "%.*s", PDB_SLICE_ARGS(view->result));
	(void)snprintf(s->error, sizeof(s->error), "%s", view->error);
	return PDB_OK;
}

static seen view_of(const char *id)
{
	seen s = {0};
	pdb_err err = {0};

	cr_assert_eq(pdb_jobs_table.view(id, note, &s, &err), PDB_OK, "%s", err.text);
	return s;
}

Test(jobs, run_when_asked_and_keep_their_state)
{
	bench b = {0};
	pdb_err err = {0};

	set_up(&b, &on_demand);
	cr_assert_eq(pdb_job_start("nobody", &err), PDB_ENOTFOUND);
	cr_assert_eq(pdb_job_start("counting", &err), PDB_OK);
	await(&b.stepped);
	cr_assert_eq(b.found, 5);
	cr_assert_eq(pdb_job_start("counting", &err), PDB_OK);
	await(&b.stepped);
	cr_assert_eq(b.found, 10);
	cr_assert_eq(pdb_jobs_table.each(look, &b.view, &err), PDB_OK);
	cr_assert_str_eq(b.view.name, "counting");
	cr_assert_eq(b.view.done, 10);
	cr_assert_eq(b.view.failures, 0);
	tear_down(&b);
}

Test(jobs, run_again_after_their_period)
{
	bench b = {0};

	set_up(&b, &often);
	for (int i = 0; i < 5; i++) {
		await(&b.stepped);
	}
	tear_down(&b);
	cr_assert_geq(b.found, 25);
}

static pdb_status failing(void *self, pdb_job_run *run, pdb_err *err)
{
	bench *b = self;

	if (++b->steps == 1) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "the first step fails");
	}
	(void)pdb_err_set(err, PDB_ENOTFOUND, NULL, "what it looked for and could do without");
	pdb_job_done(run);
	(void)sem_post(&b->stepped);
	return PDB_OK;
}

static const pdb_job stumbling = {sizeof(pdb_job), "stumbling", 1000000, failing};

Test(jobs, come_back_after_a_failure)
{
	bench b = {0};
	pdb_err err = {0};

	pdb_log_set_level(PDB_LOG_ERROR);
	set_up(&b, &stumbling);
	await(&b.stepped);
	await(&b.stepped); /* a second time: what the run before had to say is told */
	cr_assert_eq(pdb_jobs_table.each(look, &b.view, &err), PDB_OK);
	cr_assert_eq(b.view.failures, 1);
	cr_assert_eq(b.view.period, stumbling.period);
	cr_assert_str_eq(view_of("stumbling").error, "");
	tear_down(&b);
}

/* -- submitted runs --------------------------------------------------------------------------- */

/* Every view is a moment: waits for the one that is wanted. */
static seen await_state(const char *id, pdb_job_state state)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	seen s = view_of(id);

	for (int i = 0; i < PATIENCE * 1000 && s.state != state; i++) {
		(void)nanosleep(&pause, NULL);
		s = view_of(id);
	}
	cr_assert_eq(s.state, state, "%s", s.error);
	return s;
}

static void submit(const char *name, const char *params, char id[PDB_JOB_ID_SIZE])
{
	pdb_err err = {0};

	cr_assert_eq(pdb_jobs_table.submit(name, pdb_slice_text(params), id, &err), PDB_OK, "%s",
		     err.text);
}

/* Waits in each step until the test lets it; ends after as many steps as its parameters say. */
static sem_t gate;

static pdb_status gated(void *self, pdb_job_run *run, pdb_err *err)
{
	bench *b = self;
	pdb_slice saved = pdb_job_saved(run);
	pdb_slice params = pdb_jobs_table.params(run);
	uint8_t count = saved.len > 0 ? saved.ptr[0] : 0;

	(void)sem_post(&b->stepped);
	(void)sem_wait(&gate);
	count++;
	pdb_job_progress(run, count, 0);
	if (pdb_slice_is(params, "{\"fail\":true}")) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "it cannot be done");
	}
	if (count == 3) {
		(void)pdb_jobs_table.set_result(run, PDB_SLICE("{\"steps\":3}"), err);
		pdb_job_done(run);
	}
	return pdb_job_save(run, pdb_slice_of(&count, 1), err);
}

static const pdb_job steps = {sizeof(pdb_job), "steps", 0, gated};

static void open_gate(int times)
{
	while (times-- > 0) {
		(void)sem_post(&gate);
	}
}

Test(submitted, run_to_their_end_one_after_the_other)
{
	bench b = {0};
	char id[2][PDB_JOB_ID_SIZE];
	seen s;

	(void)sem_init(&gate, 0, 0);
	set_up(&b, &steps);
	submit("steps", "", id[0]);
	submit("steps", "{\"n\":2}", id[1]);
	cr_assert_lt(strcmp(id[0], id[1]), 0);
	await(&b.stepped);
	cr_expect_eq(view_of(id[0]).state, PDB_JOB_RUNNING);
	cr_expect_eq(view_of(id[1]).state, PDB_JOB_QUEUED);
	open_gate(6);
	s = await_state(id[0], PDB_JOB_DONE);
	cr_expect_str_eq(s.params, "{}");
	cr_expect_str_eq(s.result, "{\"steps\":3}");
	cr_expect_eq(s.done, 3);
	cr_expect_gt(s.ended_ts, 0);
	s = await_state(id[1], PDB_JOB_DONE);
	cr_expect_str_eq(s.params, "{\"n\":2}");
	tear_down(&b);
}

Test(submitted, are_judged)
{
	bench b = {0};
	char id[PDB_JOB_ID_SIZE];
	pdb_err err = {0};

	set_up(&b, &steps);
	cr_expect_eq(pdb_jobs_table.submit("none", PDB_SLICE(""), id, &err), PDB_ENOTFOUND);
	cr_expect_eq(pdb_jobs_table.submit("steps", PDB_SLICE("{"), id, &err), PDB_EINVAL);
	cr_expect_eq(pdb_jobs_table.cancel("job-none", &err), PDB_ENOTFOUND);
	tear_down(&b);
	cr_expect_eq(pdb_jobs_table.submit("steps", PDB_SLICE(""), id, &err), PDB_EUNAVAILABLE);
}

Test(submitted, fail_with_a_reason)
{
	bench b = {0};
	char id[PDB_JOB_ID_SIZE];

	pdb_log_set_level(PDB_LOG_ERROR - 1);
	(void)sem_init(&gate, 0, 1);
	set_up(&b, &steps);
	submit("steps", "{\"fail\":true}", id);
	cr_expect_str_eq(await_state(id, PDB_JOB_FAILED).error, "it cannot be done");
	tear_down(&b);
}

Test(submitted, can_be_cancelled_queued_and_running)
{
	bench b = {0};
	char id[2][PDB_JOB_ID_SIZE];
	pdb_err err = {0};

	(void)sem_init(&gate, 0, 0);
	set_up(&b, &steps);
	submit("steps", "", id[0]);
	await(&b.stepped);
	submit("steps", "", id[1]);
	cr_expect_eq(pdb_jobs_table.cancel(id[1], &err), PDB_OK);
	cr_expect_eq(view_of(id[1]).state, PDB_JOB_CANCELLED);
	cr_expect_eq(pdb_jobs_table.cancel(id[1], &err), PDB_EEXISTS);
	cr_expect_str_eq(err.code, "job_ended");
	cr_expect_eq(pdb_jobs_table.cancel(id[0], &err), PDB_OK);
	open_gate(1);
	cr_expect_eq(await_state(id[0], PDB_JOB_CANCELLED).done, 1);
	tear_down(&b);
}

Test(submitted, go_on_from_what_was_saved)
{
	bench b = {0};
	char id[PDB_JOB_ID_SIZE];
	pdb_err err = {0};

	(void)sem_init(&gate, 0, 2);
	set_up(&b, &steps);
	submit("steps", "", id);
	await(&b.stepped);
	await(&b.stepped);
	await(&b.stepped);
	/* the third step is at the gate: the runner goes as if the process had */
	open_gate(1);
	pdb_jobs_destroy(&b.jobs);
	cr_assert_eq(pdb_jobs_create(&b.jobs, &b.sockets, b.store, &err), PDB_OK);
	open_gate(3);
	cr_expect_eq(await_state(id, PDB_JOB_DONE).done, 3);
	tear_down(&b);
}

Test(submitted, the_oldest_that_ended_are_forgotten)
{
	bench b = {0};
	char id[PDB_JOB_KEPT_MAX + 5][PDB_JOB_ID_SIZE];
	seen s;
	pdb_err err = {0};

	(void)sem_init(&gate, 0, 0);
	open_gate(4 * (PDB_JOB_KEPT_MAX + 5));
	set_up(&b, &steps);
	for (size_t i = 0; i < PDB_JOB_KEPT_MAX + 5; i++) {
		submit("steps", "", id[i]);
		(void)await_state(id[i], PDB_JOB_DONE);
	}
	cr_expect_eq(pdb_jobs_table.view(id[0], note, &s, &err), PDB_ENOTFOUND);
	cr_expect_eq(view_of(id[10]).state, PDB_JOB_DONE);
	tear_down(&b);
}
