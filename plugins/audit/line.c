/* SPDX-License-Identifier: Apache-2.0 */
/* Audit lines: who asked for what, and what came of it. */
#include "line.h"

#include <jansson.h>

#define TEXT_MAX  200u
#define LIST_MAX  100u
#define BODY_MAX  (64u * 1024u)
#define NAME_SIZE 64u

typedef struct method_name {
	const char *name;
	pdb_method method;
} method_name;

static const method_name methods[] = {
	{"GET", PDB_METHOD_GET},         {"HEAD", PDB_METHOD_HEAD},     {"POST", PDB_METHOD_POST},
	{"PUT", PDB_METHOD_PUT},         {"DELETE", PDB_METHOD_DELETE}, {"PATCH", PDB_METHOD_PATCH},
	{"OPTIONS", PDB_METHOD_OPTIONS},
};

/* Members of queries and bodies that say what a call is about. */
static const char *const telling[] = {"thread_id",   "thread_ids", "thread", "message", "user",
				      "user_id",     "userId",     "author", "id",      "job",
				      "prefix",      "not_before", "before", "dry_run", "level",
				      "incremental", "name"};

static const char *method_text(pdb_method method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (methods[i].method == method) {
			return methods[i].name;
		}
	}
	return "";
}

/* Bytes that are no UTF-8 become "?". */
static json_t *text_of(const void *bytes, size_t len)
{
	char copy[TEXT_MAX];
	size_t size = len < sizeof(copy) ? len : sizeof(copy);
	json_t *text = json_stringn(bytes, size);

	if (text != NULL || size == 0) {
		return text;
	}
	memcpy(copy, bytes, size);
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)copy[i] >= 0x80) {
			copy[i] = '?';
		}
	}
	return json_stringn(copy, size);
}

static void set_text(json_t *object, const char *name, const char *text)
{
	if (text[0] != '\0') {
		(void)json_object_set_new(object, name, text_of(text, strlen(text)));
	}
}

/* The names in "{…}" of the route, with what stood there. */
static void add_path(const pdb_host *host, const pdb_request *request, json_t *params)
{
	const char *at = host->request_route(request);

	while ((at = strchr(at, '{')) != NULL) {
		char name[NAME_SIZE];
		size_t len;
		pdb_slice value;

		at += at[1] == '*' ? 2 : 1;
		len = strcspn(at, "}");
		if (len >= sizeof(name)) {
			return;
		}
		memcpy(name, at, len);
		name[len] = '\0';
		value = host->request_param(request, name);
		(void)json_object_set_new(params, name, text_of(value.ptr, value.len));
	}
}

static void add_query(const pdb_host *host, const pdb_request *request, json_t *params)
{
	for (size_t i = 0; i < sizeof(telling) / sizeof(telling[0]); i++) {
		pdb_slice value;

		if (host->request_query(request, telling[i], &value)) {
			(void)json_object_set_new(params, telling[i],
						  text_of(value.ptr, value.len));
		}
	}
}

static json_t *list_of(const json_t *list)
{
	json_t *copy = json_array();

	for (size_t i = 0; i < json_array_size(list) && i < LIST_MAX; i++) {
		const json_t *item = json_array_get(list, i);

		if (json_is_string(item)) {
			(void)json_array_append_new(
				copy, text_of(json_string_value(item), json_string_length(item)));
		}
	}
	return copy;
}

static json_t *value_of(json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		return text_of(json_string_value(value), json_string_length(value));
	case JSON_ARRAY:
		return list_of(value);
	case JSON_INTEGER:
	case JSON_TRUE:
	case JSON_FALSE:
		return json_incref(value);
	default:
		return NULL;
	}
}

static void add_body(const pdb_host *host, const pdb_request *request, json_t *params)
{
	pdb_slice text = host->request_body(request);
	json_t *body = NULL;

	if (text.len > 0 && text.len <= BODY_MAX) {
		body = json_loadb((const char *)text.ptr, text.len, 0, NULL);
	}
	for (size_t i = 0; i < sizeof(telling) / sizeof(telling[0]); i++) {
		json_t *value = json_object_get(body, telling[i]);

		if (value != NULL) {
			(void)json_object_set_new(params, telling[i], value_of(value));
		}
	}
	json_decref(body);
}

static void add_target(const pdb_host *host, const pdb_request *request, json_t *line)
{
	pdb_slice path = host->request_path(request);
	const char *route = host->request_route(request);
	json_t *params;

	if (route[0] == '\0') {
		(void)json_object_set_new(line, "path", text_of(path.ptr, path.len));
		return;
	}
	set_text(line, "route", route);
	params = json_object();
	add_path(host, request, params);
	add_query(host, request, params);
	add_body(host, request, params);
	if (json_object_size(params) > 0) {
		(void)json_object_set(line, "params", params);
	}
	json_decref(params);
}

/* The text without its braces, which the log sets itself. */
static char *print(const pdb_host *host, const json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);
	size_t len = text != NULL ? strlen(text) : 0;
	char *members = len > 2 ? host->alloc(len - 1) : NULL;

	if (members != NULL) {
		memcpy(members, text + 1, len - 2);
		members[len - 2] = '\0';
	}
	free(text);
	return members;
}

char *line_make(const pdb_host *host, const pdb_request *request, const char *event,
		unsigned skipped)
{
	json_t *line = json_object();
	pdb_slice user = host->request_user(request);
	char *members;

	set_text(line, "event", event);
	set_text(line, "request_id", host->request_id(request));
	set_text(line, "key", host->request_key(request));
	if (user.len > 0) {
		(void)json_object_set_new(line, "user", text_of(user.ptr, user.len));
	}
	set_text(line, "certificate", host->request_certificate_name(request));
	set_text(line, "peer", host->request_peer(request));
	set_text(line, "method", method_text(host->request_method(request)));
	add_target(host, request, line);
	(void)json_object_set_new(line, "status", json_integer(host->request_status(request)));
	if (skipped > 0) {
		(void)json_object_set_new(line, "skipped", json_integer(skipped));
	}
	members = print(host, line);
	json_decref(line);
	return members;
}
