/* SPDX-License-Identifier: Apache-2.0 */
/* The options that HTTP reads, and what must hold among them. */
#include <errno.h>
#include <unistd.h>

#include "http/http_private.h"

#define SECOND    INT64_C(1000000000)
#define AT(field) offsetof(pdb_http_settings, field)

/* In the order of pdb_tls_version and of pdb_certificate_mode. */
static const char *const tls_versions[] = {"1.2", "1.3", NULL};
static const char *const modes[] = {"off", "optional", "required", NULL};

static const pdb_option rows[] = {
	{"server.address", PDB_OPTION_STRING, 0, AT(address), "127.0.0.1", 0, 0, NULL, NULL, NULL,
	 "Address to listen on; host:port is understood too."},
	{"server.port", PDB_OPTION_INT, 0, AT(port), "8080", 0, 65535, NULL, NULL, NULL,
	 "Port to listen on; 0 takes any free one."},
	{"server.loops", PDB_OPTION_INT, 0, AT(loops), "0", 0, 256, NULL, "threads", NULL,
	 "Threads that serve connections; 0 means one per core."},
	{"server.max_payload_size", PDB_OPTION_SIZE, 0, AT(body_max), "1MiB", 1024, 67108864, NULL,
	 "bytes", NULL, "Largest request body."},
	{"server.max_header_size", PDB_OPTION_SIZE, 0, AT(header_max), "16KiB", 1024, 1048576, NULL,
	 "bytes", NULL, "Largest header block of a request."},
	{"server.header_timeout", PDB_OPTION_DURATION, 0, AT(header_timeout), "10s", SECOND / 100,
	 3600 * SECOND, NULL, NULL, NULL,
	 "Time for a request's header to arrive, and for a new connection's first byte."},
	{"server.body_timeout", PDB_OPTION_DURATION, 0, AT(body_timeout), "30s", SECOND / 100,
	 3600 * SECOND, NULL, NULL, NULL, "Time for a request's body to arrive."},
	{"server.idle_timeout", PDB_OPTION_DURATION, 0, AT(idle_timeout), "60s", SECOND / 100,
	 86400 * SECOND, NULL, NULL, NULL, "Time a connection may wait for its next request."},
	{"server.max_connections", PDB_OPTION_INT, 0, AT(connections_max), "10000", 1, 1000000,
	 NULL, NULL, NULL, "Connections served at once; others wait to be accepted."},
	{"server.max_buffered", PDB_OPTION_SIZE, 0, AT(buffered_max), "512MiB", 1048576,
	 INT64_C(1) << 40, NULL, "bytes", NULL,
	 "Memory for bodies that arrive and answers that leave, over all connections; beyond it "
	 "what is larger than 32 KiB is answered with 503."},
	{"server.overload_after", PDB_OPTION_DURATION, 0, AT(overload_after), "2s", 0,
	 3600 * SECOND, NULL, NULL, NULL,
	 "New writes are answered with 503 while others have waited this long for the disk, a "
	 "worker or their turn; 0 switches it off."},
	{"server.tls.cert_file", PDB_OPTION_PATH, PDB_OPTION_RELOADABLE, AT(tls_cert_file), NULL, 0,
	 0, NULL, NULL, NULL, "PEM file of the certificate chain; empty serves plain HTTP."},
	{"server.tls.key_file", PDB_OPTION_PATH, PDB_OPTION_RELOADABLE, AT(tls_key_file), NULL, 0,
	 0, NULL, NULL, NULL, "PEM file of the certificate's private key."},
	{"server.tls.min_version", PDB_OPTION_ENUM, PDB_OPTION_RELOADABLE, AT(tls_min_version),
	 "1.2", 0, 0, tls_versions, NULL, NULL, "The oldest version of TLS that is spoken."},
	{"server.tls.client_ca_file", PDB_OPTION_PATH, PDB_OPTION_RELOADABLE,
	 AT(tls_client_ca_file), NULL, 0, 0, NULL, NULL, NULL,
	 "PEM file of the authorities whose client certificates are accepted."},
	{"server.proxy_protocol", PDB_OPTION_BOOL, 0, AT(proxy_protocol), "false", 0, 0, NULL, NULL,
	 NULL, "Whether each connection must begin with a PROXY header (version 1 or 2)."},
	{"server.proxy_protocol_from", PDB_OPTION_LIST, 0, AT(proxy_from), NULL, 0, 1000, NULL,
	 NULL, NULL,
	 "Networks whose PROXY headers are believed, other peers are closed; empty means any."},
	{"security.client_certificates.backend", PDB_OPTION_ENUM, PDB_OPTION_RELOADABLE,
	 AT(certificates_backend), "off", 0, 0, modes, NULL, NULL,
	 "Whether callers with a backend key show a client certificate."},
	{"security.client_certificates.admin", PDB_OPTION_ENUM, PDB_OPTION_RELOADABLE,
	 AT(certificates_admin), "off", 0, 0, modes, NULL, NULL,
	 "Whether callers with an admin key show a client certificate."},
	{"admin.listen", PDB_OPTION_STRING, 0, AT(admin_listen), NULL, 0, 0, NULL, NULL, NULL,
	 "Where /admin is served, and only there: host:port or unix:PATH; empty for the main "
	 "address."},
	{"admin.proxy_protocol", PDB_OPTION_BOOL, 0, AT(admin_proxy_protocol), "false", 0, 0, NULL,
	 NULL, NULL, "As server.proxy_protocol, for admin.listen."},
	{"admin.socket_mode", PDB_OPTION_STRING, 0, AT(admin_socket_mode), "0600", 0, 0, NULL, NULL,
	 NULL, "The file mode of a unix:PATH, in octal digits."},
	{"logging.access", PDB_OPTION_BOOL, PDB_OPTION_RELOADABLE, AT(access_log), "false", 0, 0,
	 NULL, NULL, NULL, "Whether each request gets a line, of the component access."},
	{"logging.slow_request", PDB_OPTION_DURATION, PDB_OPTION_RELOADABLE, AT(slow_request), "1s",
	 0, 3600 * SECOND, NULL, NULL, NULL,
	 "A request that took as long as this gets a line with level warn; 0 switches it off."},
	{"admin.socket_group", PDB_OPTION_STRING, 0, AT(admin_socket_group), NULL, 0, 0, NULL, NULL,
	 NULL, "The group of a unix:PATH; empty for that of the process."},
};

static bool is_set(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static void check_file(const char *key, const char *path, pdb_problem_fn problem, void *arg)
{
	if (is_set(path) && access(path, R_OK) != 0) {
		char text[512];

		(void)snprintf(text, sizeof(text), "cannot read %s: %s", path, strerror(errno));
		problem(arg, key, text);
	}
}

static void check_tls(const pdb_http_settings *settings, pdb_problem_fn problem, void *arg)
{
	bool has_cert = is_set(settings->tls_cert_file);

	if (has_cert != is_set(settings->tls_key_file)) {
		problem(arg, has_cert ? "server.tls.cert_file" : "server.tls.key_file",
			"TLS needs both a certificate and its key");
	}
	check_file("server.tls.cert_file", settings->tls_cert_file, problem, arg);
	check_file("server.tls.key_file", settings->tls_key_file, problem, arg);
	check_file("server.tls.client_ca_file", settings->tls_client_ca_file, problem, arg);
	if (pdb__tls_asks_clients(settings) &&
	    !(has_cert && is_set(settings->tls_client_ca_file))) {
		problem(arg, "security.client_certificates",
			"needs TLS and server.tls.client_ca_file");
	}
}

static void check_admin(const pdb_http_settings *settings, pdb_problem_fn problem, void *arg)
{
	pdb_place place = {.lock_fd = -1};
	pdb_err err = {0};
	mode_t mode;
	gid_t group;

	if (is_set(settings->admin_listen) &&
	    pdb__place_parse(&place, settings->admin_listen, -1, &err) != PDB_OK) {
		problem(arg, "admin.listen", err.text);
	}
	pdb__place_fini(&place);
	if (!pdb__local_mode(settings->admin_socket_mode, &mode)) {
		problem(arg, "admin.socket_mode", "is no file mode in octal digits, like 0660");
	}
	if (is_set(settings->admin_socket_group) &&
	    !pdb__local_group(settings->admin_socket_group, &group)) {
		problem(arg, "admin.socket_group", "there is no such group");
	}
}

void pdb_http_check(const void *all, pdb_problem_fn problem, void *arg)
{
	const pdb_http_settings *settings = all;

	check_tls(settings, problem, arg);
	check_admin(settings, problem, arg);
	for (size_t i = 0; i < settings->proxy_from.count; i++) {
		pdb_network network;

		if (!pdb_network_parse(&network, settings->proxy_from.items[i])) {
			problem(arg, "server.proxy_protocol_from",
				"has an item that is neither an address nor a network like "
				"192.0.2.0/24");
			break;
		}
	}
}

const pdb_option_table pdb_http_options = PDB_OPTION_TABLE(rows, pdb_http_settings);
