/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: a strict scanner that finds the exact bytes of a value, and writers. */
#ifndef PDB_BASE_JSON_H
#define PDB_BASE_JSON_H

#include "base/buf.h"

/*
 * Why our own: bodies must come back byte for byte, and a tree parser rewrites numbers, refuses
 * large integers and \u0000. The scanner only judges (RFC 8259) and points; it never copies,
 * never recurses, and takes no memory but for the duplicate check.
 *
 * Refused, each with its own code: broken JSON, invalid UTF-8, lone surrogates in escapes,
 * duplicate keys in one object (compared after unescaping), more than `depth_max` levels, more than
 * `nodes_max` values, anything after the value.
 */
typedef enum pdb_json_type {
	PDB_JSON_NULL = 1,
	PDB_JSON_FALSE,
	PDB_JSON_TRUE,
	PDB_JSON_NUMBER,
	PDB_JSON_STRING,
	PDB_JSON_ARRAY,
	PDB_JSON_OBJECT
} pdb_json_type;

#define PDB_JSON_DEPTH_MAX 64u
#define PDB_JSON_NODES_MAX 50000u

/*
 * pdb_json_check - judges one whole JSON text; `span_out` (may be NULL) is the value without the
 * white space around it.
 *
 * Errors: PDB_EINVAL with code invalid_json, invalid_utf8, lone_surrogate, duplicate_key,
 * too_deep or too_many_values, and the byte offset in the text; PDB_ENOMEM.  Threads: any.
 */
pdb_status pdb_json_check(pdb_slice text, pdb_slice *span_out, pdb_err *err);

/* As pdb_json_check with other limits, for text that wraps what others sent (a page of messages).
 * `depth_max` is at most PDB_JSON_DEPTH_CAP. */
#define PDB_JSON_DEPTH_CAP 128u
pdb_status pdb_json_check_within(pdb_slice text, unsigned depth_max, uint32_t nodes_max,
				 pdb_slice *span_out, pdb_err *err);

/* The type of a checked value. */
pdb_json_type pdb_json_type_of(pdb_slice value);

/*
 * Walks the members of a checked object, or the elements of a checked array (key empty then).
 * Start with *cursor = 0; false at the end. `key` is the raw text between the quotes; compare it
 * with pdb_json_key_is(). Slices borrow from `value`.
 */
bool pdb_json_next(pdb_slice value, size_t *cursor, pdb_slice *key, pdb_slice *member);
/* As pdb_json_next; true when the raw key, unescaped, is `name`. */
bool pdb_json_key_is(pdb_slice raw_key, const char *name);
bool pdb_json_key_equals(pdb_slice raw_key, pdb_slice name);
/* The member `name` of a checked object; false when absent. */
bool pdb_json_member(pdb_slice object, const char *name, pdb_slice *member_out);

/*
 * Unescapes a checked string value (with its quotes) into `out`, which has room for value.len
 * bytes. Returns the length. The result may hold NUL bytes.
 */
size_t pdb_json_unescape(pdb_slice value, char *out);

/* A number value that is a plain integer without fraction or exponent; false otherwise. */
bool pdb_json_to_int(pdb_slice value, int64_t *out);

/* Appends the text as a JSON string with quotes. `text` must be valid UTF-8. */
void pdb_json_add_string(pdb_buf *out, pdb_slice text);
/* Appends `"name":`, with a comma first when the byte before is not '{' or '['. */
void pdb_json_add_key(pdb_buf *out, const char *name);

#endif
