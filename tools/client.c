/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to a server over HTTP, several at once. */
#include "tools/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/mem.h"

#define ANSWER_MAX      ((size_t)1024 * 1024 * 1024)
#define CONNECT_SECONDS 10L
#define STALL_SECONDS   60L
#define KEY_MAX         512u

/* `call` comes first, so that one pointer stands for both. */
typedef struct slot {
	pdb_call call;
	CURL *easy;
	bool busy;
	char problem[CURL_ERROR_SIZE];
} slot;

struct pdb_client {
	CURLM *multi;
	struct curl_slist *headers;
	char *url;
	size_t count;
	slot *slots;
};

/* -- making ----------------------------------------------------------------------------------- */

static pdb_status key_from_file(const char *path, char key[KEY_MAX], pdb_err *err)
{
	FILE *file = fopen(path, "re");
	char *got;

	if (file == NULL) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "the key file %s cannot be read: %s",
				   path, strerror(errno));
	}
	got = fgets(key, (int)KEY_MAX, file);
	(void)fclose(file);
	if (got == NULL) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "the key file %s is empty", path);
	}
	key[strcspn(key, "\r\n")] = '\0';
	return PDB_OK;
}

static pdb_status key_read(const pdb_globals *globals, char key[KEY_MAX], pdb_err *err)
{
	pdb_status status = PDB_OK;

	key[0] = '\0';
	if (globals->key != NULL && strlen(globals->key) < KEY_MAX) {
		memcpy(key, globals->key, strlen(globals->key) + 1);
	} else if (globals->key != NULL) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "the API key is too long");
	} else if (globals->key_file != NULL) {
		status = key_from_file(globals->key_file, key, err);
	}
	for (const char *at = key; status == PDB_OK && *at != '\0'; at++) {
		if (*at <= ' ' || *at > '~') {
			status = pdb_err_set(err, PDB_EINVAL, NULL,
					     "the API key holds characters that no key has");
		}
	}
	return status;
}

static bool header_add(pdb_client *client, const char *line)
{
	struct curl_slist *longer = curl_slist_append(client->headers, line);

	if (longer != NULL) {
		client->headers = longer;
	}
	return longer != NULL;
}

static pdb_status headers_make(pdb_client *client, const pdb_globals *globals, pdb_err *err)
{
	char line[KEY_MAX + 32];
	char key[KEY_MAX];
	pdb_status status = key_read(globals, key, err);
	bool good = true;

	if (status == PDB_OK && key[0] != '\0') {
		(void)snprintf(line, sizeof(line), "Authorization: Bearer %s", key);
		good = header_add(client, line);
	}
	explicit_bzero(line, sizeof(line));
	explicit_bzero(key, sizeof(key));
	good = good && header_add(client, "Content-Type: application/json") &&
	       header_add(client, "Expect:");
	if (status == PDB_OK && !good) {
		status = pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a connection");
	}
	return status;
}

static pdb_status url_keep(pdb_client *client, const char *url, pdb_err *err)
{
	size_t len = strlen(url);

	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "\"%s\" is no URL of a server: write http://host:port", url);
	}
	while (len > 0 && url[len - 1] == '/') {
		len--;
	}
	client->url = pdb_mem_text_of(pdb_slice_of(url, len));
	return client->url != NULL ? PDB_OK : pdb_err_set(err, PDB_ENOMEM, NULL, "no memory");
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
	pdb_buf *answer = &((slot *)arg)->call.answer;

	if (answer->len + size * count <= ANSWER_MAX) {
		pdb_buf_add(answer, bytes, size * count);
	} else {
		answer->failed = true;
	}
	/* Less than given makes the transfer fail. */
	return answer->failed ? 0 : size * count;
}

static bool slot_make(slot *one, const pdb_client *client)
{
	CURL *easy = curl_easy_init();

	one->easy = easy;
	return easy != NULL && curl_easy_setopt(easy, CURLOPT_PRIVATE, one) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEDATA, one) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, one->problem) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HTTPHEADER, client->headers) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS) == CURLE_OK;
}

static pdb_status slots_make(pdb_client *client, size_t connections, pdb_err *err)
{
	client->multi = curl_multi_init();
	client->slots = pdb_mem_zalloc(connections * sizeof(*client->slots));
	if (client->multi == NULL || client->slots == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for connections");
	}
	client->count = connections;
	for (size_t i = 0; i < connections; i++) {
		if (!slot_make(&client->slots[i], client)) {
			return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for connections");
		}
	}
	return PDB_OK;
}

pdb_status pdb_client_create(pdb_client **out, const pdb_globals *globals, size_t connections,
			     pdb_err *err)
{
	pdb_client *client = pdb_mem_zalloc(sizeof(*client));
	pdb_status status;

	*out = client;
	if (client == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		pdb_client_destroy(out);
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for connections");
	}
	status = url_keep(client, globals->url, err);
	if (status == PDB_OK) {
		status = headers_make(client, globals, err);
	}
	if (status == PDB_OK) {
		status = slots_make(client, connections, err);
	}
	if (status != PDB_OK) {
		pdb_client_destroy(out);
	}
	return status;
}

void pdb_client_destroy(pdb_client **out)
{
	pdb_client *client = *out;

	if (client == NULL) {
		return;
	}
	for (size_t i = 0; i < client->count; i++) {
		if (client->slots[i].busy) {
			(void)curl_multi_remove_handle(client->multi, client->slots[i].easy);
		}
		curl_easy_cleanup(client->slots[i].easy);
		pdb_buf_fini(&client->slots[i].call.answer);
	}
	(void)curl_multi_cleanup(client->multi);
	for (struct curl_slist *at = client->headers; at != NULL; at = at->next) {
		explicit_bzero(at->data, strlen(at->data));
	}
	curl_slist_free_all(client->headers);
	pdb_mem_free(client->slots);
	pdb_mem_free(client->url);
	pdb_mem_free(client);
	*out = NULL;
}

/* -- calling ---------------------------------------------------------------------------------- */

pdb_call *pdb_client_idle(pdb_client *client)
{
	for (size_t i = 0; i < client->count; i++) {
		if (!client->slots[i].busy) {
			return &client->slots[i].call;
		}
	}
	return NULL;
}

static bool request_set(slot *one, const char *url, pdb_slice body)
{
	CURL *easy = one->easy;

	if (curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK) {
		return false;
	}
	if (body.ptr == NULL) {
		return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK;
	}
	return curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.ptr) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len) ==
		       CURLE_OK;
}

pdb_status pdb_client_start(pdb_client *client, pdb_call *call, const char *path, pdb_slice body,
			    pdb_err *err)
{
	slot *one = (slot *)call;
	char *url = NULL;
	bool good = asprintf(&url, "%s%s", client->url, path) >= 0;

	good = good && request_set(one, url, body);
	free(url);
	pdb_buf_clear(&call->answer);
	call->status = 0;
	call->replayed = false;
	call->retry_after = 0;
	call->text[0] = '\0';
	one->problem[0] = '\0';
	if (!good || curl_multi_add_handle(client->multi, one->easy) != CURLM_OK) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a request");
	}
	one->busy = true;
	return PDB_OK;
}

static void note_headers(slot *one)
{
	struct curl_header *header;

	if (curl_easy_header(one->easy, "Idempotent-Replayed", 0, CURLH_HEADER, -1, &header) ==
	    CURLHE_OK) {
		one->call.replayed = strcmp(header->value, "true") == 0;
	}
	if (curl_easy_header(one->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
		unsigned long seconds = strtoul(header->value, NULL, 10);

		one->call.retry_after = seconds < 3600 ? (uint32_t)seconds : 3600;
	}
}

static pdb_call *finish(pdb_client *client, const CURLMsg *message)
{
	CURLcode result = message->data.result;
	slot *one = NULL;

	(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&one);
	if (result == CURLE_OK) {
		(void)curl_easy_getinfo(one->easy, CURLINFO_RESPONSE_CODE, &one->call.status);
		note_headers(one);
	} else {
		(void)snprintf(one->call.text, sizeof(one->call.text), "%s",
			       one->problem[0] != '\0' ? one->problem : curl_easy_strerror(result));
	}
	(void)curl_multi_remove_handle(client->multi, one->easy);
	one->busy = false;
	return &one->call;
}

pdb_call *pdb_client_finished(pdb_client *client, int timeout_ms)
{
	for (int tries = 0; tries < 2; tries++) {
		const CURLMsg *message;
		int running = 0;
		int left = 0;

		(void)curl_multi_perform(client->multi, &running);
		while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
			if (message->msg == CURLMSG_DONE) {
				return finish(client, message);
			}
		}
		if (tries == 0) {
			(void)curl_multi_poll(client->multi, NULL, 0, timeout_ms, NULL);
		}
	}
	return NULL;
}

static pdb_status get_once(pdb_client *client, pdb_call *call, const char *path, pdb_err *err)
{
	pdb_status status = pdb_client_start(client, call, path, pdb_slice_of(NULL, 0), err);

	while (status == PDB_OK && pdb_client_finished(client, 1000) == NULL) {
		if (pdb_interrupted()) {
			return pdb_err_set(err, PDB_ESTOP, NULL, "interrupted");
		}
	}
	return status;
}

static pdb_status unreachable(const pdb_call *call, pdb_err *err)
{
	char reason[512];

	pdb_call_explain(call, reason, sizeof(reason));
	return pdb_err_set(err, PDB_EUNAVAILABLE, NULL, "%.500s", reason);
}

pdb_status pdb_client_get(pdb_client *client, const char *path, uint64_t retry, pdb_call **call_out,
			  pdb_err *err)
{
	int64_t start = pdb_clock_monotonic();
	pdb_call *call = pdb_client_idle(client);

	*call_out = call;
	for (unsigned attempt = 1;; attempt++) {
		pdb_status status = get_once(client, call, path, err);
		int64_t wait;

		if (status != PDB_OK || !pdb_call_retryable(call)) {
			return status;
		}
		wait = pdb_call_backoff(call, attempt);
		if ((pdb_clock_monotonic() - start) / PDB_NS_PER_SECOND + wait / 1000 >=
			    (int64_t)retry ||
		    pdb_interrupted()) {
			return call->status != 0 ? PDB_OK : unreachable(call, err);
		}
		(void)curl_multi_poll(client->multi, NULL, 0, (int)wait, NULL);
	}
}

/* -- what an answer means --------------------------------------------------------------------- */

bool pdb_call_retryable(const pdb_call *call)
{
	return call->status == 0 || call->status == 408 || call->status == 429 ||
	       call->status == 503;
}

int64_t pdb_call_backoff(const pdb_call *call, unsigned attempt)
{
	int64_t wait = INT64_C(50) << (attempt < 8 ? attempt : 8);
	int64_t asked = (int64_t)call->retry_after * 1000;
	uint16_t dice;

	pdb_random(&dice, sizeof(dice));
	wait = wait / 2 + wait * dice / (INT64_C(2) * UINT16_MAX);
	return wait > asked ? wait : asked;
}

void pdb_call_error_member(const pdb_call *call, const char *name, char *out, size_t size)
{
	pdb_slice object;
	pdb_slice value;
	size_t len = 0;

	out[0] = '\0';
	if (pdb_json_check(pdb_buf_slice(&call->answer), &object, NULL) == PDB_OK &&
	    pdb_json_type_of(object) == PDB_JSON_OBJECT && pdb_json_member(object, name, &value) &&
	    pdb_json_type_of(value) == PDB_JSON_STRING && value.len <= size) {
		len = pdb_json_unescape(value, out);
		out[len] = '\0';
	}
	/* What a stranger's server says must not steer the terminal. */
	for (size_t i = 0; i < len; i++) {
		out[i] = (char)((unsigned char)out[i] < ' ' || out[i] == 127 ? '?' : out[i]);
	}
}

static const char *advice(long status)
{
	switch (status) {
	case 401:
		return " Give a key with --key-file or PROGRESSDB_KEY.";
	case 403:
		return " Use a key that may do this: backend or admin.";
	case 404:
		return " Is this the URL of a ProgressDB server, and does what you named exist?";
	case 413:
		return " Use smaller batches (--batch-bytes), or raise server.max_payload_size.";
	case 507:
		return " Make room on the server's disk.";
	default:
		return "";
	}
}

void pdb_call_explain(const pdb_call *call, char *out, size_t size)
{
	char sentence[512];
	char code[64];
	char field[256];

	if (call->status == 0) {
		(void)snprintf(out, size,
			       "the server cannot be reached: %s. Is it running, and is "
			       "--url right?",
			       call->text);
		return;
	}
	pdb_call_error_member(call, "error", sentence, sizeof(sentence));
	pdb_call_error_member(call, "code", code, sizeof(code));
	pdb_call_error_member(call, "field", field, sizeof(field));
	(void)snprintf(out, size, "the server answered %ld%s%s%s%s: %s%s", call->status,
		       code[0] != '\0' ? " " : "", code, field[0] != '\0' ? " at " : "", field,
		       sentence[0] != '\0' ? sentence : "(no reason given)", advice(call->status));
}
