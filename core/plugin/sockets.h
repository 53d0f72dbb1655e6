/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: what plugins (and the core itself) have plugged in. */
#ifndef PDB_PLUGIN_SOCKETS_H
#define PDB_PLUGIN_SOCKETS_H

#include <pdb/host.h>

/* A table and the `self` to call it with. */
typedef struct pdb_socket_entry {
	const void *ops; /* pdb_gate, pdb_route, pdb_record_hook, pdb_listener or pdb_job */
	void *self;
	const char *owner;
} pdb_socket_entry;

typedef enum pdb_socket_kind {
	PDB_SOCKET_GATE, /* kept in order of phase */
	PDB_SOCKET_ROUTE,
	PDB_SOCKET_RECORD, /* kept in order of `order` */
	PDB_SOCKET_LISTENER,
	PDB_SOCKET_JOB,
	PDB_SOCKET_COUNT
} pdb_socket_kind;

typedef struct pdb_socket_list {
	pdb_socket_entry *entries;
	size_t count;
} pdb_socket_list;

/* Zero-initialise. Threads: main only while it grows, any afterwards. */
typedef struct pdb_sockets {
	pdb_socket_list lists[PDB_SOCKET_COUNT];
} pdb_sockets;

void pdb_sockets_fini(pdb_sockets *sockets);

/* Validates the table once, so that call sites need no tests, and adds it.
 * Errors: PDB_EABI, PDB_EEXISTS (name or route taken), PDB_ENOMEM. */
pdb_status pdb_sockets_add(pdb_sockets *sockets, pdb_socket_kind kind, const char *owner,
			   const void *ops, void *self, pdb_err *err);

/* The registration functions of the host table. */
pdb_status pdb_host_add_gate(pdb_plugin *, const pdb_gate *, void *, pdb_err *);
pdb_status pdb_host_add_route(pdb_plugin *, const pdb_route *, void *, pdb_err *);
pdb_status pdb_host_add_record_hook(pdb_plugin *, const pdb_record_hook *, void *, pdb_err *);
pdb_status pdb_host_add_listener(pdb_plugin *, const pdb_listener *, void *, pdb_err *);
pdb_status pdb_host_add_job(pdb_plugin *, const pdb_job *, void *, pdb_err *);
pdb_status pdb_host_add_metric(pdb_plugin *, const pdb_metric *, void *, pdb_measure **, pdb_err *);

#endif
