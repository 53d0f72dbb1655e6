/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: one allocator for the core, which tests can make fail. */
#ifndef PDB_BASE_MEM_H
#define PDB_BASE_MEM_H

#include <pdb/slice.h>

/*
 * As malloc, calloc, realloc and free. A failure is an ordinary error (PDB_ENOMEM) everywhere.
 * Every library that lets its allocator be replaced is given these.
 * Threads: any.
 */
void *pdb_mem_alloc(size_t size) __attribute__((malloc, warn_unused_result));
void *pdb_mem_zalloc(size_t size) __attribute__((malloc, warn_unused_result));
void *pdb_mem_realloc(void *ptr, size_t size) __attribute__((warn_unused_result));
void pdb_mem_free(void *ptr);

/* Copies; the text copies end with a NUL. NULL when there is no memory. */
char *pdb_mem_text(const char *text) __attribute__((warn_unused_result));
char *pdb_mem_text_of(pdb_slice bytes) __attribute__((warn_unused_result));

/*
 * For tests: the `nth` allocation from now fails (1 = the next one), and all later ones too when
 * `forever`. 0 switches it off. pdb_mem_count() is the number of allocations since the last call
 * of pdb_mem_fail(). Threads: process-wide.
 */
void pdb_mem_fail(unsigned long nth, bool forever);
unsigned long pdb_mem_count(void);

#endif
