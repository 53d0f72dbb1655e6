/* SPDX-License-Identifier: Apache-2.0 */
/* The options of progressdb-kms. */
#include "daemon/daemon.h"

#define AT(member) offsetof(kms_settings, member)
#define SECOND     INT64_C(1000000000)
#define RELOADABLE PDB_OPTION_RELOADABLE

static const char *const MEMORY[] = {"warn", "require", NULL};
static const char *const LEVELS[] = {"error", "warn", "info", "debug", NULL};
static const char *const FORMATS[] = {"logfmt", "json", NULL};

#define TEXT(key_, type_, flags_, member_, fallback_, help_)                                       \
	{                                                                                          \
		.key = (key_), .type = PDB_OPTION_##type_, .flags = (flags_),                      \
		.offset = AT(member_), .fallback = (fallback_), .help = (help_)                    \
	}

static const pdb_option ROWS[] = {
	TEXT("kms.listen", LIST, 0, listen, "[\"unix:/run/progressdb-kms/kms.sock\"]",
	     "Where it listens: unix:/path, https://address:port, or http://address:port on an "
	     "address of the machine itself."),
	TEXT("kms.data_dir", PATH, PDB_OPTION_REQUIRED, data_dir, "/var/lib/progressdb-kms",
	     "The directory of wrapped keys and the audit log."),
	TEXT("kms.kek_dir", PATH, 0, kek_dir, NULL,
	     "The directory of the KEK versions; empty for keks in the data directory. Kept out of "
	     "backups it makes erasure final for them too."),
	TEXT("kms.master_key_file", PATH, 0, master_key_file, NULL,
	     "The file of the master key, 32 bytes or 64 hex digits, closed to others; the systemd "
	     "credential \"kek\" goes before it."),
	TEXT("kms.master_key_hex", STRING, PDB_OPTION_SECRET, master_key_hex, NULL,
	     "The master key itself, for development."),
	{.key = "kms.locked_memory",
	 .type = PDB_OPTION_ENUM,
	 .offset = AT(locked_memory),
	 .fallback = "require",
	 .choices = MEMORY,
	 .help = "What happens when the memory of the keys cannot be locked."},
	{.key = "kms.audit_file_size",
	 .type = PDB_OPTION_SIZE,
	 .offset = AT(audit_file_size),
	 .fallback = "64MiB",
	 .min = INT64_C(64) << 10,
	 .max = INT64_C(1) << 40,
	 .unit = "bytes",
	 .help = "Size at which the audit log goes on in a new file."},
	TEXT("kms.users.server", LIST, RELOADABLE, users.server, "[progressdb]",
	     "Users (names or numbers) of unix sockets that may make and open keys."),
	TEXT("kms.users.operator", LIST, RELOADABLE, users.operator_, "[root]",
	     "Users of unix sockets that may rotate, destroy and retire."),
	TEXT("kms.users.auditor", LIST, RELOADABLE, users.auditor, NULL,
	     "Users of unix sockets that may look at states, never at keys."),
	TEXT("kms.certificates.server", LIST, RELOADABLE, certificates.server, NULL,
	     "Client certificates that may make and open keys: SHA-256 fingerprints, or common "
	     "names of the client authority."),
	TEXT("kms.certificates.operator", LIST, RELOADABLE, certificates.operator_, NULL,
	     "Client certificates that may rotate, destroy and retire."),
	TEXT("kms.certificates.auditor", LIST, RELOADABLE, certificates.auditor, NULL,
	     "Client certificates that may look at states, never at keys."),
	TEXT("kms.token_file", PATH, RELOADABLE, token_file, NULL,
	     "Tokens of callers over http: lines of role, name and secret; closed to others."),
	TEXT("kms.tls.cert_file", PATH, RELOADABLE, certificate_file, NULL,
	     "Certificate chain of this service, PEM."),
	TEXT("kms.tls.key_file", PATH, RELOADABLE, key_file, NULL, "Its private key, PEM."),
	TEXT("kms.tls.client_ca_file", PATH, RELOADABLE, client_ca_file, NULL,
	     "Authorities that sign the certificates of callers, PEM."),
	{.key = "kms.max_connections",
	 .type = PDB_OPTION_INT,
	 .offset = AT(max_connections),
	 .fallback = "64",
	 .min = 1,
	 .max = 4096,
	 .help = "Connections at once, each a thread."},
	{.key = "kms.idle_timeout",
	 .type = PDB_OPTION_DURATION,
	 .offset = AT(idle_timeout),
	 .fallback = "5m",
	 .min = SECOND,
	 .max = 86400 * SECOND,
	 .help = "A connection without a request is closed after this."},
	{.key = "kms.request_timeout",
	 .type = PDB_OPTION_DURATION,
	 .offset = AT(request_timeout),
	 .fallback = "5s",
	 .min = SECOND / 10,
	 .max = 600 * SECOND,
	 .help = "A request must have arrived this long after its first byte."},
	{.key = "logging.level",
	 .type = PDB_OPTION_ENUM,
	 .flags = RELOADABLE,
	 .offset = AT(log_level),
	 .fallback = "info",
	 .choices = LEVELS,
	 .help = "Least important lines that are written."},
	{.key = "logging.format",
	 .type = PDB_OPTION_ENUM,
	 .flags = RELOADABLE,
	 .offset = AT(log_format),
	 .fallback = "logfmt",
	 .choices = FORMATS,
	 .help = "How a line looks."},
};

const pdb_option_table kms_daemon_options = PDB_OPTION_TABLE(ROWS, kms_settings);

static void check_tls(const kms_settings *settings, pdb_problem_fn problem, void *arg)
{
	if (settings->certificate_file[0] == '\0' || settings->key_file[0] == '\0' ||
	    settings->client_ca_file[0] == '\0') {
		problem(arg, "kms.listen",
			"https needs kms.tls.cert_file, kms.tls.key_file and "
			"kms.tls.client_ca_file: both sides show a certificate");
	}
}

static void check_one(const kms_settings *settings, const char *text, pdb_problem_fn problem,
		      void *arg)
{
	wire_endpoint endpoint;
	pdb_err err = {0};

	if (wire_endpoint_read(text, &endpoint, &err) != PDB_OK) {
		problem(arg, "kms.listen", err.text);
	} else if (!wire_endpoint_safe(&endpoint)) {
		problem(arg, "kms.listen",
			"http in clear is for addresses of the machine itself; use https");
	} else if (endpoint.tls) {
		check_tls(settings, problem, arg);
	} else if (!endpoint.local && settings->token_file[0] == '\0') {
		problem(arg, "kms.listen", "http needs kms.token_file: nobody else is known there");
	}
}

void kms_daemon_check(const void *settings, pdb_problem_fn problem, void *arg)
{
	const kms_settings *given = settings;

	if (given->listen.count == 0 || given->listen.count > KMS_LISTENERS_MAX) {
		problem(arg, "kms.listen", "one to eight addresses are needed");
		return;
	}
	for (size_t i = 0; i < given->listen.count; i++) {
		check_one(given, given->listen.items[i], problem, arg);
	}
}
