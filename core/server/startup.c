/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which the daemon comes up; it goes down in reverse. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/directory.h"
#include "base/log.h"
#include "server/server_private.h"
#include "store/rows.h"

static pdb_status log_open(const pdb_server_settings *settings, pdb_err *err)
{
	pdb_status status = pdb_log_open(PDB_LOG_MAIN, settings->log_sink, err);

	pdb__server_log_use(settings);
	if (status == PDB_OK && settings->access_sink[0] != '\0') {
		status = pdb_log_open(PDB_LOG_ACCESS, settings->access_sink, err);
	}
	return status;
}

/* Who may write there could put another database, or other keys, in the place of these. */
static pdb_status judge_place(const char *path, pdb_err *err)
{
	struct stat info;

	if (stat(path, &info) != 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "cannot read the mode of %s: %s", path,
				   strerror(errno));
	}
	if ((info.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   "others may write to the database directory %s (mode %04o); "
				   "run: chmod o-w %s",
				   path, (unsigned)(info.st_mode & 07777u), path);
	}
	return PDB_OK;
}

static pdb_status state_init(pdb_server *server, pdb_err *err)
{
	pdb_status status = pdb_directory_make(server->first.db_path, err);

	if (status == PDB_OK) {
		status = judge_place(server->first.db_path, err);
	}
	if (status == PDB_OK) {
		status = log_open(server->first.server, err);
	}
	pdb__control_use(server);
	if (status == PDB_OK) {
		status = pdb__audit_open(&server->audit, server->first.db_path, err);
	}
	return status;
}

static void state_fini(pdb_server *server)
{
	pdb__control_use(NULL);
	pdb__audit_close(&server->audit);
}

static pdb_status measures_init(pdb_server *server, pdb_err *err)
{
	return pdb__server_measure(server, err);
}

static pdb_status plugins_init(pdb_server *server, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < server->first.plugin_count && status == PDB_OK; i++) {
		status = pdb_plugin_init(server->first.plugins[i].plugin, &pdb__host,
					 server->first.plugins[i].settings, err);
	}
	return status;
}

static pdb_status routes_init(pdb_server *server, pdb_err *err)
{
	pdb_sockets *sockets = pdb_loader_sockets(server->loader);
	pdb_status status = pdb__health_register(server, sockets, err);

	return status == PDB_OK ? pdb_api_register(sockets, &server->chat, err) : status;
}

static pdb_status pool_init(pdb_server *server, pdb_err *err)
{
	const pdb_server_settings *settings = server->first.server;

	return pdb_pool_create(&server->pool, (size_t)settings->workers,
			       (size_t)settings->worker_queue, server->first.http->overload_after,
			       err);
}

static void pool_fini(pdb_server *server)
{
	pdb_pool_destroy(&server->pool);
}

static pdb_status http_init(pdb_server *server, pdb_err *err)
{
	pdb_status status;

	status = pdb_http_create(&server->http, server->first.http,
				 pdb_loader_sockets(server->loader), pdb_pool_post, server->pool,
				 err);
	return status == PDB_OK ? pdb_http_measure(server->http, err) : status;
}

static void http_fini(pdb_server *server)
{
	pdb_http_destroy(&server->http);
}

static pdb_status store_init(pdb_server *server, pdb_err *err)
{
	const pdb_setup *setup = &server->first;
	char directory[PATH_MAX];
	pdb_storage_params params = {.size = sizeof(params), .host = &pdb__host};
	pdb_store_settings settings = {.directory = directory};
	pdb_status status;

	if (snprintf(directory, sizeof(directory), "%s/store", setup->db_path) >= PATH_MAX) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "the database path is too long");
	}
	params.directory = directory;
	params.settings = setup->storage.settings;
	if (setup->inner.plugin != NULL) {
		params.inner = pdb_plugin_storage(setup->inner.plugin);
		params.inner_settings = setup->inner.settings;
	}
	settings.sync = (pdb_store_sync)setup->store->sync;
	settings.sync_interval = setup->store->sync_interval;
	settings.reserve_bytes = setup->store->reserve;
	status = pdb_store_open(&server->store, pdb_plugin_storage(setup->storage.plugin), &params,
				&settings, err);
	pdb_rows_use(server->store);
	return status == PDB_OK ? pdb_store_measure(server->store, err) : status;
}

static void store_fini(pdb_server *server)
{
	pdb_rows_use(NULL);
	pdb_store_close(&server->store);
}

static pdb_status chat_init(pdb_server *server, pdb_err *err)
{
	pdb_sockets *sockets = pdb_loader_sockets(server->loader);
	pdb_status status;

	status = pdb_chat_create(&server->chat, server->store, sockets, server->first.chat, err);
	if (status != PDB_OK) {
		return status;
	}
	pdb_chat_use_host(server->chat, &pdb__host);
	pdb_chat_offer(server->chat);
	status = pdb_chat_measure(server->chat, err);
	if (status != PDB_OK) {
		return status;
	}
	status = pdb_sockets_add(sockets, PDB_SOCKET_JOB, "chat", &pdb_chat_crowd_job, server->chat,
				 err);
	if (status != PDB_OK) {
		return status;
	}
	return pdb_sockets_add(sockets, PDB_SOCKET_JOB, "chat", &pdb_chat_trace_job, server->chat,
			       err);
}

static void chat_fini(pdb_server *server)
{
	pdb_chat_offer(NULL);
	pdb_chat_destroy(&server->chat);
}

static pdb_status plugins_start(pdb_server *server, pdb_err *err)
{
	return pdb_loader_start(server->loader, err);
}

static void plugins_stop(pdb_server *server)
{
	pdb_loader_stop(server->loader);
}

static pdb_status jobs_init(pdb_server *server, pdb_err *err)
{
	return pdb_jobs_create(&server->jobs, pdb_loader_sockets(server->loader), server->store,
			       err);
}

static void jobs_fini(pdb_server *server)
{
	pdb_jobs_destroy(&server->jobs);
}

static void tell_address(const pdb_server *server)
{
	char place[PATH_MAX];

	if (pdb_http_place(server->http, PDB_LISTENER_MAIN, place, sizeof(place)) == PDB_OK) {
		pdb_log(PDB_LOG_INFO, "server", "progressdb %s listening on %s", PDB_VERSION,
			place);
	}
	if (pdb_http_place(server->http, PDB_LISTENER_ADMIN, place, sizeof(place)) == PDB_OK) {
		pdb_log(PDB_LOG_INFO, "server", "administration at %s", place);
	}
	pdb_log(PDB_LOG_INFO, "server", "database %s in %s", pdb_store_database_id(server->store),
		server->first.db_path);
}

static pdb_status listen_init(pdb_server *server, pdb_err *err)
{
	pdb_status status;

	status = pdb_store_on_durable(server->store, pdb_http_publish, server->http, err);
	if (status == PDB_OK) {
		status = pdb_http_start(server->http, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	atomic_store(&server->ready, true);
	pdb__control_opened();
	tell_address(server);
	pdb__notify("READY=1\nSTATUS=Serving.");
	if (server->first.dev_keys[0] != '\0') {
		pdb__dev_keys_print(server->first.dev_keys, pdb_http_port(server->http));
	}
	return PDB_OK;
}

static void listen_fini(pdb_server *server)
{
	if (pdb_http_stop(server->http, PDB_STOP_TIMEOUT) != PDB_OK) {
		pdb_log(PDB_LOG_WARN, "server", "gave up on connections that did not end in time");
	}
}

typedef struct startup_step {
	const char *name;
	pdb_status (*init)(pdb_server *server, pdb_err *err);
	void (*fini)(pdb_server *server); /* accepts what a failed init left */
} startup_step;

static const startup_step startup_steps[] = {
	{"state", state_init, state_fini},
	{"metrics", measures_init, NULL}, /* forgotten at the very end */
	{"plugins", plugins_init, NULL},  /* ended with the loader, after all else */
	{"routes", routes_init, NULL},
	{"workers", pool_init, pool_fini},
	{"http", http_init, http_fini},
	{"store", store_init, store_fini},
	{"keys", pdb__keys_open, pdb__keys_close},
	{"chat", chat_init, chat_fini},
	{"start of plugins", plugins_start, plugins_stop},
	{"jobs", jobs_init, jobs_fini},
	{"listener", listen_init, listen_fini},
};

#define STEP_COUNT (sizeof(startup_steps) / sizeof(startup_steps[0]))

static void undo_from(pdb_server *server, size_t steps)
{
	while (steps > 0) {
		const startup_step *step = &startup_steps[--steps];

		if (step->fini != NULL) {
			step->fini(server);
		}
	}
}

pdb_status pdb__startup_run(pdb_server *server, pdb_err *err)
{
	for (size_t i = 0; i < STEP_COUNT; i++) {
		pdb_status status = startup_steps[i].init(server, err);

		if (status != PDB_OK) {
			undo_from(server, i + 1);
			return pdb_err_wrap(err, "%s", startup_steps[i].name);
		}
	}
	return PDB_OK;
}

void pdb__startup_undo(pdb_server *server)
{
	undo_from(server, STEP_COUNT);
}
