/* SPDX-License-Identifier: Apache-2.0 */
/* Progress on standard error: a bar on a terminal, a line now and then elsewhere. */
#include "tools/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define BAR_WIDTH 30

double pdb_progress_seconds(const pdb_progress *progress)
{
	return (double)(pdb_clock_monotonic() - progress->started) / (double)PDB_NS_PER_SECOND;
}

static void start(pdb_progress *progress, uint64_t count)
{
	progress->started = pdb_clock_monotonic();
	progress->shown = progress->started;
	progress->terminal = isatty(STDERR_FILENO) == 1;
	progress->first_count = count;
}

static void print_left(double left)
{
	if (left < 0) {
		return;
	}
	(void)fprintf(stderr, ", %d:%02d left", (int)(left / 60), (int)left % 60);
}

static void print_bar(double share)
{
	char bar[BAR_WIDTH + 1];

	for (int i = 0; i < BAR_WIDTH; i++) {
		bar[i] = (double)i < share * BAR_WIDTH ? '=' : ' ';
	}
	bar[BAR_WIDTH] = '\0';
	(void)fprintf(stderr, "\r[%s] ", bar);
}

void pdb_progress_show(pdb_progress *progress, uint64_t done, uint64_t total, uint64_t count)
{
	int64_t now = pdb_clock_monotonic();
	double share = total > 0 ? (double)done / (double)total : 0;
	double seconds;

	if (progress->started == 0) {
		start(progress, count);
		return;
	}
	if (progress->quiet ||
	    now - progress->shown <
		    (progress->terminal ? PDB_NS_PER_SECOND / 10 : 5 * PDB_NS_PER_SECOND)) {
		return;
	}
	progress->shown = now;
	seconds = pdb_progress_seconds(progress);
	if (progress->terminal) {
		print_bar(share);
	}
	(void)fprintf(stderr, "%s ", progress->verb);
	if (!progress->plain) {
		(void)fprintf(stderr, "%llu %s, %.0f/s, ", (unsigned long long)count,
			      progress->item != NULL ? progress->item : "messages",
			      (double)(count - progress->first_count) / seconds);
	}
	(void)fprintf(stderr, "%llu", (unsigned long long)done);
	if (total > 0) {
		(void)fprintf(stderr, " of %llu %s (%.0f %%)", (unsigned long long)total,
			      progress->unit, share * 100);
		print_left(share > 0.001 ? seconds * (1 - share) / share : -1);
	} else {
		(void)fprintf(stderr, " %s", progress->unit);
	}
	(void)fputs(progress->terminal ? "\033[K" : "\n", stderr);
	progress->open_line = progress->terminal;
}

void pdb_progress_end(pdb_progress *progress)
{
	if (progress->open_line) {
		(void)fputc('\n', stderr);
		progress->open_line = false;
	}
}
