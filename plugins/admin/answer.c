/* SPDX-License-Identifier: Apache-2.0 */
/* What calls are given, and how they are answered. */
#include "admin_private.h"

pdb_status admin_reply_page(const admin *self, pdb_request *request, const char *name,
			    json_t *items, const char *cursor, pdb_err *err)
{
	json_t *answer = json_object();
	json_t *pagination = json_pack("{s:b}", "has_more", cursor != NULL);

	if (cursor != NULL) {
		(void)json_object_set_new(pagination, "cursor", call_text(pdb_slice_text(cursor)));
	}
	(void)json_object_set_new(answer, name, items);
	(void)json_object_set_new(answer, "pagination", pagination);
	return call_reply(self->host, request, 200, answer, err);
}

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
