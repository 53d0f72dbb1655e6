/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of lists: author: for each who takes part, all:, and deleted:. */
#include "chat/chat_private.h"

pdb_status pdb__list_row_put(pdb__op *op, pdb_slice author, uint64_t ns, pdb_err *err)
{
	pdb_keybuf key;

	pdb_key_author(&key, author, ns, op->thread);
	return pdb_txn_put(&op->txn, &key.key, pdb_slice_of(NULL, 0), err);
}

/* A row that is not there is none to remove: list rows are derived, and repaired by moving. */
pdb_status pdb__list_row_remove(pdb__op *op, pdb_slice author, uint64_t ns, pdb_err *err)
{
	pdb_keybuf key;
	pdb_status status;

	pdb_key_author(&key, author, ns, op->thread);
	status = pdb_txn_remove(&op->txn, &key.key, err);
	return status == PDB_ENOTFOUND ? PDB_OK : status;
}

pdb_status pdb__member_put(pdb__op *op, pdb_slice user, uint64_t ns, pdb_err *err)
{
	pdb_status status = pdb__list_row_put(op, user, ns, err);

	return status == PDB_OK ? pdb__trace_put(op, user, err) : status;
}

/* What the user wrote stays, and its trace with it. */
pdb_status pdb__member_remove(pdb__op *op, pdb_slice user, uint64_t ns, pdb_err *err)
{
	pdb_status status = pdb__list_row_remove(op, user, ns, err);

	return status == PDB_OK ? pdb__guest_put(op, user, err) : status;
}

pdb_status pdb__list_rows_first(pdb__op *op, pdb_err *err)
{
	pdb_keybuf key;
	size_t cursor = 0;
	pdb_slice participant;
	pdb_status status = pdb__member_put(op, op->meta.author, op->head.list_ns, err);

	while (status == PDB_OK &&
	       pdb__participant_next(op->meta.participants, &cursor, &participant)) {
		status = pdb__member_put(op, participant, op->head.list_ns, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	pdb_key_all(&key, op->head.all_ns, op->thread);
	return pdb_txn_put(&op->txn, &key.key, pdb_slice_of(NULL, 0), err);
}

static pdb_status row_move(pdb__op *op, pdb_slice author, pdb_err *err)
{
	pdb_status status = pdb__list_row_remove(op, author, op->head.list_ns, err);

	return status == PDB_OK ? pdb__list_row_put(op, author, op->head.last_ns, err) : status;
}

pdb_status pdb__list_rows_move(pdb__op *op, pdb_err *err)
{
	size_t cursor = 0;
	pdb_slice participant;
	pdb_status status = PDB_OK;

	if (op->head.list_ns == op->head.last_ns) {
		return PDB_OK;
	}
	status = row_move(op, op->meta.author, err);
	while (status == PDB_OK &&
	       pdb__participant_next(op->meta.participants, &cursor, &participant)) {
		status = row_move(op, participant, err);
	}
	op->head.list_ns = op->head.last_ns;
	op->changed = true;
	return status;
}

pdb_status pdb__all_row_move(pdb__op *op, pdb_err *err)
{
	pdb_keybuf key;
	pdb_status status;

	if (op->head.all_ns == op->head.last_ns) {
		return PDB_OK;
	}
	pdb_key_all(&key, op->head.all_ns, op->thread);
	status = pdb_txn_remove(&op->txn, &key.key, err);
	if (status != PDB_OK && status != PDB_ENOTFOUND) {
		return status;
	}
	op->head.all_ns = op->head.last_ns;
	op->changed = true;
	pdb_key_all(&key, op->head.all_ns, op->thread);
	return pdb_txn_put(&op->txn, &key.key, pdb_slice_of(NULL, 0), err);
}

pdb_status pdb__deleted_row_put(pdb__op *op, int64_t ts, pdb_slice message, pdb_err *err)
{
	pdb_keybuf key;

	pdb_key_deleted(&key, (uint64_t)ts, op->thread, message);
	return pdb_txn_put(&op->txn, &key.key, pdb_slice_of(NULL, 0), err);
}

pdb_status pdb__deleted_row_remove(pdb__op *op, int64_t ts, pdb_slice message, pdb_err *err)
{
	pdb_keybuf key;
	pdb_status status;

	pdb_key_deleted(&key, (uint64_t)ts, op->thread, message);
	status = pdb_txn_remove(&op->txn, &key.key, err);
	return status == PDB_ENOTFOUND ? PDB_OK : status;
}
