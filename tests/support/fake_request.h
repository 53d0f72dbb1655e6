/* SPDX-License-Identifier: Apache-2.0 */
/* A request without a server: what handlers and gates see, and what they answered. */
#ifndef PDB_TEST_FAKE_REQUEST_H
#define PDB_TEST_FAKE_REQUEST_H

#include "base/buf.h"
#include "http/http.h"

/*
 * Defines the functions of http/http.h that handlers call, over plain memory; a program that
 * links this file takes none of them from pdb_http. Text given to the setters is borrowed.
 */
#define FAKE_FIELDS_MAX 16u

typedef struct fake_field {
	const char *name;
	pdb_slice value;
} fake_field;

typedef struct fake_fields {
	fake_field items[FAKE_FIELDS_MAX];
	size_t count;
} fake_fields;

struct pdb_request {
	pdb_method method;
	const char *path;
	fake_fields params;
	fake_fields queries;
	fake_fields headers;
	pdb_slice body;
	pdb_role role;
	char key[32];
	const char *route; /* NULL = none */
	const char *peer;  /* NULL = 127.0.0.1 */
	const char *socket_peer;
	const char *certificate;
	const char *certificate_name;
	pdb_entrance listener;
	char user[256];
	bool on_worker;

	/* the answer */
	int status; /* 0 = unanswered */
	pdb_buf answer;
	char answer_headers[1024]; /* "Name: value\n" each */
	uint64_t held;

	pdb_buf scratch;
	void *arena[64];
	size_t arena_count;
};

void fake_request_fini(pdb_request *request);
/* Forgets the answer and the fields, keeps the caller. */
void fake_request_reset(pdb_request *request);

void fake_param(pdb_request *request, const char *name, const char *value);
void fake_query(pdb_request *request, const char *name, const char *value);
void fake_header(pdb_request *request, const char *name, const char *value);
void fake_body(pdb_request *request, const char *text);

/* The value of a header field of the answer, NULL when absent; valid until the next call. */
const char *fake_answer_header(const pdb_request *request, const char *name);
/* The body of the answer as text; valid until the answer changes. */
const char *fake_answer(pdb_request *request);

#endif
