/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of an export on their way back in. */
#ifndef PDB_CHAT_IMPORT_H
#define PDB_CHAT_IMPORT_H

#include "chat/chat_private.h"

/* One line: a version of a message, or (`closes`) the thread, which comes behind its messages.
 * Borrows from the arena of the op. */
typedef struct pdb__line {
	bool closes;
	uint64_t ns;        /* of the message's place; of the thread: its last activity */
	pdb__record record; /* of a message; its body in clear */
	pdb__meta meta;     /* of a thread */
	uint64_t last_seq;
	int64_t last_ts;
	uint64_t message_count;
	/* of the present try */
	bool known;         /* this version is stored, at `place` */
	pdb__place place;   /* of the message */
	pdb__record stored; /* what is stored of this version */
	pdb__sealed sealed; /* not known: how it is to be stored */
} pdb__line;

typedef struct pdb__lines {
	pdb__line *list;
	size_t count;
} pdb__lines;

/* Judges {"lines":[…]}, all of one thread, each by itself. Errors: PDB_EINVAL with the line in the
 * field ("/lines/3/role"), PDB_ETOOLARGE, PDB_ENOMEM. */
pdb_status pdb__lines_read(pdb__op *op, pdb_slice text, pdb__lines *lines, pdb_err *err);
/* Names the line that `err` is about. Returns `status`. */
pdb_status pdb__line_blame(size_t index, pdb_status status, pdb_err *err);

#endif
