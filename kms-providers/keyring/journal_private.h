/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the journal share: names, the MAC, the head. */
#ifndef PDB_KEYRING_JOURNAL_PRIVATE_H
#define PDB_KEYRING_JOURNAL_PRIVATE_H

#include "journal.h"

#define PDB__JOURNAL_FILE "journal"
#define PDB__JOURNAL_NEW  "journal.new"
#define PDB__HEAD_FILE    "journal.head"

/* Two slots, written in turn, each in a sector of its own. */
#define PDB__HEAD_PLACE 512u
#define PDB__HEAD_SLOT  116u

void pdb__journal_mac(const pdb__journal *journal, const uint8_t *before, pdb_slice frame,
		      uint8_t out[PDB__RECORD_MAC]);

void pdb__journal_head_encode(const pdb__journal *journal, const pdb__journal_place *place,
			      uint64_t slot, uint8_t out[PDB__HEAD_SLOT]);
/* False for bytes that encode did not write under this key. */
bool pdb__journal_head_decode(const pdb__journal *journal, pdb_slice bytes,
			      pdb__journal_place *place, uint64_t *slot_out);

/* Appends to a file that is being filled, and writes it out in pieces. */
pdb_status pdb__journal_piece(pdb__journal *fresh, const pdb__record *record, pdb_err *err);

#endif
