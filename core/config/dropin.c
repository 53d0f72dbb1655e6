/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of plugins that are not loaded: judged all the same, and never silently ignored. */
#include "config/dropin.h"

#include "config/config_private.h"

#define SECOND     INT64_C(1000000000)
#define AT(member) offsetof(pdb_dropin_settings, member)

static const char *const KMS_MODES[] = {"embedded", "external", NULL};
#define KMS_EXTERNAL 1

static const pdb_option ROWS[] = {
	{"security.encryption.use", PDB_OPTION_BOOL, 0, AT(encryption_use), "false", 0, 0, NULL,
	 NULL, "USE_ENCRYPTION", "Seal fields of messages; needs the plugin encryption."},
	{"security.encryption.fields", PDB_OPTION_LIST, 0, AT(encryption_fields), NULL, 0, 0, NULL,
	 NULL, "ENCRYPTION_FIELDS", "Paths that are sealed; none means the whole body."},
	{"security.kms.mode", PDB_OPTION_ENUM, 0, AT(kms_mode), "embedded", 0, 0, KMS_MODES, NULL,
	 "KMS_MODE", "Where keys are kept."},
	{"security.kms.endpoint", PDB_OPTION_STRING, 0, AT(kms_endpoint), NULL, 0, 0, NULL, NULL,
	 "KMS_ENDPOINT", "Where the external KMS listens."},
	{"security.kms.data_dir", PDB_OPTION_PATH, 0, AT(kms_data_dir), NULL, 0, 0, NULL, NULL,
	 "KMS_DATA_DIR", "The directory of wrapped keys and the audit log."},
	{"security.kms.binary", PDB_OPTION_PATH, 0, AT(kms_binary), NULL, 0, 0, NULL, NULL,
	 "KMS_BINARY", "Without effect; the KMS is a service of its own."},
	{"security.kms.master_key_file", PDB_OPTION_PATH, 0, AT(kms_master_key_file), NULL, 0, 0,
	 NULL, NULL, "KMS_MASTER_KEY_FILE", "The file of the master key."},
	{"security.kms.master_key_hex", PDB_OPTION_STRING, PDB_OPTION_SECRET,
	 AT(kms_master_key_hex), NULL, 0, 0, NULL, NULL, "KMS_MASTER_KEY_HEX",
	 "The master key itself, for development."},
	{"security.cors.allowed_origins", PDB_OPTION_LIST, 0, AT(cors_origins), NULL, 0, 0, NULL,
	 NULL, "CORS_ORIGINS", "Origins of browser pages; needs the plugin cors."},
	{"security.rate_limit.rps", PDB_OPTION_INT, 0, AT(rate_rps), "0", 0, INT64_C(1000000000),
	 NULL, "requests per second", "RATE_RPS",
	 "Requests that a caller may make; 0 switches it off; needs the plugin ratelimit."},
	{"security.rate_limit.burst", PDB_OPTION_INT, 0, AT(rate_burst), "0", 0,
	 INT64_C(1000000000), NULL, "requests", "RATE_BURST",
	 "Requests that a caller may make at once."},
	{"security.failed_auth.per_minute", PDB_OPTION_INT, 0, AT(failed_auth), "0", 0,
	 INT64_C(1000000000), NULL, "tries per minute", NULL,
	 "Failed tries to identify; needs the plugin ratelimit."},
	{"security.ip_whitelist", PDB_OPTION_LIST, 0, AT(ip_whitelist), NULL, 0, 0, NULL, NULL,
	 "IP_WHITELIST", "Addresses that may connect; needs the plugin address."},
	{"retention.enabled", PDB_OPTION_BOOL, 0, AT(retention_enabled), "false", 0, 0, NULL, NULL,
	 NULL, "Purge what was deleted long ago; needs the plugin retention."},
	{"retention.cron", PDB_OPTION_STRING, 0, AT(retention_cron), "0 2 * * *", 0, 0, NULL, NULL,
	 NULL, "When purges run."},
	{"retention.period", PDB_OPTION_DURATION, 0, AT(retention_period), "30d", 0, INT64_MAX,
	 NULL, NULL, NULL, "How long deleted things stay."},
	{"retention.min_period", PDB_OPTION_DURATION, 0, AT(retention_min_period), "1h", 0,
	 INT64_MAX, NULL, NULL, NULL, "The shortest period that is accepted."},
	{"retention.batch_size", PDB_OPTION_INT, 0, AT(retention_batch_size), "1000", 0,
	 INT64_C(1000000000), NULL, NULL, NULL, "Things purged at once."},
	{"retention.batch_sleep_ms", PDB_OPTION_INT, 0, AT(retention_batch_sleep_ms), "0", 0,
	 INT64_C(1000000000), NULL, "milliseconds", NULL, "Rest between batches."},
	{"retention.lock_ttl", PDB_OPTION_DURATION, 0, AT(retention_lock_ttl), "300s", 0, INT64_MAX,
	 NULL, NULL, NULL, "Without effect; one server has a database."},
	{"retention.dry_run", PDB_OPTION_BOOL, 0, AT(retention_dry_run), "false", 0, 0, NULL, NULL,
	 NULL, "Only report what would be purged."},
	{"retention.paused", PDB_OPTION_BOOL, 0, AT(retention_paused), "false", 0, 0, NULL, NULL,
	 NULL, "Hold all purges."},
	{"validation.required", PDB_OPTION_TREE, 0, AT(validation_required), NULL, 0, 0, NULL, NULL,
	 NULL, "Paths that a message must have; needs the plugin validation."},
	{"validation.types", PDB_OPTION_TREE, 0, AT(validation_types), NULL, 0, 0, NULL, NULL, NULL,
	 "Types of values; needs the plugin validation."},
	{"validation.max_len", PDB_OPTION_TREE, 0, AT(validation_max_len), NULL, 0, 0, NULL, NULL,
	 NULL, "Largest lengths of values; needs the plugin validation."},
	{"validation.enums", PDB_OPTION_TREE, 0, AT(validation_enums), NULL, 0, 0, NULL, NULL, NULL,
	 "Values that are allowed; needs the plugin validation."},
	{"validation.when_then", PDB_OPTION_TREE, 0, AT(validation_when_then), NULL, 0, 0, NULL,
	 NULL, NULL, "Rules that hold under a condition; needs the plugin validation."},
	{"ingest", PDB_OPTION_TREE, 0, AT(ingest), NULL, 0, 0, NULL, NULL, NULL,
	 "Without effect; kept for older files."},
	{"telemetry", PDB_OPTION_TREE, 0, AT(telemetry), NULL, 0, 0, NULL, NULL, NULL,
	 "Without effect; kept for older files."},
	{"sensor", PDB_OPTION_TREE, 0, AT(sensor), NULL, 0, 0, NULL, NULL, NULL,
	 "Without effect; kept for older files."},
};

#define ROW_COUNT (sizeof(ROWS) / sizeof(ROWS[0]))

const pdb_option_table pdb_dropin_options = PDB_OPTION_TABLE(ROWS, pdb_dropin_settings);

/* What older files have and nothing reads any more. */
static const char *const IDLE[] = {"security.kms.binary", "retention.lock_ttl", "ingest",
				   "telemetry", "sensor"};

bool pdb__dropin_is_idle(const char *key)
{
	for (size_t i = 0; i < sizeof(IDLE) / sizeof(IDLE[0]); i++) {
		if (strcmp(key, IDLE[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* Which plugin reads the keys that begin so. */
typedef struct plugin_section {
	const char *prefix;
	const char *plugin;
} plugin_section;

static const plugin_section SECTIONS[] = {
	{"security.encryption.", "encryption"},
	{"security.kms.", "encryption"},
	{"security.cors.", "cors"},
	{"security.rate_limit.", "ratelimit"},
	{"security.failed_auth.", "ratelimit"},
	{"security.ip_whitelist", "address"},
	{"retention.", "retention"},
	{"validation.", "validation"},
};

static const char *plugin_of(const char *key)
{
	for (size_t i = 0; i < sizeof(SECTIONS) / sizeof(SECTIONS[0]); i++) {
		if (strncmp(key, SECTIONS[i].prefix, strlen(SECTIONS[i].prefix)) == 0) {
			return SECTIONS[i].plugin;
		}
	}
	return NULL;
}

/* Whether a value asks for something. */
static bool switched_on(const pdb_option *row, const void *slot)
{
	if (row->type == PDB_OPTION_BOOL) {
		return *(const bool *)slot;
	}
	if (row->type == PDB_OPTION_INT || row->type == PDB_OPTION_ENUM) {
		return *(const int64_t *)slot > 0;
	}
	if (row->type == PDB_OPTION_TREE) {
		const char *json = *(const char *const *)slot;

		return json[0] != '\0' && strcmp(json, "null") != 0 && strcmp(json, "[]") != 0 &&
		       strcmp(json, "{}") != 0;
	}
	return !pdb__value_empty(row, slot);
}

/* The keys that switch a section on, and whether somebody counts on it for protection. */
typedef struct section_promise {
	const char *key;
	bool protects;
} section_promise;

static const section_promise PROMISES[] = {
	{"security.encryption.use", true},  {"security.kms.mode", true},
	{"security.ip_whitelist", true},    {"security.cors.allowed_origins", false},
	{"security.rate_limit.rps", false}, {"security.failed_auth.per_minute", false},
	{"retention.enabled", false},       {"validation.required", false},
	{"validation.types", false},        {"validation.max_len", false},
	{"validation.enums", false},        {"validation.when_then", false},
};

static void judge_promise(pdb_config *config, const section_promise *promise, const char *plugin)
{
	const pdb_entry *entry = pdb__config_entry(config, promise->key);
	char text[160];

	if (entry == NULL || !switched_on(&entry->row, entry->slot)) {
		return;
	}
	(void)snprintf(text, sizeof(text), "needs the plugin `%s`, which is not loaded", plugin);
	if (promise->protects) {
		pdb_config_problem(config, promise->key, text);
	} else {
		pdb_config_warning(config, promise->key, text);
	}
}

bool pdb_dropin_encrypts(const pdb_config *config)
{
	const pdb_option row = {.key = "security.encryption.use", .type = PDB_OPTION_BOOL};
	pdb_found found;
	bool on = false;

	if (pdb__layer_find(config, &row, NULL, &found) && found.node->kind == PDB_NODE_SCALAR) {
		(void)pdb__word_bool(found.node->text, &on);
	}
	return on;
}

/* What a loaded plugin did not ask for, and what nothing asks for any more. */
static void judge_idle(pdb_config *config, const pdb_option *row)
{
	const pdb_entry *entry = pdb__config_entry(config, row->key);

	if (entry != NULL && entry->origin.layer != NULL &&
	    !pdb__value_empty(&entry->row, entry->slot)) {
		pdb_config_warning(config, row->key, "has no effect");
	}
}

pdb_status pdb_dropin_read(pdb_config *config, bool (*claimed)(void *arg, const char *plugin),
			   void *arg, pdb_err *err)
{
	pdb_option rows[ROW_COUNT];
	pdb_option_table table = {rows, 0, sizeof(rows[0]), sizeof(pdb_dropin_settings)};
	const void *settings;
	pdb_status status;

	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (pdb__config_entry(config, ROWS[i].key) == NULL) {
			rows[table.count++] = ROWS[i];
		}
	}
	status = pdb_config_read(config, "dropin", &table, NULL, &settings, err);
	for (size_t i = 0; i < table.count && status == PDB_OK; i++) {
		const char *plugin = plugin_of(rows[i].key);

		if (plugin == NULL || pdb__dropin_is_idle(rows[i].key) || claimed(arg, plugin)) {
			judge_idle(config, &rows[i]);
		}
	}
	for (size_t i = 0; i < sizeof(PROMISES) / sizeof(PROMISES[0]) && status == PDB_OK; i++) {
		const char *plugin = plugin_of(PROMISES[i].key);

		if (!claimed(arg, plugin)) {
			judge_promise(config, &PROMISES[i], plugin);
		}
	}
	return status;
}
