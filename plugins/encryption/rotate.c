/* SPDX-License-Identifier: Apache-2.0 */
/* The job that gives a thread a new version of its key, and seals everything in it anew. */
#include "jobs.h"

/*
 * State: "<before> <bound>\n<cursor>": the version that was the newest when the run began, the last
 * message to be sealed anew, and the cursor of the rewriting. The same version is made again by a
 * repeated call, so that a crash leaves no version behind that nobody uses.
 *
 * With the first record under the new version the note of the thread changes; from then on no other
 * version can be stored. Only then is the bound taken.
 */
typedef struct rotating {
	encryption *self;
	pdb_job_run *run;
	pdb_slice thread;
	note note;
	uint32_t before;
	unsigned long long bound;
	char cursor[PDB_CURSOR_SIZE];
} rotating;

static pdb_status save(const rotating *r, pdb_err *err)
{
	char text[64 + PDB_CURSOR_SIZE];
	int len = snprintf(text, sizeof(text), "%u %llu\n%s", r->before, r->bound, r->cursor);

	return r->self->host->job_save(r->run, pdb_slice_of(text, (size_t)len), err);
}

static pdb_status begin(rotating *r, pdb_err *err)
{
	encryption_words words;

	encryption_words_begin(&words, r->self->host->job_state(r->run));
	r->before = (uint32_t)encryption_words_number(&words);
	r->bound = encryption_words_number(&words);
	encryption_words_text(&words, r->cursor, sizeof(r->cursor));
	if (r->before > 0) {
		return PDB_OK;
	}
	r->before = r->note.version;
	return save(r, err);
}

/* Has the provider make the new version, or hand it out again, and tells the hook of it. */
static pdb_status new_version(rotating *r, pdb_err *err)
{
	encryption *self = r->self;
	uint8_t dek[PDB_KMS_DEK_SIZE] = {0};
	pdb_kms_key key = {.size = sizeof(key), .dek = dek};
	pdb_status status;

	if (rotations_get(&self->rotations, r->thread) == r->before + 1) {
		return PDB_OK;
	}
	status = self->ops->add_version(self->kms, r->note.id, r->before, &key, err);
	crypt_wipe_stack();
	if (status == PDB_OK && (!keycache_good(&key) || key.dek_version != r->before + 1)) {
		status = pdb_err_set(err, PDB_EUNAVAILABLE, "kms_unavailable",
				     "the key service gave another version");
	}
	if (status == PDB_OK) {
		keycache_put(self->cache, &key);
	}
	crypt_wipe(dek, sizeof(dek));
	if (status == PDB_OK && !rotations_set(&self->rotations, r->thread, r->before + 1)) {
		status = pdb_err_set(err, PDB_EBUSY, NULL, "too many threads get a new key");
	}
	return status;
}

static pdb_status end(rotating *r)
{
	rotations_end(&r->self->rotations, r->thread);
	r->self->host->job_done(r->run);
	return PDB_OK;
}

/* Takes the bound, once nothing can be stored under an older version. */
static pdb_status take_bound(rotating *r, const pdb_piece *piece, pdb_err *err)
{
	note now;
	pdb_status status = encryption_note(r->self, r->thread, &now, NULL, err);

	if (status != PDB_OK || now.version <= r->before) {
		return status;
	}
	memcpy(r->cursor, piece->cursor, sizeof(r->cursor));
	r->bound = encryption_last_seq(r->self, r->thread);
	return save(r, err);
}

static pdb_status rewrite(rotating *r, const json_t *params, pdb_err *err)
{
	const pdb_host *host = r->self->host;
	pdb_piece piece = {.size = sizeof(piece)};
	pdb_status status = host->domain->rewrite(r->thread, pdb_slice_text(r->cursor),
						  STEP_MESSAGES, r->run, &piece, err);

	if (status != PDB_OK) {
		return status;
	}
	encryption_pace(r->self, r->run, params, piece.done);
	if (!piece.more || encryption_past(piece.cursor, r->bound)) {
		return end(r);
	}
	host->job_progress(r->run, encryption_seq(piece.cursor), r->bound);
	return r->bound == 0 ? take_bound(r, &piece, err) : PDB_OK;
}

static pdb_status run_step(rotating *r, const json_t *params, pdb_err *err)
{
	pdb_status status = encryption_note(r->self, r->thread, &r->note, NULL, err);

	if (status == PDB_OK) {
		status = begin(r, err);
	}
	if (status == PDB_OK) {
		status = new_version(r, err);
	}
	return status == PDB_OK ? rewrite(r, params, err) : status;
}

static pdb_status step(void *state, pdb_job_run *run, pdb_err *err)
{
	rotating r = {.self = state, .run = run};
	json_t *params = NULL;
	pdb_status status = encryption_params(r.self, run, &params, err);

	if (status == PDB_OK) {
		const json_t *thread = json_object_get(params, "thread_id");

		r.thread = pdb_slice_of(json_string_value(thread), json_string_length(thread));
		status = run_step(&r, params, err);
		if (status == PDB_ENOTFOUND) {
			rotations_end(&r.self->rotations, r.thread);
		}
	}
	json_decref(params);
	return status;
}

const pdb_job encryption_rotate_job = {.size = sizeof(pdb_job), .name = JOB_ROTATE, .step = step};
