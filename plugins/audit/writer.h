/* SPDX-License-Identifier: Apache-2.0 */
/* Lines on their way to the audit log: queued by loops, written by a thread of its own. */
#ifndef PDB_AUDIT_WRITER_H
#define PDB_AUDIT_WRITER_H

#include <pdb/host.h>

/*
 * Model. The log waits for the disk, and a gate may not. So lines are queued, in order, and a
 * thread writes them; a line that cannot be written is tried again until it can. While that lasts,
 * or while the queue is nearly full, the writer is not ready: then nothing more may be done that
 * would have to be audited.
 */
typedef struct writer writer;

#define WRITER_LINES 1024u
#define WRITER_SPARE 128u /* kept for what has begun before the queue was nearly full */

/* Owns: the caller. Errors: PDB_ENOMEM. */
pdb_status writer_create(writer **out, const pdb_host *host, pdb_err *err);
/* Starts the thread. Errors: PDB_ENOMEM. */
pdb_status writer_start(writer *self, pdb_err *err);
/* Writes what is queued, then ends the thread; what comes later is written at once. */
void writer_stop(writer *self);
void writer_destroy(writer **self);

bool writer_ready(writer *self);
/* Takes the line, which is of the host's allocator; NULL counts as one that is lost. False when it
 * is lost, which the log is told. */
bool writer_put(writer *self, char *line);

#endif
