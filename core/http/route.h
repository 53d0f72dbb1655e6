/* SPDX-License-Identifier: Apache-2.0 */
/* The router: from method and path to a route, compiled once. */
#ifndef PDB_HTTP_ROUTE_H
#define PDB_HTTP_ROUTE_H

#include <pdb/request.h>

#include "plugin/sockets.h"

/*
 * Model. A tree by segment. At each node a literal child wins over the "{name}" child, and that
 * over "{*name}"; there is no going back once a child was taken, so that a path is walked in one
 * pass. Literals are compared as received: "/%68ealthz" is another path than "/healthz", so that a
 * gate that judges the raw path and the router can not disagree. A segment that is empty, "." or
 * ".." matches no parameter.
 */
typedef struct pdb_router pdb_router;

#define PDB_PARAMS_MAX 8u

typedef struct pdb_param {
	pdb_slice name;
	pdb_slice value; /* raw, a part of the path */
} pdb_param;

typedef struct pdb_match {
	const pdb_route *route; /* NULL: the path or the method is not known */
	void *self;
	uint32_t allowed; /* bits of pdb_method; 0 when the path is not known */
	size_t count;
	pdb_param params[PDB_PARAMS_MAX];
} pdb_match;

/* Borrows the tables. Errors: PDB_EINVAL for a pattern that is not valid, PDB_ENOMEM. */
pdb_status pdb_router_create(pdb_router **out, const pdb_socket_list *routes, pdb_err *err);
void pdb_router_destroy(pdb_router **router);

/* HEAD finds the route of GET when it has none of its own. Threads: any. */
void pdb_router_find(const pdb_router *router, pdb_method method, pdb_slice path,
		     pdb_match *match_out);

/* "GET" … "PATCH". */
const char *pdb_method_name(pdb_method method);

/* "GET, HEAD, POST" for a set of methods; `out` has room for PDB_ALLOW_MAX bytes. */
#define PDB_ALLOW_MAX 64u
void pdb_allow_text(uint32_t methods, char *out);

#endif
