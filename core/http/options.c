/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the section "server" that HTTP reads. */
#include "http/http.h"

#define SECOND    INT64_C(1000000000)
#define AT(field) offsetof(pdb_http_settings, field)

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
	{"server.tls.cert_file", PDB_OPTION_PATH, PDB_OPTION_RELOADABLE, AT(tls_cert_file), NULL, 0,
	 0, NULL, NULL, NULL, "PEM file of the certificate chain; empty serves plain HTTP."},
	{"server.tls.key_file", PDB_OPTION_PATH, PDB_OPTION_RELOADABLE, AT(tls_key_file), NULL, 0,
	 0, NULL, NULL, NULL, "PEM file of the certificate's private key."},
};

const pdb_option_table pdb_http_options = PDB_OPTION_TABLE(rows, pdb_http_settings);
