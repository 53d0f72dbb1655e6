/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the keys for a command: through the providers that a server uses. */
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/harden.h"
#include "base/host.h"
#include "config/config.h"
#include "plugin/directory.h"
#include "plugin/loader.h"
#include "tools/kms.h"
#include "tools/progress.h"

#define BATCH 500u

static const pdb_host session_host = {
	PDB_HOST_BASE,
};

static pdb_status set(pdb_config *config, const char *key, const char *value, pdb_err *err)
{
	return value != NULL ? pdb_config_add_flag(config, "--set", key, value, err) : PDB_OK;
}

static pdb_status set_all(pdb_config *config, const pdb_kms_place *place, pdb_err *err)
{
	const struct {
		const char *key;
		const char *value;
		bool offline;
	} values[] = {
		{"security.kms.endpoint", place->endpoint, false},
		{"security.kms.token_file", place->token_file, false},
		{"security.kms.ca_file", place->tls_ca, false},
		{"security.kms.cert_file", place->tls_cert, false},
		{"security.kms.key_file", place->tls_key, false},
		{"security.kms.timeout", "10s", false},
		{"security.kms.pass_timeout", "60s", false},
		{"security.kms.master_key_file", place->master_key_file, true},
		{"security.kms.kek_dir", place->kek_dir, true},
	};
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]) && status == PDB_OK; i++) {
		if (values[i].offline == (place->dir != NULL)) {
			status = set(config, values[i].key, values[i].value, err);
		}
	}
	return status;
}

static pdb_status find_places(pdb_kms_session *session, const pdb_kms_place *place, pdb_err *err)
{
	/* a tool makes no new keyring by a slip of the pen */
	if (place->dir != NULL && realpath(place->dir, session->directory) == NULL) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "there is no directory %s",
				   place->dir);
	}
	if (place->plugins == NULL) {
		return pdb_plugin_directory(session->plugins, sizeof(session->plugins), err);
	}
	if (realpath(place->plugins, session->plugins) == NULL) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "there is no directory %s",
				   place->plugins);
	}
	return PDB_OK;
}

static pdb_status open_provider(pdb_kms_session *session, const pdb_kms_place *place, pdb_err *err)
{
	pdb_kms_params params = {.size = sizeof(params),
				 .host = &session_host,
				 .directory = session->directory,
				 .database_id = ""};
	pdb_plugin *plugin = NULL;
	const pdb_manifest *manifest;
	pdb_status status =
		pdb_loader_create(&session->loader, session->plugins, pdb_builtin_plugins, err);

	if (status == PDB_OK) {
		status = pdb_loader_load(session->loader,
					 place->dir != NULL ? "embedded" : "external", PDB_KIND_KMS,
					 &plugin, err);
	}
	if (status == PDB_OK) {
		manifest = pdb_plugin_manifest_of(plugin);
		status = pdb_config_read(session->config, manifest->name, &manifest->options,
					 manifest->check, &params.settings, err);
	}
	if (status == PDB_OK && pdb_config_problem_count(session->config) > 0) {
		pdb_config_print_problems(session->config, stderr);
		status = pdb_err_set(err, PDB_EINVAL, NULL, "the options do not fit each other");
	}
	if (status == PDB_OK) {
		session->ops = pdb_plugin_kms(plugin);
		status = session->ops->open(&params, &session->kms, err);
	}
	return status;
}

pdb_exit pdb_kms_session_begin(pdb_kms_session *session, const pdb_kms_place *place)
{
	pdb_err err = {0};
	pdb_status status;

	*session = (pdb_kms_session){.actor = place->actor != NULL ? place->actor : "pdbctl"};
	pdb_log_set_level(PDB_LOG_ERROR);
	if (!pdb_harden_process()) {
		pdb_complain("core dumps cannot be switched off");
	}
	/* a KMS that leaves is a failed write, not a death */
	(void)signal(SIGPIPE, SIG_IGN);
	status = find_places(session, place, &err);
	if (status == PDB_OK) {
		status = pdb_config_create(&session->config, &err);
	}
	if (status == PDB_OK) {
		status = set_all(session->config, place, &err);
	}
	if (status == PDB_OK) {
		status = open_provider(session, place, &err);
	}
	if (status == PDB_OK) {
		return PDB_EXIT_OK;
	}
	pdb_complain("%s", err.text);
	pdb_kms_session_end(session);
	return status == PDB_EUNAVAILABLE ? PDB_EXIT_UNREACHABLE : PDB_EXIT_USAGE;
}

void pdb_kms_session_end(pdb_kms_session *session)
{
	if (session->kms != NULL) {
		session->ops->close(&session->kms);
	}
	pdb_loader_destroy(&session->loader);
	pdb_config_destroy(&session->config);
}

pdb_exit pdb_kms_failed(const pdb_err *err)
{
	pdb_complain("%s", err->text);
	switch (err->status) {
	case PDB_EUNAVAILABLE:
	case PDB_ETIMEOUT:
		return PDB_EXIT_UNREACHABLE;
	case PDB_EINVAL:
		return PDB_EXIT_USAGE;
	default:
		return PDB_EXIT_NO;
	}
}

void pdb_kms_time(int64_t when, char out[32])
{
	time_t seconds = (time_t)(when / 1000000000);
	struct tm parts;

	(void)snprintf(out, 32, "-");
	if (when != 0 && gmtime_r(&seconds, &parts) != NULL) {
		(void)strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
	}
}

pdb_exit pdb_kms_pass(pdb_kms_session *session, bool quiet, const char *verb,
		      pdb_status (*step)(void *, uint32_t, pdb_kms_progress *, pdb_err *))
{
	pdb_kms_progress progress = {.size = sizeof(progress)};
	pdb_progress bar = {.quiet = quiet, .verb = verb, .unit = "keys"};
	pdb_err err = {0};

	while (!progress.finished && !pdb_interrupted()) {
		if (step(session->kms, BATCH, &progress, &err) != PDB_OK) {
			pdb_progress_end(&bar);
			return pdb_kms_failed(&err);
		}
		pdb_progress_show(&bar, progress.done, progress.total, progress.done);
	}
	pdb_progress_end(&bar);
	if (!progress.finished) {
		return PDB_EXIT_INTERRUPTED;
	}
	(void)printf("%llu keys %s, %llu of them did not open\n", (unsigned long long)progress.done,
		     verb, (unsigned long long)progress.failed);
	return progress.failed == 0 ? PDB_EXIT_OK : PDB_EXIT_NO;
}
