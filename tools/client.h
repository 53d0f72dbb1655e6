/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to a server over HTTP, several at once. */
#ifndef PDB_TOOLS_CLIENT_H
#define PDB_TOOLS_CLIENT_H

#include "base/buf.h"
#include "tools/command.h"

typedef struct pdb_client pdb_client;

/* One request and its answer. Owned by the client, used again and again. */
typedef struct pdb_call {
	void *user;           /* the caller's, untouched */
	long status;          /* 0 = no answer, `text` says why */
	bool replayed;        /* Idempotent-Replayed: true */
	uint32_t retry_after; /* seconds the server asked for; 0 = none */
	pdb_buf answer;
	char text[256];
} pdb_call;

/* `connections` calls at once. The key comes from the globals and is never shown.
 * Errors: PDB_EINVAL (no such URL or key file), PDB_ENOMEM. */
pdb_status pdb_client_create(pdb_client **out, const pdb_globals *globals, size_t connections,
			     pdb_err *err);
void pdb_client_destroy(pdb_client **client);

/* A call that is free, or NULL. */
pdb_call *pdb_client_idle(pdb_client *client);
/* Starts it: GET when `body.ptr` is NULL, else POST of JSON, which is borrowed until it is
 * finished. */
pdb_status pdb_client_start(pdb_client *client, pdb_call *call, const char *path, pdb_slice body,
			    pdb_err *err);
/* A call that finished, waiting up to `timeout_ms` for one; NULL when none did. Its answer stays
 * until it is started again. */
pdb_call *pdb_client_finished(pdb_client *client, int timeout_ms);

/* One GET, tried again while the server is busy or cannot be reached, for `retry` seconds.
 * PDB_OK for any answer, also a refusal. Errors: PDB_EUNAVAILABLE, PDB_ENOMEM. */
pdb_status pdb_client_get(pdb_client *client, const char *path, uint64_t retry, pdb_call **call_out,
			  pdb_err *err);

/* True when the same request may be taken later: no answer, 408, 429 or 503. */
bool pdb_call_retryable(const pdb_call *call);
/* Milliseconds to wait before try number `attempt` (from 1): rising, jittered, at least what the
 * server asked for. */
int64_t pdb_call_backoff(const pdb_call *call, unsigned attempt);
/* Why there is no good answer, and what to do: one sentence or two. */
void pdb_call_explain(const pdb_call *call, char *out, size_t size);
/* The member `name` of an error answer as text, "" when there is none. */
void pdb_call_error_member(const pdb_call *call, const char *name, char *out, size_t size);

#endif
