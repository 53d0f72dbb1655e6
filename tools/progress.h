/* SPDX-License-Identifier: Apache-2.0 */
/* Progress on standard error: a bar on a terminal, a line now and then elsewhere. */
#ifndef PDB_TOOLS_PROGRESS_H
#define PDB_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialise but for `quiet` and `unit` (what is counted by done and total). */
typedef struct pdb_progress {
	bool quiet;
	const char *verb; /* "imported" */
	const char *unit; /* "bytes", "threads" */
	const char *item; /* what `count` counts; NULL = "messages" */
	bool plain;       /* none are counted */
	int64_t started;  /* set by the first call */
	int64_t shown;
	bool terminal;
	bool open_line;       /* the cursor stands behind a bar */
	uint64_t first_count; /* what a run before had done */
} pdb_progress;

/* Shows how far we are, at most ten times a second on a terminal, else every five seconds; `count`
 * is of items, unless `plain`. `total` 0 = not known. */
void pdb_progress_show(pdb_progress *progress, uint64_t done, uint64_t total, uint64_t count);
/* Ends the line of the bar, so that something else can be printed. */
void pdb_progress_end(pdb_progress *progress);
/* Since the first call. */
double pdb_progress_seconds(const pdb_progress *progress);

#endif
