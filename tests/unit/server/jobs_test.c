/* SPDX-License-Identifier: Apache-2.0 */
/* The job runner: periods, demands, saved state, failures. */
#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "server/server_private.h"

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

static void set_up(bench *b, const pdb_job *job)
{
	pdb_storage_params params = {.size = sizeof(params), .host = &pdb__host};
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
	pdb_slice state = pdb_job_state(run);
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

static void look(void *arg, const pdb_job_view *view)
{
	*(pdb_job_view *)arg = *view;
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
	pdb_jobs_each(b.jobs, look, &b.view);
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
	pdb_job_done(run);
	(void)sem_post(&b->stepped);
	return PDB_OK;
}

static const pdb_job stumbling = {sizeof(pdb_job), "stumbling", 1000000, failing};

Test(jobs, come_back_after_a_failure)
{
	bench b = {0};

	pdb_log_set_level(PDB_LOG_ERROR);
	set_up(&b, &stumbling);
	await(&b.stepped);
	pdb_jobs_each(b.jobs, look, &b.view);
	cr_assert_eq(b.view.failures, 1);
	tear_down(&b);
}
