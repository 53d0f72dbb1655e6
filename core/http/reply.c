/* SPDX-License-Identifier: Apache-2.0 */
/* Replies: how a handler states its answer. */
#include "base/text.h"
#include "http/guard_private.h"
#include "http/http_private.h"

/* Fields that frame the message or are the same on every answer. */
#define OWN(name)                                                                                  \
	{                                                                                          \
		(const uint8_t *)(name), sizeof(name) - 1                                          \
	}
static const pdb_slice own_headers[] = {
	OWN("Connection"),   OWN("Content-Length"), OWN("Transfer-Encoding"),
	OWN("Content-Type"), OWN("Date"),           OWN("Keep-Alive"),
	OWN("X-Request-Id"), OWN("Upgrade"),        OWN("Trailer"),
};

static bool name_valid(pdb_slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		if ((pdb__guard_class(name.ptr[i]) & IS_TOKEN) == 0) {
			return false;
		}
	}
	for (size_t i = 0; i < sizeof(own_headers) / sizeof(own_headers[0]); i++) {
		if (name.len == own_headers[i].len && pdb_text_equal_nocase(name, own_headers[i])) {
			return false;
		}
	}
	return name.len > 0;
}

static bool value_valid(pdb_slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		if ((pdb__guard_class(value.ptr[i]) & IS_VALUE) == 0) {
			return false;
		}
	}
	return true;
}

pdb_status pdb_request_add_header(pdb_request *request, const char *name, const char *value)
{
	pdb_header header;

	if (name == NULL || value == NULL || !name_valid(pdb_slice_text(name)) ||
	    !value_valid(pdb_slice_text(value))) {
		return PDB_EINVAL;
	}
	if (request->header_count == PDB_HEADERS_MAX) {
		return PDB_ENOMEM;
	}
	header.name = pdb_arena_text(request->arena, pdb_slice_text(name));
	header.value = pdb_arena_text(request->arena, pdb_slice_text(value));
	if (header.name == NULL || header.value == NULL) {
		return PDB_ENOMEM;
	}
	request->headers[request->header_count++] = header;
	return PDB_OK;
}

static pdb_status begin_reply(pdb_request *request, int status, const char *type)
{
	const char *copy = "application/json";

	if (request->answered || status < 200 || status > 599) {
		return PDB_EINVAL;
	}
	if (type != NULL) {
		if (!value_valid(pdb_slice_text(type))) {
			return PDB_EINVAL;
		}
		copy = pdb_arena_text(request->arena, pdb_slice_text(type));
		if (copy == NULL) {
			return PDB_ENOMEM;
		}
	}
	request->type = copy;
	request->status = status;
	return PDB_OK;
}

pdb_status pdb_request_reply(pdb_request *request, int status, const char *type, pdb_slice body)
{
	pdb_status result = begin_reply(request, status, type);

	if (result == PDB_OK) {
		pdb_buf_clear(&request->answer);
		pdb_buf_add_slice(&request->answer, body);
		result = pdb_buf_status(&request->answer, NULL);
	}
	request->answered = request->answered || result == PDB_OK;
	return result;
}

pdb_status pdb_request_reply_buf(pdb_request *request, int status, const char *type, pdb_buf *body)
{
	pdb_buf old = request->answer;
	pdb_status result = pdb_buf_status(body, NULL);

	if (result == PDB_OK) {
		result = begin_reply(request, status, type);
	}
	if (result != PDB_OK) {
		return result;
	}
	request->answer = *body;
	request->answered = true;
	if (body == &request->scratch) {
		*body = old; /* both stay with the request, so the memory is used again */
		pdb_buf_clear(body);
	} else {
		pdb_buf_fini(&old);
		*body = (pdb_buf){0};
	}
	return PDB_OK;
}

void pdb_request_hold(pdb_request *request, uint64_t ticket)
{
	if (ticket > request->ticket) {
		request->ticket = ticket;
	}
}

pdb_buf *pdb_request_scratch(pdb_request *request)
{
	pdb_buf_clear(&request->scratch);
	return &request->scratch;
}
