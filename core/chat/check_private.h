/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of the check share. */
#ifndef PDB_CHAT_CHECK_PRIVATE_H
#define PDB_CHAT_CHECK_PRIVATE_H

#include "chat/chat_private.h"

typedef struct pdb__check {
	pdb_chat *chat;
	void (*fault)(void *arg, const char *line);
	void *arg;
	pdb_check_report *report;
	uint64_t counted_threads;
	uint64_t counted_messages;
	uint64_t deleted; /* threads and messages that are soft-deleted */
} pdb__check;

typedef pdb_status (*pdb__check_row_fn)(pdb__check *c, void *arg, pdb_slice key, pdb_slice value,
					pdb_err *err);

PDB_PRINTF(2, 3)
void pdb__check_fault(pdb__check *c, const char *format, ...);
/* Calls `row` for each row of the range, in chunks: no snapshot is held long. */
pdb_status pdb__check_walk(pdb__check *c, pdb_range range, pdb__check_row_fn row, void *arg,
			   pdb_err *err);
pdb_status pdb__check_has(pdb__check *c, const pdb_keybuf *key, bool *has, pdb_err *err);
/* A damaged thread is a fault, and not found. */
pdb_status pdb__check_thread_load(pdb__check *c, pdb__arena *arena, pdb_slice thread,
				  pdb__meta *meta, pdb__head *head, bool *found, pdb_err *err);
/* check_thread.c */
pdb_status pdb__check_thread(pdb__check *c, pdb_slice thread, pdb_err *err);

#endif
