/* SPDX-License-Identifier: Apache-2.0 */
/* Notes of threads: what record hooks keep for a thread, seen before a transaction, kept in it. */
#include "chat/chat_private.h"

static pdb_status look_outside(pdb__op *op, pdb_err *err)
{
	pdb__meta meta;
	bool found = false;
	pdb_status status = pdb_store_begin(op->chat->store, false, &op->txn, err);

	if (status == PDB_OK) {
		status =
			pdb__thread_load(&op->txn, op->arena, op->thread, &meta, NULL, &found, err);
	}
	pdb_txn_abort(&op->txn);
	op->notes_now = found ? meta.notes : pdb_slice_of(NULL, 0);
	return status;
}

pdb_status pdb__notes_look(pdb__op *op, pdb_err *err)
{
	pdb_status status = PDB_OK;

	if (op->notes_seen) {
		return PDB_OK;
	}
	if (op->inside) {
		op->notes_now = op->meta.notes;
	} else {
		status = look_outside(op, err);
	}
	op->notes_before = op->notes_now;
	op->notes_set = false;
	op->notes_seen = status == PDB_OK;
	return status;
}

pdb_status pdb__notes_settle(pdb__op *op, pdb_err *err)
{
	pdb__meta meta = op->meta;

	if (!op->notes_seen) {
		return PDB_OK;
	}
	if (!pdb_slice_equal(op->notes_before, meta.notes)) {
		op->notes_seen = false;
		return PDB_ESTOP;
	}
	if (!op->notes_set || !op->found || pdb_slice_equal(op->notes_now, meta.notes)) {
		return PDB_OK;
	}
	meta.notes = op->notes_now;
	return pdb__op_put_meta(op, &meta, err);
}
