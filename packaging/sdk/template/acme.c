/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin to start from: one gate, one route, one record hook, one listener and one job. */
#include <inttypes.h>
#include <pdb/pdb.h>
#include <stdatomic.h>

/* -- options: the host reads and judges them, and hands over this struct ----------------------- */

typedef struct acme_settings {
	const char *greeting;
	int64_t max_body;
} acme_settings;

static const pdb_option options[] = {
	{.key = "plugins.acme.greeting",
	 .type = PDB_OPTION_STRING,
	 .offset = offsetof(acme_settings, greeting),
	 .fallback = "Hello",
	 .min = 1,
	 .max = 100,
	 .help = "What GET /acme/hello/{name} begins with."},
	{.key = "plugins.acme.max_body",
	 .type = PDB_OPTION_SIZE,
	 .offset = offsetof(acme_settings, max_body),
	 .fallback = "64KiB",
	 .min = 1,
	 .max = INT64_C(1024) * 1024,
	 .help = "The longest message body that is accepted."},
};

/* Callbacks come from several threads at once: what they change is atomic, the rest constant. */
typedef struct acme {
	const pdb_host *host;
	const acme_settings *settings;
	atomic_ullong requests;
	atomic_ullong changes;
} acme;

/* -- gate: sees every request before it is routed, and every answer before it leaves ----------- */

static pdb_status gate_enter(void *self, pdb_request *request, pdb_err *err)
{
	acme *me = self;

	(void)request;
	(void)err; /* a gate that refuses fills it: pdb_err_set(err, PDB_EDENIED, …) */
	atomic_fetch_add(&me->requests, 1);
	return PDB_OK;
}

static void gate_decorate(void *self, pdb_request *request)
{
	const acme *me = self;

	/* fails only without memory; an answer without the field is still a good one */
	(void)me->host->request_add_header(request, "X-Acme", "1");
}

static const pdb_gate gate = {
	.size = sizeof(pdb_gate),
	.phase = PDB_PHASE_RATE,
	.name = "acme",
	.enter = gate_enter,
	.decorate = gate_decorate,
};

/* -- route: GET /acme/hello/{name} ---------------------------------------------------------------
 */

static pdb_status hello(void *self, pdb_request *request, pdb_err *err)
{
	const acme *me = self;
	pdb_slice name = me->host->request_param(request, "name");
	char text[256];
	int len;

	if (name.len == 0 || name.len > 64) {
		return pdb_err_set(err, PDB_EINVAL, "bad_name", "A name has 1 to 64 bytes.");
	}
	len = snprintf(text, sizeof(text), "%s, %.*s!\n", me->settings->greeting,
		       PDB_SLICE_ARGS(name));
	return me->host->request_reply(request, 200, "text/plain; charset=utf-8",
				       pdb_slice_of(text, (size_t)len));
}

static const pdb_route route = {
	.size = sizeof(pdb_route),
	.method = PDB_METHOD_GET,
	.pattern = "/acme/hello/{name}",
	.roles = PDB_ROLES_ALL,
	.handle = hello,
};

/* -- record hook: judges a message before it is stored, and sees it again before it is shown -----
 */

static pdb_status record_in(void *self, pdb_record *record, pdb_err *err)
{
	const acme *me = self;
	const pdb_host *host = me->host;

	if (host->record_body(record).len > (size_t)me->settings->max_body) {
		(void)pdb_err_set(err, PDB_ERULE, "acme_body_too_long",
				  "The body has more than %" PRId64 " bytes.",
				  me->settings->max_body);
		return pdb_err_at(err, "/body");
	}
	/* bytes of our own, kept beside the message under our tag */
	return host->record_set_attachment(record, PDB_SLICE("seen"));
}

static pdb_status record_out(void *self, pdb_record *record, pdb_err *err)
{
	const acme *me = self;

	if (!pdb_slice_is(me->host->record_attachment(record), "seen")) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "the attachment is not ours");
	}
	return PDB_OK;
}

static const pdb_record_hook hook = {
	.size = sizeof(pdb_record_hook),
	.order = 200,
	.name = "acme",
	.tag = "ACME",
	.in = record_in,
	.out = record_out,
};

/* -- listener: is told of every change once it is on disk ----------------------------------------
 */

static void told(void *self, const pdb_change *change)
{
	acme *me = self;

	(void)change;
	atomic_fetch_add(&me->changes, 1);
}

static const pdb_listener listener = {
	.size = sizeof(pdb_listener),
	.name = "acme",
	.told = told,
};

/* -- job: once a minute, beside the requests ------------------------------------------------------
 */

static pdb_status job_step(void *self, pdb_job_run *run, pdb_err *err)
{
	acme *me = self;
	const pdb_host *host = me->host;
	char state[64];
	int len = snprintf(state, sizeof(state), "%llu", atomic_load(&me->changes));
	pdb_status status = host->job_save(run, pdb_slice_of(state, (size_t)len), err);

	if (status != PDB_OK) {
		return status;
	}
	host->log(PDB_LOG_INFO, "acme", "%llu requests, %s changes", atomic_load(&me->requests),
		  state);
	host->job_done(run);
	return PDB_OK;
}

static const pdb_job job = {
	.size = sizeof(pdb_job),
	.name = "acme",
	.period = INT64_C(60) * 1000 * 1000 * 1000,
	.step = job_step,
};

/* -- life ----------------------------------------------------------------------------------------
 */

static pdb_status plug_in(acme *me, pdb_plugin *plugin, pdb_err *err)
{
	const pdb_host *host = me->host;
	pdb_status status = host->add_gate(plugin, &gate, me, err);

	if (status == PDB_OK) {
		status = host->add_route(plugin, &route, me, err);
	}
	if (status == PDB_OK) {
		status = host->add_record_hook(plugin, &hook, me, err);
	}
	if (status == PDB_OK) {
		status = host->add_listener(plugin, &listener, me, err);
	}
	if (status == PDB_OK) {
		status = host->add_job(plugin, &job, me, err);
	}
	return status;
}

static pdb_status init(const pdb_host *host, pdb_plugin *plugin, const void *settings,
		       void **state_out, pdb_err *err)
{
	acme *me = host->alloc(sizeof(*me));

	if (me == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the plugin");
	}
	me->host = host;
	me->settings = settings;
	atomic_init(&me->requests, 0);
	atomic_init(&me->changes, 0);
	/* fini() frees it, also when what follows fails */
	*state_out = me;
	return plug_in(me, plugin, err);
}

static void fini(void **state)
{
	acme *me = state != NULL ? *state : NULL;

	if (me != NULL) {
		me->host->free(me);
		*state = NULL;
	}
}

static const pdb_extension_ops ops = {
	.size = sizeof(pdb_extension_ops),
	.init = init,
	.fini = fini,
};

PDB_PLUGIN(acme, EXTENSION, "0.1.0", "Apache-2.0", "A plugin to start from",
	   .options = PDB_OPTION_TABLE(options, acme_settings), .ops = &ops);
