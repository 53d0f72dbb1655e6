/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the import share. */
#ifndef PDB_TOOLS_IMPORT_PRIVATE_H
#define PDB_TOOLS_IMPORT_PRIVATE_H

#include "tools/client.h"
#include "tools/full.h"
#include "tools/input.h"
#include "tools/plan.h"
#include "tools/progress.h"
#include "tools/state.h"

typedef struct pdb_import_settings {
	uint64_t connections;
	uint64_t batch;
	uint64_t batch_bytes;
	uint64_t retry;
	const char *state;
	bool restart;
} pdb_import_settings;

typedef struct pdb_import {
	const pdb_import_settings *settings;
	const char *path;
	char state_path[4096]; /* "" = nothing is noted */
	pdb_state state;
	uint64_t skip_to; /* lines that begin before were stored by a run before */
	pdb_client *client;
	pdb_input *input;
	pdb_plan plan;
	pdb_progress progress;
	size_t in_flight;
	bool input_ended;
	bool begun;          /* the first line was read */
	bool full;           /* the file is a full export, see full.h */
	bool full_ended;     /* and its last line was read */
	uint64_t full_lines; /* of threads */
	pdb_full_line line;
	bool stopping; /* what is on its way is waited for, nothing more is sent */
	pdb_exit code;
	int64_t noted; /* when the state was written last */
	uint64_t stored;
	uint64_t replayed;
	uint64_t skipped;
} pdb_import;

/* Says why, and ends the import once nothing is on its way any more. */
void pdb__import_fail(pdb_import *run, pdb_exit code, const char *text);

/* Reads lines into the plan until enough wait there. */
void pdb__import_fill(pdb_import *run);
/* Gives every free call a batch, as far as there are any to send. */
void pdb__import_send(pdb_import *run);
/* Judges an answer: stored, to be tried again, or refused. */
void pdb__import_settle(pdb_import *run, pdb_call *call);

#endif
