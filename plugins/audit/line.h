/* SPDX-License-Identifier: Apache-2.0 */
/* What an audit line says of a request. */
#ifndef PDB_AUDIT_LINE_H
#define PDB_AUDIT_LINE_H

#include <pdb/host.h>

/*
 * The members of a JSON object, without its braces: "event", "request_id", "key", "certificate",
 * "peer", "method", "route" (or "path", when there is no such route), "params", "status". Of the
 * query and the body only members that name things are taken, never a text or a secret.
 *
 * `skipped` > 0 tells how many such lines were left out before this one. Owns: the caller, with the
 * host's free(). NULL without memory.
 */
char *line_make(const pdb_host *host, const pdb_request *request, const char *event,
		unsigned skipped);

#endif
