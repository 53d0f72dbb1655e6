/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of retention: run it now, and how it stands. */
#include <stdio.h>

#include "retention_private.h"

/* {"dry_run":true}, {"dry_run":false}, {}, or nothing. */
static pdb_status read_dry(const retention *self, const pdb_request *request, bool *dry_out,
			   pdb_err *err)
{
	const pdb_host_json *json = self->host->json;
	pdb_slice body = self->host->request_body(request);
	pdb_slice key = {0};
	pdb_slice value = {0};
	size_t cursor = 0;

	*dry_out = false;
	if (body.len == 0) {
		return PDB_OK;
	}
	if (json->check(body, &body, err) != PDB_OK || body.ptr[0] != '{') {
		return pdb_err_set(err, PDB_EINVAL, "invalid_json",
				   "The body must be a JSON object.");
	}
	while (json->next(body, &cursor, &key, &value)) {
		if (!json->key_is(key, PDB_SLICE("dry_run")) ||
		    !(pdb_slice_is(value, "true") || pdb_slice_is(value, "false"))) {
			(void)pdb_err_set(err, PDB_EINVAL, "invalid_body",
					  "The body has dry_run alone, true or false.");
			return pdb_err_at(err, "/dry_run");
		}
		*dry_out = pdb_slice_is(value, "true");
	}
	return PDB_OK;
}

static pdb_status run_now(void *state, pdb_request *request, pdb_err *err)
{
	retention *self = state;
	char id[PDB_JOB_ID_SIZE];
	char text[128];
	bool dry;
	int len;
	pdb_status status = read_dry(self, request, &dry, err);

	if (status == PDB_OK) {
		status = self->host->jobs->submit("retention",
						  dry ? PDB_SLICE("{\"dry_run\":true}")
						      : PDB_SLICE("{\"dry_run\":false}"),
						  id, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	len = snprintf(text, sizeof(text), "{\"job\":\"%s\"}", id);
	return self->host->request_reply(request, 202, NULL, pdb_slice_of(text, (size_t)len));
}

static pdb_status show(void *state, pdb_request *request, pdb_err *err)
{
	retention *self = state;
	rules r = retention_rules(self);
	char text[768];
	int len;

	(void)err;
	(void)pthread_mutex_lock(&self->last_lock);
	len = snprintf(text, sizeof(text),
		       "{\"enabled\":%s,\"paused\":%s,\"dry_run\":%s,\"cron\":\"%s\","
		       "\"period_seconds\":%lld,\"next_ts\":%lld,\"last\":{\"started_ts\":%lld,"
		       "\"ended_ts\":%lld,\"threads\":%llu,\"messages\":%llu,\"held\":%llu}}",
		       r.enabled ? "true" : "false", r.paused ? "true" : "false",
		       r.dry_run ? "true" : "false", r.cron_text, (long long)(r.period / SECOND),
		       (long long)(r.enabled && self->next_due > 0 ? self->next_due * SECOND : 0),
		       (long long)self->last_started, (long long)self->last_ended,
		       (unsigned long long)self->last.threads,
		       (unsigned long long)self->last.messages,
		       (unsigned long long)self->last.held);
	(void)pthread_mutex_unlock(&self->last_lock);
	return self->host->request_reply(request, 200, NULL, pdb_slice_of(text, (size_t)len));
}

const pdb_route retention_run_route = {
	.size = sizeof(pdb_route),
	.method = PDB_METHOD_POST,
	.pattern = "/admin/retention/run",
	.roles = PDB_ROLE_ADMIN,
	.flags = PDB_ROUTE_BLOCKING,
	.handle = run_now,
};

const pdb_route retention_show_route = {
	.size = sizeof(pdb_route),
	.method = PDB_METHOD_GET,
	.pattern = "/admin/retention",
	.roles = PDB_ROLE_ADMIN,
	.handle = show,
};
