/* SPDX-License-Identifier: Apache-2.0 */
/* The routes: make a backup now, how backups stand, and how far one is. */
#include <stdio.h>

#include "backup_private.h"

#define SHOW_ROOM  8192
#define QUOTED_MAX 6u /* bytes of one that is quoted */

/* {"full":true}, {"full":false}, {}, or nothing. */
static pdb_status read_full(const backup *self, const pdb_request *request, bool *full_out,
			    pdb_err *err)
{
	const pdb_host_json *json = self->host->json;
	pdb_slice body = self->host->request_body(request);
	pdb_slice key = {0};
	pdb_slice value = {0};
	size_t cursor = 0;

	*full_out = false;
	if (body.len == 0) {
		return PDB_OK;
	}
	if (json->check(body, &body, err) != PDB_OK || body.ptr[0] != '{') {
		return pdb_err_set(err, PDB_EINVAL, "invalid_json",
				   "The body must be a JSON object.");
	}
	while (json->next(body, &cursor, &key, &value)) {
		if (!json->key_is(key, PDB_SLICE("full")) ||
		    !(pdb_slice_is(value, "true") || pdb_slice_is(value, "false"))) {
			(void)pdb_err_set(err, PDB_EINVAL, "invalid_body",
					  "The body has full alone, true or false.");
			return pdb_err_at(err, "/full");
		}
		*full_out = pdb_slice_is(value, "true");
	}
	return PDB_OK;
}

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
	char id[PDB_JOB_ID_SIZE];
	char text[128];
	bool full;
	int len;
	pdb_status status = read_full(self, request, &full, err);

	if (status == PDB_OK) {
		status = need_directory(self, err);
	}
	if (status == PDB_OK) {
		status = self->host->jobs->submit("backup",
						  full ? PDB_SLICE("{\"full\":true}")
						       : PDB_SLICE("{\"full\":false}"),
						  id, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	len = snprintf(text, sizeof(text), "{\"job\":\"%s\"}", id);
	return self->host->request_reply(request, 202, NULL, pdb_slice_of(text, (size_t)len));
}

/* -- showing ----------------------------------------------------------------------------------- */

/* Printable ASCII as it is, the rest as \u00XX. */
static void quote(const char *in, char *out, size_t size)
{
	size_t len = 0;

	for (; *in != '\0' && len + 7 < size; in++) {
		unsigned char c = (unsigned char)*in;

		if (c < 0x20 || c == '"' || c == '\\') {
			len += (size_t)snprintf(out + len, size - len, "\\u%04x", c);
		} else {
			out[len++] = (char)c;
		}
	}
	out[len] = '\0';
}

static pdb_status show(void *state, pdb_request *request, pdb_err *err)
{
	backup *self = state;
	size_t size = QUOTED_MAX * PATH_ROOM;
	char *text = self->host->request_alloc(request, size + SHOW_ROOM);
	char *path = self->host->request_alloc(request, size);
	int len;

	if (text == NULL || path == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for an answer");
	}
	(void)pthread_rwlock_rdlock(&self->lock);
	quote(self->now.directory, path, size);
	len = snprintf(text, size + SHOW_ROOM,
		       "{\"directory\":\"%s\",\"period_seconds\":%lld,\"keep\":%u,"
		       "\"incremental\":%s,\"last\":{\"set\":\"%s\",\"made_ts\":%lld,"
		       "\"ended_ts\":%lld,\"position\":%llu,\"bytes\":%llu,\"written\":%llu}}",
		       path, (long long)(self->now.period / SECOND), self->now.keep,
		       self->now.incremental ? "true" : "false", self->last.name,
		       (long long)self->last.made_ts, (long long)self->last_end,
		       (unsigned long long)self->last.position,
		       (unsigned long long)self->last.bytes,
		       (unsigned long long)self->last.written);
	(void)pthread_rwlock_unlock(&self->lock);
	return self->host->request_reply(request, 200, NULL, pdb_slice_of(text, (size_t)len));
}

typedef struct showing {
	char *text;
	int len;
} showing;

static pdb_status show_view(void *arg, const pdb_job_view *view)
{
	static const char *const names[] = {"idle",   "queued",    "running", "done",
					    "failed", "cancelled", NULL};
	showing *s = arg;
	char error[1024];

	if (strcmp(view->name, "backup") != 0) {
		return PDB_ENOTFOUND;
	}
	quote(view->error, error, sizeof(error));
	s->len = snprintf(s->text, SHOW_ROOM,
			  "{\"job\":\"%s\",\"state\":\"%s\",\"done\":%llu,\"total\":%llu,"
			  "\"error\":\"%s\",\"result\":%.*s}",
			  view->id, names[view->state], (unsigned long long)view->done,
			  (unsigned long long)view->total, error,
			  view->result.len > 0 ? (int)view->result.len : 4,
			  view->result.len > 0 ? (const char *)view->result.ptr : "null");
	return PDB_OK;
}

static pdb_status show_job(void *state, pdb_request *request, pdb_err *err)
{
	backup *self = state;
	pdb_slice wanted = self->host->request_param(request, "job");
	showing s = {.text = self->host->request_alloc(request, SHOW_ROOM)};
	char id[PDB_JOB_ID_SIZE] = "";
	pdb_status status = PDB_ENOTFOUND;

	if (s.text == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for an answer");
	}
	if (wanted.len < sizeof(id)) {
		(void)snprintf(id, sizeof(id), "%.*s", PDB_SLICE_ARGS(wanted));
		status = self->host->jobs->view(id, show_view, &s, err);
	}
	if (status == PDB_ENOTFOUND) {
		return pdb_err_set(err, PDB_ENOTFOUND, "job_not_found",
				   "There is no backup with this id.");
	}
	return status == PDB_OK ? self->host->request_reply(request, 200, NULL,
							    pdb_slice_of(s.text, (size_t)s.len))
				: status;
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

const pdb_route backup_job_route = {
	.size = sizeof(pdb_route),
	.method = PDB_METHOD_GET,
	.pattern = "/admin/backup/{job}",
	.roles = PDB_ROLE_ADMIN,
	.handle = show_job,
};
