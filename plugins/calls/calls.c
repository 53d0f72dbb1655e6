/* SPDX-License-Identifier: Apache-2.0 */
/* Small JSON objects in and out of the routes of plugins. */
#include "calls.h"

#include <pdb/job.h>
#include <pdb/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static pdb_status no_memory(pdb_err *err)
{
	return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the call");
}

pdb_status call_init(const pdb_host *host, pdb_err *err)
{
	if (!PDB_HAS(host, json)) {
		return pdb_err_set(err, PDB_EABI, NULL, "this server is too old for the plugin");
	}
	/* the seed of its tables must be drawn before there are threads */
	json_object_seed(0);
	return PDB_OK;
}

/* -- requests ---------------------------------------------------------------------------------- */

static bool is_json(const pdb_host *host, const pdb_request *request)
{
	static const char wanted[] = "application/json";
	const size_t len = sizeof(wanted) - 1;
	pdb_slice type = {0};

	if (!host->request_header(request, "Content-Type", &type)) {
		return true;
	}
	return type.len >= len && strncasecmp((const char *)type.ptr, wanted, len) == 0 &&
	       (type.len == len || type.ptr[len] == ';' || type.ptr[len] == ' ');
}

/* The host's judge bounds the depth, and names the place of what is wrong. Jansson refuses a little
 * more: \u0000, and numbers that do not fit. */
static pdb_status parse(const pdb_host *host, pdb_slice text, json_t **out, pdb_err *err)
{
	json_error_t reason;
	pdb_status status = host->json->check(text, NULL, err);

	if (status != PDB_OK) {
		return status;
	}
	*out = json_loadb((const char *)text.ptr, text.len, JSON_DECODE_ANY, &reason);
	if (json_is_object(*out)) {
		return PDB_OK;
	}
	if (*out != NULL) {
		json_decref(*out);
		*out = NULL;
		return pdb_err_set(err, PDB_EINVAL, "invalid_type",
				   "The body must be a JSON object.");
	}
	return json_error_code(&reason) == json_error_out_of_memory
		       ? no_memory(err)
		       : pdb_err_set(err, PDB_EINVAL, "invalid_json",
				     "The body has what no call takes before byte %d.",
				     reason.position);
}

pdb_status call_payload(const pdb_host *host, const pdb_request *request, pdb_slice *out,
			pdb_err *err)
{
	*out = host->request_body(request);
	if (!is_json(host, request)) {
		return pdb_err_set(err, PDB_EMEDIA, NULL, "The body must be application/json.");
	}
	if (out->len == 0) {
		return pdb_err_set(err, PDB_EINVAL, "body_required", "The request needs a body.");
	}
	return PDB_OK;
}

pdb_status call_body(const pdb_host *host, const pdb_request *request, bool optional, json_t **out,
		     pdb_err *err)
{
	pdb_slice body = host->request_body(request);
	pdb_status status;

	*out = NULL;
	if (body.len == 0 && optional) {
		*out = json_object();
		return *out != NULL ? PDB_OK : no_memory(err);
	}
	status = call_payload(host, request, &body, err);
	if (status != PDB_OK) {
		return status;
	}
	if (body.len > CALL_BODY_MAX) {
		return pdb_err_set(err, PDB_ETOOLARGE, NULL, "The body has at most 64 KiB.");
	}
	return parse(host, body, out, err);
}

pdb_status call_flag(const pdb_host *host, const pdb_request *request, const char *name, bool *out,
		     pdb_err *err)
{
	json_t *body = NULL;
	const json_t *flag;
	pdb_status status = call_body(host, request, true, &body, err);

	*out = false;
	if (status != PDB_OK) {
		return status;
	}
	flag = json_object_get(body, name);
	*out = json_is_true(flag);
	if (json_object_size(body) > (json_is_boolean(flag) ? 1u : 0u)) {
		(void)pdb_err_set(err, PDB_EINVAL, "invalid_body",
				  "The body has %s alone, true or false.", name);
		status = pdb_err_at(err, "/%s", name);
	}
	json_decref(body);
	return status;
}

/* -- answers ----------------------------------------------------------------------------------- */

json_t *call_text(pdb_slice text)
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

pdb_status call_reply(const pdb_host *host, pdb_request *request, int status, json_t *object,
		      pdb_err *err)
{
	char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
	pdb_status result = PDB_ENOMEM;

	if (text != NULL) {
		(void)host->request_add_header(request, "Cache-Control", "no-store");
		result = host->request_reply(request, status, NULL, pdb_slice_text(text));
	}
	free(text);
	json_decref(object);
	return result == PDB_OK ? PDB_OK
				: pdb_err_set(err, result, NULL, "no memory for the answer");
}

pdb_status call_reply_job(const pdb_host *host, pdb_request *request, const char *name,
			  json_t *params, pdb_err *err)
{
	char *text = params != NULL ? json_dumps(params, JSON_COMPACT) : NULL;
	char place[sizeof("/admin/jobs/") + PDB_JOB_ID_SIZE];
	char id[PDB_JOB_ID_SIZE] = "";
	pdb_status status;

	json_decref(params);
	if (text == NULL) {
		return no_memory(err);
	}
	status = host->jobs->submit(name, pdb_slice_text(text), id, err);
	free(text);
	if (status != PDB_OK) {
		return status;
	}
	(void)snprintf(place, sizeof(place), "/admin/jobs/%s", id);
	(void)host->request_add_header(request, "Location", place);
	return call_reply(host, request, 202, json_pack("{s:s,s:s}", "id", id, "name", name), err);
}
