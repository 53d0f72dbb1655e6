/* SPDX-License-Identifier: Apache-2.0 */
/* Runs about one user: what they are given, their state, and their end. */
#include "person.h"

#include <stdlib.h>

pdb_status person_submit(const admin *self, pdb_request *request, const char *name, pdb_err *err)
{
	pdb_slice user;
	json_t *text;
	pdb_status status = admin_user(self, request, &user, err);

	if (status != PDB_OK) {
		return status;
	}
	text = json_stringn((const char *)user.ptr, user.len);
	if (text == NULL) {
		return pdb_err_set(err, PDB_EINVAL, "invalid_user_id", "A user id is UTF-8 text.");
	}
	return call_reply_job(self->host, request, name, json_pack("{s:o}", "user", text), err);
}

pdb_status person_open(person *p, const admin *self, pdb_job_run *run, pdb_err *err)
{
	pdb_slice params = self->host->jobs->params(run);
	pdb_slice state = self->host->job_state(run);
	const json_t *user;

	*p = (person){.self = self};
	p->params = json_loadb((const char *)params.ptr, params.len, 0, NULL);
	if (state.len > 0) {
		p->state = json_loadb((const char *)state.ptr, state.len, 0, NULL);
	}
	user = json_object_get(p->params, "user");
	if (!json_is_string(user)) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "the job was started without a user");
	}
	p->user = pdb_slice_of(json_string_value(user), json_string_length(user));
	return PDB_OK;
}

void person_close(person *p)
{
	json_decref(p->params);
	json_decref(p->state);
	*p = (person){0};
}

static pdb_status no_memory(pdb_err *err)
{
	return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the state of a job");
}

pdb_status person_save(person *p, pdb_job_run *run, json_t *state, json_t *result, pdb_err *err)
{
	const pdb_host *host = p->self->host;
	char *state_text = state != NULL ? json_dumps(state, JSON_COMPACT) : NULL;
	char *result_text = result != NULL ? json_dumps(result, JSON_COMPACT) : NULL;
	pdb_status status = state_text != NULL && result_text != NULL ? PDB_OK : no_memory(err);

	if (status == PDB_OK) {
		status = host->jobs->set_result(run, pdb_slice_text(result_text), err);
	}
	if (status == PDB_OK) {
		status = host->job_save(run, pdb_slice_text(state_text), err);
	}
	free(state_text);
	free(result_text);
	json_decref(state);
	json_decref(result);
	return status;
}

pdb_status person_end(person *p, pdb_job_run *run, const char *event, json_t *result, pdb_err *err)
{
	const pdb_host *host = p->self->host;
	char *said = result != NULL ? json_dumps(result, JSON_COMPACT) : NULL;
	json_t *line = json_pack("{s:s,s:s,s:O,s:o}", "event", event, "job", host->jobs->id(run),
				 "user", json_object_get(p->params, "user"), "result", result);
	char *text = line != NULL ? json_dumps(line, JSON_COMPACT) : NULL;
	size_t len = text != NULL ? strlen(text) : 0;
	pdb_status status = no_memory(err);

	if (said != NULL) {
		status = host->jobs->set_result(run, pdb_slice_text(said), err);
	}
	free(said);
	if (len <= 2) {
		status = no_memory(err);
	} else if (status == PDB_OK) {
		/* the log has braces of its own */
		status = host->control->audit(pdb_slice_of(text + 1, len - 2), err);
	}
	free(text);
	json_decref(line);
	if (status == PDB_OK) {
		host->job_done(run);
	}
	return status;
}

void person_load_text(const json_t *state, const char *name, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(state, name));

	(void)snprintf(out, size, "%s", text != NULL ? text : "");
}

uint64_t person_load_number(const json_t *state, const char *name)
{
	json_int_t number = json_integer_value(json_object_get(state, name));

	return number > 0 ? (uint64_t)number : 0;
}
