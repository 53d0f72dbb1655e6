/* SPDX-License-Identifier: Apache-2.0 */
/* The rows that say what a database is: its format version, id and secret. */
#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "store/store_private.h"

static pdb_status corrupt(pdb_err *err, const char *name)
{
	return pdb_err_set(err, PDB_ECORRUPT, NULL, "The row meta:%s is not readable.", name);
}

static pdb_status get(pdb_txn *txn, const char *name, pdb_slice *value, pdb_err *err)
{
	pdb_keybuf key;

	pdb_key_meta(&key, name);
	return pdb_txn_get(txn, &key.key, value, err);
}

static pdb_status put(pdb_txn *txn, const char *name, const char *value, pdb_err *err)
{
	pdb_keybuf key;

	pdb_key_meta(&key, name);
	return pdb_txn_put(txn, &key.key, pdb_slice_text(value), err);
}

/* Reads `len` hex digits; the transaction is asked for one row at a time. */
static pdb_status read_hex(pdb_txn *txn, const char *name, uint8_t *out, size_t digits,
			   pdb_err *err)
{
	pdb_slice value;
	pdb_status status = get(txn, name, &value, err);

	if (status == PDB_ENOTFOUND) {
		return corrupt(err, name);
	}
	if (status == PDB_OK && (value.len != digits || !pdb_hex_decode(out, value))) {
		return corrupt(err, name);
	}
	return status;
}

static pdb_status read_identity(pdb_store *store, pdb_txn *txn, pdb_err *err)
{
	uint8_t id[PDB__ID_LEN / 2];
	pdb_status status = read_hex(txn, "database_id", id, PDB__ID_LEN, err);

	if (status != PDB_OK) {
		return status;
	}
	pdb_hex_encode(store->id, pdb_slice_of(id, sizeof(id)));
	return read_hex(txn, "secret", store->secret, (size_t)2 * PDB__SECRET_LEN, err);
}

static pdb_status stop_at_first(void *arg, pdb_slice key, pdb_slice value)
{
	bool *found = arg;

	(void)key;
	(void)value;
	*found = true;
	return PDB_ESTOP;
}

/* A database without a format row must have no row at all: else it is somebody else's. */
static pdb_status expect_empty(pdb_store *store, pdb_txn *txn, pdb_err *err)
{
	pdb_range range = {.limit = 1};
	bool found = false;
	pdb_status status;

	if ((store->capabilities & PDB_STORAGE_GLOBAL_SCAN) == 0) {
		return PDB_OK;
	}
	status = pdb_txn_scan(txn, &range, stop_at_first, &found, err);
	if (status == PDB_OK && found) {
		status = pdb_err_set(err, PDB_ECORRUPT, NULL,
				     "The database has rows but no format version.");
	}
	return status;
}

static pdb_status write_new(pdb_store *store, pdb_txn *txn, pdb_err *err)
{
	uint8_t id[PDB__ID_LEN / 2];
	char secret[2 * PDB__SECRET_LEN + 1];
	char format[16];
	pdb_status status = expect_empty(store, txn, err);

	if (status != PDB_OK) {
		return status;
	}
	pdb_random(id, sizeof(id));
	pdb_hex_encode(store->id, pdb_slice_of(id, sizeof(id)));
	pdb_random(store->secret, sizeof(store->secret));
	pdb_hex_encode(secret, pdb_slice_of(store->secret, sizeof(store->secret)));
	(void)snprintf(format, sizeof(format), "%u", PDB_STORE_FORMAT);
	status = put(txn, "format", format, err);
	if (status == PDB_OK) {
		status = put(txn, "database_id", store->id, err);
	}
	if (status == PDB_OK) {
		status = put(txn, "secret", secret, err);
	}
	return status;
}

static pdb_status judge(pdb_slice value, uint64_t *format, pdb_err *err)
{
	if (!pdb_text_to_uint(value, format) || *format == 0) {
		return corrupt(err, "format");
	}
	if (*format > PDB_STORE_FORMAT) {
		return pdb_err_set(err, PDB_ENOTSUP, NULL,
				   "The database has format %llu, this program writes format %u; "
				   "a newer program is needed.",
				   (unsigned long long)*format, PDB_STORE_FORMAT);
	}
	return PDB_OK;
}

static pdb_status commit(pdb_store *store, pdb_txn *txn, pdb_err *err)
{
	uint64_t ticket = 0;
	pdb_status status = pdb_txn_commit(txn, &ticket, err);

	if (status == PDB_OK) {
		pdb_store_wait(store, ticket);
	}
	return status;
}

/* Rows "trace:" and "guest:" are new: until a job has made those that are missing, nobody may rely
 * on them. */
static pdb_status to_2(pdb_store *store, pdb_err *err)
{
	pdb_txn txn;
	pdb_status status = pdb_store_begin(store, true, &txn, err);

	if (status != PDB_OK) {
		return status;
	}
	status = put(&txn, PDB_META_UNTRACED, "", err);
	if (status == PDB_OK) {
		status = put(&txn, "format", "2", err);
	}
	if (status != PDB_OK) {
		pdb_txn_abort(&txn);
		return status;
	}
	return commit(store, &txn, err);
}

/*
 * From format n to n + 1, at index n. Each is a sequence of transactions that may be killed at any
 * moment and run again, and that writes the new version last. There is no format before 1.
 */
typedef pdb_status (*upgrade_fn)(pdb_store *store, pdb_err *err);
static const upgrade_fn UPGRADES[PDB_STORE_FORMAT] = {NULL, to_2};

static pdb_status upgrade(pdb_store *store, uint64_t from, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (uint64_t at = from; status == PDB_OK && at < PDB_STORE_FORMAT; at++) {
		pdb_log(PDB_LOG_INFO, "store", "upgrading the database from format %llu to %llu",
			(unsigned long long)at, (unsigned long long)at + 1);
		status = UPGRADES[at] != NULL ? UPGRADES[at](store, err) : corrupt(err, "format");
	}
	return status;
}

/* Reads what the database says of itself; PDB_ENOTFOUND when it is new. */
static pdb_status read_all(pdb_store *store, uint64_t *format, pdb_err *err)
{
	pdb_slice value;
	pdb_txn txn;
	pdb_status status = pdb_store_begin(store, false, &txn, err);

	if (status != PDB_OK) {
		return status;
	}
	status = get(&txn, "format", &value, err);
	if (status == PDB_OK) {
		status = judge(value, format, err);
	}
	if (status == PDB_OK) {
		status = read_identity(store, &txn, err);
	}
	pdb_txn_abort(&txn);
	return status;
}

/* One transaction: a database has either all of its identity or none. */
static pdb_status write_all(pdb_store *store, pdb_err *err)
{
	pdb_txn txn;
	pdb_status status = pdb_store_begin(store, true, &txn, err);

	if (status != PDB_OK) {
		return status;
	}
	status = write_new(store, &txn, err);
	if (status != PDB_OK) {
		pdb_txn_abort(&txn);
		return status;
	}
	return commit(store, &txn, err);
}

pdb_status pdb__format_open(pdb_store *store, pdb_err *err)
{
	uint64_t format = 0;
	pdb_status status = read_all(store, &format, err);

	if (status == PDB_ENOTFOUND) {
		return write_all(store, err);
	}
	return status == PDB_OK ? upgrade(store, format, err) : status;
}
