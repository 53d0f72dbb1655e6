/* SPDX-License-Identifier: Apache-2.0 */
/* Text: UTF-8, percent and hex encoding, numbers, likeness. */
#ifndef PDB_BASE_TEXT_H
#define PDB_BASE_TEXT_H

#include "base/buf.h"

/* True for well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). Threads: any. */
bool pdb_utf8_valid(pdb_slice bytes);
/* How many bytes there are before the first that is not. */
size_t pdb_utf8_span(pdb_slice bytes);

/* The number of code points of valid UTF-8. */
size_t pdb_utf8_length(pdb_slice text);

/*
 * Decodes %XX strictly (RFC 3986): two hex digits, no decoded NUL; '+' stays unless `plus`.
 * `out` has room for in.len bytes. False when malformed.
 */
bool pdb_percent_decode(pdb_slice in, bool plus, char *out, size_t *len_out);

/* Appends `in` with everything but A-Z a-z 0-9 - . _ ~ as %XX. */
void pdb_percent_encode(pdb_buf *out, pdb_slice in);

/* Lower-case hex; `out` has room for 2 * in.len + 1 bytes. */
void pdb_hex_encode(char *out, pdb_slice in);
/* `out` has room for in.len / 2 bytes; false for another digit or an odd length. */
bool pdb_hex_decode(uint8_t *out, pdb_slice in);

/* Plain decimal digits only, no sign; false on anything else or overflow. */
bool pdb_text_to_uint(pdb_slice text, uint64_t *out);

/* ASCII case-insensitive. */
bool pdb_text_equal_nocase(pdb_slice a, pdb_slice b);

/* The nearest of `names` by edit distance (at most a third of the length), or NULL. */
const char *pdb_text_nearest(const char *word, const char *const *names, size_t count);

#endif
