/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the export share. */
#ifndef PDB_TOOLS_EXPORT_PRIVATE_H
#define PDB_TOOLS_EXPORT_PRIVATE_H

#include <stdio.h>

#include "tools/client.h"
#include "tools/names.h"
#include "tools/progress.h"
#include "tools/state.h"

typedef struct pdb_export_settings {
	pdb_arg_list threads;
	const char *output;
	const char *state;
	uint64_t page;
	uint64_t retry;
	bool with_deleted;
	bool full;
	bool restart;
} pdb_export_settings;

typedef struct pdb_export {
	const pdb_export_settings *settings;
	const pdb_globals *globals;
	pdb_client *client;
	pdb_names threads;
	FILE *out;
	char state_path[4096]; /* "" = nothing is noted */
	pdb_state state;       /* offset, count, thread and seq are where we are */
	pdb_progress progress;
	int64_t noted;
	uint64_t gone; /* threads deleted since they were listed */
} pdb_export;

/*
 * Gets `path` (and frees it) and judges the answer; the object lives until the next call.
 * Errors: PDB_ENOTFOUND for 404, PDB_EDENIED for another refusal, PDB_EUNAVAILABLE without an
 * answer, PDB_ECORRUPT for an answer that is not JSON.
 */
pdb_status pdb__export_get(pdb_export *run, pdb_buf *path, pdb_slice *object_out, pdb_err *err);
/* A string member, decoded; false when absent or longer than `size` allows. */
bool pdb__export_text(pdb_slice object, const char *name, char *out, size_t size);

/* Fills run->threads: those asked for, or all. */
pdb_status pdb__export_list(pdb_export *run, pdb_err *err);

/* Writes the messages of a thread behind state.seq, page by page. */
pdb_status pdb__export_thread(pdb_export *run, const char *thread, pdb_err *err);
/* The same of everything that a thread has (export_full.c). */
pdb_status pdb__export_thread_full(pdb_export *run, const char *thread, pdb_err *err);
/* The first line of such a file, unless it stands there, and the last. */
pdb_status pdb__export_head(pdb_export *run, pdb_err *err);
pdb_status pdb__export_end(pdb_export *run, pdb_err *err);
/* Writes an object on one line: line ends between its tokens become spaces. Errors: PDB_EBACKEND.
 */
pdb_status pdb__export_line(pdb_export *run, pdb_slice object, pdb_err *err);
/* Brings the output to disk and then notes how far it is: at most once a second unless `now`. */
pdb_status pdb__export_note(pdb_export *run, bool now, pdb_err *err);

#endif
