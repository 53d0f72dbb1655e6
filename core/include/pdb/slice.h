/* SPDX-License-Identifier: Apache-2.0 */
/* A borrowed run of bytes. */
#ifndef PDB_SLICE_H
#define PDB_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Text is `const char *` with a NUL; bytes are a pdb_slice. A slice owns nothing: whoever hands it
 * out says how long it lives. `ptr` may be NULL only when `len` is 0.
 */
typedef struct pdb_slice {
	const uint8_t *ptr;
	size_t len;
} pdb_slice;

/* A slice of a string constant, without its NUL. */
#define PDB_SLICE(constant) pdb_slice_of("" constant, sizeof(constant) - 1)

/* For printf: "%.*s", PDB_SLICE_ARGS(slice). */
#define PDB_SLICE_ARGS(slice) (int)(slice).len, (const char *)(slice).ptr

static inline pdb_slice pdb_slice_of(const void *ptr, size_t len)
{
	pdb_slice slice = {(const uint8_t *)ptr, len};

	return slice;
}

/* NULL gives an empty slice. */
static inline pdb_slice pdb_slice_text(const char *text)
{
	return pdb_slice_of(text, text != NULL ? strlen(text) : 0);
}

static inline bool pdb_slice_equal(pdb_slice a, pdb_slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool pdb_slice_is(pdb_slice a, const char *text)
{
	return pdb_slice_equal(a, pdb_slice_text(text));
}

/* Byte order, a shorter prefix first. Negative, zero or positive. */
static inline int pdb_slice_compare(pdb_slice a, pdb_slice b)
{
	size_t shared = a.len < b.len ? a.len : b.len;
	int order = shared == 0 ? 0 : memcmp(a.ptr, b.ptr, shared);

	if (order != 0) {
		return order;
	}
	return a.len < b.len ? -1 : (a.len > b.len ? 1 : 0);
}

static inline bool pdb_slice_starts(pdb_slice a, pdb_slice prefix)
{
	return a.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(a.ptr, prefix.ptr, prefix.len) == 0);
}

/* The slice without its first `n` bytes; empty when it is shorter. */
static inline pdb_slice pdb_slice_skip(pdb_slice a, size_t n)
{
	if (n >= a.len) {
		return pdb_slice_of(NULL, 0);
	}
	return pdb_slice_of(a.ptr + n, a.len - n);
}

/* The slice without spaces and tabs at both ends (OWS of RFC 9110, section 5.6.3).  Since: 1.1 */
static inline pdb_slice pdb_slice_trim(pdb_slice a)
{
	while (a.len > 0 && (a.ptr[0] == ' ' || a.ptr[0] == '\t')) {
		a = pdb_slice_skip(a, 1);
	}
	while (a.len > 0 && (a.ptr[a.len - 1] == ' ' || a.ptr[a.len - 1] == '\t')) {
		a.len--;
	}
	return a;
}

#endif
