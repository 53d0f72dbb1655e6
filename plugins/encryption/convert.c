/* SPDX-License-Identifier: Apache-2.0 */
/* The job that seals what was stored before, as the configuration says now. */
#include "jobs.h"

/*
 * State: "<begin> <done> <bound> <after> <thread>\n<cursor>", "-" for an empty part: when the run
 * began, threads that are done, the last message to be sealed, where the walk over threads is, the
 * thread at work, and in it the cursor of the rewriting, which moves in the transaction of each
 * message.
 *
 * A walk over threads meets those again that have become active. What they got since the run began
 * is sealed already: they are remembered here, so that a busy thread does not keep a run for ever.
 * A slot that another took only costs work.
 */
#define MET_SLOTS 16384u

typedef struct converting {
	encryption *self;
	pdb_job_run *run;
	const json_t *params;
	long long begun;
	unsigned long long done;
	unsigned long long bound;
	char after[PDB_CURSOR_SIZE];
	char thread[PDB_KMS_THREAD_SIZE];
	char cursor[PDB_CURSOR_SIZE];
	bool found;
} converting;

static uint64_t met[MET_SLOTS]; /* only the one run at a time uses it */

static uint64_t hash_of(const converting *c, pdb_slice thread)
{
	uint64_t hash = (uint64_t)c->begun ^ UINT64_C(1469598103934665603);

	for (size_t i = 0; i < thread.len; i++) {
		hash = (hash ^ thread.ptr[i]) * UINT64_C(1099511628211);
	}
	return hash;
}

static bool was_met(const converting *c, pdb_slice thread, bool remember)
{
	uint64_t hash = hash_of(c, thread);
	bool known = met[hash % MET_SLOTS] == hash;

	if (remember) {
		met[hash % MET_SLOTS] = hash;
	}
	return known;
}

static void load(converting *c)
{
	encryption_words words;

	encryption_words_begin(&words, c->self->host->job_state(c->run));
	c->begun = (long long)encryption_words_number(&words);
	c->done = encryption_words_number(&words);
	c->bound = encryption_words_number(&words);
	encryption_words_text(&words, c->after, sizeof(c->after));
	encryption_words_text(&words, c->thread, sizeof(c->thread));
	encryption_words_text(&words, c->cursor, sizeof(c->cursor));
	if (c->begun == 0) {
		c->begun = c->self->host->now();
	}
}

static pdb_status save(const converting *c, pdb_err *err)
{
	char text[512];
	int len = snprintf(text, sizeof(text), "%lld %llu %llu %s %s\n", c->begun, c->done,
			   c->bound, c->after[0] != '\0' ? c->after : "-",
			   c->thread[0] != '\0' ? c->thread : "-");

	return c->self->host->job_save(c->run, pdb_slice_of(text, (size_t)len), err);
}

static pdb_status take_thread(void *arg, const pdb_thread_view *thread)
{
	converting *c = arg;

	(void)snprintf(c->after, sizeof(c->after), "%.*s", PDB_SLICE_ARGS(thread->cursor));
	if (was_met(c, thread->id, thread->last_ts >= c->begun)) {
		return PDB_OK;
	}
	(void)snprintf(c->thread, sizeof(c->thread), "%.*s", PDB_SLICE_ARGS(thread->id));
	c->bound = thread->last_seq;
	c->found = true;
	return PDB_ESTOP;
}

/* Chooses the next thread; none is left when `thread` stays empty and nothing was skipped. */
static pdb_status next_thread(converting *c, bool *more, pdb_err *err)
{
	const json_t *ids = json_object_get(c->params, "thread_ids");
	char before[PDB_CURSOR_SIZE];
	pdb_status status;

	if (ids != NULL) {
		pdb_slice id = encryption_thread_at(c->params, c->done);

		*more = id.len > 0;
		(void)snprintf(c->thread, sizeof(c->thread), "%.*s", PDB_SLICE_ARGS(id));
		c->bound = encryption_last_seq(c->self, id);
		return PDB_OK;
	}
	memcpy(before, c->after, sizeof(before));
	status = c->self->host->domain->threads(pdb_slice_text(c->after), 100, take_thread, c, err);
	*more = c->found || strcmp(before, c->after) != 0;
	return status;
}

static pdb_status convert(converting *c, pdb_err *err)
{
	pdb_piece piece = {.size = sizeof(piece)};
	pdb_status status =
		c->self->host->domain->rewrite(pdb_slice_text(c->thread), pdb_slice_text(c->cursor),
					       STEP_MESSAGES, c->run, &piece, err);

	encryption_pace(c->self, c->run, c->params, piece.done);
	if (status == PDB_ENOTFOUND) {
		piece.more = false;
	} else if (status != PDB_OK || (piece.more && !encryption_past(piece.cursor, c->bound))) {
		return status;
	}
	c->thread[0] = '\0';
	c->done++;
	return save(c, err);
}

static bool sealing(encryption *self)
{
	bool use;

	(void)pthread_rwlock_rdlock(&self->lock);
	use = self->use;
	(void)pthread_rwlock_unlock(&self->lock);
	return use;
}

static pdb_status run_step(converting *c, pdb_err *err)
{
	bool more = true;
	pdb_status status;

	load(c);
	c->self->host->job_progress(c->run, c->done,
				    json_array_size(json_object_get(c->params, "thread_ids")));
	if (!sealing(c->self)) {
		return pdb_err_set(err, PDB_EINVAL, "encryption_off",
				   "security.encryption.use is off");
	}
	if (c->thread[0] != '\0') {
		return convert(c, err);
	}
	status = next_thread(c, &more, err);
	if (status == PDB_OK && !more) {
		c->self->host->job_done(c->run);
		return PDB_OK;
	}
	return status == PDB_OK ? save(c, err) : status;
}

static pdb_status step(void *state, pdb_job_run *run, pdb_err *err)
{
	converting c = {.self = state, .run = run};
	json_t *params = NULL;
	pdb_status status = encryption_params(c.self, run, &params, err);

	if (status == PDB_OK) {
		c.params = params;
		status = run_step(&c, err);
	}
	json_decref(params);
	return status;
}

const pdb_job encryption_convert_job = {.size = sizeof(pdb_job), .name = JOB_CONVERT, .step = step};
