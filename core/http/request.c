/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: their memory, and what handlers and gates may ask of them. */
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/http_private.h"

#define FREE_MAX 256u /* requests kept for later, a loop */
#define KEEP_MAX (64u * 1024u)

static void clear_buf(pdb_buf *buf)
{
	if (buf->cap > KEEP_MAX) {
		pdb_buf_fini(buf);
		*buf = (pdb_buf){0};
	}
	pdb_buf_clear(buf);
}

static void reset(pdb_request *request)
{
	pdb_message_clear(&request->message);
	pdb_arena_clear(request->arena);
	clear_buf(&request->answer);
	clear_buf(&request->scratch);
	request->match.route = NULL;
	request->match.allowed = 0;
	request->match.count = 0;
	request->conn = NULL;
	request->evhttp = NULL;
	request->prev = NULL;
	request->refusal = (pdb_refusal){0, NULL, NULL};
	request->role = PDB_ROLE_NONE;
	request->user = pdb_slice_of(NULL, 0);
	request->key = "";
	request->entered = 0;
	request->parked = false;
	request->on_worker = false;
	request->peer[0] = '\0';
	request->socket_peer[0] = '\0';
	request->entrance = PDB_LISTENER_MAIN;
	request->local = false;
	request->certificate = "";
	request->certificate_name = "";
	pdb__request_unanswer(request, 0);
}

static pdb_request *request_create(pdb_loop *loop)
{
	pdb_request *request = pdb_mem_zalloc(sizeof(*request));

	if (request == NULL) {
		return NULL;
	}
	request->arena = pdb_mem_alloc(sizeof(*request->arena));
	if (request->arena == NULL) {
		pdb_mem_free(request);
		return NULL;
	}
	request->arena->used = 0;
	request->arena->blocks = NULL;
	request->loop = loop;
	reset(request);
	return request;
}

static char *add_hex(char *at, uint64_t number, unsigned digits)
{
	for (unsigned i = digits; i > 0; i--) {
		*at++ = "0123456789abcdef"[(number >> (4 * (i - 1))) & 15];
	}
	return at;
}

/* Process, loop, count: unique while the process lives, and cheap. */
static void name_request(pdb_loop *loop, pdb_request *request)
{
	char *at = add_hex(request->id, loop->http->id_prefix, 8);

	*at++ = '-';
	at = add_hex(at, loop->index, 2);
	at = add_hex(at, loop->next_id++, 10);
	*at = '\0';
}

pdb_request *pdb__request_take(pdb_loop *loop)
{
	pdb_request *request = loop->free_requests;

	if (request != NULL) {
		loop->free_requests = request->next;
		loop->free_count--;
		request->next = NULL;
	} else {
		request = request_create(loop);
	}
	if (request != NULL) {
		request->refs = 1;
		name_request(loop, request);
	}
	return request;
}

void pdb__request_release(pdb_request *request)
{
	pdb_loop *loop = request->loop;

	if (--request->refs > 0) {
		return;
	}
	pdb__request_leave(request);
	pdb__buffered_forget(request);
	if (loop->free_count >= FREE_MAX) {
		pdb__request_free(request);
		return;
	}
	reset(request);
	request->next = loop->free_requests;
	loop->free_requests = request;
	loop->free_count++;
}

void pdb__request_free(pdb_request *request)
{
	pdb_message_fini(&request->message);
	pdb_arena_clear(request->arena);
	pdb_mem_free(request->arena);
	pdb_buf_fini(&request->answer);
	pdb_buf_fini(&request->scratch);
	pdb_mem_free(request);
}

void pdb__request_unanswer(pdb_request *request, size_t keep)
{
	request->answered = false;
	request->ticket = 0;
	request->status = 0;
	request->type = NULL;
	request->answer.len = 0;
	request->header_count = keep;
}

/* -- what was asked --------------------------------------------------------------------------- */

pdb_method pdb_request_method(const pdb_request *request)
{
	return request->message.method;
}

pdb_slice pdb_request_path(const pdb_request *request)
{
	const pdb_message *message = &request->message;

	if (message->asterisk) {
		return PDB_SLICE("*");
	}
	/* "http://host" and "http://host?query" mean the root. */
	return message->path.len == 0 ? PDB_SLICE("/") : pdb_message_span(message, message->path);
}

/* The guard has seen to it that every '%' has its digits. */
static bool decode(const pdb_request *request, pdb_slice raw, bool plus, pdb_slice *out)
{
	char *text;
	size_t len = 0;

	*out = raw;
	if (raw.len == 0 || (memchr(raw.ptr, '%', raw.len) == NULL &&
			     (!plus || memchr(raw.ptr, '+', raw.len) == NULL))) {
		return true;
	}
	text = pdb_arena_alloc(request->arena, raw.len);
	if (text == NULL || !pdb_percent_decode(raw, plus, text, &len)) {
		*out = pdb_slice_of(NULL, 0);
		return false;
	}
	*out = pdb_slice_of(text, len);
	return true;
}

pdb_slice pdb_request_param(const pdb_request *request, const char *name)
{
	pdb_slice value = {0};

	for (size_t i = 0; i < request->match.count; i++) {
		const pdb_param *param = &request->match.params[i];

		if (pdb_slice_is(param->name, name)) {
			(void)decode(request, param->value, false, &value);
			break;
		}
	}
	return value;
}

static pdb_slice cut(pdb_slice *text, uint8_t at)
{
	const uint8_t *end = text->len > 0 ? memchr(text->ptr, at, text->len) : NULL;
	size_t len = end != NULL ? (size_t)(end - text->ptr) : text->len;
	pdb_slice part = pdb_slice_of(text->ptr, len);

	*text = pdb_slice_skip(*text, len + 1);
	return part;
}

bool pdb_request_query(const pdb_request *request, const char *name, pdb_slice *value_out)
{
	pdb_slice query = pdb_message_span(&request->message, request->message.query);

	while (query.len > 0) {
		pdb_slice value = cut(&query, '&');
		pdb_slice raw_name = cut(&value, '=');
		pdb_slice decoded;

		if (decode(request, raw_name, true, &decoded) && pdb_slice_is(decoded, name)) {
			return decode(request, value, true, value_out);
		}
	}
	return false;
}

bool pdb_request_header(const pdb_request *request, const char *name, pdb_slice *value_out)
{
	return pdb_message_field(&request->message, name, 0, value_out);
}

bool pdb_request_header_at(const pdb_request *request, const char *name, size_t at,
			   pdb_slice *value_out)
{
	return pdb_message_field(&request->message, name, at, value_out);
}

pdb_slice pdb_request_body(const pdb_request *request)
{
	return pdb_buf_slice(&request->message.body);
}

const char *pdb_request_peer(const pdb_request *request)
{
	return request->peer;
}

const char *pdb_request_socket_peer(const pdb_request *request)
{
	return request->socket_peer;
}

/* Gates put it into logs and headers, so nothing in it may need escaping. */
pdb_status pdb_request_set_peer(pdb_request *request, const char *address)
{
	size_t len = address != NULL ? strlen(address) : 0;

	if (len == 0 || len >= sizeof(request->peer)) {
		return PDB_EINVAL;
	}
	for (size_t i = 0; i < len; i++) {
		if (address[i] <= ' ' || address[i] > '~') {
			return PDB_EINVAL;
		}
	}
	memcpy(request->peer, address, len + 1);
	return PDB_OK;
}

pdb_entrance pdb_request_listener(const pdb_request *request)
{
	return request->entrance;
}

const char *pdb_request_certificate(const pdb_request *request)
{
	return request->certificate;
}

const char *pdb_request_certificate_name(const pdb_request *request)
{
	return request->certificate_name;
}

const char *pdb_request_route(const pdb_request *request)
{
	return request->match.route != NULL ? request->match.route->pattern : "";
}

int pdb_request_status(const pdb_request *request)
{
	return request->status;
}

const char *pdb_request_id(const pdb_request *request)
{
	return request->id;
}

void *pdb_request_alloc(pdb_request *request, size_t size)
{
	return pdb_arena_alloc(request->arena, size);
}

bool pdb_request_on_worker(const pdb_request *request)
{
	return request->on_worker;
}

pdb_status pdb_request_may_block(pdb_request *request)
{
	return request->on_worker ? PDB_OK : PDB_EOFFLOAD;
}

/* -- who asks -----------------------------------------------------------------------------------
 */

pdb_status pdb_request_set_identity(pdb_request *request, pdb_role role, const char *key,
				    pdb_slice user)
{
	char *label = pdb_arena_text(request->arena, pdb_slice_text(key));
	char *copy = pdb_arena_text(request->arena, user);

	if (label == NULL || copy == NULL) {
		return PDB_ENOMEM;
	}
	request->role = role;
	request->user = pdb_slice_of(copy, user.len);
	request->key = label;
	pdb_log(PDB_LOG_DEBUG, "http", "comes with key %s", key != NULL ? key : "-");
	return PDB_OK;
}

const char *pdb_request_key(const pdb_request *request)
{
	return request->key;
}

pdb_role pdb_request_role(const pdb_request *request)
{
	return request->role;
}

pdb_slice pdb_request_user(const pdb_request *request)
{
	return request->user;
}
