/* SPDX-License-Identifier: Apache-2.0 */
/* From what an anchor names to a place in the timeline. */
#include "base/id.h"
#include "base/text.h"
#include "chat/chat_private.h"

#define SEQ_DIGITS_MAX 10u
#define NEAR           64u

typedef struct point {
	uint64_t ns;
	uint64_t seq;
} point;

typedef struct seek {
	point at;
	uint64_t wanted; /* 0 = the first row will do */
	bool found;
} seek;

static pdb_status seek_row(void *arg, pdb_slice key, pdb_slice value)
{
	seek *s = arg;

	(void)value;
	if (!pdb_key_timeline_position(key, &s->at.ns, &s->at.seq)) {
		return PDB_OK;
	}
	s->found = s->wanted == 0 || s->at.seq >= s->wanted;
	return s->found ? PDB_ESTOP : PDB_OK;
}

/* The first row from `ns` on with a seq of at least s->wanted. */
static pdb_status seek_from(pdb__op *op, uint64_t ns, size_t limit, seek *s, pdb_err *err)
{
	pdb_keybuf from;
	pdb_keybuf prefix;
	pdb_keybuf end;
	pdb_range range = {.limit = limit};

	pdb_key_timeline_prefix(&prefix, op->thread);
	pdb_key_prefix_end(&end, &prefix);
	pdb_key_timeline(&from, op->thread, ns, 0);
	range.partition = from.key.partition;
	range.from = from.key.bytes;
	range.to = end.key.bytes;
	s->found = false;
	return pdb_txn_scan(&op->txn, &range, seek_row, s, err);
}

/* Where the message probably is, were they sent at an even pace; every other guess is the middle,
 * so that no pace makes it slow. */
static uint64_t guess(const point *low, const point *high, uint64_t seq, bool middle)
{
	uint64_t width = high->ns - low->ns;
	long double share = (long double)(seq - low->seq) / (long double)(high->seq - low->seq);
	uint64_t step = middle ? width / 2 : (uint64_t)(share * (long double)width);

	if (step == 0) {
		step = 1;
	}
	return low->ns + (step < width ? step : width - 1);
}

/* No row maps a seq to its time: bisects the timeline, which rises in both. */
static pdb_status locate_seq(pdb__op *op, uint64_t seq, point *at, pdb_err *err)
{
	point low;
	point high = {op->head.last_ns, op->head.last_seq};
	seek s = {.wanted = 0};
	pdb_status status = seek_from(op, 0, 1, &s, err);

	low = s.at;
	if (status != PDB_OK || !s.found || seq <= low.seq) {
		*at = s.found ? low : high;
		return status;
	}
	for (bool middle = false; high.seq - low.seq > NEAR && high.ns - low.ns > 1;
	     middle = !middle) {
		uint64_t ns = guess(&low, &high, seq, middle);

		status = seek_from(op, ns, 1, &s, err);
		if (status != PDB_OK || !s.found) {
			break;
		}
		if (s.at.seq <= seq) {
			low = s.at;
		} else {
			high.ns = ns;
			high.seq = s.at.seq;
		}
	}
	if (status != PDB_OK) {
		return status;
	}
	s.wanted = seq;
	status = seek_from(op, low.ns, 0, &s, err);
	*at = s.at;
	return status;
}

static pdb_status by_number(pdb__op *op, uint64_t seq, uint64_t *ns, uint64_t *seq_out,
			    pdb_err *err)
{
	point at = {op->head.last_ns + 1, op->head.last_seq + 1};
	pdb_status status = PDB_OK;

	if (seq == 0 || op->head.last_seq == 0) {
		at.ns = seq == 0 ? 0 : at.ns;
		at.seq = 0;
	} else if (seq <= op->head.last_seq) {
		status = locate_seq(op, seq, &at, err);
	}
	*ns = at.ns;
	*seq_out = at.seq;
	return status;
}

static const char *anchor_field(pdb_anchor anchor)
{
	if (anchor == PDB_ANCHOR_BEFORE) {
		return "/before";
	}
	return anchor == PDB_ANCHOR_AFTER ? "/after" : "/around";
}

static pdb_status by_id(pdb__op *op, const pdb_message_query *query, uint64_t *ns, uint64_t *seq,
			pdb_err *err)
{
	const char *field = anchor_field(query->anchor);
	pdb_slice id = query->at;
	pdb_keybuf key;
	pdb_slice value;
	pdb_status status;

	if (!pdb_id_valid(id)) {
		return pdb__invalid(err, "invalid_id", field,
				    "%s takes the id or seq of a message, or a cursor of a page.",
				    field + 1);
	}
	pdb_key_message(&key, op->thread, id);
	status = pdb_txn_get(&op->txn, &key.key, &value, err);
	if (status == PDB_OK && !pdb_position_read(value, ns, seq)) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL,
				   "the id row of message %.*s of thread %.*s cannot be read",
				   PDB_SLICE_ARGS(id), PDB_SLICE_ARGS(op->thread));
	}
	if (status != PDB_ENOTFOUND) {
		return status;
	}
	return pdb__invalid(err, "anchor_unknown", field,
			    "There is no such message in this thread.");
}

pdb_status pdb__locate(pdb__op *op, const pdb_message_query *query, uint64_t *ns, uint64_t *seq,
		       pdb_err *err)
{
	uint64_t number;

	if (pdb_position_read(query->at, ns, seq)) {
		return PDB_OK;
	}
	if (!pdb_text_to_uint(query->at, &number)) {
		return by_id(op, query, ns, seq, err);
	}
	if (query->at.len <= SEQ_DIGITS_MAX) {
		return by_number(op, number, ns, seq, err);
	}
	if (query->anchor != PDB_ANCHOR_AROUND) {
		return by_id(op, query, ns, seq, err);
	}
	*ns = number <= INT64_MAX ? (uint64_t)pdb__ts_scale((int64_t)number) : INT64_MAX;
	*seq = 0;
	return PDB_OK;
}
