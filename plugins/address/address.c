/* SPDX-License-Identifier: Apache-2.0 */
/* Who may connect, and who it is that connects through a proxy. */
#include <pdb/pdb.h>
#include <pthread.h>

#include "forwarded.h"
#include "networks.h"

#define NETWORKS_MAX 1000

typedef struct address_settings {
	pdb_option_list allowed;
	pdb_option_list denied;
	pdb_option_list proxies;
	int64_t kind;
} address_settings;

static const char *const kinds[] = {"x-forwarded-for", "forwarded", NULL};
static const char *const fields[] = {"X-Forwarded-For", "Forwarded"};

#define NETWORK_LIST(key_, member_, env_, help_)                                                   \
	{                                                                                          \
		.key = (key_), .type = PDB_OPTION_LIST, .flags = PDB_OPTION_RELOADABLE,            \
		.offset = offsetof(address_settings, member_), .max = NETWORKS_MAX, .env = (env_), \
		.help = (help_)                                                                    \
	}

static const pdb_option options[] = {
	NETWORK_LIST(
		"security.ip_whitelist", allowed, "IP_WHITELIST",
		"Addresses and networks that may connect; empty means any. Probes are exempt."),
	NETWORK_LIST("security.ip_denylist", denied, NULL,
		     "Addresses and networks that may not connect, whatever else allows them."),
	NETWORK_LIST(
		"security.trusted_proxies", proxies, NULL,
		"Addresses and networks of proxies, which are believed about whom they serve."),
	{.key = "security.proxy_header",
	 .type = PDB_OPTION_ENUM,
	 .flags = PDB_OPTION_RELOADABLE,
	 .offset = offsetof(address_settings, kind),
	 .fallback = "x-forwarded-for",
	 .choices = kinds,
	 .help = "The field in which trusted proxies say whom they serve."},
};

typedef struct rules {
	networks allowed;
	networks denied;
	networks proxies;
	forwarded_kind kind;
} rules;

/* `now` is swapped by a reload. */
typedef struct gatekeeper {
	const pdb_host *host;
	pthread_rwlock_t lock;
	rules now;
} gatekeeper;

/* -- rules ------------------------------------------------------------------------------------- */

static void check_list(const char *key, pdb_option_list list, pdb_problem_fn problem, void *arg)
{
	char text[160];
	pdb_network network;

	for (size_t i = 0; i < list.count; i++) {
		if (!pdb_network_parse(&network, list.items[i])) {
			(void)snprintf(text, sizeof(text),
				       "\"%.60s\" is neither an address nor a network like "
				       "192.0.2.0/24",
				       list.items[i]);
			problem(arg, key, text);
		}
	}
}

static void check(const void *all, pdb_problem_fn problem, void *arg)
{
	const address_settings *settings = all;

	check_list("security.ip_whitelist", settings->allowed, problem, arg);
	check_list("security.ip_denylist", settings->denied, problem, arg);
	check_list("security.trusted_proxies", settings->proxies, problem, arg);
}

static void rules_fini(const pdb_host *host, rules *old)
{
	networks_fini(host, &old->allowed);
	networks_fini(host, &old->denied);
	networks_fini(host, &old->proxies);
}

static pdb_status rules_read(const pdb_host *host, rules *out, const address_settings *settings,
			     pdb_err *err)
{
	pdb_status status;

	*out = (rules){.kind = (forwarded_kind)settings->kind};
	status = networks_read(host, &out->allowed, settings->allowed, err);
	if (status == PDB_OK) {
		status = networks_read(host, &out->denied, settings->denied, err);
	}
	if (status == PDB_OK) {
		status = networks_read(host, &out->proxies, settings->proxies, err);
	}
	if (status != PDB_OK) {
		rules_fini(host, out);
	}
	return status;
}

/* -- gate -------------------------------------------------------------------------------------- */

/* Goes one field, from right to left. True while everybody in it is a proxy of ours. */
static bool walk_field(const rules *now, pdb_slice field, pdb_address *peer)
{
	pdb_slice element;
	pdb_address named;

	while (forwarded_cut(now->kind, &field, &element)) {
		if (!forwarded_address(now->kind, element, &named)) {
			return false; /* whoever is behind it, the last one known answers for */
		}
		*peer = named;
		if (!networks_have(&now->proxies, &named)) {
			return false;
		}
	}
	return true;
}

/* A later field was added later: they are one list, whose right end counts. */
static void walk(const gatekeeper *self, const rules *now, const pdb_request *request,
		 pdb_address *peer)
{
	const pdb_host *host = self->host;
	const char *name = fields[now->kind];
	size_t count = 0;
	pdb_slice field;

	if (!networks_have(&now->proxies, peer)) {
		return;
	}
	while (host->request_header_at(request, name, count, &field)) {
		count++;
	}
	while (count > 0 && host->request_header_at(request, name, --count, &field)) {
		if (!walk_field(now, field, peer)) {
			return;
		}
	}
}

static bool is_probe(const gatekeeper *self, const pdb_request *request)
{
	const char *route = self->host->request_route(request);

	return strcmp(route, "/healthz") == 0 || strcmp(route, "/readyz") == 0;
}

static bool admitted(const rules *now, const pdb_address *peer)
{
	return !networks_have(&now->denied, peer) &&
	       (now->allowed.count == 0 || networks_have(&now->allowed, peer));
}

static pdb_status enter(void *state, pdb_request *request, pdb_err *err)
{
	gatekeeper *self = state;
	const pdb_host *host = self->host;
	char text[PDB_ADDRESS_MAX];
	pdb_address peer;
	bool in;

	if (!pdb_address_parse(&peer, pdb_slice_text(host->request_socket_peer(request)))) {
		return PDB_OK; /* a local socket: its file says who may connect */
	}
	pdb_address_unmap(&peer);
	(void)pthread_rwlock_rdlock(&self->lock);
	walk(self, &self->now, request, &peer);
	in = admitted(&self->now, &peer);
	(void)pthread_rwlock_unlock(&self->lock);
	pdb_address_print(&peer, text);
	if (strcmp(text, host->request_peer(request)) != 0 &&
	    host->request_set_peer(request, text) != PDB_OK) {
		return pdb_err_set(err, PDB_EINTERNAL, NULL, "the peer could not be set");
	}
	if (in || is_probe(self, request)) {
		return PDB_OK;
	}
	return pdb_err_set(err, PDB_EDENIED, "address_not_allowed",
			   "This address may not use the server.");
}

static const pdb_gate gate = {
	.size = sizeof(pdb_gate),
	.phase = PDB_PHASE_ADDRESS,
	.name = "address",
	.enter = enter,
};

/* -- life -------------------------------------------------------------------------------------- */

static pdb_status init(const pdb_host *host, pdb_plugin *plugin, const void *settings,
		       void **state_out, pdb_err *err)
{
	gatekeeper *self;
	pdb_status status;

	if (!PDB_HAS(host, request_header_at)) {
		return pdb_err_set(err, PDB_EABI, NULL, "this server hands out no lists of fields");
	}
	self = host->alloc(sizeof(*self));
	if (self == NULL || pthread_rwlock_init(&self->lock, NULL) != 0) {
		host->free(self);
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the plugin");
	}
	self->host = host;
	self->now = (rules){0};
	*state_out = self;
	status = rules_read(host, &self->now, settings, err);
	return status == PDB_OK ? host->add_gate(plugin, &gate, self, err) : status;
}

static pdb_status reload(void *state, const void *settings, pdb_err *err)
{
	gatekeeper *self = state;
	rules fresh;
	rules old;
	pdb_status status = rules_read(self->host, &fresh, settings, err);

	if (status != PDB_OK) {
		return status;
	}
	(void)pthread_rwlock_wrlock(&self->lock);
	old = self->now;
	self->now = fresh;
	(void)pthread_rwlock_unlock(&self->lock);
	rules_fini(self->host, &old);
	return PDB_OK;
}

static void fini(void **state)
{
	gatekeeper *self;

	if (state == NULL || *state == NULL) {
		return;
	}
	self = *state;
	rules_fini(self->host, &self->now);
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

PDB_PLUGIN(address, EXTENSION, "0.1.0", "Apache-2.0", "Who may connect, and who is behind a proxy",
	   .options = PDB_OPTION_TABLE(options, address_settings), .check = check, .ops = &ops);
