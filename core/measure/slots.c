/* SPDX-License-Identifier: Apache-2.0 */
/* Slots: each thread counts in cells of its own, and a reader adds them up. */
#include <pthread.h>

#include "base/mem.h"
#include "measure/measure_private.h"

/*
 * A cell has one writer, its thread, and any readers: both sides are relaxed atomics, which cost
 * nothing beyond plain loads and stores. Slots are never freed, so a reader needs no lock.
 */
_Thread_local pdb__slots *pdb__slots_own;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(pdb__slots *) all;
static uint32_t reserved = 1; /* cells; the first means "none" */
static pthread_key_t at_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pdb__chunk nowhere;

static void give_back(void *arg)
{
	pdb__slots *slots = arg;

	pdb__slots_own = NULL;
	(void)pthread_mutex_lock(&lock);
	slots->taken = false;
	(void)pthread_mutex_unlock(&lock);
}

static void prepare(void)
{
	(void)pthread_key_create(&at_end, give_back);
}

static pdb__slots *take(void)
{
	pdb__slots *slots;

	(void)pthread_mutex_lock(&lock);
	slots = atomic_load_explicit(&all, memory_order_relaxed);
	while (slots != NULL && slots->taken) {
		slots = slots->next;
	}
	if (slots == NULL) {
		slots = pdb_mem_zalloc(sizeof(*slots));
		if (slots != NULL) {
			slots->next = atomic_load_explicit(&all, memory_order_relaxed);
			atomic_store_explicit(&all, slots, memory_order_release);
		}
	}
	if (slots != NULL) {
		slots->taken = true;
	}
	(void)pthread_mutex_unlock(&lock);
	return slots;
}

pdb__chunk *pdb__slots_chunk(uint32_t index)
{
	pdb__chunk *chunk;

	if (pdb__slots_own == NULL) {
		(void)pthread_once(&once, prepare);
		pdb__slots_own = take();
		(void)pthread_setspecific(at_end, pdb__slots_own);
	}
	if (pdb__slots_own == NULL) {
		return &nowhere;
	}
	chunk = atomic_load_explicit(&pdb__slots_own->chunks[index], memory_order_relaxed);
	if (chunk == NULL) {
		chunk = pdb_mem_zalloc(sizeof(*chunk));
		atomic_store_explicit(&pdb__slots_own->chunks[index], chunk, memory_order_release);
	}
	return chunk != NULL ? chunk : &nowhere;
}

bool pdb__slots_reserve(uint32_t count, uint32_t *first_out)
{
	bool room;

	(void)pthread_mutex_lock(&lock);
	room = reserved + count <= PDB__CHUNKS_MAX * PDB__CHUNK_CELLS;
	if (room) {
		*first_out = reserved;
		reserved += count;
	}
	(void)pthread_mutex_unlock(&lock);
	return room;
}

static uint64_t read_cell(pdb__slots *slots, uint32_t cell)
{
	pdb__chunk *chunk =
		atomic_load_explicit(&slots->chunks[cell / PDB__CHUNK_CELLS], memory_order_acquire);

	return chunk != NULL ? atomic_load_explicit(&chunk->cells[cell % PDB__CHUNK_CELLS],
						    memory_order_relaxed)
			     : 0;
}

double pdb__slots_sum(uint32_t cell)
{
	double sum = 0;

	for (pdb__slots *it = atomic_load_explicit(&all, memory_order_acquire); it != NULL;
	     it = it->next) {
		uint64_t bits = read_cell(it, cell);
		double value;

		memcpy(&value, &bits, sizeof(value));
		sum += value;
	}
	return sum;
}

uint64_t pdb__slots_count(uint32_t cell)
{
	uint64_t count = 0;

	for (pdb__slots *it = atomic_load_explicit(&all, memory_order_acquire); it != NULL;
	     it = it->next) {
		count += read_cell(it, cell);
	}
	return count;
}

void pdb__slots_clear(void)
{
	(void)pthread_mutex_lock(&lock);
	for (pdb__slots *it = atomic_load_explicit(&all, memory_order_relaxed); it != NULL;
	     it = it->next) {
		for (size_t i = 0; i < PDB__CHUNKS_MAX; i++) {
			pdb__chunk *chunk = atomic_load(&it->chunks[i]);

			for (size_t k = 0; chunk != NULL && k < PDB__CHUNK_CELLS; k++) {
				atomic_store_explicit(&chunk->cells[k], 0, memory_order_relaxed);
			}
		}
	}
	reserved = 1;
	(void)pthread_mutex_unlock(&lock);
}
