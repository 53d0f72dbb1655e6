/* SPDX-License-Identifier: Apache-2.0 */
/* The client: one pool of connections to a KMS, deadlines, retries, a breaker. */
#ifndef PDB_EXTERNAL_CLIENT_H
#define PDB_EXTERNAL_CLIENT_H

#include <pthread.h>

#include "external/credentials.h"

#define CLIENT_CONNECTIONS_MAX 64u

typedef struct client_params {
	const pdb_host *host;
	const char *endpoint;
	credentials_files files;
	size_t connections;
	int64_t timeout;      /* of a call with all its tries */
	int64_t pass_timeout; /* of a step over many keys */
	uint32_t failures;    /* in a row that open the breaker */
	int64_t pause_max;    /* the longest that it stays open before one call is let through */
} client_params;

typedef struct client_stats {
	uint64_t calls;
	uint64_t failures; /* calls that could not be answered */
	uint64_t retries;
	uint64_t refused; /* by the breaker, without asking */
	bool open;
} client_stats;

typedef struct client client;

/* A call: what is sent, and what came back. The answer borrows from `in`. */
typedef struct client_call {
	wire_op op;
	wire_request request;
	wire_answer answer;
	wire_buf in;
} client_call;

/* Errors: PDB_EINVAL, PDB_EDENIED, PDB_ENOMEM. */
pdb_status client_open(client **out, const client_params *params, pdb_err *err);
void client_close(client **c);
/* Reads the credentials anew; what is under way ends with the old ones, which stay in force when
 * that fails. Errors: as client_open. Threads: one. */
pdb_status client_reload(client *c, const credentials_files *files, pdb_err *err);

/* Sends and waits. The answer's own status is returned too. Owes client_call_fini whatever comes.
 * Errors: PDB_EUNAVAILABLE within the timeout.  Threads: any. */
pdb_status client_run(client *c, client_call *call, pdb_err *err);
void client_call_fini(client_call *call);
void client_read_stats(client *c, client_stats *out);

#endif
