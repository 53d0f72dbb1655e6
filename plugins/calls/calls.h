/* SPDX-License-Identifier: Apache-2.0 */
/* Small JSON objects in and out of the routes of plugins. */
#ifndef PDB_CALLS_H
#define PDB_CALLS_H

#include <jansson.h>
#include <pdb/host.h>

/*
 * To be called in init(), before there are threads. Errors: PDB_EABI, the host is too old.
 */
pdb_status call_init(const pdb_host *host, pdb_err *err);

/*
 * The body, not empty and said to be JSON, but not judged: for the host's own reader of large ones.
 * An absent Content-Type is tolerated, as everywhere.
 * Errors: PDB_EMEDIA, PDB_EINVAL.
 */
pdb_status call_payload(const pdb_host *host, const pdb_request *request, pdb_slice *out,
			pdb_err *err);

#define CALL_BODY_MAX (64u * 1024u) /* bytes; lists of ids are the longest that is sent */

/*
 * The body as a JSON object; an empty one when `optional` and there is none.
 * Owns: the caller; NULL on error.  Errors: PDB_EMEDIA, PDB_ETOOLARGE, PDB_EINVAL with the place,
 * PDB_ENOMEM.
 */
pdb_status call_body(const pdb_host *host, const pdb_request *request, bool optional, json_t **out,
		     pdb_err *err);

/*
 * For an optional body that has one member at most, `name`, true or false; false when absent.
 * Errors: those of call_body.
 */
pdb_status call_flag(const pdb_host *host, const pdb_request *request, const char *name, bool *out,
		     pdb_err *err);

/* A string value; bytes that are no UTF-8 show as "?". NULL without memory. */
json_t *call_text(pdb_slice text);

/* Answers with `object`, and lets go of it; NULL is no memory. Not to be stored by anybody. */
pdb_status call_reply(const pdb_host *host, pdb_request *request, int status, json_t *object,
		      pdb_err *err);

/*
 * Submits a run of the job `name` and answers 202 with {"id", "name"} and its Location. Lets go
 * of `params`; NULL is no memory.  Errors: those of pdb_host_jobs.submit.
 */
pdb_status call_reply_job(const pdb_host *host, pdb_request *request, const char *name,
			  json_t *params, pdb_err *err);

#endif
