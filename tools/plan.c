/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of an import: lines gathered into batches, each thread's in order. */
#include "tools/plan.h"

#include "base/hash.h"
#include "base/mem.h"

#define BUCKETS_FIRST 1024u
#define BATCH_TAIL    "]}"

static void batch_free(pdb_batch *batch)
{
	pdb_buf_fini(&batch->json);
	pdb_buf_fini(&batch->lines);
	pdb_mem_free(batch);
}

void pdb_plan_fini(pdb_plan *plan)
{
	while (plan->first != NULL) {
		pdb_batch *next = plan->first->next;

		batch_free(plan->first);
		plan->first = next;
	}
	for (size_t i = 0; i < plan->bucket_count; i++) {
		while (plan->buckets[i].first != NULL) {
			pdb_plan_thread *next = plan->buckets[i].first->next;

			pdb_mem_free(plan->buckets[i].first);
			plan->buckets[i].first = next;
		}
	}
	pdb_mem_free(plan->buckets);
	*plan = (pdb_plan){0};
}

/* -- threads ---------------------------------------------------------------------------------- */

static pdb_plan_bucket *bucket_of(const pdb_plan *plan, const char *name)
{
	return &plan->buckets[pdb_hash(pdb_slice_text(name)) & (plan->bucket_count - 1)];
}

static bool buckets_grow(pdb_plan *plan)
{
	pdb_plan bigger = *plan;

	bigger.bucket_count = plan->bucket_count > 0 ? plan->bucket_count * 4 : BUCKETS_FIRST;
	bigger.buckets = pdb_mem_zalloc(bigger.bucket_count * sizeof(pdb_plan_bucket));
	if (bigger.buckets == NULL) {
		return false;
	}
	for (size_t i = 0; i < plan->bucket_count; i++) {
		while (plan->buckets[i].first != NULL) {
			pdb_plan_thread *thread = plan->buckets[i].first;
			pdb_plan_bucket *bucket = bucket_of(&bigger, thread->name);

			plan->buckets[i].first = thread->next;
			thread->next = bucket->first;
			bucket->first = thread;
		}
	}
	pdb_mem_free(plan->buckets);
	*plan = bigger;
	return true;
}

pdb_plan_thread *pdb_plan_thread_get(pdb_plan *plan, const char *name)
{
	pdb_plan_bucket *bucket;
	pdb_plan_thread *thread;

	if (plan->thread_count >= plan->bucket_count && !buckets_grow(plan)) {
		return NULL;
	}
	bucket = bucket_of(plan, name);
	for (thread = bucket->first; thread != NULL; thread = thread->next) {
		if (strcmp(thread->name, name) == 0) {
			return thread;
		}
	}
	thread = pdb_mem_zalloc(sizeof(*thread));
	if (thread != NULL) {
		(void)snprintf(thread->name, sizeof(thread->name), "%s", name);
		thread->next = bucket->first;
		bucket->first = thread;
		plan->thread_count++;
	}
	return thread;
}

/* -- batches ---------------------------------------------------------------------------------- */

static pdb_batch *batch_new(pdb_plan *plan, pdb_plan_thread *thread, uint64_t offset)
{
	pdb_batch *batch = pdb_mem_zalloc(sizeof(*batch));

	if (batch == NULL) {
		return NULL;
	}
	batch->thread = thread;
	batch->offset = offset;
	pdb_buf_printf(&batch->json, "{\"%s\":[", plan->list != NULL ? plan->list : "messages");
	plan->bytes += batch->json.len;
	batch->previous = plan->last;
	if (plan->last != NULL) {
		plan->last->next = batch;
	} else {
		plan->first = batch;
	}
	plan->last = batch;
	thread->tail = batch;
	return batch;
}

/* The batch of the thread that has room for `more` bytes, begun with its comma; NULL without
 * memory.
 */
static pdb_batch *batch_for(pdb_plan *plan, pdb_plan_thread *thread, size_t more, uint64_t offset)
{
	pdb_batch *batch = thread->tail;

	if (batch == NULL || batch->count >= plan->batch_messages ||
	    batch->json.len + more > plan->batch_bytes) {
		return batch_new(plan, thread, offset);
	}
	pdb_buf_add_byte(&batch->json, ',');
	plan->bytes++;
	return batch;
}

/* Counts what was added to it since it had `before` bytes. */
static pdb_status batch_note(pdb_plan *plan, pdb_batch *batch, size_t before, uint64_t number,
			     pdb_err *err)
{
	pdb_buf_add(&batch->lines, &number, sizeof(number));
	batch->count++;
	plan->messages++;
	plan->bytes += batch->json.len - before;
	if (batch->lines.failed) {
		return pdb_buf_status(&batch->lines, err);
	}
	return pdb_buf_status(&batch->json, err);
}

static pdb_status no_batch(pdb_err *err)
{
	return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a batch");
}

pdb_status pdb_plan_add(pdb_plan *plan, pdb_plan_thread *thread, const pdb_line *line,
			uint64_t offset, uint64_t number, pdb_err *err)
{
	/* Names, quotes and ids around the values stay below this. */
	size_t more = line->author.len + line->role.len + line->ts.len + line->body.len +
		      line->reply_to.len + 256;
	pdb_batch *batch = batch_for(plan, thread, more, offset);
	size_t before;

	if (batch == NULL) {
		return no_batch(err);
	}
	before = batch->json.len;
	pdb_line_write(line, &batch->json);
	return batch_note(plan, batch, before, number, err);
}

pdb_status pdb_plan_add_json(pdb_plan *plan, pdb_plan_thread *thread, pdb_slice json,
			     uint64_t offset, uint64_t number, pdb_err *err)
{
	pdb_batch *batch = batch_for(plan, thread, json.len + 8, offset);
	size_t before;

	if (batch == NULL) {
		return no_batch(err);
	}
	before = batch->json.len;
	pdb_buf_add_slice(&batch->json, json);
	return batch_note(plan, batch, before, number, err);
}

/* From here on the batch does not grow. */
static void batch_close(pdb_plan *plan, pdb_batch *batch)
{
	pdb_buf_add_text(&batch->json, BATCH_TAIL);
	plan->bytes += strlen(BATCH_TAIL);
	if (batch->thread->tail == batch) {
		batch->thread->tail = NULL;
	}
}

pdb_batch *pdb_plan_take(pdb_plan *plan, int64_t now)
{
	for (pdb_batch *batch = plan->first; batch != NULL; batch = batch->next) {
		pdb_plan_thread *thread = batch->thread;

		if ((thread->busy_with != NULL && thread->busy_with != batch) || batch->in_flight ||
		    batch->not_before > now) {
			continue;
		}
		if (batch->attempts == 0) {
			batch_close(plan, batch);
		}
		batch->attempts++;
		batch->in_flight = true;
		thread->busy_with = batch;
		return batch;
	}
	return NULL;
}

void pdb_plan_return(pdb_batch *batch, int64_t not_before)
{
	batch->in_flight = false;
	batch->not_before = not_before;
}

void pdb_plan_done(pdb_plan *plan, pdb_batch *batch)
{
	batch->thread->busy_with = NULL;
	plan->messages -= batch->count;
	plan->bytes -= batch->json.len;
	if (batch->previous != NULL) {
		batch->previous->next = batch->next;
	} else {
		plan->first = batch->next;
	}
	if (batch->next != NULL) {
		batch->next->previous = batch->previous;
	} else {
		plan->last = batch->previous;
	}
	batch_free(batch);
}

uint64_t pdb_plan_confirmed(const pdb_plan *plan, uint64_t reader)
{
	return plan->first != NULL ? plan->first->offset : reader;
}

uint64_t pdb_batch_line(const pdb_batch *batch, size_t index)
{
	uint64_t number = 0;

	if ((index + 1) * sizeof(number) <= batch->lines.len) {
		memcpy(&number, batch->lines.data + index * sizeof(number), sizeof(number));
	}
	return number;
}
