/* SPDX-License-Identifier: Apache-2.0 */
/* Other spellings of keys and variables, which earlier configurations use. */
#include "config/config_private.h"

const pdb_alias pdb__dropin_keys[] = {
	{"server.cors.allowed_origins", "security.cors.allowed_origins"},
	{"server.rate_limit.rps", "security.rate_limit.rps"},
	{"server.rate_limit.burst", "security.rate_limit.burst"},
	{"server.ip_whitelist", "security.ip_whitelist"},
	{"server.api_keys.backend", "security.api_keys.backend"},
	{"server.api_keys.frontend", "security.api_keys.frontend"},
	{"server.api_keys.admin", "security.api_keys.admin"},
	{"server.api_keys.signing", "security.signing_keys"},
	{"security.fields", "security.encryption.fields"},
	{"encryption.enabled", "security.encryption.use"},
	{"encryption.use", "security.encryption.use"},
	{"encryption.fields", "security.encryption.fields"},
	{"encryption.kms.mode", "security.kms.mode"},
	{"encryption.kms.endpoint", "security.kms.endpoint"},
	{"encryption.kms.data_dir", "security.kms.data_dir"},
	{"encryption.kms.binary", "security.kms.binary"},
	{"encryption.kms.master_key_file", "security.kms.master_key_file"},
	{"encryption.kms.master_key_hex", "security.kms.master_key_hex"},
	{"security.kms.socket", "security.kms.endpoint"},
	{NULL, NULL},
};

/* An empty key stands for a variable of the tools that come with the server. */
const pdb_alias pdb__dropin_variables[] = {
	{"SERVER_ADDR", "server.address"},
	{"ADDR", "server.address"},
	{"ADDRESS", "server.address"},
	{"PORT", "server.port"},
	{"DB_PATH", "server.db_path"},
	{"TLS_CERT", "server.tls.cert_file"},
	{"TLS_KEY", "server.tls.key_file"},
	{"API_BACKEND_KEYS", "security.api_keys.backend"},
	{"API_FRONTEND_KEYS", "security.api_keys.frontend"},
	{"API_ADMIN_KEYS", "security.api_keys.admin"},
	{"CORS_ORIGINS", "security.cors.allowed_origins"},
	{"RATE_RPS", "security.rate_limit.rps"},
	{"RATE_BURST", "security.rate_limit.burst"},
	{"IP_WHITELIST", "security.ip_whitelist"},
	{"USE_ENCRYPTION", "security.encryption.use"},
	{"ENCRYPTION_ENABLED", "security.encryption.use"},
	{"ENCRYPTION_FIELDS", "security.encryption.fields"},
	{"KMS_MODE", "security.kms.mode"},
	{"KMS_ENDPOINT", "security.kms.endpoint"},
	{"KMS_DATA_DIR", "security.kms.data_dir"},
	{"KMS_BINARY", "security.kms.binary"},
	{"KMS_MASTER_KEY_FILE", "security.kms.master_key_file"},
	{"KMS_MASTER_KEY_HEX", "security.kms.master_key_hex"},
	{"LOG_LEVEL", "logging.level"},
	{"LOG_SINK", "logging.sink"},
	{"URL", ""},
	{"KEY", ""},
	{"KEY_FILE", ""},
	{NULL, NULL},
};

const char *pdb__dropin_element(const char *key)
{
	return strcmp(key, "security.encryption.fields") == 0 ? "path" : NULL;
}

bool pdb__dropin_address(const char *text, char *host, char *port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : 0;
	bool bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';

	/* Several colons without brackets are an IPv6 address by itself. */
	if (colon == NULL || colon[1] == '\0' ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
	    (!bracketed && strchr(text, ':') != colon)) {
		return false;
	}
	memcpy(port, colon + 1, strlen(colon + 1) + 1);
	if (len == 0) {
		memcpy(host, "0.0.0.0", sizeof("0.0.0.0"));
		return true;
	}
	memcpy(host, text + bracketed, len - 2 * (size_t)bracketed);
	host[len - 2 * (size_t)bracketed] = '\0';
	return true;
}
