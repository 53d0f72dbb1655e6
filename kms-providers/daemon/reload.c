/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration is read again, and what may change takes effect. */
#include "base/log.h"
#include "daemon/daemon.h"

void kms_log_use(const kms_settings *settings)
{
	pdb_log_set_level((pdb_log_level)settings->log_level);
	pdb_log_set_format((pdb_log_format)settings->log_format);
}

static void tell_problem(void *arg, const char *line)
{
	(void)arg;
	pdb_log(PDB_LOG_ERROR, "kms", "%s", line);
}

static void tell_difference(void *arg, const char *key, bool reloadable)
{
	(void)arg;
	pdb_log(reloadable ? PDB_LOG_INFO : PDB_LOG_WARN, "kms",
		reloadable ? "reloaded: %s"
			   : "%s has changed, which needs a restart: kept as it was",
		key);
}

/* The environment and the flags are as they were. */
static pdb_status read_again(const kms_daemon *daemon, pdb_config **config_out,
			     const kms_settings **settings_out, pdb_err *err)
{
	pdb_status status = pdb_config_create(config_out, err);

	if (status == PDB_OK) {
		status = pdb_config_add_given(*config_out, daemon->config, err);
	}
	if (status == PDB_OK) {
		status = kms_config_finish(daemon, *config_out, settings_out, err);
	}
	if (status == PDB_OK && pdb_config_problem_count(*config_out) > 0) {
		pdb_config_each_problem(*config_out, tell_problem, NULL);
		status = pdb_err_set(err, PDB_EINVAL, NULL, "see above");
	}
	return status;
}

/* Also when no option has changed: the files may have. What is told is what differs from now. */
static pdb_status take_over(kms_daemon *daemon, pdb_config **config, const kms_settings *settings,
			    pdb_err *err)
{
	const pdb_config *fresh = *config;
	kms_access *before = kms_access_take(daemon);
	pdb_status status = kms_access_use(daemon, config, settings, err);

	if (status == PDB_OK) {
		pdb_config_compare(daemon->config,
				   before->config != NULL ? before->config : daemon->config, fresh,
				   tell_difference, NULL);
		kms_log_use(settings);
	}
	kms_access_give(daemon, &before);
	return status;
}

void kms_reload(kms_daemon *daemon)
{
	pdb_config *config = NULL;
	const kms_settings *settings = NULL;
	pdb_err err = {0};
	pdb_status status;

	kms_notify("RELOADING=1");
	status = read_again(daemon, &config, &settings, &err);
	if (status == PDB_OK) {
		status = take_over(daemon, &config, settings, &err);
	}
	if (status == PDB_OK) {
		pdb_log(PDB_LOG_INFO, "kms", "configuration reloaded");
	} else {
		pdb_log(PDB_LOG_ERROR, "kms", "not reloaded, the old configuration stays: %s",
			err.text);
	}
	pdb_config_destroy(&config);
	kms_notify("READY=1");
}
