/* SPDX-License-Identifier: Apache-2.0 */
/* The guard: judges the bytes of a connection by RFC 9110 and 9112, strictly. */
#ifndef PDB_HTTP_GUARD_H
#define PDB_HTTP_GUARD_H

#include "http/message.h"

/*
 * Model. A state machine over bytes. It is fed whatever arrives, in pieces of any size, and stops
 * behind the last byte of a request, so that the next one starts at a known place. The verdict does
 * not depend on how the bytes were cut. It knows no sockets, no clock and no libevent.
 *
 * Tolerated: up to two empty lines before a request line; HTTP/1.0 without Host; the absolute form
 * "http://host[:port]/…", whose authority is checked and not looked at further; white space around
 * a field value; chunk extensions within bounds, and trailer fields, both dropped; a body with any
 * method. Everything else that the grammar does not know is refused, with the status a client can
 * learn from; what is not HTTP at all (a TLS hello, the HTTP/2 preface) is closed without a word.
 */
typedef struct pdb_guard_limits {
	size_t target_max;
	size_t header_max; /* the field lines, and once more the trailer lines */
	size_t fields_max; /* at most PDB_FIELDS_MAX */
	size_t body_max;
} pdb_guard_limits;

typedef enum pdb_verdict {
	PDB_GUARD_MORE,   /* all bytes were taken, the request goes on */
	PDB_GUARD_DONE,   /* the request is complete */
	PDB_GUARD_REFUSED /* see `refusal`; take no further byte of this connection */
} pdb_verdict;

/* `status` 0: close without an answer. The texts are constants. */
typedef struct pdb_refusal {
	int status;
	const char *code;
	const char *text;
} pdb_refusal;

typedef struct pdb_guard {
	const pdb_guard_limits *limits;
	pdb_message *message;
	pdb_refusal refusal;
	uint8_t state;
	uint8_t after_percent;
	uint8_t percent;
	uint8_t pass; /* the class of bytes that the present state only passes over */
	uint8_t matched;
	uint8_t empty_lines;
	bool trailer;
	bool continue_wanted; /* "100-continue" is asked for and the body has not begun */
	bool chunked;
	bool has_length;
	bool closes;     /* "Connection: close" */
	uint32_t single; /* which of the fields that must be single were seen */
	uint32_t mark;   /* where the part being read begins, in the head */
	uint32_t at;     /* the byte being judged, in the head */
	uint32_t fields_at;
	uint32_t head_end;
	uint32_t port;
	uint32_t extensions;
	uint32_t digits;
	uint64_t left; /* of the body or the chunk */
	pdb_field field;
} pdb_guard;

/* Before each request. `limits` and `message` are borrowed until the verdict. */
void pdb_guard_begin(pdb_guard *guard, const pdb_guard_limits *limits, pdb_message *message);

/* Judges `bytes`; `*used_out` is how many belong to this request. */
pdb_verdict pdb_guard_feed(pdb_guard *guard, pdb_slice bytes, size_t *used_out);

/* Where the request stands, for the deadlines. */
bool pdb_guard_started(const pdb_guard *guard);
bool pdb_guard_in_body(const pdb_guard *guard);

#endif
