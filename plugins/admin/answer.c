/* SPDX-License-Identifier: Apache-2.0 */
/* What calls are given, and how they are answered. */
#include <stdlib.h>
#include <strings.h>

#include "admin_private.h"

#define BODY_MAX (64u * 1024u)

/* -- answers ----------------------------------------------------------------------------------- */

json_t *admin_text(pdb_slice text)
{
	json_t *value = json_stringn(text.len > 0 ? (const char *)text.ptr : "", text.len);
	char *copy;

	if (value != NULL) {
		return value;
	}
	copy = malloc(text.len + 1);
	for (size_t i = 0; copy != NULL && i < text.len; i++) {
		copy[i] = '?';
		if (text.ptr[i] < 0x80) {
			copy[i] = (char)text.ptr[i];
		}
	}
	value = copy != NULL ? json_stringn(copy, text.len) : NULL;
	free(copy);
	return value;
}

pdb_status admin_reply(const admin *self, pdb_request *request, int status, json_t *object,
		       pdb_err *err)
{
	char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
	pdb_status result = PDB_ENOMEM;

	if (text != NULL) {
		(void)self->host->request_add_header(request, "Cache-Control", "no-store");
		result = self->host->request_reply(request, status, NULL, pdb_slice_text(text));
	}
	free(text);
	json_decref(object);
	return result == PDB_OK ? PDB_OK
				: pdb_err_set(err, result, NULL, "no memory for the answer");
}

pdb_status admin_reply_page(const admin *self, pdb_request *request, const char *name,
			    json_t *items, const char *cursor, pdb_err *err)
{
	json_t *answer = json_object();
	json_t *pagination = json_pack("{s:b}", "has_more", cursor != NULL);

	if (cursor != NULL) {
		(void)json_object_set_new(pagination, "cursor", admin_text(pdb_slice_text(cursor)));
	}
	(void)json_object_set_new(answer, name, items);
	(void)json_object_set_new(answer, "pagination", pagination);
	return admin_reply(self, request, 200, answer, err);
}

pdb_status admin_reply_job(const admin *self, pdb_request *request, const char *name,
			   json_t *params, pdb_err *err)
{
	char *text = params != NULL ? json_dumps(params, JSON_COMPACT) : NULL;
	char place[sizeof("/admin/jobs/") + PDB_JOB_ID_SIZE];
	char id[PDB_JOB_ID_SIZE] = "";
	pdb_status status;

	json_decref(params);
	if (text == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a job");
	}
	status = self->host->jobs->submit(name, pdb_slice_text(text), id, err);
	free(text);
	if (status != PDB_OK) {
		return status;
	}
	(void)snprintf(place, sizeof(place), "/admin/jobs/%s", id);
	(void)self->host->request_add_header(request, "Location", place);
	return admin_reply(self, request, 202, json_pack("{s:s,s:s}", "id", id, "name", name), err);
}

/* -- requests ---------------------------------------------------------------------------------- */

pdb_status admin_limit(const admin *self, const pdb_request *request, size_t *limit_out,
		       pdb_err *err)
{
	pdb_slice text;
	size_t number = 0;

	*limit_out = ADMIN_PAGE;
	if (!self->host->request_query(request, "limit", &text)) {
		return PDB_OK;
	}
	for (size_t i = 0; i < text.len; i++) {
		bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';

		number = digit && number <= ADMIN_PAGE_MAX ? 10 * number + text.ptr[i] - '0'
							   : ADMIN_PAGE_MAX + 1;
	}
	if (number < 1 || number > ADMIN_PAGE_MAX) {
		return pdb_err_set(err, PDB_EINVAL, "invalid_limit",
				   "limit must be a number from 1 to %u.", ADMIN_PAGE_MAX);
	}
	*limit_out = number;
	return PDB_OK;
}

static bool is_plain(pdb_slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7f) {
			return false;
		}
	}
	return true;
}

pdb_status admin_query(const admin *self, const pdb_request *request, const char *name,
		       pdb_slice *out, pdb_err *err)
{
	*out = pdb_slice_of(NULL, 0);
	if (self->host->request_query(request, name, out) && !is_plain(*out)) {
		return pdb_err_set(err, PDB_EINVAL, "invalid_query",
				   "%s must not have control characters.", name);
	}
	return PDB_OK;
}

pdb_status admin_user(const admin *self, const pdb_request *request, pdb_slice *out, pdb_err *err)
{
	*out = self->host->request_param(request, "user");
	if (out->len == 0 || out->len > ADMIN_USER_MAX || !is_plain(*out)) {
		return pdb_err_set(err, PDB_EINVAL, "invalid_user_id",
				   "A user id is 1 to %u bytes without control characters.",
				   ADMIN_USER_MAX);
	}
	return PDB_OK;
}

/* An absent type is tolerated, as everywhere. */
static bool is_json(const admin *self, const pdb_request *request)
{
	static const char wanted[] = "application/json";
	const size_t len = sizeof(wanted) - 1;
	pdb_slice type;

	if (!self->host->request_header(request, "Content-Type", &type)) {
		return true;
	}
	return type.len >= len && strncasecmp((const char *)type.ptr, wanted, len) == 0 &&
	       (type.len == len || type.ptr[len] == ';' || type.ptr[len] == ' ');
}

pdb_status admin_body(const admin *self, const pdb_request *request, bool optional, json_t **out,
		      pdb_err *err)
{
	pdb_slice body = self->host->request_body(request);
	pdb_status status;

	*out = NULL;
	if (body.len == 0 && optional) {
		*out = json_object();
		return *out != NULL ? PDB_OK : pdb_err_set(err, PDB_ENOMEM, NULL, "no memory");
	}
	if (!is_json(self, request)) {
		return pdb_err_set(err, PDB_EMEDIA, NULL, "The body must be application/json.");
	}
	if (body.len == 0) {
		return pdb_err_set(err, PDB_EINVAL, "body_required", "The request needs a body.");
	}
	if (body.len > BODY_MAX) {
		return pdb_err_set(err, PDB_ETOOLARGE, NULL, "The body has at most 64 KiB.");
	}
	/* the host's judge bounds the depth and names the place */
	status = self->host->json->check(body, NULL, err);
	if (status != PDB_OK) {
		return status;
	}
	*out = json_loadb((const char *)body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(*out)) {
		json_decref(*out);
		*out = NULL;
		return pdb_err_set(err, PDB_EINVAL, "invalid_type",
				   "The body must be a JSON object.");
	}
	return PDB_OK;
}
