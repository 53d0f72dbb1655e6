/* SPDX-License-Identifier: Apache-2.0 */
/* A user taken out of a thread of somebody else, piece by piece. */
#ifndef PDB_CHAT_ERASE_H
#define PDB_CHAT_ERASE_H

#include "chat/walk.h"

/* Says how far a piece came. */
void pdb__piece_reach(pdb_piece *out, pdb_slice cursor);
/* Goes on behind out->cursor, with `limit` messages. With the first piece the user's part in the
 * thread ends, with the last its trace. Errors: PDB_ENOTFOUND, PDB_EDENIED (legal_hold), and those
 * of a write. */
pdb_status pdb__erase_piece(pdb__op *op, pdb_slice user, size_t limit, pdb_piece *out,
			    pdb_err *err);

#endif
