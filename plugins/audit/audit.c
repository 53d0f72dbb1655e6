/* SPDX-License-Identifier: Apache-2.0 */
/* Every call of administration leaves a line in the audit log. */
#include <jansson.h>
#include <pdb/control.h>
#include <pdb/pdb.h>
#include <stdatomic.h>

#include "line.h"
#include "writer.h"

#define SECOND INT64_C(1000000000)

typedef struct audit {
	const pdb_host *host;
	writer *writer;
	/* tries of others, of which one a second is written */
	_Atomic int64_t tried_at;
	atomic_uint tried;
} audit;

/* -- what is audited --------------------------------------------------------------------------- */

static bool is_administration(const audit *self, const pdb_request *request)
{
	pdb_slice path = self->host->request_path(request);

	return pdb_slice_starts(path, PDB_SLICE("/admin")) && (path.len == 6 || path.ptr[6] == '/');
}

/* Anybody can try, and as often as it likes: the disk is not there to count that. */
static void note_try(audit *self, const pdb_request *request)
{
	int64_t now = self->host->monotonic();
	int64_t before = atomic_load(&self->tried_at);

	if (now - before < SECOND ||
	    !atomic_compare_exchange_strong(&self->tried_at, &before, now)) {
		(void)atomic_fetch_add(&self->tried, 1);
		return;
	}
	(void)writer_put(self->writer, line_make(self->host, request, "admin_refused",
						 atomic_exchange(&self->tried, 0)));
}

static void leave(void *state, pdb_request *request)
{
	audit *self = state;

	if (!is_administration(self, request)) {
		return;
	}
	if (self->host->request_role(request) == PDB_ROLE_ADMIN) {
		(void)writer_put(self->writer, line_make(self->host, request, "admin_call", 0));
	} else if (self->host->request_method(request) != PDB_METHOD_OPTIONS) {
		note_try(self, request);
	}
}

static pdb_status pass(void *self, pdb_request *request, pdb_err *err)
{
	(void)self, (void)request, (void)err;
	return PDB_OK;
}

/* From the outside, so that it sees also what later gates refuse. */
static const pdb_gate trace_gate = {
	.size = sizeof(pdb_gate),
	.phase = PDB_PHASE_TRACE,
	.name = "audit",
	.enter = pass,
	.leave = leave,
};

/* What cannot be written down is not done. How the server is may always be asked. */
static pdb_status enter(void *state, pdb_request *request, pdb_err *err)
{
	audit *self = state;

	if (!is_administration(self, request) ||
	    strcmp(self->host->request_route(request), "/admin/health") == 0 ||
	    writer_ready(self->writer)) {
		return PDB_OK;
	}
	return pdb_err_set(err, PDB_EUNAVAILABLE, "audit_unavailable",
			   "the audit log cannot be written");
}

static const pdb_gate ready_gate = {
	.size = sizeof(pdb_gate),
	.phase = PDB_PHASE_RATE,
	.name = "audit.ready",
	.enter = enter,
};

/* -- life -------------------------------------------------------------------------------------- */

static pdb_status init(const pdb_host *host, pdb_plugin *plugin, const void *settings,
		       void **state_out, pdb_err *err)
{
	audit *self;
	pdb_status status;

	(void)settings;
	if (!PDB_HAS(host, control)) {
		return pdb_err_set(err, PDB_EABI, NULL, "this server offers no audit log");
	}
	/* the seed of its tables must be drawn before there are threads */
	json_object_seed(0);
	self = host->alloc(sizeof(*self));
	if (self == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the plugin");
	}
	memset(self, 0, sizeof(*self));
	self->host = host;
	*state_out = self;
	status = writer_create(&self->writer, host, err);
	if (status == PDB_OK) {
		status = host->add_gate(plugin, &trace_gate, self, err);
	}
	return status == PDB_OK ? host->add_gate(plugin, &ready_gate, self, err) : status;
}

static pdb_status start(void *state, pdb_err *err)
{
	audit *self = state;

	return writer_start(self->writer, err);
}

static void stop(void *state)
{
	audit *self = state;

	writer_stop(self->writer);
}

static void fini(void **state)
{
	audit *self;

	if (state == NULL || *state == NULL) {
		return;
	}
	self = *state;
	writer_destroy(&self->writer);
	self->host->free(self);
	*state = NULL;
}

static const pdb_extension_ops ops = {
	.size = sizeof(pdb_extension_ops),
	.init = init,
	.start = start,
	.stop = stop,
	.fini = fini,
};

PDB_PLUGIN(audit, EXTENSION, "0.1.0", "Apache-2.0", "A line for every call of administration",
	   .ops = &ops);
