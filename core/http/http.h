/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP: evhttp loops behind a strict guard, routing, and the life of a request. */
#ifndef PDB_HTTP_HTTP_H
#define PDB_HTTP_HTTP_H

#include <pdb/host.h>
#include <pdb/option.h>

#include "base/buf.h"

/*
 * Model. N loop threads, each with an event_base, an evhttp and a SO_REUSEPORT listener. The guard
 * (guard.h) judges every byte that arrives and takes the request down; evhttp never parses one. A
 * request passes the gates, is routed and handled on its loop thread; a handler that must block is
 * run again on a worker.
 *
 * An answer may be held for a ticket: it leaves when pdb_http_publish() has named that ticket or a
 * later one.
 *
 * Every error answer has one shape: {"error","code","request_id","field"?}.
 */
typedef struct pdb_http pdb_http;

typedef struct pdb_http_settings {
	const char *address; /* "127.0.0.1", "::1", "0.0.0.0"; a host:port is taken apart */
	int64_t port;        /* 0 = any free one, see pdb_http_port */
	int64_t loops;       /* 0 = one per core */
	int64_t body_max;
	int64_t header_max;
	int64_t header_timeout; /* nanoseconds, absolute from the first byte (or the connection) */
	int64_t body_timeout;
	int64_t idle_timeout;
	int64_t connections_max;
	int64_t buffered_max;
	const char *tls_cert_file;
	const char *tls_key_file;
	int64_t tls_min_version; /* a pdb_tls_version */
	const char *tls_client_ca_file;
	int64_t certificates_backend; /* a pdb_certificate_mode, as the next one */
	int64_t certificates_admin;
	bool proxy_protocol;
	pdb_option_list proxy_from; /* empty = any */
	const char *admin_listen;   /* "" = no listener of its own */
	bool admin_proxy_protocol;
	const char *admin_socket_mode; /* octal */
	const char *admin_socket_group;
	int64_t overload_after; /* nanoseconds; 0 = off */
	bool access_log;
	int64_t slow_request; /* nanoseconds; 0 = off */
} pdb_http_settings;

typedef enum pdb_tls_version {
	PDB_TLS_1_2,
	PDB_TLS_1_3
} pdb_tls_version;

/* Whether callers of a role show a certificate. */
typedef enum pdb_certificate_mode {
	PDB_CERTIFICATE_OFF,
	PDB_CERTIFICATE_OPTIONAL, /* looked at when there is one */
	PDB_CERTIFICATE_REQUIRED
} pdb_certificate_mode;

extern const pdb_option_table pdb_http_options; /* fills a pdb_http_settings; keys server.… */
/* For pdb_config_read: judges the settings as a whole. */
void pdb_http_check(const void *settings, pdb_problem_fn problem, void *arg);

/* Runs `run(arg)` on a thread that may block; PDB_EBUSY when its queue is full. */
typedef pdb_status (*pdb_offload_fn)(void *pool, void (*run)(void *arg), void *arg);

/* `sockets` gives gates and routes, complete at this time. Borrowed until destroy. */
struct pdb_sockets;
pdb_status pdb_http_create(pdb_http **out, const pdb_http_settings *settings,
			   const struct pdb_sockets *sockets, pdb_offload_fn offload, void *pool,
			   pdb_err *err);
/* Binds and starts the loops. PDB_EUNAVAILABLE when the address is taken. Threads: main. */
pdb_status pdb_http_start(pdb_http *http, pdb_err *err);
int pdb_http_port(const pdb_http *http);
/* Where the listener `entrance` is, for people: "http://host:port", "https://[::1]:port" or
 * "unix:path". Errors: PDB_ENOTFOUND when there is none, PDB_ETOOLARGE for `size`. */
pdb_status pdb_http_place(const pdb_http *http, pdb_entrance entrance, char *out, size_t size);
/* Stops accepting, finishes what was read, closes; gives up after `timeout` nanoseconds.
 * Returns PDB_ETIMEOUT then. Threads: main. */
pdb_status pdb_http_stop(pdb_http *http, int64_t timeout);
/* Waits for the requests that workers still have: the pool must run, or have run, them all. */
void pdb_http_destroy(pdb_http **http);

/* Releases the answers held for tickets up to `ticket`. Threads: any; fits pdb_durable_fn. */
void pdb_http_publish(void *http, uint64_t ticket);

/* Takes the settings about log lines; serves new connections with the certificates, authorities and
 * TLS version of `settings`, and asks of callers what they say; connections go on, but their
 * certificate must be one that the new authorities accept. A failure keeps all as it was; without
 * TLS there is nothing to do. Errors: PDB_EINVAL when TLS would be switched or the files do not
 * fit, PDB_ENOMEM. Threads: any, one at a time. */
pdb_status pdb_http_reload(pdb_http *http, const pdb_http_settings *settings, pdb_err *err);

/* Declares what HTTP counts, in the list of the process. Once, before the start.
 * Errors: those of pdb_measure_add. Threads: main. */
pdb_status pdb_http_measure(pdb_http *http, pdb_err *err);

/* Requests, connections, … for metrics. */
typedef struct pdb_http_counts {
	uint64_t requests;
	uint64_t refused;     /* by the guard */
	uint64_t connections; /* live */
} pdb_http_counts;
void pdb_http_counts_read(pdb_http *http, pdb_http_counts *out);

/* -- requests: the functions of the host table, same contracts ------------------------------ */

pdb_method pdb_request_method(const pdb_request *request);
pdb_slice pdb_request_path(const pdb_request *request);
pdb_slice pdb_request_param(const pdb_request *request, const char *name);
bool pdb_request_query(const pdb_request *request, const char *name, pdb_slice *value_out);
bool pdb_request_header(const pdb_request *request, const char *name, pdb_slice *value_out);
bool pdb_request_header_at(const pdb_request *request, const char *name, size_t at,
			   pdb_slice *value_out);
pdb_slice pdb_request_body(const pdb_request *request);
const char *pdb_request_peer(const pdb_request *request);
const char *pdb_request_id(const pdb_request *request);
void *pdb_request_alloc(pdb_request *request, size_t size);
pdb_status pdb_request_set_identity(pdb_request *request, pdb_role role, const char *key,
				    pdb_slice user);
pdb_role pdb_request_role(const pdb_request *request);
pdb_slice pdb_request_user(const pdb_request *request);
pdb_status pdb_request_add_header(pdb_request *request, const char *name, const char *value);
pdb_status pdb_request_reply(pdb_request *request, int status, const char *type, pdb_slice body);
pdb_status pdb_request_may_block(pdb_request *request);
const char *pdb_request_route(const pdb_request *request);
int pdb_request_status(const pdb_request *request);
const char *pdb_request_key(const pdb_request *request);
pdb_status pdb_request_set_peer(pdb_request *request, const char *address);
const char *pdb_request_socket_peer(const pdb_request *request);
pdb_entrance pdb_request_listener(const pdb_request *request);
const char *pdb_request_certificate(const pdb_request *request);
const char *pdb_request_certificate_name(const pdb_request *request);

/* -- requests: for the core only -------------------------------------------------------------- */

/* As pdb_request_reply, without a copy: takes the buffer's memory and leaves it empty. */
pdb_status pdb_request_reply_buf(pdb_request *request, int status, const char *type, pdb_buf *body);
/* Holds the answer until `ticket` is published. Call before the handler returns. */
void pdb_request_hold(pdb_request *request, uint64_t ticket);
/* True on a worker. */
bool pdb_request_on_worker(const pdb_request *request);
/* A buffer for the answer with its memory kept from request to request; cleared; borrowed. */
pdb_buf *pdb_request_scratch(pdb_request *request);

#endif
