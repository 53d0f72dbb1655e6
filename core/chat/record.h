/* SPDX-License-Identifier: Apache-2.0 */
/* The stored form of one version of one message. */
#ifndef PDB_CHAT_RECORD_H
#define PDB_CHAT_RECORD_H

#include "base/buf.h"

/*
 * A row is a fixed header, the JSON object as clients see it, and attachments. A read copies the
 * JSON; the header says where in it the parts are, so that nothing is parsed. See
 * schemas/storage.md.
 *
 * Slices borrow from the row (after decoding) or from the caller (for encoding).
 */
typedef struct pdb__record {
	bool deleted; /* a tombstone: no body, reply or reactions */
	uint32_t version;
	uint64_t seq;
	int64_t ts;
	int64_t edited_ts; /* 0 = never */
	pdb_slice id;
	pdb_slice thread;
	pdb_slice author; /* as a JSON string, with its quotes */
	pdb_slice role;
	pdb_slice body;
	pdb_slice reply_to;    /* empty = none */
	pdb_slice reactions;   /* a JSON array; empty = none */
	pdb_slice attachments; /* each: four letters, length (4 bytes), bytes */
	pdb_slice json;        /* decoding only: the whole object */
} pdb__record;

/* False when `row` is not a well-formed record. Reads nothing outside `row`, whatever it holds. */
bool pdb__record_decode(pdb_slice row, pdb__record *out);

/* Appends the row. Failures are remembered by `out`. */
void pdb__record_encode(const pdb__record *record, pdb_buf *out);

/* Appends the JSON with `body` in place of the stored one. */
void pdb__record_show(const pdb__record *record, pdb_slice body, pdb_buf *out);

/* Bytes of an attachment's tag and length. */
#define PDB__ATTACHMENT_HEAD 8u
#define PDB__TAG_SIZE        4u

/* Walks attachments; start with *cursor = 0. False at the end. */
bool pdb__attachment_next(pdb_slice attachments, size_t *cursor, pdb_slice *tag, pdb_slice *bytes);
/* Writes the PDB__ATTACHMENT_HEAD bytes before an attachment of `len`; returns where that goes. */
uint8_t *pdb__attachment_head(uint8_t *at, pdb_slice tag, size_t len);

#endif
