/* SPDX-License-Identifier: Apache-2.0 */
/* The stored rows: their keys by prefix, and one as JSON. */
#include "admin_private.h"

/* Longer than any key. */
#define KEY_SIZE 1024u

typedef struct listing {
	json_t *keys;
	size_t limit;
	bool more;
	char last[KEY_SIZE];
} listing;

static pdb_status take_key(void *arg, pdb_slice key, pdb_slice value)
{
	listing *l = arg;

	(void)value;
	l->more = json_array_size(l->keys) == l->limit;
	if (l->more) {
		return PDB_ESTOP;
	}
	(void)snprintf(l->last, sizeof(l->last), "%.*s", PDB_SLICE_ARGS(key));
	return json_array_append_new(l->keys, call_text(key)) == 0 ? PDB_OK : PDB_ENOMEM;
}

pdb_status admin_keys(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	listing l = {.keys = json_array()};
	pdb_slice prefix;
	pdb_slice after;
	pdb_status status = admin_limit(self, request, &l.limit, err);

	if (status == PDB_OK) {
		status = admin_query(self, request, "prefix", &prefix, err);
	}
	if (status == PDB_OK) {
		status = admin_query(self, request, "cursor", &after, err);
	}
	if (status == PDB_OK) {
		status = self->host->control->keys(prefix, after, l.limit + 1, take_key, &l, err);
	}
	if (status != PDB_OK) {
		json_decref(l.keys);
		return status;
	}
	return admin_reply_page(self, request, "keys", l.keys, l.more ? l.last : NULL, err);
}

typedef struct showing {
	const admin *self;
	pdb_request *request;
	pdb_err *err;
} showing;

static pdb_status show(void *arg, pdb_slice key, pdb_slice json)
{
	const showing *s = arg;
	const pdb_host *host = s->self->host;

	(void)key;
	(void)host->request_add_header(s->request, "Cache-Control", "no-store");
	if (host->request_reply(s->request, 200, NULL, json) != PDB_OK) {
		return pdb_err_set(s->err, PDB_ENOMEM, NULL, "no memory for the answer");
	}
	return PDB_OK;
}

pdb_status admin_value(void *state, pdb_request *request, pdb_err *err)
{
	showing s = {state, request, err};
	pdb_slice key;
	pdb_status status = admin_query(s.self, request, "key", &key, err);

	if (status == PDB_OK && key.len == 0) {
		status = pdb_err_set(err, PDB_EINVAL, "invalid_key", "Which row? Give its key.");
	}
	return status == PDB_OK ? s.self->host->control->view(key, show, &s, err) : status;
}
