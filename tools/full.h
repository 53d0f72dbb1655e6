/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a full export: what the server says of a thread, kept on one line each. */
#ifndef PDB_TOOLS_FULL_H
#define PDB_TOOLS_FULL_H

#include "base/id.h"
#include "base/json.h"

/*
 * A file is a head, the lines of threads, and an end that counts them:
 *
 *   {"format":"progressdb","version":1}
 *   {"type":"message",…}
 *   {"type":"thread",…}
 *   {"type":"end","lines":2}
 *
 * Lines of threads are as the server has them. A body or attributes with line ends in them stand as
 * text, under "body_text" or "attributes_text", so that their bytes are kept.
 */
#define PDB_FULL_HEAD    "{\"format\":\"progressdb\",\"version\":%u}"
#define PDB_FULL_VERSION 1u

/* Appends an object of the server as a line. `object` is checked JSON. */
void pdb_full_write(pdb_slice object, pdb_buf *out);

typedef enum pdb_full_kind {
	PDB_FULL_OF_THREAD,
	PDB_FULL_END
} pdb_full_kind;

typedef struct pdb_full_line {
	pdb_full_kind kind;
	uint64_t lines; /* of the end */
	char thread[PDB_ID_MAX + 1];
	pdb_buf json; /* as the server takes it */
} pdb_full_line;

/* Reads a line behind the head; `line->json` is used again and again, and freed by the caller.
 * Errors: PDB_EINVAL with the reason, PDB_ENOMEM. */
pdb_status pdb_full_read(pdb_full_line *line, pdb_slice text, pdb_err *err);

/* Whether `text` is the head of such a file, of any version. Errors: PDB_EINVAL for a version that
 * this program does not know. */
pdb_status pdb_full_is_head(pdb_slice text, bool *is_out, pdb_err *err);

#endif
