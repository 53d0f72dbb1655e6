/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one line per event, in logfmt, JSON, or as journald's own entries. */
#ifndef PDB_BASE_LOG_H
#define PDB_BASE_LOG_H

#include <pdb/host.h>

/*
 * ts=… level=info component=http request=… msg="…". Control characters and quotes are escaped, so
 * that no value can forge a line. Never pass bodies, keys or signatures.
 * A line is one write(). Threads: any.
 */
void pdb_log(pdb_log_level level, const char *component, const char *format, ...) PDB_PRINTF(3, 4);

/* Writes the line and ends the process with status 70, without running anything else. */
_Noreturn void pdb_fatal(const char *component, const char *format, ...) PDB_PRINTF(2, 3);

/* -- what is logged ---------------------------------------------------------------------------- */

void pdb_log_set_level(pdb_log_level level);
pdb_log_level pdb_log_get_level(void);
/* The level of components that have one of their own: "http=debug" each. True when every item is
 * well-formed; those before the first that is not are taken. At most 32. */
bool pdb_log_set_levels(pdb_option_list items);
/* NULL, or what is wrong with an item. */
const char *pdb_log_judge_level(const char *item);
bool pdb_log_wants(pdb_log_level level, const char *component);

/* The request that this thread works for, named on each of its lines; NULL = none. Copied. */
void pdb_log_set_request(const char *id);

/* Lines written, by level, and lost: for metrics. */
typedef struct pdb_log_counts {
	uint64_t lines[PDB_LOG_DEBUG + 1];
	uint64_t lost;
} pdb_log_counts;
void pdb_log_counts_read(pdb_log_counts *out);

/* -- lines with fields ------------------------------------------------------------------------- */

typedef struct pdb_log_field {
	const char *name; /* lower-case letters and '_' */
	pdb_slice text;
	bool number; /* `text` is a JSON number */
} pdb_log_field;

/* A line of the access log: its own stream if it has one. Not subject to a level. */
void pdb_log_access(const pdb_log_field *fields, size_t count, const char *message);
/* As pdb_log, with fields. */
void pdb_log_fields(pdb_log_level level, const char *component, const pdb_log_field *fields,
		    size_t count, const char *message);

/* -- where it goes ----------------------------------------------------------------------------- */

typedef enum pdb_log_format {
	PDB_LOG_LOGFMT = 0,
	PDB_LOG_JSON = 1
} pdb_log_format;
void pdb_log_set_format(pdb_log_format format);

typedef enum pdb_log_stream {
	PDB_LOG_MAIN = 0,
	PDB_LOG_ACCESS = 1 /* where the main one goes, until it is opened */
} pdb_log_stream;

/*
 * `sink` is "stderr", "file:PATH", "journald", or "journald:PATH" for a socket at another place.
 * A standard error that is connected to journald is written as journald's own entries.
 * Errors: PDB_EINVAL for another word, PDB_EBACKEND.  Threads: main, before there are others.
 */
pdb_status pdb_log_open(pdb_log_stream stream, const char *sink, pdb_err *err);
/* NULL, or what is wrong with the word. */
const char *pdb_log_judge_sink(const char *sink);
/* Opens the files again under their names, after a rotation. False when one cannot be: then its
 * lines go where they went.  Threads: any. */
bool pdb_log_reopen(void);
/* Sends the main stream to this descriptor; 2 at the start. */
void pdb_log_set_fd(int fd);

#endif
