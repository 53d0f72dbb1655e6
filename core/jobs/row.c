/* SPDX-License-Identifier: Apache-2.0 */
/* The stored form of a submitted run. */
#include "base/bytes.h"
#include "base/id.h"
#include "base/json.h"
#include "jobs/jobs_private.h"

#define FORMAT 1u

/* Where the parts lie. */
enum {
	AT_STATE = 1,
	AT_NAME_LEN = 2,
	AT_ERROR_LEN = 4,
	AT_RESULT_LEN = 6,
	AT_PARAMS_LEN = 8,
	AT_SAVED_LEN = 12,
	AT_CREATED_TS = 16,
	AT_STARTED_TS = 24,
	AT_ENDED_TS = 32,
	AT_DONE = 40,
	AT_TOTAL = 48,
	HEADER_SIZE = 56
};

void pdb__job_row_encode(const pdb__job_row *row, pdb_buf *out)
{
	uint8_t head[HEADER_SIZE] = {FORMAT};

	head[AT_STATE] = (uint8_t)row->state;
	pdb_le_put(head + AT_NAME_LEN, row->name.len, 2);
	pdb_le_put(head + AT_ERROR_LEN, row->error.len, 2);
	pdb_le_put(head + AT_RESULT_LEN, row->result.len, 2);
	pdb_le_put(head + AT_PARAMS_LEN, row->params.len, 4);
	pdb_le_put(head + AT_SAVED_LEN, row->saved.len, 4);
	pdb_le_put(head + AT_CREATED_TS, (uint64_t)row->created_ts, 8);
	pdb_le_put(head + AT_STARTED_TS, (uint64_t)row->started_ts, 8);
	pdb_le_put(head + AT_ENDED_TS, (uint64_t)row->ended_ts, 8);
	pdb_le_put(head + AT_DONE, row->done, 8);
	pdb_le_put(head + AT_TOTAL, row->total, 8);
	pdb_buf_add(out, head, sizeof(head));
	pdb_buf_add_slice(out, row->name);
	pdb_buf_add_slice(out, row->params);
	pdb_buf_add_slice(out, row->error);
	pdb_buf_add_slice(out, row->result);
	pdb_buf_add_slice(out, row->saved);
}

/* Takes `len` bytes off the front of *rest. */
static bool take(pdb_slice *rest, size_t len, pdb_slice *out)
{
	if (len > rest->len) {
		return false;
	}
	*out = pdb_slice_of(rest->ptr, len);
	*rest = pdb_slice_skip(*rest, len);
	return true;
}

bool pdb__job_row_decode(pdb_slice bytes, pdb__job_row *out)
{
	const uint8_t *at = bytes.ptr;
	pdb_slice rest = pdb_slice_skip(bytes, HEADER_SIZE);

	if (bytes.len < HEADER_SIZE || at[0] != FORMAT || at[AT_STATE] < PDB_JOB_QUEUED ||
	    at[AT_STATE] > PDB_JOB_CANCELLED) {
		return false;
	}
	out->state = (pdb_job_state)at[AT_STATE];
	out->created_ts = (int64_t)pdb_le_get(at + AT_CREATED_TS, 8);
	out->started_ts = (int64_t)pdb_le_get(at + AT_STARTED_TS, 8);
	out->ended_ts = (int64_t)pdb_le_get(at + AT_ENDED_TS, 8);
	out->done = pdb_le_get(at + AT_DONE, 8);
	out->total = pdb_le_get(at + AT_TOTAL, 8);
	return take(&rest, (size_t)pdb_le_get(at + AT_NAME_LEN, 2), &out->name) &&
	       take(&rest, (size_t)pdb_le_get(at + AT_PARAMS_LEN, 4), &out->params) &&
	       take(&rest, (size_t)pdb_le_get(at + AT_ERROR_LEN, 2), &out->error) &&
	       take(&rest, (size_t)pdb_le_get(at + AT_RESULT_LEN, 2), &out->result) &&
	       take(&rest, (size_t)pdb_le_get(at + AT_SAVED_LEN, 4), &out->saved) &&
	       rest.len == 0 && out->name.len > 0;
}

bool pdb_job_row_valid(pdb_slice key, pdb_slice row)
{
	pdb__job_row decoded;
	pdb_slice id = pdb_slice_skip(key, strlen("meta:job:"));

	return pdb_slice_starts(key, PDB_SLICE("meta:job:" PDB__JOB_ID_PREFIX)) &&
	       id.len < PDB_JOB_ID_SIZE && pdb_id_valid(id) && pdb__job_row_decode(row, &decoded) &&
	       pdb_json_check(decoded.params, NULL, NULL) == PDB_OK;
}
