/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: the one shape of errors, and the hand-over to evhttp. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "http/http_private.h"

/* From here on a body is lent to the socket instead of copied. */
#define LEND_MIN 1024u

typedef struct status_row {
	pdb_status status;
	int http;
	const char *code;
	const char *text;
} status_row;

static const status_row rows[] = {
#define ROW(name, value, http, code, text) {PDB_##name, http, code, text},
	PDB_STATUS_MAP(ROW)
#undef ROW
};

static const status_row *row_of(pdb_status status)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].status == status && status != PDB_OK) {
			return &rows[i];
		}
	}
	return row_of(PDB_EINTERNAL);
}

/* Phrases that evhttp does not know. */
static const char *reason_of(int status)
{
	switch (status) {
	case 408:
		return "Request Timeout";
	case 413:
		return "Content Too Large";
	case 414:
		return "URI Too Long";
	case 422:
		return "Unprocessable Content";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	case 507:
		return "Insufficient Storage";
	default:
		return NULL;
	}
}

static void write_error(pdb_request *request, int status, const char *code, pdb_slice text,
			const char *field)
{
	pdb_buf *out = &request->answer;

	pdb_buf_clear(out);
	pdb_buf_add_byte(out, '{');
	pdb_json_add_key(out, "error");
	pdb_json_add_string(out, text);
	pdb_json_add_key(out, "code");
	pdb_json_add_string(out, pdb_slice_text(code));
	pdb_json_add_key(out, "request_id");
	pdb_json_add_string(out, pdb_slice_text(request->id));
	if (field[0] != '\0' && pdb_utf8_valid(pdb_slice_text(field))) {
		pdb_json_add_key(out, "field");
		pdb_json_add_string(out, pdb_slice_text(field));
	}
	pdb_buf_add_byte(out, '}');
	if (out->failed) {
		pdb_buf_clear(out); /* the status alone must do */
	}
	request->type = "application/json";
	request->status = status;
	request->answered = true;
}

static void log_failure(pdb_status status, const status_row *row, const pdb_err *err)
{
	pdb_log_level level = PDB_LOG_WARN;

	if (row->http == 500) {
		level = PDB_LOG_ERROR;
	} else if (status == PDB_EBUSY || status == PDB_ECONFLICT || row->http == 501) {
		level = PDB_LOG_DEBUG; /* a matter of load; metrics count them */
	}
	pdb_log(level, "http", "failed with status %d: %s", (int)status,
		err->text[0] != '\0' ? err->text : row->text);
}

/* A text that was cut in the middle of a character loses its rest. */
static pdb_slice shown_text(const status_row *row, const pdb_err *err)
{
	pdb_slice text = pdb_slice_text(err->text);

	for (int i = 0; i < 4 && text.len > 0 && !pdb_utf8_valid(text); i++) {
		text.len--;
	}
	if (row->http >= 500 || text.len == 0 || !pdb_utf8_valid(text)) {
		return pdb_slice_text(row->text);
	}
	return text;
}

void pdb__answer_error(pdb_request *request, pdb_status status, const pdb_err *err)
{
	const status_row *row = row_of(status);

	pdb__request_unanswer(request, request->header_count);
	if (row->http >= 500) {
		log_failure(status, row, err);
	}
	write_error(request, row->http, err->code != NULL ? err->code : row->code,
		    shown_text(row, err), row->http < 500 ? err->field : "");
}

void pdb__answer_refusal(pdb_request *request, const pdb_refusal *refusal)
{
	pdb__request_unanswer(request, 0);
	write_error(request, refusal->status, refusal->code, pdb_slice_text(refusal->text), "");
}

static bool has_header(const pdb_request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++) {
		if (pdb_text_equal_nocase(pdb_slice_text(request->headers[i].name),
					  pdb_slice_text(name))) {
			return true;
		}
	}
	return false;
}

static void decorate(pdb_request *request)
{
	const pdb_socket_list *gates = &request->loop->http->sockets->lists[PDB_SOCKET_GATE];

	for (size_t i = 0; i < gates->count; i++) {
		const pdb_gate *gate = gates->entries[i].ops;

		if (PDB_HAS(gate, decorate)) {
			gate->decorate(gates->entries[i].self, request);
		}
	}
	if ((request->status == 503 || request->status == 429) &&
	    !has_header(request, "Retry-After")) {
		(void)pdb_request_add_header(request, "Retry-After", "1");
	}
	if (request->status == 401 && !has_header(request, "WWW-Authenticate")) {
		(void)pdb_request_add_header(request, "WWW-Authenticate", "Bearer");
	}
}

static bool has_body(int status)
{
	return status != 204 && status != 304;
}

static bool must_close(const pdb_request *request)
{
	return request->refusal.code != NULL || !request->message.persistent ||
	       request->loop->closing;
}

static char *append(char *at, const char *text)
{
	size_t len = strlen(text);

	memcpy(at, text, len + 1);
	return at + len;
}

/* The id and, each on a line of its own, the fields of handlers and gates. They were judged when
 * they were added. Of libevent's memory. */
static char *join_headers(const pdb_request *request)
{
	size_t size = strlen(request->id) + 1;
	char *text;
	char *at;

	for (size_t i = 0; i < request->header_count; i++) {
		size += strlen(request->headers[i].name) + strlen(request->headers[i].value) + 4;
	}
	text = malloc(size);
	if (text == NULL) {
		return NULL;
	}
	at = append(text, request->id);
	for (size_t i = 0; i < request->header_count; i++) {
		at = append(at, "\r\n");
		at = append(at, request->headers[i].name);
		at = append(at, ": ");
		at = append(at, request->headers[i].value);
	}
	return text;
}

/* evhttp takes three pieces of memory and one printf for an entry, so it is given a single one. */
static bool add_own_headers(const pdb_request *request, struct evkeyvalq *out)
{
	struct evkeyval *entry;
	char *text = join_headers(request);

	if (text == NULL || evhttp_add_header(out, "X-Request-Id", "") != 0) {
		free(text);
		return false;
	}
	entry = TAILQ_LAST(out, evkeyvalq);
	free(entry->value);
	entry->value = text;
	return true;
}

static bool add_headers(pdb_request *request, struct evkeyvalq *out)
{
	bool ok = add_own_headers(request, out);

	if (ok && has_body(request->status)) {
		ok = evhttp_add_header(out, "Content-Type", request->type) == 0;
	}
	if (ok && has_body(request->status) && request->message.method == PDB_METHOD_HEAD) {
		char length[24];

		(void)snprintf(length, sizeof(length), "%zu", request->answer.len);
		ok = evhttp_add_header(out, "Content-Length", length) == 0;
	}
	if (ok && request->message.old && !must_close(request)) {
		ok = evhttp_add_header(out, "Connection", "keep-alive") == 0;
	}
	return ok;
}

static void give_back(const void *data, size_t size, void *arg)
{
	(void)data;
	(void)size;
	pdb__request_release(arg);
}

static bool add_body(pdb_request *request, struct evbuffer *out)
{
	const pdb_buf *answer = &request->answer;

	if (!has_body(request->status) || request->message.method == PDB_METHOD_HEAD ||
	    answer->len == 0) {
		return true;
	}
	if (answer->len < LEND_MIN) {
		return evbuffer_add(out, answer->data, answer->len) == 0;
	}
	if (evbuffer_add_reference(out, answer->data, answer->len, give_back, request) != 0) {
		return false;
	}
	request->refs++;
	return true;
}

static void note(const pdb_request *request)
{
	pdb__count_answer(request);
	pdb__trace_answer(request);
}

static void send_answer(pdb_request *request)
{
	pdb_conn *conn = request->conn;
	struct evhttp_request *evhttp = request->evhttp;
	struct evkeyvalq *headers;
	bool close = must_close(request);

	if (conn == NULL) {
		note(request);
		pdb__request_release(request); /* the client has gone */
		return;
	}
	decorate(request);
	headers = evhttp_request_get_output_headers(evhttp);
	if (!add_headers(request, headers) ||
	    !add_body(request, evhttp_request_get_output_buffer(evhttp))) {
		/* Without memory for a whole answer there is still an honest short one. */
		evhttp_clear_headers(headers);
		request->status = 503;
		close = true;
	}
	if (close) {
		(void)evhttp_add_header(headers, "Connection", "close");
	}
	note(request);
	evhttp_send_reply(evhttp, request->status, reason_of(request->status), NULL);
	pdb__conn_answering(conn, close);
}

void pdb__answer_send(pdb_request *request)
{
	pdb_log_set_request(request->id);
	send_answer(request);
	pdb_log_set_request(NULL);
}
