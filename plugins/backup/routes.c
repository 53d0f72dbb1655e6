/* SPDX-License-Identifier: Apache-2.0 */
/* The routes: make a backup now, and how backups stand. */
#include "backup_private.h"
#include "calls.h"

static pdb_status need_directory(backup *self, pdb_err *err)
{
	bool missing;

	(void)pthread_rwlock_rdlock(&self->lock);
	missing = self->now.directory[0] == '\0';
	(void)pthread_rwlock_unlock(&self->lock);
	return missing ? pdb_err_set(err, PDB_ERULE, "no_backup_directory",
				     "The server has no backup.directory to put a backup in.")
		       : PDB_OK;
}

static pdb_status start(void *state, pdb_request *request, pdb_err *err)
{
	backup *self = state;
	bool full;
	pdb_status status = call_flag(self->host, request, "full", &full, err);

	if (status == PDB_OK) {
		status = need_directory(self, err);
	}
	return status == PDB_OK ? call_reply_job(self->host, request, backup_job.name,
						 json_pack("{s:b}", "full", full), err)
				: status;
}

static json_t *last_of(const backup *self)
{
	return json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:s}", "set", self->last.name, "made_ts",
			 (json_int_t)self->last.made_ts, "ended_ts", (json_int_t)self->last_end,
			 "position", (json_int_t)self->last.position, "bytes",
			 (json_int_t)self->last.bytes, "written", (json_int_t)self->last.written,
			 "key", self->last.key);
}

static pdb_status show(void *state, pdb_request *request, pdb_err *err)
{
	backup *self = state;
	json_t *answer;

	(void)pthread_rwlock_rdlock(&self->lock);
	answer = json_pack("{s:o,s:I,s:I,s:b,s:o}", "directory",
			   call_text(pdb_slice_text(self->now.directory)), "period_seconds",
			   (json_int_t)(self->now.period / SECOND), "keep",
			   (json_int_t)self->now.keep, "incremental", self->now.incremental, "last",
			   last_of(self));
	(void)pthread_rwlock_unlock(&self->lock);
	return call_reply(self->host, request, 200, answer, err);
}

const pdb_route backup_start_route = {
	.size = sizeof(pdb_route),
	.method = PDB_METHOD_POST,
	.pattern = "/admin/backup",
	.roles = PDB_ROLE_ADMIN,
	.flags = PDB_ROUTE_BLOCKING,
	.handle = start,
};

const pdb_route backup_show_route = {
	.size = sizeof(pdb_route),
	.method = PDB_METHOD_GET,
	.pattern = "/admin/backup",
	.roles = PDB_ROLE_ADMIN,
	.handle = show,
};
