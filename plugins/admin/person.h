/* SPDX-License-Identifier: Apache-2.0 */
/* Runs about one user: what they are given, their state, and their end. */
#ifndef PDB_ADMIN_PERSON_H
#define PDB_ADMIN_PERSON_H

#include "admin_private.h"

typedef struct person {
	const admin *self;
	pdb_slice user;
	json_t *params; /* {"user": …} */
	json_t *state;  /* as saved last; NULL at first */
} person;

/* Takes the user in the path, and answers with the run. */
pdb_status person_submit(const admin *self, pdb_request *request, const char *name, pdb_err *err);

/* Reads what a step goes on from. Errors: PDB_EINVAL for a run that was not submitted. */
pdb_status person_open(person *p, const admin *self, pdb_job_run *run, pdb_err *err);
void person_close(person *p);
/* Saves the state and the result, and lets go of both. */
pdb_status person_save(person *p, pdb_job_run *run, json_t *state, json_t *result, pdb_err *err);
/* Writes an audit line and ends the run; lets go of `result`. */
pdb_status person_end(person *p, pdb_job_run *run, const char *event, json_t *result, pdb_err *err);

/* Members of a saved state; "" and 0 when there is none. */
void person_load_text(const json_t *state, const char *name, char *out, size_t size);
uint64_t person_load_number(const json_t *state, const char *name);

#endif
