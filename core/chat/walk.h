/* SPDX-License-Identifier: Apache-2.0 */
/* Walks in pieces: rows that are read in one transaction and worked on outside of it. */
#ifndef PDB_CHAT_WALK_H
#define PDB_CHAT_WALK_H

#include <pdb/domain.h>

#include "chat/chat_private.h"

#define PDB__CHUNK 128u

/* Keys, and values where they are wanted, of one read; in the arena of `op`. */
typedef struct pdb__chunk {
	pdb__op *op;
	pdb_range range;
	bool values;
	size_t count;
	pdb_slice keys[PDB__CHUNK];
	pdb_slice rows[PDB__CHUNK];
	/* of threads */
	pdb__meta metas[PDB__CHUNK];
	pdb__head heads[PDB__CHUNK];
	bool found[PDB__CHUNK];
} pdb__chunk;

void pdb__chunk_limit(pdb__chunk *c, size_t limit);
/* From the whole prefix, or behind a key of it when a cursor names its end. The chunk borrows
 * `from` and `to`. Errors: PDB_EINVAL. */
pdb_status pdb__chunk_aim(pdb__chunk *c, pdb_keybuf *from, pdb_keybuf *to, pdb_slice after,
			  bool reverse, pdb_err *err);
/* Fills the chunk `arg`; for pdb__op_read. */
pdb_status pdb__chunk_read(pdb__op *op, void *arg, pdb_err *err);
/* Reads messages of the thread of `op` behind a cursor. Errors: PDB_ENOTFOUND too. */
pdb_status pdb__chunk_messages(pdb__op *op, pdb__chunk *c, pdb_slice after, size_t limit,
			       pdb_err *err);
/* The cursor that a message's key is. */
pdb_slice pdb__chunk_position(pdb_slice key);

/* `place` is of the message, `version` one of its versions. */
typedef pdb_status (*pdb__version_fn)(pdb__op *op, const pdb__place *place, pdb__record *version,
				      void *arg, pdb_err *err);
/* Calls `fn` for every version of a message, the oldest first, in as many write transactions as
 * their size asks for; it may be called again after a conflict. What is gone is passed over. */
pdb_status pdb__versions_visit(pdb_chat *chat, const pdb_message_ref *ref, pdb__version_fn fn,
			       void *arg, pdb_err *err);

/* The first thread that has a row at or behind the key `from`; "" when there is none. Needs
 * PDB_STORAGE_GLOBAL_SCAN. */
pdb_status pdb__thread_next(pdb_chat *chat, const char *from, char thread[PDB_ID_MAX + 1],
			    pdb_err *err);

#endif
