/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of retention: run it now, and how it stands. */
#include "calls.h"
#include "retention_private.h"

static pdb_status run_now(void *state, pdb_request *request, pdb_err *err)
{
	const retention *self = state;
	bool dry;
	pdb_status status = call_flag(self->host, request, "dry_run", &dry, err);

	return status == PDB_OK ? call_reply_job(self->host, request, retention_job.name,
						 json_pack("{s:b}", "dry_run", dry), err)
				: status;
}

static pdb_status show(void *state, pdb_request *request, pdb_err *err)
{
	retention *self = state;
	rules r = retention_rules(self);
	json_t *last;
	int64_t next;

	(void)pthread_mutex_lock(&self->last_lock);
	next = r.enabled && self->next_due > 0 ? self->next_due * SECOND : 0;
	last = json_pack("{s:I,s:I,s:I,s:I,s:I}", "started_ts", (json_int_t)self->last_started,
			 "ended_ts", (json_int_t)self->last_ended, "threads",
			 (json_int_t)self->last.threads, "messages",
			 (json_int_t)self->last.messages, "held", (json_int_t)self->last.held);
	(void)pthread_mutex_unlock(&self->last_lock);
	return call_reply(self->host, request, 200,
			  json_pack("{s:b,s:b,s:b,s:s,s:I,s:I,s:o}", "enabled", r.enabled, "paused",
				    r.paused, "dry_run", r.dry_run, "cron", r.cron_text,
				    "period_seconds", (json_int_t)(r.period / SECOND), "next_ts",
				    (json_int_t)next, "last", last),
			  err);
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
