/* SPDX-License-Identifier: Apache-2.0 */
/* The control table: what an operator's plugin may ask of the server as a whole. */
#include <limits.h>
#include <stdlib.h>

#include "backup/backup.h"
#include "base/clock.h"
#include "base/log.h"
#include "server/server_private.h"

/* The one server of the process; set while it runs. */
static pdb_server *_Atomic the_server;
static _Atomic int64_t opened_at;

void pdb__control_use(pdb_server *server)
{
	atomic_store(&the_server, server);
	if (server == NULL) {
		atomic_store(&opened_at, 0);
	}
}

void pdb__control_opened(void)
{
	atomic_store(&opened_at, pdb_clock_monotonic());
}

static const char *control_version(void)
{
	return PDB_VERSION;
}

static const char *control_database_id(void)
{
	const pdb_server *server = atomic_load(&the_server);

	return server != NULL && server->store != NULL ? pdb_store_database_id(server->store) : "";
}

static const char *control_directory(void)
{
	const pdb_server *server = atomic_load(&the_server);

	return server != NULL && server->store != NULL ? server->first.db_path : "";
}

static int64_t control_uptime(void)
{
	int64_t since = atomic_load(&opened_at);

	return since > 0 ? pdb_clock_monotonic() - since : 0;
}

static pdb_status need_server(pdb_server **out, pdb_err *err)
{
	*out = atomic_load(&the_server);
	if (*out == NULL) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, "not_ready", "The server is not ready.");
	}
	return PDB_OK;
}

static pdb_status need_store(pdb_server **out, pdb_err *err)
{
	pdb_server *server = atomic_load(&the_server);

	*out = server;
	if (server == NULL || server->store == NULL) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, "not_ready", "The database is not open.");
	}
	return PDB_OK;
}

static pdb_status control_reload(pdb_reload_fn told, void *arg, pdb_err *err)
{
	pdb_server *server;
	pdb_status status = need_server(&server, err);

	return status == PDB_OK ? pdb__setup_reload(server, told, arg, err) : status;
}

static pdb_status control_stats(pdb_stat_fn stat, void *arg)
{
	pdb_server *server;
	pdb_status status = need_store(&server, NULL);
	uint64_t threads = 0;
	uint64_t messages = 0;

	if (status != PDB_OK) {
		return status;
	}
	if (server->chat != NULL) {
		pdb_chat_counts(server->chat, &threads, &messages);
	}
	stat(arg, "threads", (double)threads);
	stat(arg, "messages", (double)messages);
	return pdb_store_stats(server->store, stat, arg);
}

static void control_config(pdb_setting_fn setting, void *arg)
{
	pdb_server *server = atomic_load(&the_server);

	if (server == NULL) {
		return;
	}
	(void)pthread_mutex_lock(&server->reload_lock);
	pdb_config_each(server->first.config,
			server->current.config != NULL ? server->current.config
						       : server->first.config,
			setting, arg);
	(void)pthread_mutex_unlock(&server->reload_lock);
}

static void control_routes(pdb_route_fn route, void *arg)
{
	pdb_server *server = atomic_load(&the_server);
	const pdb_socket_list *list;

	if (server == NULL) {
		return;
	}
	list = &pdb_loader_sockets(server->loader)->lists[PDB_SOCKET_ROUTE];
	for (size_t i = 0; i < list->count; i++) {
		route(arg, list->entries[i].ops, list->entries[i].owner);
	}
}

static pdb_status control_audit(pdb_slice members, pdb_err *err)
{
	pdb_server *server;
	pdb_status status = need_server(&server, err);

	return status == PDB_OK ? pdb__audit_write(&server->audit, members, err) : status;
}

/* -- raw rows ---------------------------------------------------------------------------------- */

/* The first key behind all that begin with `prefix`; empty when there is none. */
static pdb_slice prefix_end(pdb_slice prefix, uint8_t end[PDB_KEY_MAX])
{
	size_t len = prefix.len;

	if (len > 0) {
		memcpy(end, prefix.ptr, len);
	}
	while (len > 0 && end[len - 1] == 0xff) {
		len--;
	}
	if (len > 0) {
		end[len - 1]++;
	}
	return pdb_slice_of(end, len);
}

static pdb_status scan(pdb_store *store, const pdb_range *range, pdb_row_fn row, void *arg,
		       pdb_err *err)
{
	pdb_txn txn = {0};
	pdb_status status;

	if ((pdb_store_capabilities(store) & PDB_STORAGE_GLOBAL_SCAN) == 0) {
		return pdb_err_set(err, PDB_ENOTSUP, NULL,
				   "The storage backend cannot list all its keys.");
	}
	status = pdb_store_begin(store, false, &txn, err);
	if (status == PDB_OK) {
		status = pdb_txn_scan(&txn, range, row, arg, err);
	}
	pdb_txn_abort(&txn);
	return status;
}

static pdb_status judge_key(pdb_slice key, const char *what, pdb_err *err)
{
	/* one byte is kept for the key behind it */
	if (key.len >= PDB_KEY_MAX) {
		return pdb_err_set(err, PDB_EINVAL, "invalid_key", "%s is too long for a key.",
				   what);
	}
	return PDB_OK;
}

static pdb_status control_keys(pdb_slice prefix, pdb_slice after, size_t limit, pdb_row_fn row,
			       void *arg, pdb_err *err)
{
	uint8_t end[PDB_KEY_MAX];
	uint8_t next[PDB_KEY_MAX];
	pdb_range range = {.from = prefix, .limit = limit};
	pdb_server *server;
	pdb_status status = need_store(&server, err);

	if (status == PDB_OK) {
		status = judge_key(prefix, "prefix", err);
	}
	if (status == PDB_OK) {
		status = judge_key(after, "cursor", err);
	}
	if (status != PDB_OK) {
		return status;
	}
	if (after.len > 0 && pdb_slice_compare(after, prefix) >= 0) {
		memcpy(next, after.ptr, after.len);
		next[after.len] = 0;
		range.from = pdb_slice_of(next, after.len + 1);
	}
	range.to = prefix_end(prefix, end);
	if (range.to.len > 0 && pdb_slice_compare(range.from, range.to) >= 0) {
		return PDB_OK;
	}
	return scan(server->store, &range, row, arg, err);
}

typedef struct viewing {
	pdb_slice key;
	pdb_buf text;
	bool found;
} viewing;

static pdb_status view_row(void *arg, pdb_slice key, pdb_slice value)
{
	viewing *v = arg;

	if (!pdb_slice_equal(key, v->key)) {
		return PDB_ESTOP;
	}
	v->found = true;
	return pdb_chat_row_view(key, value, &v->text, NULL);
}

static pdb_status control_view(pdb_slice key, pdb_row_fn told, void *arg, pdb_err *err)
{
	viewing v = {.key = key};
	pdb_range range = {.from = key, .limit = 1};
	pdb_server *server;
	pdb_status status = need_store(&server, err);

	if (status == PDB_OK) {
		status = judge_key(key, "the key", err);
	}
	if (status == PDB_OK) {
		status = scan(server->store, &range, view_row, &v, err);
	}
	if (status == PDB_OK && !v.found) {
		status = pdb_err_set(err, PDB_ENOTFOUND, NULL, "There is no row with this key.");
	}
	if (status == PDB_OK) {
		status = told(arg, key, pdb_buf_slice(&v.text));
	}
	pdb_buf_fini(&v.text);
	return status;
}

/* -- backup ------------------------------------------------------------------------------------ */

static pdb_status control_backup(const pdb_backup_params *params, pdb_backup_result *out,
				 pdb_err *err)
{
	pdb_server *server;
	pdb_status status = need_store(&server, err);
	pdb_backup_source source;
	char state[PATH_MAX + sizeof("/state")];

	if (status != PDB_OK) {
		return status;
	}
	(void)snprintf(state, sizeof(state), "%s/state", server->first.db_path);
	source = (pdb_backup_source){
		.store = server->store,
		.backend = server->first.store->inner[0] != '\0' ? server->first.store->inner
								 : server->first.store->backend,
		.state = state,
		.since_ts = server->started,
	};
	return pdb_backup_make(&source, params, out, err);
}

const pdb_host_control pdb__host_control = {
	.size = sizeof(pdb_host_control),
	.version = control_version,
	.database_id = control_database_id,
	.uptime = control_uptime,
	.reload = control_reload,
	.log_level = pdb_log_get_level,
	.set_log_level = pdb_log_set_level,
	.stats = control_stats,
	.config = control_config,
	.routes = control_routes,
	.audit = control_audit,
	.keys = control_keys,
	.view = control_view,
	.backup = control_backup,
	.directory = control_directory,
};
