/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of plugins: "meta:plugin:<name>:<key>", each call a transaction of its own. */
#include "store/rows.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/buf.h"
#include "plugin/loader.h"

#define TRIES       8
#define CHUNK       64u
#define CHUNK_BYTES ((size_t)4 * 1024 * 1024)

/* The one database of the process: a plugin is handed no store, and cannot name another. */
static _Atomic(pdb_store *) the_store;

void pdb_rows_use(pdb_store *store)
{
	atomic_store(&the_store, store);
}

static bool printable(pdb_slice key)
{
	for (size_t i = 0; i < key.len; i++) {
		if (key.ptr[i] <= ' ' || key.ptr[i] > '~') {
			return false;
		}
	}
	return true;
}

static pdb_status judge(pdb_slice key, size_t least, pdb_err *err)
{
	if (key.len < least || key.len > PDB_ROW_KEY_MAX || !printable(key)) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "the key of a row is 1 to %u printable bytes without spaces",
				   PDB_ROW_KEY_MAX);
	}
	if (atomic_load(&the_store) == NULL) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, NULL, "the database is not open");
	}
	return PDB_OK;
}

static void key_of(pdb_keybuf *out, const pdb_plugin *plugin, pdb_slice key)
{
	pdb_key_plugin(out, pdb_plugin_manifest_of(plugin)->name, key);
}

/* -- writing --------------------------------------------------------------------------------- */

/* What one transaction is to do; `value` is not looked at for a removal. */
typedef struct change {
	pdb_keybuf key;
	pdb_slice value;
	bool removal;
	bool tried; /* a commit before was uncertain: the row may be gone already */
} change;

static pdb_status change_once(pdb_store *store, change *c, pdb_err *err)
{
	pdb_txn txn = {0};
	uint64_t ticket = 0;
	pdb_status status = pdb_store_begin(store, true, &txn, err);

	if (status == PDB_OK && c->removal) {
		status = pdb_txn_remove(&txn, &c->key.key, err);
	} else if (status == PDB_OK) {
		status = pdb_txn_put(&txn, &c->key.key, c->value, err);
	}
	if (status == PDB_ENOTFOUND && c->tried) {
		status = PDB_OK;
	}
	if (status == PDB_OK) {
		status = pdb_txn_commit(&txn, &ticket, err);
	}
	pdb_txn_abort(&txn);
	if (status == PDB_OK) {
		pdb_store_wait(store, ticket);
	}
	c->tried = c->tried || status == PDB_EUNCERTAIN;
	return status;
}

/* A row says all that there is to say: writing it once more after an uncertain commit is right. */
static pdb_status change_run(change *c, pdb_err *err)
{
	pdb_status status = PDB_ECONFLICT;

	for (int i = 0; i < TRIES && (status == PDB_ECONFLICT || status == PDB_EUNCERTAIN); i++) {
		status = change_once(atomic_load(&the_store), c, err);
	}
	if (status == PDB_ECONFLICT) {
		return pdb_err_set(err, PDB_EBUSY, NULL, "The server is busy; try again.");
	}
	return status;
}

static pdb_status rows_put(pdb_plugin *plugin, pdb_slice key, pdb_slice value, pdb_err *err)
{
	change c = {.value = value};
	pdb_status status = judge(key, 1, err);

	if (status == PDB_OK && value.len > PDB_ROW_VALUE_MAX) {
		status = pdb_err_set(err, PDB_EINVAL, NULL, "a row has at most %u bytes",
				     PDB_ROW_VALUE_MAX);
	}
	if (status != PDB_OK) {
		return status;
	}
	key_of(&c.key, plugin, key);
	return change_run(&c, err);
}

static pdb_status rows_remove(pdb_plugin *plugin, pdb_slice key, pdb_err *err)
{
	change c = {.removal = true};
	pdb_status status = judge(key, 1, err);

	if (status != PDB_OK) {
		return status;
	}
	key_of(&c.key, plugin, key);
	status = change_run(&c, err);
	if (status == PDB_ENOTFOUND) {
		return pdb_err_set(err, status, NULL, "there is no row %.*s", PDB_SLICE_ARGS(key));
	}
	return status;
}

/* -- reading --------------------------------------------------------------------------------- */

/* Rows of one transaction, copied one behind the other: key, value. */
typedef struct chunk {
	pdb_buf bytes;
	size_t key_len[CHUNK];
	size_t value_len[CHUNK];
	size_t count;
} chunk;

static pdb_status collect(void *arg, pdb_slice key, pdb_slice value)
{
	chunk *c = arg;

	pdb_buf_add_slice(&c->bytes, key);
	pdb_buf_add_slice(&c->bytes, value);
	c->key_len[c->count] = key.len;
	c->value_len[c->count] = value.len;
	c->count++;
	if (c->bytes.failed) {
		return PDB_ENOMEM;
	}
	return c->count == CHUNK || c->bytes.len > CHUNK_BYTES ? PDB_ESTOP : PDB_OK;
}

static pdb_slice take(pdb_slice *rest, size_t len)
{
	pdb_slice taken = pdb_slice_of(rest->ptr, len);

	*rest = pdb_slice_skip(*rest, len);
	return taken;
}

static pdb_status chunk_read(const pdb_range *range, chunk *c, pdb_err *err)
{
	pdb_status status = PDB_ECONFLICT;

	for (int i = 0; i < TRIES && status == PDB_ECONFLICT; i++) {
		pdb_txn txn = {0};

		pdb_buf_clear(&c->bytes);
		c->count = 0;
		status = pdb_store_begin(atomic_load(&the_store), false, &txn, err);
		if (status == PDB_OK) {
			status = pdb_txn_scan(&txn, range, collect, c, err);
		}
		pdb_txn_abort(&txn);
	}
	if (status == PDB_ECONFLICT) {
		return pdb_err_set(err, PDB_EBUSY, NULL, "The server is busy; try again.");
	}
	return status;
}

static pdb_status chunk_tell(const chunk *c, size_t skip, char *last, pdb_row_fn row, void *arg)
{
	pdb_slice rest = pdb_buf_slice(&c->bytes);
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < c->count && status == PDB_OK; i++) {
		pdb_slice key = take(&rest, c->key_len[i]);
		pdb_slice value = take(&rest, c->value_len[i]);

		/* With its final NUL the least key behind this one. */
		(void)snprintf(last, PDB_KEY_MAX + 1, "%.*s", PDB_SLICE_ARGS(key));
		status = row(arg, pdb_slice_skip(key, skip), value);
	}
	return status;
}

static pdb_status rows_scan(pdb_plugin *plugin, pdb_slice prefix, pdb_row_fn row, void *arg,
			    pdb_err *err)
{
	pdb_keybuf from;
	pdb_keybuf to;
	char last[PDB_KEY_MAX + 1];
	size_t skip;
	chunk c = {0};
	pdb_range range = {0};
	pdb_status status = judge(prefix, 0, err);

	if (status != PDB_OK) {
		return status;
	}
	key_of(&from, plugin, prefix);
	pdb_key_prefix_end(&to, &from);
	skip = from.key.bytes.len - prefix.len;
	range.partition = from.key.partition;
	range.from = from.key.bytes;
	range.to = to.key.bytes;
	do {
		status = chunk_read(&range, &c, err);
		if (status == PDB_OK && c.count > 0) {
			status = chunk_tell(&c, skip, last, row, arg);
			range.from = pdb_slice_of(last, strlen(last) + 1);
		}
	} while (status == PDB_OK && c.count > 0);
	pdb_buf_fini(&c.bytes);
	return status == PDB_ESTOP ? PDB_OK : status;
}

static pdb_status rows_get(pdb_plugin *plugin, pdb_slice key, pdb_row_fn row, void *arg,
			   pdb_err *err)
{
	pdb_keybuf from;
	char last[PDB_KEY_MAX + 1];
	char to[PDB_KEY_MAX + 1];
	chunk c = {0};
	pdb_range range = {.limit = 1};
	pdb_status status = judge(key, 1, err);

	if (status != PDB_OK) {
		return status;
	}
	key_of(&from, plugin, key);
	memcpy(to, from.key.bytes.ptr, from.key.bytes.len);
	to[from.key.bytes.len] = '\0';
	range.partition = from.key.partition;
	range.from = from.key.bytes;
	range.to = pdb_slice_of(to, from.key.bytes.len + 1);
	status = chunk_read(&range, &c, err);
	if (status == PDB_OK && c.count == 0) {
		status = pdb_err_set(err, PDB_ENOTFOUND, NULL, "there is no row %.*s",
				     PDB_SLICE_ARGS(key));
	} else if (status == PDB_OK) {
		status = chunk_tell(&c, from.key.bytes.len - key.len, last, row, arg);
	}
	pdb_buf_fini(&c.bytes);
	return status;
}

const pdb_host_rows pdb_rows_table = {
	.size = sizeof(pdb_host_rows),
	.put = rows_put,
	.remove = rows_remove,
	.get = rows_get,
	.scan = rows_scan,
};
