/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes arbitrary bytes as stored rows; what decodes must survive being written and read again.
 */
#include <stdlib.h>

#include "base/id.h"
#include "chat/record.h"
#include "chat/thread_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds) {
		abort();
	}
}

static void same_record(const pdb__record *a, const pdb__record *b)
{
	must(a->deleted == b->deleted && a->version == b->version && a->seq == b->seq);
	must(a->ts == b->ts && a->edited_ts == b->edited_ts);
	must(pdb_slice_equal(a->id, b->id) && pdb_slice_equal(a->thread, b->thread));
	must(pdb_slice_equal(a->author, b->author) && pdb_slice_equal(a->role, b->role));
	must(pdb_slice_equal(a->body, b->body) && pdb_slice_equal(a->reply_to, b->reply_to));
	must(pdb_slice_equal(a->reactions, b->reactions));
	must(pdb_slice_equal(a->attachments, b->attachments));
}

static void try_record(pdb_slice row)
{
	pdb__record first;
	pdb__record second;
	pdb_buf again = {0};
	pdb_buf shown = {0};

	if (!pdb__record_decode(row, &first)) {
		return;
	}
	pdb__record_show(&first, PDB_SLICE("{}"), &shown);
	/* Longer authors cannot be stored: their offsets would not fit. */
	if (first.author.len <= 2 + 2 * PDB_AUTHOR_MAX) {
		pdb__record_encode(&first, &again);
		must(pdb__record_decode(pdb_buf_slice(&again), &second));
		same_record(&first, &second);
	}
	pdb_buf_fini(&again);
	pdb_buf_fini(&shown);
}

static void try_meta(pdb_slice row)
{
	pdb__meta meta;
	pdb_buf again = {0};

	if (pdb__meta_decode(row, &meta)) {
		(void)pdb__participant_in(meta.participants, PDB_SLICE("nobody"));
		pdb__meta_encode(&meta, &again);
		/* Every byte of the row means something. */
		must(pdb_slice_equal(pdb_buf_slice(&again), row));
	}
	pdb_buf_fini(&again);
}

static void try_head(pdb_slice row)
{
	uint8_t again[PDB__HEAD_SIZE];
	pdb__head head;

	if (!pdb__head_decode(row, &head)) {
		return;
	}
	pdb__head_encode(&head, again);
	if (row.len == sizeof(again)) {
		must(pdb_slice_equal(pdb_slice_of(again, sizeof(again)), row));
	} else {
		/* format 1: the same numbers, in the present one, and nothing purged */
		must(head.purged == 0);
		must(pdb_slice_equal(pdb_slice_of(again + 1, row.len - 1), pdb_slice_skip(row, 1)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pdb_slice row = pdb_slice_of(data, size);

	try_record(row);
	try_meta(row);
	try_head(row);
	return 0;
}
