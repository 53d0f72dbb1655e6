/* SPDX-License-Identifier: Apache-2.0 */
/* State files: where a long command was, so that it can go on. */
#ifndef PDB_TOOLS_STATE_H
#define PDB_TOOLS_STATE_H

#include <pdb/slice.h>
#include <pdb/status.h>

/*
 * Lines of "name value". `what` names the command and what it works on (file, server): a state of
 * something else is refused rather than followed.
 */
typedef struct pdb_state {
	char what[1024];
	uint64_t offset;  /* import: of the text; export: of the output */
	uint64_t count;   /* messages so far */
	uint64_t seq;     /* export: of the last message written */
	char thread[160]; /* export: the thread it is of */
	char cursor[64];  /* export of all: of the next page in it; "end" = it is written */
} pdb_state;

/* Errors: PDB_ENOTFOUND, PDB_EINVAL (not such a file, or of something else). */
pdb_status pdb_state_read(pdb_state *state, const char *path, const char *what, pdb_err *err);

/* Replaces the file at once, on disk when it returns. Errors: PDB_EBACKEND. */
pdb_status pdb_state_write(const pdb_state *state, const char *path, pdb_err *err);

/* Removes it; absent is fine. */
void pdb_state_remove(const char *path);

#endif
