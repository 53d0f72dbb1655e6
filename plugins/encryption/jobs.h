/* SPDX-License-Identifier: Apache-2.0 */
/* The jobs of this plugin, and how their parameters and states are read. */
#ifndef ENCRYPTION_JOBS_H
#define ENCRYPTION_JOBS_H

#include <jansson.h>

#include "encryption_private.h"
#include "note.h"

#define JOB_ROTATE  "rotate-thread-dek"
#define JOB_REWRAP  "rewrap-deks"
#define JOB_CONVERT "encrypt-existing"

extern const pdb_job encryption_rotate_job;
extern const pdb_job encryption_rewrap_job;
extern const pdb_job encryption_convert_job;

/* Messages that one step takes through the hooks. */
#define STEP_MESSAGES 64u

/* The parameters of a run, which its route has judged. Owns: *out. Errors: PDB_EINVAL. */
pdb_status encryption_params(const encryption *self, const pdb_job_run *run, json_t **out,
			     pdb_err *err);
/* Which of "thread_ids" is at `index`; empty behind the last. */
pdb_slice encryption_thread_at(const json_t *params, size_t index);
/* Tells how much work a step did, under the limit "per_second" of the parameters. */
void encryption_pace(const encryption *self, pdb_job_run *run, const json_t *params,
		     uint64_t units);
/* Reads the words of a state one after the other, spaces and line ends between them; a word that is
 * "-" or not there is 0 or "". */
typedef struct encryption_words {
	char text[768];
	char *rest;
} encryption_words;

void encryption_words_begin(encryption_words *words, pdb_slice state);
uint64_t encryption_words_number(encryption_words *words);
void encryption_words_text(encryption_words *words, char *out, size_t size);

/* The number of the message at which a rewriting stands; 0 when it has not begun. */
uint64_t encryption_seq(const char *cursor);
/* True when that is the message `bound` (0 = none) or behind it: what was written later is as it
 * should be, however busy the thread is. */
bool encryption_past(const char *cursor, uint64_t bound);
/* The number of the newest message of a thread; 0 when there is no such thread. */
uint64_t encryption_last_seq(const encryption *self, pdb_slice thread);
/* The note of a thread. Errors: PDB_ENOTFOUND (code thread_not_found, or no_key without one). */
pdb_status encryption_note(const encryption *self, pdb_slice thread, note *out, bool *held_out,
			   pdb_err *err);

#endif
