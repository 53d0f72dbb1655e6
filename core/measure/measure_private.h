/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: measures, series, and the slots that threads count in. */
#ifndef PDB_MEASURE_MEASURE_PRIVATE_H
#define PDB_MEASURE_MEASURE_PRIVATE_H

#include <stdatomic.h>

#include "measure/measure.h"

#define PDB__SERIES_MAX 4096u

/* A number of 64 bits: a double, or a count. */
typedef _Atomic uint64_t pdb__cell;

struct pdb_series {
	pdb_measure *measure;
	uint32_t cell;   /* the first of its cells in every thread's slots; 0 = has none */
	pdb__cell gauge; /* of a gauge */
	_Atomic(pdb_series *) next; /* of the same measure, as they were made */
	const char *values[PDB_LABELS_MAX];
	char text[]; /* what `values` points to */
};

struct pdb_measure {
	pdb_metric metric; /* a copy that has every field */
	const char *owner;
	void *self;
	uint32_t label_count;
	uint32_t cells; /* of one series */
	uint32_t made;  /* series; under the lock */
	uint32_t table_size;
	_Atomic(pdb_series *) *table; /* by hash of the values; only ever filled */
	_Atomic(pdb_series *) first;
	_Atomic(pdb_series *) *last;
	pdb_series *other;
};

/* Judges a declaration and completes it into *out. Errors: PDB_EINVAL. */
pdb_status pdb__metric_judge(const pdb_metric *metric, pdb_metric *out, uint32_t *labels_out,
			     pdb_err *err);

/* -- series ------------------------------------------------------------------------------------ */

/* NULL without memory or cells. Owns: the caller, until it is published or in the table. */
pdb_series *pdb__series_create(pdb_measure *measure, const char *const *values);
/* Makes it known to readers; one at a time. */
void pdb__series_publish(pdb_measure *measure, pdb_series *series);
/* The series, or NULL; *place_out is then the free place of the table where it belongs. */
pdb_series *pdb__series_find(pdb_measure *measure, const char *const *values, uint32_t *place_out);

/* -- slots ------------------------------------------------------------------------------------- */

#define PDB__CHUNK_CELLS 256u
#define PDB__CHUNKS_MAX  256u

typedef struct pdb__chunk {
	pdb__cell cells[PDB__CHUNK_CELLS];
} pdb__chunk;

/* The cells of one thread; handed to another one when it ends, so that nothing counted is lost. */
typedef struct pdb__slots {
	struct pdb__slots *next;
	bool taken; /* under the lock */
	_Atomic(pdb__chunk *) chunks[PDB__CHUNKS_MAX];
} pdb__slots;

extern _Thread_local pdb__slots *pdb__slots_own;

/* The chunk of a thread that does not have it yet; one that nobody reads when there is no memory.
 */
pdb__chunk *pdb__slots_chunk(uint32_t index);

static inline pdb__cell *pdb__slots_cell(uint32_t cell)
{
	uint32_t index = cell / PDB__CHUNK_CELLS;
	pdb__chunk *chunk = NULL;

	if (pdb__slots_own != NULL) {
		chunk = atomic_load_explicit(&pdb__slots_own->chunks[index], memory_order_relaxed);
	}
	if (chunk == NULL) {
		chunk = pdb__slots_chunk(index);
	}
	return &chunk->cells[cell % PDB__CHUNK_CELLS];
}

/* `count` cells in a row, the first of them in *first_out; false when all are given away. */
bool pdb__slots_reserve(uint32_t count, uint32_t *first_out);
/* Over all threads: the sum of one cell, as doubles or as counts. */
double pdb__slots_sum(uint32_t cell);
uint64_t pdb__slots_count(uint32_t cell);
/* Empties every cell and gives all of them back. */
void pdb__slots_clear(void);

#endif
