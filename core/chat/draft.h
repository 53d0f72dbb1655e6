/* SPDX-License-Identifier: Apache-2.0 */
/* A message on its way in: judged, named and sealed, not yet stored. */
#ifndef PDB_CHAT_DRAFT_H
#define PDB_CHAT_DRAFT_H

#include "chat/chat_private.h"

typedef enum pdb__draft_state {
	PDB__DRAFT_NEW = 0,
	PDB__DRAFT_MET,  /* its id is stored: to be compared */
	PDB__DRAFT_KNOWN /* stored before, with the same content */
} pdb__draft_state;

typedef struct pdb__draft {
	pdb__record record; /* version 1; seq and ts are given at commit */
	pdb_slice clear;    /* the body before the hooks */
	pdb__sealed sealed;
	pdb_slice author; /* as text */
	int64_t ts;       /* nanoseconds; 0 = the time of the commit */
	bool role_given;
	pdb__draft_state state;
	pdb_slice stored; /* KNOWN: the object to show */
	uint32_t version; /* KNOWN: the present one */
} pdb__draft;

typedef struct pdb__drafts {
	const pdb_message_input *inputs;
	pdb__draft *list;
	size_t count;
	bool met;       /* some are PDB__DRAFT_MET */
	size_t written; /* bytes in this transaction */
	size_t added;   /* messages in this transaction */
	int64_t now;
} pdb__drafts;

/* Who a message is from. */
pdb_status pdb__draft_author(const pdb_caller *caller, const pdb_message_input *input,
			     const char *field, pdb_slice *author_out, pdb_err *err);
/* Judges all inputs and runs the hooks. What it makes is in the arena of `op`. */
pdb_status pdb__drafts_prepare(pdb__op *op, pdb__drafts *drafts, pdb_err *err);
/* Runs the hooks again, after PDB_ESTOP of pdb__notes_settle; not for those that are known. */
pdb_status pdb__drafts_seal(pdb__op *op, pdb__drafts *drafts, pdb_err *err);
/* Compares those that were met with what is stored. Errors: PDB_EEXISTS with id_conflict. */
pdb_status pdb__drafts_compare(pdb__op *op, pdb__drafts *drafts, pdb_err *err);
/* The JSON pointer of a member of one input; `out` has room for 48 bytes. */
const char *pdb__draft_field(const pdb__drafts *drafts, size_t index, const char *name, char *out);

#endif
