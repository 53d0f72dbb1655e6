/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the log share: a line on its way to a stream. */
#ifndef PDB_BASE_LOG_PRIVATE_H
#define PDB_BASE_LOG_PRIVATE_H

#include "base/log.h"

#define PDB__LOG_LINE_MAX 4096u
#define PDB__LOG_TEXT_MAX 1024u /* of a message, before it is escaped */

typedef struct pdb__log_line {
	int64_t now;
	pdb_log_level level;
	const char *component;
	const char *request; /* "" = none */
	const char *message;
	const pdb_log_field *fields;
	size_t field_count;
} pdb__log_line;

extern const char *const pdb__log_level_names[];

/* Each writes the line into `out`, which has room for PDB__LOG_LINE_MAX bytes, and returns its
 * length. What is too long is cut between two characters. */
size_t pdb__log_logfmt(const pdb__log_line *line, char *out);
size_t pdb__log_json(const pdb__log_line *line, char *out);
/* A datagram of journald's native protocol. */
size_t pdb__log_journal(const pdb__log_line *line, char *out);

/* Formats and writes; false when the line was lost. */
bool pdb__log_send(pdb_log_stream stream, const pdb__log_line *line);

#endif
