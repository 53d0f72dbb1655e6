/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer. */
#ifndef PDB_BASE_BUF_H
#define PDB_BASE_BUF_H

#include <pdb/slice.h>
#include <pdb/status.h>

/*
 * Zero-initialise it. When memory runs out the buffer remembers it (`failed`) and later additions
 * do nothing, so that a writer checks once, at the end, with pdb_buf_status().
 * Owns: `data`, until pdb_buf_fini or pdb_buf_take.  Threads: one at a time.
 */
typedef struct pdb_buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	bool failed;
} pdb_buf;

void pdb_buf_fini(pdb_buf *buf);

/* Forgets the bytes and the failure, keeps the memory. */
static inline void pdb_buf_clear(pdb_buf *buf)
{
	buf->len = 0;
	buf->failed = false;
}

/* Makes room for `more` bytes behind `len`; false (and failed) without memory. */
bool pdb_buf_reserve(pdb_buf *buf, size_t more);

void pdb_buf_add(pdb_buf *buf, const void *bytes, size_t len);
void pdb_buf_add_slice(pdb_buf *buf, pdb_slice bytes);
void pdb_buf_add_text(pdb_buf *buf, const char *text);
void pdb_buf_add_byte(pdb_buf *buf, uint8_t byte);
void pdb_buf_add_uint(pdb_buf *buf, uint64_t number);
void pdb_buf_add_int(pdb_buf *buf, int64_t number);
void pdb_buf_printf(pdb_buf *buf, const char *format, ...) PDB_PRINTF(2, 3);

static inline pdb_slice pdb_buf_slice(const pdb_buf *buf)
{
	return pdb_slice_of(buf->data, buf->len);
}

/* PDB_OK, or PDB_ENOMEM (with `err` filled) when an addition failed. */
pdb_status pdb_buf_status(const pdb_buf *buf, pdb_err *err);

#endif
