/* SPDX-License-Identifier: Apache-2.0 */
/* The server as a whole: how it is, what it counts, its settings and routes, reload, log level. */
#include <math.h>

#include "admin_private.h"

#define SECOND INT64_C(1000000000)

/* Order of pdb_log_level. */
static const char *const levels[] = {"error", "warn", "info", "debug"};

#define LEVELS (sizeof(levels) / sizeof(levels[0]))

static const char *level_name(const admin *self)
{
	pdb_log_level level = self->host->control->log_level();

	return (size_t)level < LEVELS ? levels[level] : "info";
}

pdb_status admin_health(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	const pdb_host_control *control = self->host->control;
	int64_t uptime = control->uptime();

	return call_reply(self->host, request, 200,
			  json_pack("{s:s,s:s,s:s,s:s,s:I,s:s}", "status", "ok", "service",
				    "progressdb", "version", control->version(), "database_id",
				    control->database_id(), "uptime_seconds",
				    (json_int_t)(uptime / SECOND), "log_level", level_name(self)),
			  err);
}

/* -- numbers ----------------------------------------------------------------------------------- */

/* Whole numbers without a fraction, as people and most programs want them. */
static json_t *number(double value)
{
	if (!isfinite(value)) {
		return json_null();
	}
	return value == floor(value) && fabs(value) < 9e15 ? json_integer((json_int_t)value)
							   : json_real(value);
}

typedef struct numbers {
	json_t *answer;
	json_t *store;
} numbers;

static void take_number(void *arg, const char *name, double value)
{
	const numbers *n = arg;
	bool first = strcmp(name, "threads") == 0 || strcmp(name, "messages") == 0;

	(void)json_object_set_new(first ? n->answer : n->store, name, number(value));
}

pdb_status admin_stats(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	numbers n = {json_object(), json_object()};
	pdb_status status = self->host->control->stats(take_number, &n);

	(void)json_object_set_new(n.answer, "store", n.store);
	if (status != PDB_OK) {
		json_decref(n.answer);
		return pdb_err_set(err, status, NULL, "the store does not tell its numbers");
	}
	return call_reply(self->host, request, 200, n.answer, err);
}

/* -- settings and routes ----------------------------------------------------------------------- */

static void take_setting(void *arg, const char *key, const char *value, const char *origin)
{
	json_t *one = json_object();

	(void)json_object_set_new(one, "key", call_text(pdb_slice_text(key)));
	(void)json_object_set_new(one, "value", call_text(pdb_slice_text(value)));
	(void)json_object_set_new(one, "origin", call_text(pdb_slice_text(origin)));
	(void)json_array_append_new(arg, one);
}

pdb_status admin_config(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	json_t *options = json_array();

	if (options != NULL) {
		self->host->control->config(take_setting, options);
	}
	return call_reply(self->host, request, 200, json_pack("{s:o}", "options", options), err);
}

typedef struct word {
	const char *name;
	unsigned bit;
} word;

static const word methods[] = {
	{"GET", PDB_METHOD_GET},         {"HEAD", PDB_METHOD_HEAD},
	{"POST", PDB_METHOD_POST},       {"PUT", PDB_METHOD_PUT},
	{"DELETE", PDB_METHOD_DELETE},   {"PATCH", PDB_METHOD_PATCH},
	{"OPTIONS", PDB_METHOD_OPTIONS}, {"", 0},
};

static const word roles[] = {
	{"frontend", PDB_ROLE_FRONTEND},
	{"backend", PDB_ROLE_BACKEND},
	{"admin", PDB_ROLE_ADMIN},
	{"public", PDB_ROLES_PUBLIC},
};

static const char *method_name(pdb_method method)
{
	const word *m = methods;

	while (m->bit != 0 && m->bit != (unsigned)method) {
		m++;
	}
	return m->name;
}

static void take_route(void *arg, const pdb_route *route, const char *owner)
{
	json_t *who = json_array();
	json_t *one = json_pack("{s:s,s:s,s:s}", "method", method_name(route->method), "path",
				route->pattern, "owner", owner);

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if ((route->roles & roles[i].bit) != 0) {
			(void)json_array_append_new(who, json_string(roles[i].name));
		}
	}
	(void)json_object_set_new(one, "roles", who);
	(void)json_array_append_new(arg, one);
}

pdb_status admin_routes(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	json_t *routes = json_array();

	if (routes != NULL) {
		self->host->control->routes(take_route, routes);
	}
	return call_reply(self->host, request, 200, json_pack("{s:o}", "routes", routes), err);
}

/* -- reload ------------------------------------------------------------------------------------ */

typedef struct findings {
	json_t *changed;
	json_t *kept;
	json_t *refused;
	unsigned problems;
	char first[256];
} findings;

static void take_finding(void *arg, pdb_reload_kind kind, const char *text)
{
	findings *f = arg;
	json_t *list = kind == PDB_RELOAD_CHANGED ? f->changed
		       : kind == PDB_RELOAD_KEPT  ? f->kept
						  : f->refused;

	if (kind != PDB_RELOAD_PROBLEM) {
		(void)json_array_append_new(list, call_text(pdb_slice_text(text)));
	} else if (f->problems++ == 0) {
		(void)snprintf(f->first, sizeof(f->first), "%s", text);
	}
}

pdb_status admin_reload(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	findings f = {.changed = json_array(), .kept = json_array(), .refused = json_array()};
	pdb_status status = self->host->control->reload(take_finding, &f, err);
	json_t *answer = json_pack("{s:o,s:o,s:o}", "changed", f.changed, "kept", f.kept, "refused",
				   f.refused);

	if (status == PDB_OK) {
		return call_reply(self->host, request, 200, answer, err);
	}
	json_decref(answer);
	if (f.problems > 0) {
		return pdb_err_set(err, PDB_ERULE, "invalid_configuration",
				   "The old configuration stays; the file has %u %s, first: %s",
				   f.problems, f.problems == 1 ? "problem" : "problems", f.first);
	}
	return status;
}

/* -- log level --------------------------------------------------------------------------------- */

pdb_status admin_log_level(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;

	return call_reply(self->host, request, 200, json_pack("{s:s}", "level", level_name(self)),
			  err);
}

pdb_status admin_set_log_level(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	json_t *body = NULL;
	const char *wanted;
	size_t level = 0;
	pdb_status status = call_body(self->host, request, false, &body, err);

	if (status != PDB_OK) {
		return status;
	}
	wanted = json_string_value(json_object_get(body, "level"));
	while (level < LEVELS && (wanted == NULL || strcmp(wanted, levels[level]) != 0)) {
		level++;
	}
	json_decref(body);
	if (level == LEVELS) {
		(void)pdb_err_set(err, PDB_EINVAL, "invalid_level",
				  "level must be error, warn, info or debug.");
		return pdb_err_at(err, "/level");
	}
	self->host->control->set_log_level((pdb_log_level)level);
	self->host->log(PDB_LOG_WARN, "admin", "the log level is %s until the next reload",
			levels[level]);
	return admin_log_level(state, request, err);
}
