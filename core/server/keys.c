/* SPDX-License-Identifier: Apache-2.0 */
/* The key service: the provider that the configuration names, open for the plugins that use it. */
#include <stdatomic.h>

#include "base/harden.h"
#include "base/log.h"
#include "server/server_private.h"

static const pdb_option key_options[] = {
	{.key = "security.kms.mode",
	 .type = PDB_OPTION_STRING,
	 .offset = offsetof(pdb_key_settings, provider),
	 .fallback = "embedded",
	 .min = 1,
	 .max = 64,
	 .env = "KMS_MODE",
	 .help = "The plugin that keeps the keys: embedded, external, or another."},
	{.key = "security.kms.data_dir",
	 .type = PDB_OPTION_PATH,
	 .offset = offsetof(pdb_key_settings, directory),
	 .fallback = "",
	 .env = "KMS_DATA_DIR",
	 .help = "The directory of wrapped keys and the audit log; empty means kms under "
		 "db_path."},
};

const pdb_option_table pdb__key_options = PDB_OPTION_TABLE(key_options, pdb_key_settings);

/* Plugins name no server: it is the provider of the one that runs. */
static const pdb_kms_ops *open_ops;
static void *open_kms;
static const char *open_database = "";
static atomic_bool silent;

static pdb_status provider(const pdb_kms_ops **ops_out, void **kms_out, pdb_err *err)
{
	*ops_out = open_ops;
	*kms_out = open_kms;
	return open_ops != NULL ? PDB_OK
				: pdb_err_set(err, PDB_ENOTSUP, "no_key_service",
					      "No key service is configured.");
}

static const char *database_id(void)
{
	return open_database;
}

static void answers(bool yes)
{
	atomic_store(&silent, !yes);
}

bool pdb__keys_answer(void)
{
	return !atomic_load(&silent);
}

const pdb_host_kms pdb__host_kms = {.size = sizeof(pdb_host_kms),
				    .provider = provider,
				    .database_id = database_id,
				    .answers = answers};

static pdb_status place(const pdb_setup *setup, char out[PATH_MAX], pdb_err *err)
{
	if (setup->keys->directory[0] != '\0') {
		return pdb__absolute_path(out, setup->keys->directory, err);
	}
	if (snprintf(out, PATH_MAX, "%s/kms", setup->db_path) >= PATH_MAX) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "the database path is too long");
	}
	return PDB_OK;
}

pdb_status pdb__keys_open(pdb_server *server, pdb_err *err)
{
	const pdb_setup *setup = &server->first;
	char directory[PATH_MAX];
	pdb_kms_params params = {.size = sizeof(params), .host = &pdb__host};
	const pdb_kms_ops *ops;
	pdb_status status;

	open_database = pdb_store_database_id(server->store);
	if (setup->kms.plugin == NULL) {
		return PDB_OK;
	}
	/* from here on there are keys in this process */
	if (!pdb_harden_process()) {
		pdb_log(PDB_LOG_WARN, "server", "core dumps cannot be switched off");
	}
	status = place(setup, directory, err);
	if (status != PDB_OK) {
		return status;
	}
	ops = pdb_plugin_kms(setup->kms.plugin);
	params.directory = directory;
	params.settings = setup->kms.settings;
	params.database_id = open_database;
	status = ops->open(&params, &open_kms, err);
	/* it was read; /proc would show it for ever */
	pdb_harden_environment("PROGRESSDB_KMS_MASTER_KEY_HEX");
	if (status == PDB_OK) {
		open_ops = ops;
	}
	return status;
}

pdb_status pdb__keys_reload(const pdb_fitted *fresh, pdb_err *err)
{
	if (open_ops == NULL || fresh->plugin == NULL ||
	    pdb_plugin_kms(fresh->plugin) != open_ops || !PDB_HAS(open_ops, reload)) {
		return PDB_OK;
	}
	return open_ops->reload(open_kms, fresh->settings, err);
}

void pdb__keys_close(pdb_server *server)
{
	(void)server;
	if (open_ops != NULL) {
		open_ops->close(&open_kms);
	}
	open_ops = NULL;
	open_kms = NULL;
	open_database = "";
	answers(true);
}
