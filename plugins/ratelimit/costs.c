/* SPDX-License-Identifier: Apache-2.0 */
/* Costs by route: a short list, searched for every request. */
#include "costs.h"

#include <jansson.h>

typedef struct method_name {
	const char *name;
	pdb_method method;
} method_name;

static const method_name methods[] = {
	{"GET", PDB_METHOD_GET},       {"POST", PDB_METHOD_POST},   {"PUT", PDB_METHOD_PUT},
	{"DELETE", PDB_METHOD_DELETE}, {"PATCH", PDB_METHOD_PATCH}, {"OPTIONS", PDB_METHOD_OPTIONS},
};

static const char built_in[] = "{\"POST /v1/threads/{thread}/messages:batch\":10}";

/* The pattern behind the method; NULL when it is not "METHOD /pattern". */
static const char *split(const char *text, pdb_method *method_out)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		size_t len = strlen(methods[i].name);

		if (strncmp(text, methods[i].name, len) == 0 && text[len] == ' ' &&
		    text[len + 1] == '/') {
			*method_out = methods[i].method;
			return text + len + 1;
		}
	}
	return NULL;
}

static pdb_status judge_one(const char *key, const json_t *value, pdb_err *err)
{
	pdb_method method;

	if (split(key, &method) == NULL) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "\"%.80s\" is not a method and a route, like "
				   "\"GET /v1/threads\"",
				   key);
	}
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > COST_HIGHEST) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "the cost of \"%.80s\" is no whole number from 0 to %d", key,
				   COST_HIGHEST);
	}
	return PDB_OK;
}

static pdb_status judge_all(json_t *object, pdb_err *err)
{
	const char *key;
	json_t *value;
	pdb_status status = PDB_OK;

	if (!json_is_object(object)) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "costs are a mapping of routes to numbers");
	}
	if (json_object_size(object) >= COSTS_MAX) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "there are more than %u costs",
				   COSTS_MAX - 1);
	}
	json_object_foreach(object, key, value)
	{
		if (status == PDB_OK) {
			status = judge_one(key, value, err);
		}
	}
	return status;
}

static pdb_status load(const char *json, json_t **out, pdb_err *err)
{
	*out = json[0] != '\0' && strcmp(json, "null") != 0 ? json_loads(json, 0, NULL)
							    : json_object();
	if (*out == NULL) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "costs are a mapping of routes to numbers");
	}
	return judge_all(*out, err);
}

pdb_status costs_judge(const char *json, pdb_err *err)
{
	json_t *object;
	pdb_status status = load(json, &object, err);

	json_decref(object);
	return status;
}

static cost *find(costs *list, pdb_method method, const char *pattern)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].method == method &&
		    strcmp(list->items[i].pattern, pattern) == 0) {
			return &list->items[i];
		}
	}
	return NULL;
}

static bool put(const pdb_host *host, costs *list, const char *key, int64_t tokens)
{
	pdb_method method = PDB_METHOD_GET;
	const char *pattern = split(key, &method);
	cost *item = find(list, method, pattern);
	size_t size = strlen(pattern) + 1;

	if (item == NULL) {
		char *copy = host->alloc(size);

		if (copy == NULL) {
			return false;
		}
		memcpy(copy, pattern, size);
		item = &list->items[list->count++];
		item->method = method;
		item->pattern = copy;
	}
	item->tokens = tokens;
	return true;
}

static pdb_status put_all(const pdb_host *host, costs *list, const char *json, pdb_err *err)
{
	json_t *object;
	const char *key;
	json_t *value;
	pdb_status status = load(json, &object, err);

	json_object_foreach(object, key, value)
	{
		if (status == PDB_OK && !put(host, list, key, json_integer_value(value))) {
			status = pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the costs");
		}
	}
	json_decref(object);
	return status;
}

pdb_status costs_read(const pdb_host *host, costs *out, const char *json, pdb_err *err)
{
	pdb_status status;

	out->count = 0;
	status = put_all(host, out, built_in, err);
	if (status == PDB_OK) {
		status = put_all(host, out, json, err);
	}
	if (status != PDB_OK) {
		costs_fini(host, out);
	}
	return status;
}

void costs_fini(const pdb_host *host, costs *list)
{
	for (size_t i = 0; i < list->count; i++) {
		host->free(list->items[i].pattern);
	}
	list->count = 0;
}

int64_t costs_of(const costs *list, pdb_method method, const char *route)
{
	if (method == PDB_METHOD_HEAD) {
		method = PDB_METHOD_GET;
	}
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].method == method && strcmp(list->items[i].pattern, route) == 0) {
			return list->items[i].tokens;
		}
	}
	return 1;
}
