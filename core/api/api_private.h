/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: a call on its way, its input, its answer. */
#ifndef PDB_API_PRIVATE_H
#define PDB_API_PRIVATE_H

#include "api/api.h"
#include "chat/access.h"
#include "http/http.h"

/*
 * One request in a handler. Every handler goes the same way: begin, read the input, resolve the
 * caller, ask the domain, answer. It may be run twice (PDB_EOFFLOAD) and keeps nothing elsewhere.
 */
typedef struct pdb__call {
	pdb_chat *chat;
	pdb_request *request;
	pdb_err *err;
	pdb_buf *out; /* the answer; its memory is kept from request to request */
	pdb_caller caller;
	pdb_outcome outcome;
} pdb__call;

/* `self` is the `chat` of pdb_api_register. */
void pdb__call_begin(pdb__call *call, void *self, pdb_request *request, pdb_err *err);
/* The message that the path names. */
pdb_message_ref pdb__call_message(const pdb__call *call);

/* -- caller.c: who asks ------------------------------------------------------------------- */

/*
 * Fills call->caller. `named` is the author that the body names, ptr NULL when it names none. A
 * signed user always wins and may not be contradicted; backend and admin callers are believed: the
 * body first, then X-User-ID, then ?author=.
 * Errors: PDB_EINVAL invalid_author, PDB_EUNAUTHENTICATED signature_required, PDB_EDENIED
 * author_mismatch.
 */
pdb_status pdb__caller_resolve(pdb__call *call, pdb_slice named);
#define PDB__NOBODY pdb_slice_of(NULL, 0)
/* Judges the author that element `index` of a batch names. */
pdb_status pdb__caller_allows(pdb__call *call, pdb_slice named, size_t index);

/* -- input.c: bodies ------------------------------------------------------------------------ */

typedef enum pdb__kind {
	PDB__TEXT = 1, /* a string  -> pdb_slice, decoded */
	PDB__JSON,     /* anything but null -> pdb_slice, the exact bytes */
	PDB__OBJECT,   /* an object -> pdb_slice, the exact bytes */
	PDB__ARRAY,    /* an array  -> pdb_slice, the exact bytes */
	PDB__TEXTS,    /* an array of strings -> pdb__texts, decoded */
	PDB__TIME,     /* an integer -> int64_t */
	PDB__VERSION   /* an integer from 1 -> uint32_t */
} pdb__kind;

typedef struct pdb__texts {
	const pdb_slice *items; /* NULL = absent */
	size_t count;
} pdb__texts;

/* Where a member of an object goes. Members that no field names are ignored. */
typedef struct pdb__field {
	const char *name;
	pdb__kind kind;
	size_t offset;
} pdb__field;

typedef struct pdb__shape {
	const pdb__field *fields;
	size_t count;
} pdb__shape;

#define PDB__SHAPE(fields_)                                                                        \
	{                                                                                          \
		(fields_), sizeof(fields_) / sizeof((fields_)[0])                                  \
	}

/*
 * The body of the request as one checked JSON object; an absent one is PDB_EINVAL body_required
 * when `required`, else "{}". Errors: PDB_EMEDIA, PDB_EINVAL, those of pdb_json_check.
 */
pdb_status pdb__input_object(pdb__call *call, bool required, pdb_slice *object_out);

/*
 * Reads a checked object into the zeroed struct at `target`. `at` is the JSON pointer of the object
 * ("" for the body). A null leaves its field absent, but for PDB__JSON, which refuses it.
 * Slices borrow from the request. Errors: PDB_EINVAL with code and field, PDB_ENOMEM.
 */
pdb_status pdb__input_read(pdb__call *call, pdb_slice object, const char *at,
			   const pdb__shape *shape, void *target);

/* The Idempotency-Key header; ptr NULL when absent. Errors: PDB_EINVAL. */
pdb_status pdb__input_idempotency_key(pdb__call *call, pdb_slice *key_out);

/* -- query.c: query parameters --------------------------------------------------------------- */

/* `limit`, 0 when absent. Errors: PDB_EINVAL invalid_limit. */
pdb_status pdb__query_limit(pdb__call *call, uint32_t *limit_out);
/* A flag: true, false, 1, 0; false when absent. Errors: PDB_EINVAL invalid_<name>. */
pdb_status pdb__query_include_deleted(pdb__call *call, bool *flag_out);
/* A parameter; empty when absent. */
pdb_slice pdb__query_text(const pdb__call *call, const char *name);

/* -- precondition.c: ETag, If-Match, If-None-Match --------------------------------------------- */

/*
 * The version that If-Match asks for, for a message of the resolved caller: 0 when any will do. A
 * list is settled by looking the message up. Errors: PDB_EINVAL invalid_if_match, PDB_ESTALE, those
 * of pdb_chat_message_get.
 */
pdb_status pdb__precondition_version(pdb__call *call, const pdb_message_ref *ref,
				     uint32_t *version_out);
/* True when If-None-Match names this version. */
bool pdb__precondition_unchanged(const pdb__call *call, uint32_t version);

/* -- reply.c: answers ---------------------------------------------------------------------------
 */

/* Answers with call->out once the outcome's ticket is on disk. */
pdb_status pdb__reply(pdb__call *call);
/* The same without a body. */
pdb_status pdb__reply_empty(pdb__call *call, int status);
/* The same for a message: with its ETag. */
pdb_status pdb__reply_message(pdb__call *call);
/* The same for something created: with its Location, and whether it was stored before. */
pdb_status pdb__reply_created(pdb__call *call);
/* The same for a batch, which has no one place. */
pdb_status pdb__reply_batch(pdb__call *call);

/* -- the handlers
 * ---------------------------------------------------------------------------------- */

#define PDB__HANDLER(name) pdb_status name(void *self, pdb_request *request, pdb_err *err)

/* One for each line of the access table: a line that no handler serves does not link. */
#define PDB__DECLARE(action_, handler_, ...) PDB__HANDLER(pdb__##handler_);
PDB_ACCESS_MAP(PDB__DECLARE, PDB__DECLARE)
#undef PDB__DECLARE

#endif
