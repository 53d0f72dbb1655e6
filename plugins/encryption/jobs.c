/* SPDX-License-Identifier: Apache-2.0 */
/* What the jobs of this plugin share: parameters, notes of threads, pace. */
#include "jobs.h"

#include <stdlib.h>

pdb_status encryption_params(const encryption *self, const pdb_job_run *run, json_t **out,
			     pdb_err *err)
{
	pdb_slice text = self->host->jobs->params(run);

	*out = json_loadb((const char *)text.ptr, text.len, 0, NULL);
	return *out != NULL ? PDB_OK
			    : pdb_err_set(err, PDB_EINVAL, NULL, "the parameters are not JSON");
}

pdb_slice encryption_thread_at(const json_t *params, size_t index)
{
	const json_t *id = json_array_get(json_object_get(params, "thread_ids"), index);

	return pdb_slice_of(json_string_value(id), json_string_length(id));
}

void encryption_pace(const encryption *self, pdb_job_run *run, const json_t *params, uint64_t units)
{
	json_int_t limit = json_integer_value(json_object_get(params, "per_second"));

	if (limit > 0) {
		self->host->jobs->pace(run, units, (uint64_t)limit);
	}
}

typedef struct found_note {
	note *note;
	bool held;
	bool good;
} found_note;

static pdb_status take_note(void *arg, const pdb_thread_view *thread, pdb_slice bytes)
{
	found_note *found = arg;

	found->held = thread->held;
	found->good = note_decode(bytes, found->note);
	return PDB_OK;
}

pdb_status encryption_note(const encryption *self, pdb_slice thread, note *out, bool *held_out,
			   pdb_err *err)
{
	found_note found = {.note = out};
	pdb_status status =
		self->host->domain->thread(thread, encryption_hook.tag, take_note, &found, err);

	if (held_out != NULL) {
		*held_out = found.held;
	}
	if (status == PDB_OK && !found.good) {
		return pdb_err_set(err, PDB_ENOTFOUND, "no_key",
				   "The thread has no key: nothing in it is sealed.");
	}
	return status;
}

void encryption_words_begin(encryption_words *words, pdb_slice state)
{
	(void)snprintf(words->text, sizeof(words->text), "%.*s", PDB_SLICE_ARGS(state));
	words->rest = words->text;
}

static const char *next_word(encryption_words *words)
{
	const char *word = strsep(&words->rest, " \n");

	return word == NULL || strcmp(word, "-") == 0 ? "" : word;
}

uint64_t encryption_words_number(encryption_words *words)
{
	return strtoull(next_word(words), NULL, 10);
}

void encryption_words_text(encryption_words *words, char *out, size_t size)
{
	(void)snprintf(out, size, "%s", next_word(words));
}

uint64_t encryption_seq(const char *cursor)
{
	const char *seq = strchr(cursor, '-');

	return seq != NULL ? strtoull(seq + 1, NULL, 10) : 0;
}

bool encryption_past(const char *cursor, uint64_t bound)
{
	return bound > 0 && encryption_seq(cursor) >= bound;
}

static pdb_status take_seq(void *arg, const pdb_thread_view *thread, pdb_slice bytes)
{
	uint64_t *seq = arg;

	(void)bytes;
	*seq = thread->last_seq;
	return PDB_OK;
}

uint64_t encryption_last_seq(const encryption *self, pdb_slice thread)
{
	uint64_t seq = 0;
	pdb_err err = {0};

	(void)self->host->domain->thread(thread, encryption_hook.tag, take_seq, &seq, &err);
	return seq;
}
