/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of rate and number: options, life, reload, and how refusals are told. */
#include <jansson.h>
#include <pdb/pdb.h>

#include "ratelimit_private.h"

#define SECOND INT64_C(1000000000)

/* 4 MiB and 2 MiB. */
#define RATE_BITS   18u
#define FAILED_BITS 17u

const limits *ratelimit_lock(ratelimit *self)
{
	(void)pthread_rwlock_rdlock(&self->lock);
	return self->now;
}

void ratelimit_unlock(ratelimit *self)
{
	(void)pthread_rwlock_unlock(&self->lock);
}

bool ratelimit_is_probe(const ratelimit *self, const pdb_request *request)
{
	const char *route = self->host->request_route(request);

	return strcmp(route, "/healthz") == 0 || strcmp(route, "/readyz") == 0;
}

/* -- answers ----------------------------------------------------------------------------------- */

static int64_t whole_seconds(int64_t span)
{
	return (span + SECOND - 1) / SECOND;
}

static size_t put_text(char *out, const char *text)
{
	size_t len = strlen(text);

	memcpy(out, text, len + 1);
	return len;
}

static size_t put_number(char *out, int64_t number)
{
	char digits[20];
	size_t count = 0;
	size_t len = 0;

	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (count > 0) {
		out[len++] = digits[--count];
	}
	return len;
}

/* Printed by hand: this is done for every request that a limit lets through. */
void ratelimit_note(visit *here, const limit *told, const bucket_answer *answer)
{
	char *state = here->state;
	size_t at = here->state_len;

	if (here->policy_len > 0) {
		here->policy_len += put_text(here->policy + here->policy_len, ", ");
		at += put_text(state + at, ", ");
	}
	here->policy_len += put_text(here->policy + here->policy_len, told->policy);
	at += put_text(state + at, told->name);
	at += put_text(state + at, ";r=");
	at += put_number(state + at, answer->left);
	at += put_text(state + at, ";t=");
	at += put_number(state + at, whole_seconds(answer->full));
	state[at] = '\0';
	here->state_len = at;
}

/* A field that is not taken for want of memory is missed by nobody but the client. */
void ratelimit_tell(const ratelimit *self, pdb_request *request, const visit *here)
{
	if (here->policy_len > 0) {
		(void)self->host->request_add_header(request, "RateLimit-Policy", here->policy);
		(void)self->host->request_add_header(request, "RateLimit", here->state);
	}
}

typedef struct refusal_row {
	const char *name; /* as the metric has it */
	pdb_status status;
	const char *code;
	const char *text;
} refusal_row;

static const refusal_row refusal_rows[REFUSALS] = {
	[REFUSAL_CALLER] = {"caller", PDB_ETOOMANY, "rate_limited",
			    "You send too many requests; go on more slowly."},
	[REFUSAL_KEY] = {"key", PDB_ETOOMANY, "rate_limited",
			 "Too many requests come with this key; go on more slowly."},
	[REFUSAL_ADDRESS] = {"address", PDB_ETOOMANY, "rate_limited",
			     "Too many requests come from this address; go on more slowly."},
	[REFUSAL_FAILED] = {"failed_auth", PDB_ETOOMANY, "too_many_failures",
			    "Too many tries to identify have failed from this address; wait."},
	[REFUSAL_CROWD] = {"concurrency", PDB_ETOOMANY, "too_many_at_once",
			   "This address has too many requests running at once."},
	[REFUSAL_OVERLOAD] = {"overload", PDB_EBUSY, "overloaded",
			      "there are more requests than security.concurrency.total"},
};

pdb_status ratelimit_refuse(ratelimit *self, pdb_request *request, refusal why, int64_t wait,
			    pdb_err *err)
{
	const refusal_row *row = &refusal_rows[why];
	int64_t seconds = whole_seconds(wait);
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)(seconds > 0 ? seconds : 1));
	ratelimit_tell(self, request, &ratelimit_visit);
	(void)self->host->request_add_header(request, "Retry-After", text);
	if (PDB_HAS(self->host, metrics)) {
		self->host->metrics->add_to(self->refused[why], 1);
	}
	return pdb_err_set(err, row->status, row->code, "%s", row->text);
}

/* -- life -------------------------------------------------------------------------------------- */

static const char *const labels[] = {"limit", NULL};

static const pdb_metric refusals_metric = {
	.size = sizeof(pdb_metric),
	.kind = PDB_METRIC_COUNTER,
	.name = "progressdb_ratelimit_refusals",
	.help = "Requests that were refused, by the limit that did it.",
	.labels = labels,
};

static pdb_status declare(ratelimit *self, pdb_plugin *plugin, pdb_err *err)
{
	pdb_measure *measure = NULL;
	pdb_status status;

	if (!PDB_HAS(self->host, metrics)) {
		return PDB_OK;
	}
	status = self->host->metrics->add(plugin, &refusals_metric, NULL, &measure, err);
	for (size_t i = 0; i < REFUSALS && status == PDB_OK; i++) {
		const char *const values[] = {refusal_rows[i].name};

		self->refused[i] = self->host->metrics->series(measure, values);
	}
	return status;
}

static pdb_status fill(ratelimit *self, const limits_settings *settings, pdb_err *err)
{
	const pdb_host *host = self->host;
	pdb_status status = limits_create(&self->now, host, settings, err);

	host->random(self->secret.bytes, sizeof(self->secret.bytes));
	if (status == PDB_OK) {
		status = buckets_create(&self->rates, host, RATE_BITS, err);
	}
	if (status == PDB_OK) {
		status = buckets_create(&self->failed, host, FAILED_BITS, err);
	}
	if (status == PDB_OK) {
		status = known_create(&self->known, host, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	self->crowd = host->alloc(sizeof(*self->crowd));
	if (self->crowd == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the counters");
	}
	memset(self->crowd, 0, sizeof(*self->crowd));
	return PDB_OK;
}

static pdb_status init(const pdb_host *host, pdb_plugin *plugin, const void *settings,
		       void **state_out, pdb_err *err)
{
	ratelimit *self;
	pdb_status status;

	if (sodium_init() < 0) {
		return pdb_err_set(err, PDB_EINTERNAL, NULL, "the crypto library does not start");
	}
	/* the seed of its tables must be drawn before there are threads */
	json_object_seed(0);
	self = host->alloc(sizeof(*self));
	if (self == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the plugin");
	}
	memset(self, 0, sizeof(*self));
	self->host = host;
	if (pthread_rwlock_init(&self->lock, NULL) != 0) {
		host->free(self);
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the plugin");
	}
	*state_out = self;
	status = fill(self, settings, err);
	if (status == PDB_OK) {
		status = declare(self, plugin, err);
	}
	if (status == PDB_OK) {
		status = host->add_gate(plugin, &ratelimit_guard, self, err);
	}
	return status == PDB_OK ? host->add_gate(plugin, &ratelimit_gate, self, err) : status;
}

/* Buckets stay as they are: a reload is no way to start afresh. */
static pdb_status reload(void *state, const void *settings, pdb_err *err)
{
	ratelimit *self = state;
	limits *fresh = NULL;
	limits *old;
	pdb_status status = limits_create(&fresh, self->host, settings, err);

	if (status != PDB_OK) {
		return status;
	}
	(void)pthread_rwlock_wrlock(&self->lock);
	old = self->now;
	self->now = fresh;
	(void)pthread_rwlock_unlock(&self->lock);
	limits_destroy(self->host, &old);
	return PDB_OK;
}

static void fini(void **state)
{
	ratelimit *self;

	if (state == NULL || *state == NULL) {
		return;
	}
	self = *state;
	limits_destroy(self->host, &self->now);
	buckets_destroy(&self->rates);
	buckets_destroy(&self->failed);
	known_destroy(&self->known);
	self->host->free(self->crowd);
	(void)pthread_rwlock_destroy(&self->lock);
	self->host->free(self);
	*state = NULL;
}

static const pdb_extension_ops ops = {
	.size = sizeof(pdb_extension_ops),
	.init = init,
	.reload = reload,
	.fini = fini,
};

PDB_PLUGIN(ratelimit, EXTENSION, "0.1.0", "Apache-2.0", "How much callers may ask for",
	   .options = {limits_options, LIMITS_OPTION_COUNT, sizeof(pdb_option),
		       sizeof(limits_settings)},
	   .check = limits_check, .ops = &ops);
