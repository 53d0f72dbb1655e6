/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of what is plugged in, once, so that no caller has to test for what is mandatory. */
#include "plugin/plugin_private.h"

#define METHODS                                                                                    \
	(PDB_METHOD_GET | PDB_METHOD_HEAD | PDB_METHOD_POST | PDB_METHOD_PUT | PDB_METHOD_DELETE | \
	 PDB_METHOD_OPTIONS | PDB_METHOD_PATCH)
#define ROUTE_FLAGS PDB_ROUTE_BLOCKING

/* Every table starts with its size; one shorter than ABI 1.0 had it is not one. */
static pdb_status judge_size(const void *ops, size_t least, const char *what, pdb_err *err)
{
	uint32_t size;

	memcpy(&size, ops, sizeof(size));
	if (size < least) {
		return pdb_err_set(err, PDB_EABI, NULL,
				   "the table of a %s gives its size as %u bytes; ABI 1.0 has %zu",
				   what, size, least);
	}
	return PDB_OK;
}

/* Names are shown in metrics and name saved states: nothing in them may need escaping. */
static bool name_valid(const char *name)
{
	size_t len;

	if (name == NULL || name[0] < 'a' || name[0] > 'z') {
		return false;
	}
	len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-");
	return name[len] == '\0' && len <= 64;
}

static pdb_status judge_name(const char *name, const char *what, pdb_err *err)
{
	if (!name_valid(name)) {
		return pdb_err_set(err, PDB_EABI, NULL,
				   "a %s needs a name of lower-case letters, digits and \"_.-\"",
				   what);
	}
	return PDB_OK;
}

static pdb_status judge_gate(const pdb_gate *gate, pdb_err *err)
{
	pdb_status status = judge_size(gate, PDB_UP_TO(pdb_gate, decorate), "gate", err);

	if (status == PDB_OK) {
		status = judge_name(gate->name, "gate", err);
	}
	if (status != PDB_OK) {
		return status;
	}
	if (gate->enter == NULL) {
		return pdb_err_set(err, PDB_EABI, NULL, "gate %s has no enter()", gate->name);
	}
	switch (gate->phase) {
	case PDB_PHASE_TRACE:
	case PDB_PHASE_ORIGIN:
	case PDB_PHASE_ADDRESS:
	case PDB_PHASE_GUARD:
	case PDB_PHASE_IDENTITY:
	case PDB_PHASE_RATE:
		return PDB_OK;
	}
	return pdb_err_set(err, PDB_EABI, NULL, "gate %s names the unknown phase %d", gate->name,
			   (int)gate->phase);
}

/* Either bits of known roles, or public and nothing else: a mix would mean two things. */
static const char *roles_fault(uint32_t roles)
{
	if (roles == 0) {
		return "names no role that may call it";
	}
	if (roles != PDB_ROLES_PUBLIC && (roles & ~PDB_ROLES_ALL) != 0) {
		return "mixes public with roles, or names an unknown role";
	}
	return NULL;
}

/* True for "/admin" and whatever stands below it. */
static bool is_admin(const char *pattern)
{
	return strncmp(pattern, "/admin", 6) == 0 && (pattern[6] == '\0' || pattern[6] == '/');
}

static const char *route_fault(const pdb_route *route)
{
	unsigned method = (unsigned)route->method;

	if (method == 0 || (method & (method - 1)) != 0 || (method & ~(unsigned)METHODS) != 0) {
		return "does not name one known method";
	}
	if ((route->flags & ~ROUTE_FLAGS) != 0) {
		return "has unknown flags";
	}
	if (route->handle == NULL) {
		return "has no handle()";
	}
	if (is_admin(route->pattern) && route->roles != PDB_ROLE_ADMIN) {
		return "is under /admin and must be for the role admin alone";
	}
	return roles_fault(route->roles);
}

static pdb_status judge_route(const pdb_route *route, pdb_err *err)
{
	pdb_status status = judge_size(route, PDB_UP_TO(pdb_route, handle), "route", err);
	const char *fault;

	if (status != PDB_OK) {
		return status;
	}
	fault = pdb__pattern_fault(route->pattern);
	if (fault == NULL) {
		fault = route_fault(route);
	}
	if (fault != NULL) {
		return pdb_err_set(err, PDB_EABI, NULL, "route %s %s",
				   route->pattern != NULL ? route->pattern : "without a pattern",
				   fault);
	}
	return PDB_OK;
}

/* Four letters, or none at all. */
static bool tag_valid(const char tag[5])
{
	for (size_t i = 0; i < 4; i++) {
		bool letter = (tag[i] >= 'A' && tag[i] <= 'Z') || (tag[i] >= 'a' && tag[i] <= 'z');

		if (tag[0] == '\0' ? tag[i] != '\0' : !letter) {
			return false;
		}
	}
	return tag[4] == '\0';
}

static pdb_status judge_hook(const pdb_record_hook *hook, pdb_err *err)
{
	pdb_status status = judge_size(hook, PDB_UP_TO(pdb_record_hook, out), "record hook", err);

	if (status == PDB_OK) {
		status = judge_name(hook->name, "record hook", err);
	}
	if (status != PDB_OK) {
		return status;
	}
	if (!tag_valid(hook->tag)) {
		return pdb_err_set(err, PDB_EABI, NULL,
				   "record hook %s has a tag that is not four letters", hook->name);
	}
	/* it would never be called: only records with its attachment are shown to it */
	if (hook->out != NULL && hook->tag[0] == '\0') {
		return pdb_err_set(err, PDB_EABI, NULL, "record hook %s has out() but no tag",
				   hook->name);
	}
	return PDB_OK;
}

static pdb_status judge_listener(const pdb_listener *listener, pdb_err *err)
{
	pdb_status status = judge_size(listener, PDB_UP_TO(pdb_listener, told), "listener", err);

	if (status == PDB_OK) {
		status = judge_name(listener->name, "listener", err);
	}
	if (status == PDB_OK && listener->told == NULL) {
		status = pdb_err_set(err, PDB_EABI, NULL, "listener %s has no told()",
				     listener->name);
	}
	return status;
}

static pdb_status judge_job(const pdb_job *job, pdb_err *err)
{
	pdb_status status = judge_size(job, PDB_UP_TO(pdb_job, step), "job", err);

	if (status == PDB_OK) {
		status = judge_name(job->name, "job", err);
	}
	if (status == PDB_OK && job->step == NULL) {
		status = pdb_err_set(err, PDB_EABI, NULL, "job %s has no step()", job->name);
	}
	if (status == PDB_OK && job->period < 0) {
		status =
			pdb_err_set(err, PDB_EABI, NULL, "job %s has a negative period", job->name);
	}
	return status;
}

pdb_status pdb__socket_judge(pdb_socket_kind kind, const void *ops, pdb_err *err)
{
	if (ops == NULL) {
		return pdb_err_set(err, PDB_EABI, NULL, "there is no table to plug in");
	}
	switch (kind) {
	case PDB_SOCKET_GATE:
		return judge_gate(ops, err);
	case PDB_SOCKET_ROUTE:
		return judge_route(ops, err);
	case PDB_SOCKET_RECORD:
		return judge_hook(ops, err);
	case PDB_SOCKET_LISTENER:
		return judge_listener(ops, err);
	case PDB_SOCKET_JOB:
		return judge_job(ops, err);
	case PDB_SOCKET_COUNT:
		break;
	}
	return pdb_err_set(err, PDB_EINTERNAL, NULL, "there is no socket of kind %d", (int)kind);
}
