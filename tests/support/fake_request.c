/* SPDX-License-Identifier: Apache-2.0 */
/* A request without a server, for tests of handlers and gates. */
#include "fake_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"

static void add(fake_fields *fields, const char *name, const char *value)
{
	if (fields->count == FAKE_FIELDS_MAX) {
		abort();
	}
	fields->items[fields->count].name = name;
	fields->items[fields->count].value = pdb_slice_text(value);
	fields->count++;
}

static bool find_at(const fake_fields *fields, const char *name, size_t skip, pdb_slice *value_out)
{
	for (size_t i = 0; i < fields->count; i++) {
		if (strcasecmp(fields->items[i].name, name) == 0 && skip-- == 0) {
			*value_out = fields->items[i].value;
			return true;
		}
	}
	return false;
}

static bool find(const fake_fields *fields, const char *name, pdb_slice *value_out)
{
	return find_at(fields, name, 0, value_out);
}

void fake_param(pdb_request *request, const char *name, const char *value)
{
	add(&request->params, name, value);
}

void fake_query(pdb_request *request, const char *name, const char *value)
{
	add(&request->queries, name, value);
}

void fake_header(pdb_request *request, const char *name, const char *value)
{
	add(&request->headers, name, value);
}

void fake_body(pdb_request *request, const char *text)
{
	request->body = pdb_slice_text(text);
}

static void free_arena(pdb_request *request)
{
	for (size_t i = 0; i < request->arena_count; i++) {
		pdb_mem_free(request->arena[i]);
	}
	request->arena_count = 0;
	request->peer = NULL;
}

void fake_request_fini(pdb_request *request)
{
	free_arena(request);
	pdb_buf_fini(&request->answer);
	pdb_buf_fini(&request->scratch);
	memset(request, 0, sizeof(*request));
}

void fake_request_reset(pdb_request *request)
{
	free_arena(request);
	request->params.count = 0;
	request->queries.count = 0;
	request->headers.count = 0;
	request->body = pdb_slice_of(NULL, 0);
	request->status = 0;
	request->held = 0;
	request->answer_headers[0] = '\0';
	pdb_buf_clear(&request->answer);
}

const char *fake_answer_header(const pdb_request *request, const char *name)
{
	static char value[256];
	size_t len = strlen(name);
	const char *line = request->answer_headers;

	while (line != NULL && *line != '\0') {
		if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
			const char *from = line + len + 2;
			size_t size = strcspn(from, "\n");

			(void)snprintf(value, sizeof(value), "%.*s", (int)size, from);
			return value;
		}
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
	return NULL;
}

const char *fake_answer(pdb_request *request)
{
	if (!pdb_buf_reserve(&request->answer, 1)) {
		abort();
	}
	request->answer.data[request->answer.len] = '\0';
	return (const char *)request->answer.data;
}

pdb_method pdb_request_method(const pdb_request *request)
{
	return request->method;
}

pdb_slice pdb_request_path(const pdb_request *request)
{
	return pdb_slice_text(request->path);
}

pdb_slice pdb_request_param(const pdb_request *request, const char *name)
{
	pdb_slice value = {0};

	(void)find(&request->params, name, &value);
	return value;
}

bool pdb_request_query(const pdb_request *request, const char *name, pdb_slice *value_out)
{
	return find(&request->queries, name, value_out);
}

bool pdb_request_header(const pdb_request *request, const char *name, pdb_slice *value_out)
{
	return find(&request->headers, name, value_out);
}

bool pdb_request_header_at(const pdb_request *request, const char *name, size_t at,
			   pdb_slice *value_out)
{
	return find_at(&request->headers, name, at, value_out);
}

pdb_slice pdb_request_body(const pdb_request *request)
{
	return request->body;
}

const char *pdb_request_peer(const pdb_request *request)
{
	return request->peer != NULL ? request->peer : pdb_request_socket_peer(request);
}

const char *pdb_request_socket_peer(const pdb_request *request)
{
	return request->socket_peer != NULL ? request->socket_peer : "127.0.0.1";
}

pdb_status pdb_request_set_peer(pdb_request *request, const char *address)
{
	size_t size = strlen(address) + 1;
	char *copy = pdb_request_alloc(request, size);

	if (copy == NULL) {
		return PDB_ENOMEM;
	}
	request->peer = memcpy(copy, address, size);
	return PDB_OK;
}

static const char *text_or_none(const char *text)
{
	return text != NULL ? text : "";
}

const char *pdb_request_route(const pdb_request *request)
{
	return text_or_none(request->route);
}

const char *pdb_request_key(const pdb_request *request)
{
	return request->key;
}

int pdb_request_status(const pdb_request *request)
{
	return request->status;
}

pdb_entrance pdb_request_listener(const pdb_request *request)
{
	return request->listener;
}

const char *pdb_request_certificate(const pdb_request *request)
{
	return text_or_none(request->certificate);
}

const char *pdb_request_certificate_name(const pdb_request *request)
{
	return text_or_none(request->certificate_name);
}

const char *pdb_request_id(const pdb_request *request)
{
	(void)request;
	return "test-1";
}

void *pdb_request_alloc(pdb_request *request, size_t size)
{
	void *block;

	if (request->arena_count == sizeof(request->arena) / sizeof(request->arena[0])) {
		return NULL;
	}
	block = pdb_mem_alloc(size);
	if (block != NULL) {
		request->arena[request->arena_count++] = block;
	}
	return block;
}

pdb_status pdb_request_set_identity(pdb_request *request, pdb_role role, const char *key,
				    pdb_slice user)
{
	request->role = role;
	(void)snprintf(request->key, sizeof(request->key), "%s", key);
	(void)snprintf(request->user, sizeof(request->user), "%.*s", PDB_SLICE_ARGS(user));
	return PDB_OK;
}

pdb_role pdb_request_role(const pdb_request *request)
{
	return request->role;
}

pdb_slice pdb_request_user(const pdb_request *request)
{
	return pdb_slice_text(request->user);
}

pdb_status pdb_request_add_header(pdb_request *request, const char *name, const char *value)
{
	size_t used = strlen(request->answer_headers);

	(void)snprintf(request->answer_headers + used, sizeof(request->answer_headers) - used,
		       "%s: %s\n", name, value);
	return PDB_OK;
}

pdb_status pdb_request_reply(pdb_request *request, int status, const char *type, pdb_slice body)
{
	(void)type;
	pdb_buf_clear(&request->answer);
	pdb_buf_add_slice(&request->answer, body);
	if (request->answer.failed) {
		return PDB_ENOMEM;
	}
	request->status = status;
	return PDB_OK;
}

pdb_status pdb_request_may_block(pdb_request *request)
{
	return request->on_worker ? PDB_OK : PDB_EOFFLOAD;
}

pdb_status pdb_request_reply_buf(pdb_request *request, int status, const char *type, pdb_buf *body)
{
	(void)type;
	pdb_buf_fini(&request->answer);
	request->answer = *body;
	memset(body, 0, sizeof(*body));
	request->status = status;
	return PDB_OK;
}

void pdb_request_hold(pdb_request *request, uint64_t ticket)
{
	request->held = ticket;
}

bool pdb_request_on_worker(const pdb_request *request)
{
	return request->on_worker;
}

pdb_buf *pdb_request_scratch(pdb_request *request)
{
	pdb_buf_clear(&request->scratch);
	return &request->scratch;
}
