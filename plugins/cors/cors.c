/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-origin resource sharing: which pages a browser lets read our answers. */
#include <pdb/pdb.h>
#include <pthread.h>

#include "origin.h"

#define SECOND     INT64_C(1000000000)
#define LIST_MAX   1000
#define JOINED_MAX 4096u

typedef struct cors_settings {
	pdb_option_list origins;
	pdb_option_list headers;
	pdb_option_list exposed;
	int64_t max_age;
	bool credentials;
} cors_settings;

static const pdb_option options[] = {
	{"security.cors.allowed_origins", PDB_OPTION_LIST, PDB_OPTION_RELOADABLE,
	 offsetof(cors_settings, origins), NULL, 0, LIST_MAX, NULL, NULL, "CORS_ORIGINS",
	 "Origins of pages that may use the server, like https://example.org; \"*\" means any."},
	{"security.cors.allowed_headers", PDB_OPTION_LIST, PDB_OPTION_RELOADABLE,
	 offsetof(cors_settings, headers), NULL, 0, LIST_MAX, NULL, NULL, NULL,
	 "Fields that pages may send beside those the server knows."},
	{"security.cors.exposed_headers", PDB_OPTION_LIST, PDB_OPTION_RELOADABLE,
	 offsetof(cors_settings, exposed), NULL, 0, LIST_MAX, NULL, NULL, NULL,
	 "Fields that pages may read beside those the server sets."},
	{"security.cors.max_age", PDB_OPTION_DURATION, PDB_OPTION_RELOADABLE,
	 offsetof(cors_settings, max_age), "10m", 0, 86400 * SECOND, NULL, NULL, NULL,
	 "How long a browser may remember what it was told."},
	{"security.cors.allow_credentials", PDB_OPTION_BOOL, PDB_OPTION_RELOADABLE,
	 offsetof(cors_settings, credentials), "false", 0, 0, NULL, NULL, NULL,
	 "Whether pages may send cookies and client certificates; never with \"*\"."},
};

static const char allowed_methods[] = "GET, HEAD, POST, PUT, DELETE";
static const char own_headers[] =
	"Authorization, Content-Type, X-API-Key, X-User-ID, X-User-Signature, X-Identity, "
	"Idempotency-Key, If-Match, If-None-Match";
static const char own_exposed[] = "ETag, Location, Idempotent-Replayed, RateLimit, "
				  "RateLimit-Policy, Retry-After, X-Request-Id";

/* What is said of the settings in force; borrowed from them but for the texts. */
typedef struct rules {
	const cors_settings *settings;
	bool any;
	char headers[JOINED_MAX];
	char exposed[JOINED_MAX];
	char max_age[24];
} rules;

/* `now` is swapped by a reload. */
typedef struct cors {
	const pdb_host *host;
	pthread_rwlock_t lock;
	rules *now;
} cors;

/* -- rules ------------------------------------------------------------------------------------- */

static void check_names(const char *key, pdb_option_list list, size_t own, pdb_problem_fn problem,
			void *arg)
{
	size_t len = own;

	for (size_t i = 0; i < list.count; i++) {
		if (!field_name_valid(list.items[i])) {
			problem(arg, key, "has an element that is no name of a field");
		}
		len += strlen(list.items[i]) + 2;
	}
	if (len >= JOINED_MAX) {
		problem(arg, key, "is too long for one line");
	}
}

static void check(const void *all, pdb_problem_fn problem, void *arg)
{
	const cors_settings *settings = all;
	char text[256];

	for (size_t i = 0; i < settings->origins.count; i++) {
		const char *origin = settings->origins.items[i];
		const char *fault = origin_fault(origin);

		if (fault != NULL) {
			(void)snprintf(text, sizeof(text), "\"%.80s\" %s", origin, fault);
			problem(arg, "security.cors.allowed_origins", text);
		}
		if (settings->credentials && strcmp(origin, "*") == 0) {
			problem(arg, "security.cors.allow_credentials",
				"needs origins by name: any page at all could act for its visitor");
		}
	}
	check_names("security.cors.allowed_headers", settings->headers, sizeof(own_headers),
		    problem, arg);
	check_names("security.cors.exposed_headers", settings->exposed, sizeof(own_exposed),
		    problem, arg);
}

/* The check has seen to it that all fits. */
static void join(char *out, const char *own, pdb_option_list list)
{
	size_t len = strlen(own);

	memcpy(out, own, len + 1);
	for (size_t i = 0; i < list.count; i++) {
		len += (size_t)snprintf(out + len, JOINED_MAX - len, ", %s", list.items[i]);
		if (len >= JOINED_MAX) {
			return;
		}
	}
}

static rules *rules_make(const pdb_host *host, const cors_settings *settings)
{
	rules *made = host->alloc(sizeof(*made));

	if (made == NULL) {
		return NULL;
	}
	made->settings = settings;
	made->any = false;
	for (size_t i = 0; i < settings->origins.count; i++) {
		made->any = made->any || strcmp(settings->origins.items[i], "*") == 0;
	}
	join(made->headers, own_headers, settings->headers);
	join(made->exposed, own_exposed, settings->exposed);
	(void)snprintf(made->max_age, sizeof(made->max_age), "%lld",
		       (long long)(settings->max_age / SECOND));
	return made;
}

/* What Access-Control-Allow-Origin says to this origin; NULL when it is not allowed. */
static const char *allowed(const rules *now, pdb_slice origin)
{
	if (now->any) {
		return "*";
	}
	for (size_t i = 0; i < now->settings->origins.count; i++) {
		if (pdb_slice_is(origin, now->settings->origins.items[i])) {
			return now->settings->origins.items[i];
		}
	}
	return NULL;
}

static const rules *take(cors *self)
{
	(void)pthread_rwlock_rdlock(&self->lock);
	return self->now;
}

static void leave(cors *self)
{
	(void)pthread_rwlock_unlock(&self->lock);
}

/* -- every answer ------------------------------------------------------------------------------ */

static pdb_status pass(void *self, pdb_request *request, pdb_err *err)
{
	(void)self, (void)request, (void)err;
	return PDB_OK;
}

/* Errors too: a page that cannot read why it was refused helps nobody. A field that is not taken
 * for want of memory only makes the browser stricter. */
static void decorate(void *state, pdb_request *request)
{
	cors *self = state;
	const pdb_host *host = self->host;
	pdb_slice origin;
	const rules *now;
	const char *answer;

	(void)host->request_add_header(request, "Vary", "Origin");
	if (!host->request_header(request, "Origin", &origin)) {
		return;
	}
	now = take(self);
	answer = allowed(now, origin);
	if (answer != NULL) {
		(void)host->request_add_header(request, "Access-Control-Allow-Origin", answer);
		if (now->settings->credentials && !now->any) {
			(void)host->request_add_header(request, "Access-Control-Allow-Credentials",
						       "true");
		}
		if (host->request_method(request) != PDB_METHOD_OPTIONS) {
			(void)host->request_add_header(request, "Access-Control-Expose-Headers",
						       now->exposed);
		}
	}
	leave(self);
}

static const pdb_gate answers_gate = {
	.size = sizeof(pdb_gate),
	.phase = PDB_PHASE_ORIGIN,
	.name = "cors",
	.enter = pass,
	.decorate = decorate,
};

/* -- preflights -------------------------------------------------------------------------------- */

static bool is_preflight(const pdb_host *host, const pdb_request *request, pdb_slice *origin_out)
{
	pdb_slice method;

	return host->request_method(request) == PDB_METHOD_OPTIONS &&
	       host->request_header(request, "Origin", origin_out) &&
	       host->request_header(request, "Access-Control-Request-Method", &method);
}

/* What is known of the path does not matter: a page may read that it is unknown. */
static pdb_status answer(const pdb_host *host, const rules *now, pdb_request *request)
{
	pdb_status status =
		host->request_add_header(request, "Access-Control-Allow-Methods", allowed_methods);

	if (status == PDB_OK) {
		status = host->request_add_header(request, "Access-Control-Allow-Headers",
						  now->headers);
	}
	if (status == PDB_OK) {
		status = host->request_add_header(request, "Access-Control-Max-Age", now->max_age);
	}
	return status == PDB_OK ? host->request_reply(request, 204, NULL, pdb_slice_of(NULL, 0))
				: status;
}

static pdb_status enter(void *state, pdb_request *request, pdb_err *err)
{
	cors *self = state;
	const rules *now;
	pdb_slice origin;
	pdb_status status = PDB_OK;

	if (!is_preflight(self->host, request, &origin)) {
		return PDB_OK;
	}
	now = take(self);
	if (allowed(now, origin) != NULL) {
		status = answer(self->host, now, request);
	} else if (now->settings->origins.count > 0) {
		status = pdb_err_set(err, PDB_EDENIED, "origin_not_allowed",
				     "Pages of this origin may not use the server.");
	}
	leave(self);
	return status;
}

/* Behind addresses, limits and keys: whom they refuse is not told what else would be allowed. */
static const pdb_gate preflight_gate = {
	.size = sizeof(pdb_gate),
	.phase = PDB_PHASE_RATE,
	.name = "cors.preflight",
	.enter = enter,
};

/* -- life -------------------------------------------------------------------------------------- */

static pdb_status init(const pdb_host *host, pdb_plugin *plugin, const void *settings,
		       void **state_out, pdb_err *err)
{
	cors *self = host->alloc(sizeof(*self));
	pdb_status status;

	if (self == NULL || pthread_rwlock_init(&self->lock, NULL) != 0) {
		host->free(self);
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the plugin");
	}
	self->host = host;
	self->now = rules_make(host, settings);
	*state_out = self;
	if (self->now == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the origins");
	}
	status = host->add_gate(plugin, &answers_gate, self, err);
	return status == PDB_OK ? host->add_gate(plugin, &preflight_gate, self, err) : status;
}

static pdb_status reload(void *state, const void *settings, pdb_err *err)
{
	cors *self = state;
	rules *fresh = rules_make(self->host, settings);
	rules *old;

	if (fresh == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the origins");
	}
	(void)pthread_rwlock_wrlock(&self->lock);
	old = self->now;
	self->now = fresh;
	(void)pthread_rwlock_unlock(&self->lock);
	self->host->free(old);
	return PDB_OK;
}

static void fini(void **state)
{
	cors *self;

	if (state == NULL || *state == NULL) {
		return;
	}
	self = *state;
	self->host->free(self->now);
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

PDB_PLUGIN(cors, EXTENSION, "0.1.0", "Apache-2.0", "Which pages browsers let use the server",
	   .options = PDB_OPTION_TABLE(options, cors_settings), .check = check, .ops = &ops);
