/* SPDX-License-Identifier: Apache-2.0 */
/* Status codes and the error that travels with them. */
#ifndef PDB_STATUS_H
#define PDB_STATUS_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Every call that can fail returns a pdb_status: 0 or a negative value that says what to do next.
 * Details travel in a pdb_err that the caller owns; there is no hidden "last error".
 *
 * XX(name, value, HTTP status, stable code for clients, text for people)
 */
#define PDB_STATUS_MAP(XX)                                                                         \
	XX(OK, 0, 200, "ok", "Done.")                                                              \
	XX(EINVAL, -1, 400, "invalid_request", "The request is not valid.")                        \
	XX(EUNAUTHENTICATED, -2, 401, "unauthenticated", "The caller is not identified.")          \
	XX(EDENIED, -3, 403, "forbidden", "The caller may not do this.")                           \
	XX(ENOTFOUND, -4, 404, "not_found", "There is no such thing here.")                        \
	XX(EMETHOD, -5, 405, "method_not_allowed", "The resource does not know this method.")      \
	XX(ETIMEOUT, -6, 408, "request_timeout", "The request did not arrive in time.")            \
	XX(EEXISTS, -7, 409, "conflict", "Something else is stored under this name.")              \
	XX(ESTALE, -8, 412, "precondition_failed", "The object has changed since.")                \
	XX(ETOOLARGE, -9, 413, "payload_too_large", "The request body is too large.")              \
	XX(EMEDIA, -10, 415, "unsupported_media_type", "The content type is not supported.")       \
	XX(ERULE, -11, 422, "rule_violated", "A rule for this record is violated.")                \
	XX(ETOOMANY, -12, 429, "rate_limited", "Too many requests.")                               \
	XX(EINTERNAL, -13, 500, "internal", "Something went wrong on the server.")                 \
	XX(ENOTSUP, -14, 501, "not_supported", "The server does not support this.")                \
	XX(EUNAVAILABLE, -15, 503, "unavailable", "The server cannot do this just now.")           \
	XX(EBUSY, -16, 503, "overloaded", "The server is busy; try again.")                        \
	XX(ENOMEM, -17, 503, "overloaded", "The server is short of memory; try again.")            \
	/* rolled back by the storage; the same transaction may be tried again */                  \
	XX(ECONFLICT, -18, 503, "overloaded", "The server is busy; try again.")                    \
	/* the transaction may or may not have happened */                                         \
	XX(EUNCERTAIN, -19, 503, "uncertain", "The outcome is not known; try again.")              \
	XX(EFULL, -20, 507, "storage_full", "The disk is nearly full; reads go on.")               \
	XX(ECORRUPT, -21, 500, "internal", "Something went wrong on the server.")                  \
	XX(EBACKEND, -22, 500, "internal", "Something went wrong on the server.")                  \
	/* the plugin is of another ABI or its manifest is not acceptable */                       \
	XX(EABI, -23, 500, "internal", "Something went wrong on the server.")                      \
	/* not an error: the caller of a scan wants no more rows */                                \
	XX(ESTOP, -24, 500, "internal", "Something went wrong on the server.")                     \
	/* not an error: run the same handler again on a thread that may block */                  \
	XX(EOFFLOAD, -25, 500, "internal", "Something went wrong on the server.")

typedef enum pdb_status {
#define PDB_STATUS_ENUM(name, value, http, code, text) PDB_##name = (value),
	PDB_STATUS_MAP(PDB_STATUS_ENUM)
#undef PDB_STATUS_ENUM
} pdb_status;

#define PDB_WARN_UNUSED        __attribute__((warn_unused_result))
#define PDB_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/*
 * What went wrong. The owner zeroes it (`pdb_err err = {0}`) and passes its address down.
 *
 * `code`  stable_snake_case word for clients, a string constant; NULL means the one of the status
 * `field` JSON pointer of the offending field, or ""
 * `text`  one sentence. For statuses below 500 clients see it; for the others only the log does.
 */
typedef struct pdb_err {
	pdb_status status;
	const char *code;
	char field[256];
	char text[512];
} pdb_err;

/*
 * pdb_err_set - fill an error and return its status, so that a caller can return the result.
 *
 * `err` may be NULL. The text is cut at the size of the buffer.
 * Owns: nothing; `code` must outlive the process' use of it (a constant).
 * Errors: none of its own.  Threads: any.  Since: 1.0
 */
PDB_PRINTF(4, 5)
static inline pdb_status pdb_err_set(pdb_err *err, pdb_status status, const char *code,
				     const char *format, ...)
{
	va_list args;

	if (err != NULL) {
		err->status = status;
		err->code = code;
		err->field[0] = '\0';
		va_start(args, format);
		(void)vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
	}
	return status;
}

/*
 * pdb_err_at - name the field, as a JSON pointer, that the error in `err` is about.
 *
 * Returns the status in `err` (PDB_EINTERNAL for NULL).  Threads: any.  Since: 1.0
 */
PDB_PRINTF(2, 3)
static inline pdb_status pdb_err_at(pdb_err *err, const char *format, ...)
{
	va_list args;

	if (err == NULL) {
		return PDB_EINTERNAL;
	}
	va_start(args, format);
	(void)vsnprintf(err->field, sizeof(err->field), format, args);
	va_end(args);
	return err->status;
}

/*
 * pdb_err_wrap - put context in front of the text of `err`: "context: text".
 *
 * Returns the status in `err` (PDB_EINTERNAL for NULL).  Threads: any.  Since: 1.0
 */
PDB_PRINTF(2, 3)
static inline pdb_status pdb_err_wrap(pdb_err *err, const char *format, ...)
{
	char text[sizeof(err->text)];
	va_list args;
	int used;

	if (err == NULL) {
		return PDB_EINTERNAL;
	}
	va_start(args, format);
	used = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* Cut at the end of the buffer, like every text here. */
	if (used >= 0 && (size_t)used < sizeof(text) &&
	    snprintf(text + used, sizeof(text) - (size_t)used, ": %s", err->text) < 0) {
		text[used] = '\0';
	}
	memcpy(err->text, text, sizeof(text));
	return err->status;
}

#endif
