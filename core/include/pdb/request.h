/* SPDX-License-Identifier: Apache-2.0 */
/* Gates and routes: the two sockets that see HTTP requests. */
#ifndef PDB_REQUEST_H
#define PDB_REQUEST_H

#include <pdb/slice.h>
#include <pdb/status.h>

/*
 * A request is opaque; the accessors are in the host table (pdb/host.h). It lives until it is
 * answered: a gate or handler must not keep it, nor anything borrowed from it, after it returned.
 */
typedef struct pdb_request pdb_request;

/* Who calls. The values are bits, so that a route can name several. */
typedef enum pdb_role {
	PDB_ROLE_NONE = 0,
	PDB_ROLE_FRONTEND = 0x1,
	PDB_ROLE_BACKEND = 0x2,
	PDB_ROLE_ADMIN = 0x4
} pdb_role;

#define PDB_ROLES_ALL 0x7u
/* Needs no identity: probes and static pages. */
#define PDB_ROLES_PUBLIC 0x8u

typedef enum pdb_method {
	PDB_METHOD_GET = 0x1,
	PDB_METHOD_HEAD = 0x2,
	PDB_METHOD_POST = 0x4,
	PDB_METHOD_PUT = 0x8,
	PDB_METHOD_DELETE = 0x10,
	PDB_METHOD_OPTIONS = 0x20,
	PDB_METHOD_PATCH = 0x40
} pdb_method;

/* Gates run in this order; within a phase in the order of registration. */
typedef enum pdb_phase {
	PDB_PHASE_TRACE = 50,     /* measuring, access logs; since 1.1 */
	PDB_PHASE_ORIGIN = 100,   /* CORS */
	PDB_PHASE_ADDRESS = 200,  /* allow lists, proxies */
	PDB_PHASE_GUARD = 250,    /* limits that hold before a key is looked at; since 1.1 */
	PDB_PHASE_IDENTITY = 300, /* keys and signatures */
	PDB_PHASE_RATE = 400      /* limits per identity */
} pdb_phase;

/* Where a request came in. */
typedef enum pdb_entrance {
	PDB_LISTENER_MAIN = 0,
	PDB_LISTENER_ADMIN = 1 /* the listener of its own that admin.listen names */
} pdb_entrance;

/*
 * A gate sees a request before it is handled. Its route is known by then (request_route), but a
 * path or method that is not known is answered only after the gates, and so is a role that does
 * not suffice.
 *
 * enter    mandatory. PDB_OK lets the request pass (or leaves it answered, when the gate called
 *          request_reply). Any other status refuses it and is answered from `err`.
 * decorate NULL = nothing to add. Called for every answer, errors too, just before it leaves, to
 *          add headers.
 * leave    NULL = not interested; since 1.1. Called exactly once for every request that this gate's
 *          enter() has seen, when it ends: its answer has left, or the client went before. The
 *          request is as it was, request_status included; nothing can be answered any more. May
 *          come after stop() for a request that the server gave up, never after fini().
 * Threads: a loop thread or a worker; must not block; several threads at once.
 */
typedef struct pdb_gate {
	uint32_t size;
	pdb_phase phase;
	const char *name;
	pdb_status (*enter)(void *self, pdb_request *request, pdb_err *err);
	void (*decorate)(void *self, pdb_request *request);
	void (*leave)(void *self, pdb_request *request);
} pdb_gate;

/* Flags of a route. */
#define PDB_ROUTE_BLOCKING 0x1u /* always run on a worker */

/*
 * A route: method and path to handler.
 *
 * pattern  segments separated by '/'; "{name}" takes one whole segment, percent-decoded
 *          "/v1/threads/{thread}/messages"; a last segment "{*name}" takes the rest
 * roles    bits of pdb_role, or PDB_ROLES_PUBLIC; 0 is refused at registration. A route under
 *          "/admin" names PDB_ROLE_ADMIN and nothing else
 * handle   mandatory. PDB_OK after request_reply; another status is answered from `err`.
 *          PDB_EOFFLOAD runs it again, from the start, on a worker.
 * Threads: a loop thread or a worker (see request_may_block); several at once.
 */
typedef struct pdb_route {
	uint32_t size;
	pdb_method method;
	const char *pattern;
	uint32_t roles;
	uint32_t flags;
	pdb_status (*handle)(void *self, pdb_request *request, pdb_err *err);
} pdb_route;

#endif
