/* SPDX-License-Identifier: Apache-2.0 */
/* A request as the guard has taken it down: head, fields, body. */
#ifndef PDB_HTTP_MESSAGE_H
#define PDB_HTTP_MESSAGE_H

#include <pdb/request.h>

#include "base/buf.h"

#define PDB_FIELDS_MAX 100u

/* Offsets into `head`, because its memory moves while it grows. */
typedef struct pdb_span {
	uint32_t at;
	uint32_t len;
} pdb_span;

typedef struct pdb_field {
	pdb_span name;
	pdb_span value;
} pdb_field;

/*
 * `head` holds the request line and the header block as received, `body` the content without its
 * transfer coding. Everything that a handler learns of a request comes from here: there is no
 * second parser that could see it otherwise.
 * Owns: both buffers.  Threads: one at a time.
 */
typedef struct pdb_message {
	pdb_buf head;
	pdb_buf body;
	pdb_method method;
	pdb_span path;
	pdb_span query;
	bool asterisk;   /* "*", the whole server */
	bool old;        /* HTTP/1.0 */
	bool persistent; /* the client expects to go on */
	size_t count;
	pdb_field fields[PDB_FIELDS_MAX];
} pdb_message;

/* Ready for the next request; keeps moderate memory. */
void pdb_message_clear(pdb_message *message);
void pdb_message_fini(pdb_message *message);

static inline pdb_slice pdb_message_span(const pdb_message *message, pdb_span span)
{
	return span.len == 0 ? pdb_slice_of(NULL, 0)
			     : pdb_slice_of(message->head.data + span.at, span.len);
}

/* The field of this name, case-insensitive, behind `skip` others of it; false when absent. */
bool pdb_message_field(const pdb_message *message, const char *name, size_t skip,
		       pdb_slice *value_out);

#endif
