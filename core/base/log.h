/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one logfmt line per event, to standard error. */
#ifndef PDB_BASE_LOG_H
#define PDB_BASE_LOG_H

#include <pdb/host.h>

/*
 * ts=… level=info component=http msg="…". Control characters and quotes in the message are
 * escaped, so that no value can forge a line. Never pass bodies, keys or signatures.
 * A line is one write(). Threads: any.
 */
void pdb_log(pdb_log_level level, const char *component, const char *format, ...) PDB_PRINTF(3, 4);

/* Writes the line and ends the process with status 70, without running anything else. */
_Noreturn void pdb_fatal(const char *component, const char *format, ...) PDB_PRINTF(2, 3);

void pdb_log_set_level(pdb_log_level level);
pdb_log_level pdb_log_get_level(void);
/* Sends lines to this descriptor; 2 at the start. */
void pdb_log_set_fd(int fd);

#endif
