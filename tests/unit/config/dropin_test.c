/* SPDX-License-Identifier: Apache-2.0 */
/* Files and variables of the earlier ProgressDB, in both shapes. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "config/dropin.h"
#include "table.h"

typedef struct server_settings {
	const char *address;
	int64_t port;
	const char *db_path;
} server_settings;

static const pdb_option SERVER_ROWS[] = {
	{"server.address", PDB_OPTION_STRING, 0, offsetof(server_settings, address), "127.0.0.1", 0,
	 0, NULL, NULL, NULL, "Address."},
	{"server.port", PDB_OPTION_INT, 0, offsetof(server_settings, port), "8080", 0, 65535, NULL,
	 NULL, NULL, "Port."},
	{"server.db_path", PDB_OPTION_PATH, PDB_OPTION_REQUIRED, offsetof(server_settings, db_path),
	 "./data", 0, 0, NULL, NULL, NULL, "Path."},
};

static const pdb_option_table server_table = PDB_OPTION_TABLE(SERVER_ROWS, server_settings);

typedef struct outcome {
	pdb_config *config;
	const server_settings *server;
	const table_settings *table;
	char *problems;
	char *dump;
} outcome;

static bool claimed_all(void *arg, const char *plugin)
{
	(void)plugin;
	return *(const bool *)arg;
}

static outcome read_all(const char *yaml, char *const *environment, bool loaded)
{
	outcome out = {0};
	const void *settings = NULL;

	cr_assert_eq(pdb_config_create(&out.config, NULL), PDB_OK);
	cr_assert_eq(pdb_config_add_text(out.config, "go.yaml", pdb_slice_text(yaml), NULL),
		     PDB_OK);
	cr_assert_eq(pdb_config_add_environment(out.config, environment, NULL), PDB_OK);
	cr_assert_eq(pdb_config_read(out.config, "server", &server_table, NULL, &settings, NULL),
		     PDB_OK);
	out.server = settings;
	cr_assert_eq(pdb_config_read(out.config, "room", &table, NULL, &settings, NULL), PDB_OK);
	out.table = settings;
	cr_assert_eq(pdb_dropin_read(out.config, claimed_all, &loaded, NULL), PDB_OK);
	cr_assert_eq(pdb_config_finish(out.config, NULL), PDB_OK);
	out.problems = table_problems(out.config);
	out.dump = table_dump(out.config);
	return out;
}

static void outcome_fini(outcome *out)
{
	free(out->problems);
	free(out->dump);
	pdb_config_destroy(&out->config);
}

static void expect_line(const outcome *out, const char *line)
{
	cr_expect_not_null(strstr(out->dump, line), "no \"%s\" in:\n%s", line, out->dump);
}

Test(dropin, security_shape)
{
	outcome out = read_all("server:\n"
			       "  address: \"0.0.0.0\"\n"
			       "  port: 8080\n"
			       "  db_path: \"./db\"\n"
			       "security:\n"
			       "  cors:\n"
			       "    allowed_origins: [\"http://localhost:3000\"]\n"
			       "  rate_limit: {rps: 1000_0000, burst: 20}\n"
			       "  ip_whitelist:\n"
			       "    # - \"127.0.0.1\"\n"
			       "  api_keys: {backend: [sk_a, sk_b]}\n"
			       "  encryption:\n"
			       "    use: false\n"
			       "    fields:\n"
			       "      - body.x\n"
			       "      - {path: body.y, algorithm: aes-gcm}\n"
			       "  kms: {mode: embedded, binary: \"\", master_key_hex: abcd}\n"
			       "retention: {enabled: false, period: 24h, cron: \"\"}\n"
			       "validation: {required: [], max_len: {body.x: 3}}\n",
			       NULL, false);

	cr_expect_str_eq(
		out.problems,
		"go.yaml:7:22: warning: security.cors.allowed_origins: needs the plugin "
		"`cors`, which is not loaded\n"
		"go.yaml:8:21: warning: security.rate_limit.rps: needs the plugin "
		"`ratelimit`, which is not loaded\n"
		"go.yaml:19:37: warning: validation.max_len: needs the plugin `validation`, "
		"which is not loaded\n",
		"%s", out.problems);
	cr_expect_eq(pdb_config_problem_count(out.config), 0);
	cr_expect_eq(out.table->keys.count, 2);
	expect_line(&out, "fields: [\"body.x\", \"body.y\"]");
	expect_line(&out, "rps: 10000000");
	expect_line(&out, "master_key_hex: \"***\"");
	expect_line(&out, "period: 1d");
	outcome_fini(&out);
}

Test(dropin, server_shape)
{
	outcome out = read_all("server:\n"
			       "  cors: {allowed_origins: [a]}\n"
			       "  rate_limit: {rps: 5, burst: 6}\n"
			       "  api_keys: {backend: [sk_a]}\n"
			       "encryption:\n"
			       "  enabled: false\n"
			       "  fields: [body.z]\n"
			       "  kms: {endpoint: \"127.0.0.1:6820\", master_key_hex: abcd}\n"
			       "telemetry: {sample_rate: 0.1}\n",
			       NULL, false);

	cr_expect_eq(pdb_config_problem_count(out.config), 0, "%s", out.problems);
	cr_expect_not_null(
		strstr(out.problems, "go.yaml:9:12: warning: telemetry: has no effect\n"));
	cr_expect_eq(out.table->keys.count, 1);
	cr_expect(pdb_config_given(out.config, "security.api_keys.backend"));
	expect_line(&out, "fields: [\"body.z\"]");
	expect_line(&out, "endpoint: \"127.0.0.1:6820\"  # go.yaml:8:19");
	expect_line(&out, "burst: 6");
	outcome_fini(&out);
}

Test(dropin, protection_that_is_not_there_is_a_problem)
{
	static const char yaml[] = "security:\n"
				   "  encryption: {use: true}\n"
				   "  kms: {mode: external}\n"
				   "  ip_whitelist: [10.0.0.1]\n";
	outcome out = read_all(yaml, NULL, false);

	cr_expect_str_eq(
		out.problems,
		"go.yaml:2:21: security.encryption.use: needs the plugin `encryption`, "
		"which is not loaded\n"
		"go.yaml:3:15: security.kms.mode: needs the plugin `encryption`, which is "
		"not loaded\n"
		"go.yaml:4:17: security.ip_whitelist: needs the plugin `address`, which is "
		"not loaded\n",
		"%s", out.problems);
	cr_expect_eq(pdb_config_problem_count(out.config), 3);
	outcome_fini(&out);
	/* A plugin that is there but has no such option: said, not hidden. */
	out = read_all(yaml, NULL, true);
	cr_expect_eq(pdb_config_problem_count(out.config), 0);
	cr_expect_not_null(
		strstr(out.problems, "warning: security.encryption.use: has no effect\n"));
	outcome_fini(&out);
}

Test(dropin, both_names_are_a_problem)
{
	outcome out = read_all("server:\n"
			       "  ip_whitelist: []\n"
			       "  api_keys: {backend: [a]}\n"
			       "security:\n"
			       "  api_keys: {backend: [b]}\n",
			       NULL, false);

	cr_expect_str_eq(out.problems,
			 "go.yaml:3:14: security.api_keys.backend is given under two names; the "
			 "other is at go.yaml:5:14\n",
			 "%s", out.problems);
	outcome_fini(&out);
}

Test(dropin, a_typo_in_the_other_shape)
{
	outcome out = read_all("server:\n  api_keys: {backand: [a]}\n", NULL, false);

	cr_expect_str_eq(out.problems,
			 "go.yaml:2:14: unknown key \"server.api_keys.backand\" (did "
			 "you mean security.api_keys.backend?)\n",
			 "%s", out.problems);
	outcome_fini(&out);
}

Test(dropin, environment)
{
	static char addr[] = "PROGRESSDB_SERVER_ADDR=:9090";
	static char db[] = "PROGRESSDB_DB_PATH=/db";
	static char keys[] = "PROGRESSDB_API_BACKEND_KEYS=sk_a,sk_b,sk_c";
	static char rps[] = "PROGRESSDB_RATE_RPS=7";
	static char use[] = "PROGRESSDB_USE_ENCRYPTION=true";
	static char fields[] = "PROGRESSDB_ENCRYPTION_FIELDS=body.a,body.b";
	static char hex[] = "PROGRESSDB_KMS_MASTER_KEY_HEX=abcd";
	static char period[] = "PROGRESSDB_RETENTION_PERIOD=7d";
	static char tool[] = "PROGRESSDB_URL=http://x";
	static char *environment[] = {addr, db, keys, rps, use, fields, hex, period, tool, NULL};
	outcome out = read_all("server: {port: 1, address: 1.2.3.4}", environment, false);

	cr_expect_eq(pdb_config_problem_count(out.config), 1, "%s", out.problems);
	cr_expect_not_null(strstr(out.problems, "PROGRESSDB_USE_ENCRYPTION: "
						"security.encryption.use: needs the plugin "
						"`encryption`, which is not loaded\n"));
	cr_expect_str_eq(out.server->address, "0.0.0.0");
	cr_expect_eq(out.server->port, 9090);
	cr_expect_str_eq(out.server->db_path, "/db");
	cr_expect_eq(out.table->keys.count, 3);
	expect_line(&out, "fields: [\"body.a\", \"body.b\"]  # PROGRESSDB_ENCRYPTION_FIELDS\n");
	expect_line(&out, "period: 7d");
	cr_expect_null(strstr(out.dump, "abcd"));
	outcome_fini(&out);
}

typedef struct address_case {
	const char *text;
	const char *host;
	int64_t port;
} address_case;

Test(dropin, addresses)
{
	static const address_case cases[] = {
		{"localhost:1", "localhost", 1}, {"[::1]:2", "::1", 2}, {"::1", "::1", 8080},
		{"10.0.0.1", "10.0.0.1", 8080},  {":3", "0.0.0.0", 3},  {"a:b", "a:b", 8080},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[64];
		char *environment[] = {text, NULL};
		outcome out;

		(void)snprintf(text, sizeof(text), "PROGRESSDB_SERVER_ADDR=%s", cases[i].text);
		out = read_all("", environment, false);
		cr_expect_str_eq(out.server->address, cases[i].host);
		cr_expect_eq(out.server->port, cases[i].port, "%s", cases[i].text);
		outcome_fini(&out);
	}
}
