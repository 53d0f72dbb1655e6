/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON service: a walk over the exact bytes of JSON, for hooks that look into bodies. */
#ifndef PDB_JSON_H
#define PDB_JSON_H

#include <pdb/slice.h>
#include <pdb/status.h>

/*
 * The host checks JSON before a hook sees it: a record's body is one valid value without duplicate
 * keys, at most 64 levels deep. `next` and `key_is` are for such checked values and never copy, so
 * what they point at are the bytes that are stored.
 *
 * check   judges a whole text; *span_out (may be NULL) is the value without the white space around
 *         it. Errors: PDB_EINVAL with code and place, PDB_ENOMEM.
 * next    walks the members of an object or the elements of an array (key.ptr is NULL then); start
 *         with *cursor = 0; false at the end, and for any other value. `key` is the text between
 *         the quotes, as it is spelled.
 * key_is  true when the key, unescaped, is `name`.
 * Threads: any.  Since: 1.1
 */
typedef struct pdb_host_json {
	uint32_t size;
	pdb_status (*check)(pdb_slice text, pdb_slice *span_out, pdb_err *err);
	bool (*next)(pdb_slice value, size_t *cursor, pdb_slice *key, pdb_slice *member);
	bool (*key_is)(pdb_slice key, pdb_slice name);
} pdb_host_json;

#endif
