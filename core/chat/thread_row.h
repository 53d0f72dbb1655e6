/* SPDX-License-Identifier: Apache-2.0 */
/* The two rows of a thread: what it is, and its counters. */
#ifndef PDB_CHAT_THREAD_ROW_H
#define PDB_CHAT_THREAD_ROW_H

#include "base/buf.h"

/* thread:<t>:meta. Slices borrow from the row, or from the caller for encoding. */
typedef struct pdb__meta {
	bool deleted;
	bool purging;   /* its rows are being removed: nobody sees it any more */
	bool importing; /* its rows are being put back: nobody sees it yet, no list has it */
	int64_t created_ts;
	int64_t updated_ts;
	int64_t deleted_ts;
	uint8_t digest[16]; /* of what the creator asked for, to know a repeated creation */
	pdb_slice author;
	pdb_slice title;
	pdb_slice slug;
	pdb_slice attributes; /* a JSON object */
	uint32_t participant_count;
	pdb_slice participants; /* in the order of joining; each: one byte of length, text */
	pdb_slice notes;        /* of record hooks: attachments, as in a record */
} pdb__meta;

/*
 * thread:<t>:head. `generation` rises with every transaction that writes to the thread: when a
 * commit is uncertain, it tells whether it happened. `list_ns` and `all_ns` say where the rows in
 * the author: lists and in all: stand; `counted_…` what of this thread is in "meta:counts".
 */
typedef struct pdb__head {
	uint64_t generation;
	uint64_t last_seq;
	uint64_t last_ns; /* commit time of the newest message; of the creation at first */
	int64_t last_ts;
	uint64_t message_count; /* not counting soft-deleted ones */
	uint64_t purged;        /* messages that are gone for good: places that seq leaves out */
	uint64_t list_ns;
	uint64_t all_ns;
	uint64_t counted_messages;
	bool counted_thread;
} pdb__head;

#define PDB__HEAD_SIZE 74u

/* False when the row is not well-formed. Never read outside it. */
bool pdb__meta_decode(pdb_slice row, pdb__meta *out);
bool pdb__head_decode(pdb_slice row, pdb__head *out);

void pdb__meta_encode(const pdb__meta *meta, pdb_buf *out);
void pdb__head_encode(const pdb__head *head, uint8_t out[PDB__HEAD_SIZE]);

/* Whether it is a thread that counts: one that is seen by those who do not ask for deleted ones. */
static inline bool pdb__meta_present(const pdb__meta *meta)
{
	return !meta->deleted && !meta->importing;
}

/* Walks a list of participants; start with *cursor = 0. False at the end. */
bool pdb__participant_next(pdb_slice list, size_t *cursor, pdb_slice *participant);
void pdb__participant_add(pdb_buf *list, pdb_slice participant);
bool pdb__participant_in(pdb_slice list, pdb_slice participant);
/* True for the author too. */
bool pdb__member_in(const pdb__meta *meta, pdb_slice user);

#endif
