/* SPDX-License-Identifier: Apache-2.0 */
/* Administration over HTTP: the routes below /admin, for operators. */
#include "admin_private.h"

#include <sodium.h>

typedef struct admin_settings {
	int64_t export_keep;
} admin_settings;

static const pdb_option options[] = {
	{.key = "admin.export_keep",
	 .type = PDB_OPTION_DURATION,
	 .flags = PDB_OPTION_RELOADABLE,
	 .offset = offsetof(admin_settings, export_keep),
	 .fallback = "24h",
	 .min = INT64_C(60000000000),
	 .max = INT64_C(31536000000000000),
	 .help = "How long the file that holds an exported user's data is kept."},
};

#define ROUTE(method, path, handler)                                                               \
	{                                                                                          \
		sizeof(pdb_route), method, path, PDB_ROLE_ADMIN, PDB_ROUTE_BLOCKING, handler       \
	}

static const pdb_route routes[] = {
	ROUTE(PDB_METHOD_GET, "/admin/health", admin_health),
	ROUTE(PDB_METHOD_GET, "/admin/stats", admin_stats),
	ROUTE(PDB_METHOD_GET, "/admin/config", admin_config),
	ROUTE(PDB_METHOD_GET, "/admin/routes", admin_routes),
	ROUTE(PDB_METHOD_POST, "/admin/reload", admin_reload),
	ROUTE(PDB_METHOD_GET, "/admin/log-level", admin_log_level),
	ROUTE(PDB_METHOD_PUT, "/admin/log-level", admin_set_log_level),
	ROUTE(PDB_METHOD_GET, "/admin/threads", admin_threads),
	ROUTE(PDB_METHOD_GET, "/admin/threads/{thread}", admin_thread),
	ROUTE(PDB_METHOD_POST, "/admin/threads/{thread}/purge", admin_purge_thread),
	ROUTE(PDB_METHOD_GET, "/admin/threads/{thread}/export", admin_export_thread),
	ROUTE(PDB_METHOD_POST, "/admin/threads/{thread}/import", admin_import_thread),
	ROUTE(PDB_METHOD_POST, "/admin/threads/{thread}/messages/{message}/purge",
	      admin_purge_message),
	ROUTE(PDB_METHOD_GET, "/admin/users", admin_users),
	ROUTE(PDB_METHOD_GET, "/admin/users/{user}/threads", admin_user_threads),
	ROUTE(PDB_METHOD_POST, "/admin/users/{user}/erase", admin_erase_user),
	ROUTE(PDB_METHOD_POST, "/admin/users/{user}/export", admin_export_user),
	ROUTE(PDB_METHOD_GET, "/admin/exports/{job}", admin_read_export),
	ROUTE(PDB_METHOD_DELETE, "/admin/exports/{job}", admin_remove_export),
	ROUTE(PDB_METHOD_GET, "/admin/keys", admin_keys),
	ROUTE(PDB_METHOD_GET, "/admin/value", admin_value),
	ROUTE(PDB_METHOD_GET, "/admin/jobs", admin_jobs),
	ROUTE(PDB_METHOD_GET, "/admin/jobs/{job}", admin_job),
	ROUTE(PDB_METHOD_POST, "/admin/jobs/{job}/cancel", admin_cancel_job),
};

static const pdb_job *const jobs[] = {&admin_purge_job, &admin_erase_job, &admin_export_job,
				      &admin_clean_job};

static pdb_status plug_in(const pdb_host *host, pdb_plugin *plugin, admin *self, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]) && status == PDB_OK; i++) {
		status = host->add_route(plugin, &routes[i], self, err);
	}
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]) && status == PDB_OK; i++) {
		status = host->add_job(plugin, jobs[i], self, err);
	}
	return status;
}

static pdb_status init(const pdb_host *host, pdb_plugin *plugin, const void *settings,
		       void **state_out, pdb_err *err)
{
	const admin_settings *chosen = settings;
	admin *self;
	pdb_status status = call_init(host, err);

	if (status != PDB_OK) {
		return status;
	}
	if (!PDB_HAS(host, domain) || !PDB_HAS(host->domain, import_thread) ||
	    !PDB_HAS(host->control, directory)) {
		return pdb_err_set(err, PDB_EABI, NULL, "this server is too old for the plugin");
	}
	if (sodium_init() < 0) {
		return pdb_err_set(err, PDB_EINTERNAL, NULL, "the crypto library does not start");
	}
	self = host->alloc(sizeof(*self));
	if (self == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the plugin");
	}
	*self = (admin){.host = host, .export_keep = chosen->export_keep};
	*state_out = self;
	return plug_in(host, plugin, self, err);
}

static pdb_status reload(void *state, const void *settings, pdb_err *err)
{
	const admin_settings *chosen = settings;
	admin *self = state;

	(void)err;
	atomic_store(&self->export_keep, chosen->export_keep);
	return PDB_OK;
}

static void fini(void **state)
{
	admin *self;

	if (state == NULL || *state == NULL) {
		return;
	}
	self = *state;
	self->host->free(self);
	*state = NULL;
}

static const pdb_extension_ops ops = {
	.size = sizeof(pdb_extension_ops),
	.init = init,
	.reload = reload,
	.fini = fini,
};

PDB_PLUGIN(admin, EXTENSION, "0.1.0", "Apache-2.0", "Administration over HTTP",
	   .options = PDB_OPTION_TABLE(options, admin_settings), .ops = &ops);
