/* SPDX-License-Identifier: Apache-2.0 */
/* The steered backend: the memory one, with its open, close, commit and sync in the tests' hands.
 */
#include "fake_backend.h"

#include <ftw.h>
#include <sched.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "plugin/loader.h"

#define DEADLINE_NS (INT64_C(20) * PDB_NS_PER_SECOND)

fake_backend fake;
static const pdb_storage_ops *memory;
static pdb_loader *loader;

static const pdb_host host = {
	.size = sizeof(pdb_host),
	.alloc = pdb_mem_alloc,
	.realloc = pdb_mem_realloc,
	.free = pdb_mem_free,
	.log = pdb_log,
	.now = pdb_clock_now,
	.monotonic = pdb_clock_monotonic,
	.random = pdb_random,
};

static pdb_status fake_ops_open(const pdb_storage_params *params, void **db_out, pdb_err *err)
{
	pdb_status status = PDB_OK;

	cr_expect_str_eq(params->directory, fake.directory);
	if (fake.db == NULL) {
		status = memory->open(params, &fake.db, err);
	}
	*db_out = fake.db;
	fake.opened++;
	return status;
}

static void fake_ops_close(void **db)
{
	*db = NULL;
	fake.closed++;
}

static pdb_status fake_ops_commit(void **txn, pdb_err *err)
{
	if (fake.commit_result == PDB_OK) {
		return memory->commit(txn, err);
	}
	memory->abort(txn);
	return pdb_err_set(err, fake.commit_result, NULL, "as the test wants it");
}

static pdb_status fake_ops_sync(void *db, pdb_err *err)
{
	(void)db;
	(void)err;
	fake.syncs_begun++;
	while (atomic_load(&fake.hold)) {
		(void)sched_yield();
	}
	fake.syncs_ended++;
	return PDB_OK;
}

void fake_init(void)
{
	pdb_plugin *plugin = NULL;
	pdb_err err = {0};

	pdb_log_set_level(PDB_LOG_ERROR);
	cr_assert_eq(pdb_loader_create(&loader, PDB_TEST_PLUGINS, NULL, &err), PDB_OK, "%s",
		     err.text);
	cr_assert_eq(pdb_loader_load(loader, "memory", PDB_KIND_STORAGE, &plugin, &err), PDB_OK,
		     "%s", err.text);
	memory = pdb_plugin_storage(plugin);
	fake.ops = *memory;
	fake.ops.open = fake_ops_open;
	fake.ops.close = fake_ops_close;
	fake.ops.commit = fake_ops_commit;
	fake.ops.sync = fake_ops_sync;
	(void)snprintf(fake.directory, sizeof(fake.directory), "/tmp/pdb-store-XXXXXX");
	cr_assert_not_null(mkdtemp(fake.directory));
	fake.params = (pdb_storage_params){.size = sizeof(fake.params), .host = &host};
	fake.settings = (pdb_store_settings){.directory = fake.directory,
					     .sync_interval = PDB_NS_PER_SECOND};
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info;
	(void)kind;
	(void)walk;
	return remove(path);
}

void fake_forget(void)
{
	if (fake.db != NULL) {
		memory->close(&fake.db);
	}
}

void fake_clean(void)
{
	atomic_store(&fake.hold, false);
	fake_forget();
	pdb_loader_destroy(&loader);
	(void)nftw(fake.directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

pdb_store *fake_open(void)
{
	pdb_store *store = NULL;
	pdb_err err = {0};

	cr_assert_eq(pdb_store_open(&store, &fake.ops, &fake.params, &fake.settings, &err), PDB_OK,
		     "%s", err.text);
	return store;
}

void fake_refused(pdb_status status, pdb_err *err)
{
	pdb_store *store = NULL;

	cr_expect_eq(pdb_store_open(&store, &fake.ops, &fake.params, &fake.settings, err), status,
		     "%s", err->text);
	cr_assert_null(store);
}

uint64_t fake_commit(pdb_store *store, const char *name)
{
	pdb_keybuf key;
	pdb_txn txn;
	uint64_t ticket = 0;

	pdb_key_meta(&key, name);
	cr_assert_eq(pdb_store_begin(store, true, &txn, NULL), PDB_OK);
	cr_assert_eq(pdb_txn_put(&txn, &key.key, PDB_SLICE("v"), NULL), PDB_OK);
	cr_assert_eq(pdb_txn_commit(&txn, &ticket, NULL), PDB_OK);
	return ticket;
}

void fake_wait(atomic_uint *counter, unsigned expected)
{
	int64_t deadline = pdb_clock_monotonic() + DEADLINE_NS;

	while (atomic_load(counter) < expected) {
		cr_assert(pdb_clock_monotonic() < deadline, "%u of %u came", atomic_load(counter),
			  expected);
		(void)sched_yield();
	}
}

void fake_write_meta(const char *name, const char *value)
{
	pdb_keybuf key;
	void *txn = NULL;

	pdb_key_meta(&key, name);
	cr_assert_eq(memory->begin(fake.db, true, &txn, NULL), PDB_OK);
	cr_assert_eq(memory->put(txn, &key.key, pdb_slice_text(value), NULL), PDB_OK);
	cr_assert_eq(memory->commit(&txn, NULL), PDB_OK);
}
