/* SPDX-License-Identifier: Apache-2.0 */
/* Judges a backend's ops table once, so that no call has to. */
#include "store/store_private.h"

pdb_status pdb__ops_check(const pdb_storage_ops *ops, pdb_err *err)
{
	const char *missing = NULL;

#define NEED(op) missing = missing == NULL && !PDB_HAS(ops, op) ? #op : missing
	NEED(open);
	NEED(close);
	NEED(begin);
	NEED(get);
	NEED(put);
	NEED(insert);
	NEED(remove);
	NEED(scan);
	NEED(commit);
	NEED(abort);
	NEED(sync);
#undef NEED
	if (missing == NULL) {
		return PDB_OK;
	}
	return pdb_err_set(err, PDB_EABI, NULL, "The storage backend has no '%s'.", missing);
}
