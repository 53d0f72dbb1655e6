/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing a store, and what can be asked of it as a whole. */
#include "store/store.h"

#include "base/mem.h"
#include "store/store_private.h"

/* Directory and watch, for a backend that lives in files. */
static pdb_status open_directory(pdb_store *store, const pdb_store_settings *settings, pdb_err *err)
{
	pdb_status status = PDB_OK;

	if ((store->capabilities & PDB_STORAGE_DIRECTORY) != 0) {
		status = pdb__directory_open(&store->directory, settings->directory, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	status = pdb__watch_start(&store->watch, store->directory.fd, settings->reserve_bytes, err);
	if (status == PDB_OK && store->directory.fd >= 0 && pdb_store_writable(store)) {
		pdb__directory_add_ballast(&store->directory);
	}
	return status;
}

static pdb_status open_backend(pdb_store *store, const pdb_storage_params *params,
			       const pdb_store_settings *settings, pdb_err *err)
{
	pdb_storage_params given = *params;
	pdb_status status;

	given.directory = settings->directory;
	status = store->ops->open(&given, &store->db, err);
	if (status != PDB_OK) {
		store->db = NULL;
		return status;
	}
	pdb__watch_ask(&store->watch, store->ops, store->db);
	status = pdb__flusher_start(&store->flusher, store->ops, store->db, settings, err);
	return status == PDB_OK ? pdb__format_open(store, err) : status;
}

pdb_status pdb_store_open(pdb_store **out, const pdb_storage_ops *ops,
			  const pdb_storage_params *params, const pdb_store_settings *settings,
			  pdb_err *err)
{
	pdb_status status = pdb__ops_check(ops, err);
	pdb_store *store = NULL;

	*out = NULL;
	if (status != PDB_OK) {
		return status;
	}
	store = pdb_mem_zalloc(sizeof(*store));
	if (store == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "No memory for the store.");
	}
	store->ops = ops;
	store->capabilities = ops->capabilities;
	if (params->inner != NULL) {
		store->capabilities |= params->inner->capabilities;
	}
	store->directory = (pdb__directory)PDB__DIRECTORY_CLOSED;
	status = open_directory(store, settings, err);
	if (status == PDB_OK) {
		status = open_backend(store, params, settings, err);
	}
	if (status != PDB_OK) {
		pdb_store_close(&store);
	}
	*out = store;
	return status;
}

void pdb_store_close(pdb_store **store_)
{
	pdb_store *store = *store_;

	*store_ = NULL;
	if (store == NULL) {
		return;
	}
	pdb__flusher_stop(&store->flusher);
	pdb__watch_ask(&store->watch, NULL, NULL);
	if (store->db != NULL) {
		store->ops->close(&store->db);
	}
	pdb__watch_stop(&store->watch);
	pdb__directory_close(&store->directory);
	explicit_bzero(store->secret, sizeof(store->secret));
	pdb_mem_free(store);
}

uint64_t pdb_store_durable(const pdb_store *store)
{
	return atomic_load(&store->flusher.published);
}

uint64_t pdb_store_unsynced(const pdb_store *store)
{
	uint64_t synced = atomic_load(&store->flusher.synced);

	return atomic_load(&store->flusher.committed) - synced;
}

void pdb_store_wait(pdb_store *store, uint64_t ticket)
{
	pdb__flusher_wait(&store->flusher, ticket);
}

pdb_status pdb_store_on_durable(pdb_store *store, pdb_durable_fn told, void *arg, pdb_err *err)
{
	return pdb__flusher_tell(&store->flusher, told, arg, err);
}

bool pdb_store_writable(const pdb_store *store)
{
	return atomic_load_explicit(&store->watch.writable, memory_order_relaxed);
}

uint32_t pdb_store_capabilities(const pdb_store *store)
{
	return store->capabilities;
}

const char *pdb_store_database_id(const pdb_store *store)
{
	return store->id;
}

const uint8_t *pdb_store_secret(const pdb_store *store)
{
	return store->secret;
}

pdb_status pdb_store_stats(pdb_store *store, pdb_stat_fn stat, void *arg)
{
	pdb__flusher *flusher = &store->flusher;

	stat(arg, "commits", (double)atomic_load(&flusher->committed));
	stat(arg, "syncs", (double)atomic_load(&flusher->syncs));
	stat(arg, "sync_seconds", (double)atomic_load(&flusher->sync_ns) / 1e9);
	stat(arg, "writable", pdb_store_writable(store) ? 1 : 0);
	if (store->watch.worker.running) {
		stat(arg, "disk_free_bytes", (double)atomic_load(&store->watch.free));
	}
	return PDB_HAS(store->ops, stats) ? store->ops->stats(store->db, stat, arg) : PDB_OK;
}

pdb_status pdb_store_backup(pdb_store *store, const char *directory, pdb_err *err)
{
	pdb_status status;

	if (!PDB_HAS(store->ops, backup)) {
		return pdb_err_set(err, PDB_ENOTSUP, NULL,
				   "The storage backend cannot be backed up while it runs.");
	}
	status = pdb__directory_make_empty(directory, err);
	return status == PDB_OK ? store->ops->backup(store->db, directory, err) : status;
}

pdb_status pdb_store_files(pdb_store *store, pdb_storage_file_fn file, void *arg, pdb_err *err)
{
	if (!PDB_HAS(store->ops, files)) {
		return pdb_err_set(err, PDB_ENOTSUP, "no_backup",
				   "The storage backend cannot be backed up while it runs.");
	}
	return store->ops->files(store->db, file, arg, err);
}

pdb_status pdb_store_check(pdb_store *store, pdb_err *err)
{
	if (!PDB_HAS(store->ops, check)) {
		return pdb_err_set(err, PDB_ENOTSUP, NULL,
				   "The storage backend cannot verify its own files.");
	}
	return store->ops->check(store->db, err);
}
