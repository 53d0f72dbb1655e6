/* SPDX-License-Identifier: Apache-2.0 */
/* The job that has keys wrapped by the active version of the KEK, and proves that they open. */
#include "jobs.h"

#define STEP_KEYS 500u

/* State: which pass, how far, and where: "<pass> <failed before> <done> <total> <failed> <cursor>".
 */
typedef enum pass {
	PASS_REWRAP = 0,
	PASS_VERIFY = 1
} pass;

typedef struct rewrapping {
	encryption *self;
	pdb_job_run *run;
	unsigned pass;
	unsigned long long failed_before; /* in the first pass */
	pdb_kms_progress progress;
} rewrapping;

static void load(rewrapping *r)
{
	encryption_words words;

	encryption_words_begin(&words, r->self->host->job_state(r->run));
	r->progress = (pdb_kms_progress){.size = sizeof(r->progress)};
	r->pass = (unsigned)encryption_words_number(&words);
	r->failed_before = encryption_words_number(&words);
	r->progress.done = encryption_words_number(&words);
	r->progress.total = encryption_words_number(&words);
	r->progress.failed = encryption_words_number(&words);
	encryption_words_text(&words, r->progress.cursor, sizeof(r->progress.cursor));
}

static pdb_status save(rewrapping *r, pdb_err *err)
{
	const pdb_kms_progress *p = &r->progress;
	char text[192];
	int len = snprintf(text, sizeof(text), "%u %llu %llu %llu %llu %.39s", r->pass,
			   r->failed_before, (unsigned long long)p->done,
			   (unsigned long long)p->total, (unsigned long long)p->failed, p->cursor);

	return r->self->host->job_save(r->run, pdb_slice_of(text, (size_t)len), err);
}

static pdb_status finish(rewrapping *r, pdb_err *err)
{
	char text[128];
	int len = snprintf(text, sizeof(text),
			   "{\"keys\":%llu,\"not_rewrapped\":%llu,\"not_verified\":%llu}",
			   (unsigned long long)r->progress.done, r->failed_before,
			   (unsigned long long)r->progress.failed);
	pdb_status status =
		r->self->host->jobs->set_result(r->run, pdb_slice_of(text, (size_t)len), err);

	if (status == PDB_OK) {
		r->self->host->job_done(r->run);
	}
	return status;
}

static pdb_status all_step(rewrapping *r, const json_t *params, pdb_err *err)
{
	encryption *self = r->self;
	uint64_t before;
	pdb_status status;

	load(r);
	before = r->progress.done;
	status = r->pass == PASS_REWRAP
			 ? self->ops->rewrap(self->kms, STEP_KEYS, &r->progress, err)
			 : self->ops->verify(self->kms, STEP_KEYS, &r->progress, err);
	if (status != PDB_OK) {
		return status;
	}
	encryption_pace(self, r->run, params, r->progress.done - before);
	self->host->job_progress(
		r->run, r->progress.done + (r->pass == PASS_VERIFY ? r->progress.total : 0),
		2 * r->progress.total);
	if (r->progress.finished != 0 && r->pass == PASS_VERIFY) {
		return finish(r, err);
	}
	if (r->progress.finished != 0) {
		r->pass = PASS_VERIFY;
		r->failed_before = r->progress.failed;
		r->progress = (pdb_kms_progress){.size = sizeof(r->progress)};
	}
	return save(r, err);
}

/* One thread a step. State: how many are done. */
static pdb_status one_step(rewrapping *r, const json_t *params, pdb_err *err)
{
	encryption *self = r->self;
	const pdb_host *host = self->host;
	size_t total = json_array_size(json_object_get(params, "thread_ids"));
	encryption_words words;
	unsigned long long index;
	char text[32];
	note n;
	pdb_status status;

	encryption_words_begin(&words, host->job_state(r->run));
	index = encryption_words_number(&words);
	host->job_progress(r->run, index, total);
	if (index >= total) {
		host->job_done(r->run);
		return PDB_OK;
	}
	status = encryption_note(self, encryption_thread_at(params, index), &n, NULL, err);
	if (status == PDB_OK) {
		status = self->ops->rewrap_key(self->kms, n.id, err);
	}
	if (status != PDB_OK && status != PDB_ENOTFOUND) {
		return status;
	}
	encryption_pace(self, r->run, params, 1);
	(void)snprintf(text, sizeof(text), "%llu", index + 1);
	return host->job_save(r->run, pdb_slice_text(text), err);
}

static pdb_status step(void *state, pdb_job_run *run, pdb_err *err)
{
	rewrapping r = {.self = state, .run = run};
	json_t *params = NULL;
	pdb_status status = encryption_params(r.self, run, &params, err);

	if (status == PDB_OK) {
		status = json_object_get(params, "thread_ids") != NULL ? one_step(&r, params, err)
								       : all_step(&r, params, err);
	}
	json_decref(params);
	return status;
}

const pdb_job encryption_rewrap_job = {.size = sizeof(pdb_job), .name = JOB_REWRAP, .step = step};
