/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files of the earlier ProgressDB: sections whose plugin may not be loaded. */
#ifndef PDB_CONFIG_DROPIN_H
#define PDB_CONFIG_DROPIN_H

#include "config/config.h"

/*
 * Model. A plugin that is loaded reads its own section. The sections of plugins that are not loaded
 * are still judged by these rows, so that a file that was right stays right. What asks for
 * protection (encryption, an external KMS, an address list) and will not get it is a problem;
 * what asks for anything else is a warning.
 *
 * Members of a section that its plugin has read stay zero.
 */
typedef struct pdb_dropin_settings {
	bool encryption_use;
	pdb_option_list encryption_fields;
	int64_t kms_mode;
	const char *kms_endpoint;
	const char *kms_data_dir;
	const char *kms_binary;
	const char *kms_master_key_file;
	const char *kms_master_key_hex;
	pdb_option_list cors_origins;
	int64_t rate_rps;
	int64_t rate_burst;
	int64_t failed_auth;
	pdb_option_list ip_whitelist;
	bool retention_enabled;
	const char *retention_cron;
	int64_t retention_period;
	int64_t retention_min_period;
	int64_t retention_batch_size;
	int64_t retention_batch_sleep_ms;
	int64_t retention_lock_ttl;
	bool retention_dry_run;
	bool retention_paused;
	const char *validation_required;
	const char *validation_types;
	const char *validation_max_len;
	const char *validation_enums;
	const char *validation_when_then;
	const char *ingest;
	const char *telemetry;
	const char *sensor;
} pdb_dropin_settings;

extern const pdb_option_table pdb_dropin_options;

/* Whether security.encryption.use is on, told before any table has read it. */
bool pdb_dropin_encrypts(const pdb_config *config);

/*
 * Reads the rows that no table has read. `claimed` tells whether a plugin is loaded. Call it after
 * all other tables and before pdb_config_finish. Errors: as pdb_config_read.
 */
pdb_status pdb_dropin_read(pdb_config *config, bool (*claimed)(void *arg, const char *plugin),
			   void *arg, pdb_err *err);

#endif
