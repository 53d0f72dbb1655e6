/* SPDX-License-Identifier: Apache-2.0 */
/* One message as a line of NDJSON. */
#ifndef PDB_TOOLS_NDJSON_H
#define PDB_TOOLS_NDJSON_H

#include "base/id.h"
#include "base/json.h"

/*
 * The fields of a line, as the bytes that stand there, with quotes; empty = absent. `thread` and
 * `id` are decoded and valid ids; `id` is "" when absent. Borrows from the line.
 */
typedef struct pdb_line {
	char thread[PDB_ID_MAX + 1];
	char id[PDB_ID_MAX + 1];
	pdb_slice author;
	pdb_slice role;
	pdb_slice ts;
	pdb_slice body;
	pdb_slice reply_to;
	bool deleted; /* a tombstone, which has no body to import */
} pdb_line;

/* Errors: PDB_EINVAL with the reason, PDB_ENOMEM. */
pdb_status pdb_line_read(pdb_line *line, pdb_slice text, pdb_err *err);

/* The id of a message that has none, the same at every import of the same file: made of the thread,
 * the ordinal of the message in it, and the bytes of its line. */
void pdb_line_derive_id(pdb_line *line, uint64_t ordinal, pdb_slice text);

/* Appends the message as the API takes it; values are copied byte for byte. */
void pdb_line_write(const pdb_line *line, pdb_buf *out);

#endif
