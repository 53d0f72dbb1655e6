/* SPDX-License-Identifier: Apache-2.0 */
/* Query parameters, judged strictly. */
#include "api/api_private.h"
#include "base/text.h"

#define LIMIT_MAX 1000u

pdb_slice pdb__query_text(const pdb__call *call, const char *name)
{
	pdb_slice value = {0};

	(void)pdb_request_query(call->request, name, &value);
	return value;
}

pdb_status pdb__query_limit(pdb__call *call, uint32_t *limit_out)
{
	pdb_slice text = {0};
	uint64_t number = 0;

	*limit_out = 0;
	if (!pdb_request_query(call->request, "limit", &text)) {
		return PDB_OK;
	}
	if (!pdb_text_to_uint(text, &number) || number < 1 || number > LIMIT_MAX) {
		return pdb_err_set(call->err, PDB_EINVAL, "invalid_limit",
				   "limit must be a number from 1 to %u.", LIMIT_MAX);
	}
	*limit_out = (uint32_t)number;
	return PDB_OK;
}

pdb_status pdb__query_include_deleted(pdb__call *call, bool *flag_out)
{
	pdb_slice text = {0};

	*flag_out = false;
	if (!pdb_request_query(call->request, "include_deleted", &text)) {
		return PDB_OK;
	}
	*flag_out = pdb_slice_is(text, "true") || pdb_slice_is(text, "1");
	if (!*flag_out && !pdb_slice_is(text, "false") && !pdb_slice_is(text, "0")) {
		return pdb_err_set(call->err, PDB_EINVAL, "invalid_include_deleted",
				   "include_deleted must be true or false.");
	}
	return PDB_OK;
}
