/* SPDX-License-Identifier: Apache-2.0 */
/* API keys and user signatures: options, life and reload of the plugin. */
#include <pdb/pdb.h>
#include <sodium.h>

#include "auth_private.h"
#include "calls.h"

#define KEY_FLAGS (PDB_OPTION_SECRET | PDB_OPTION_RELOADABLE)

#define ROW(key_, type_, flags_, member_, ...)                                                     \
	{                                                                                          \
		.key = (key_), .type = PDB_OPTION_##type_, .flags = (flags_),                      \
		.offset = offsetof(key_settings, member_), __VA_ARGS__                             \
	}

static const pdb_option options[] = {
	ROW("security.api_keys.frontend", LIST, KEY_FLAGS, frontend, .env = "API_FRONTEND_KEYS",
	    .help = "Keys of browsers and apps, which also sign their user; plain, sha256:<hex>, "
		    "file:<path> or credential:<name>."),
	ROW("security.api_keys.backend", LIST, KEY_FLAGS, backend, .env = "API_BACKEND_KEYS",
	    .help = "Keys of servers, which name the user they act for; spelled as the others."),
	ROW("security.api_keys.admin", LIST, KEY_FLAGS, admin, .env = "API_ADMIN_KEYS",
	    .help = "Keys of operators; spelled as the others."),
	ROW("security.keys", TREE, KEY_FLAGS, keys,
	    .help = "Keys with a life of their own: entries of id, role, key, and perhaps "
		    "not_before, expires and addresses."),
	ROW("security.signing_keys", LIST, KEY_FLAGS, signing,
	    .help = "Keys that sign user ids beside the plain backend keys; for hashed backend "
		    "keys."),
	ROW("security.signing.keys", TREE, KEY_FLAGS, signing_keys,
	    .help = "Signing keys with a life of their own: entries of id, key, and perhaps "
		    "not_before and expires."),
	ROW("security.signing.legacy", BOOL, PDB_OPTION_RELOADABLE, legacy, .fallback = "true",
	    .help = "Whether signatures without an end (bare HMAC) are taken."),
	ROW("security.signing.max_age", DURATION, PDB_OPTION_RELOADABLE, max_age, .fallback = "0",
	    .min = 0, .max = INT64_C(31622400000000000),
	    .help = "How long a signature may live; above 0 none without an end is taken."),
};

static void check(const void *settings, pdb_problem_fn problem, void *arg)
{
	key_specs specs;

	if (sodium_init() < 0) {
		problem(arg, "security", "the crypto library does not start");
		return;
	}
	(void)keys_read(&specs, settings, problem, arg);
	keys_free(&specs);
}

static void warn(const pdb_host *host, const keyring *ring)
{
	if (keyring_brief(ring) > 0) {
		host->log(PDB_LOG_WARN, "auth", "%zu keys are shorter than %u characters",
			  keyring_brief(ring), KEY_COMFORT);
	}
	if (!keyring_locked(ring)) {
		host->log(PDB_LOG_WARN, "auth",
			  "the memory of the API keys cannot be locked; raise LimitMEMLOCK");
	}
}

const keyring *auth_lock(auth *self)
{
	(void)pthread_rwlock_rdlock(&self->lock);
	return self->ring;
}

void auth_unlock(auth *self)
{
	(void)pthread_rwlock_unlock(&self->lock);
}

int64_t auth_now(const auth *self)
{
	return self->host->now() / INT64_C(1000000000);
}

keyring_claim auth_claim(auth *self, pdb_slice user)
{
	const pdb_host *host = self->host;

	return (keyring_claim){
		.database = PDB_HAS(host, control) ? host->control->database_id() : "",
		.user = user,
		.mark = revocations_mark(self->revoked, user),
	};
}

static auth *create(const pdb_host *host, pdb_plugin *plugin)
{
	auth *self = host->alloc(sizeof(*self));

	if (self == NULL) {
		return NULL;
	}
	memset(self, 0, sizeof(*self));
	self->host = host;
	self->revoked = revocations_create(host, plugin);
	if (self->revoked == NULL) {
		host->free(self);
		return NULL;
	}
	if (pthread_rwlock_init(&self->lock, NULL) != 0) {
		revocations_destroy(&self->revoked);
		host->free(self);
		return NULL;
	}
	return self;
}

static pdb_status init(const pdb_host *host, pdb_plugin *plugin, const void *settings,
		       void **state_out, pdb_err *err)
{
	auth *self;
	pdb_status status = call_init(host, err);

	if (status != PDB_OK) {
		return status;
	}
	if (sodium_init() < 0) {
		return pdb_err_set(err, PDB_EINTERNAL, NULL, "the crypto library does not start");
	}
	self = create(host, plugin);
	if (self == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the plugin");
	}
	*state_out = self;
	status = keyring_create(&self->ring, settings, err);
	if (status != PDB_OK) {
		return status;
	}
	warn(host, self->ring);
	status = host->add_gate(plugin, &auth_gate, self, err);
	if (status == PDB_OK) {
		status = host->add_route(plugin, &auth_sign_route, self, err);
	}
	return status == PDB_OK ? host->add_route(plugin, &auth_revoke_route, self, err) : status;
}

static pdb_status start(void *state, pdb_err *err)
{
	auth *self = state;

	return revocations_load(self->revoked, err);
}

static pdb_status reload(void *state, const void *settings, pdb_err *err)
{
	auth *self = state;
	keyring *fresh = NULL;
	keyring *old;
	pdb_status status = keyring_create(&fresh, settings, err);

	if (status != PDB_OK) {
		return status;
	}
	warn(self->host, fresh);
	(void)pthread_rwlock_wrlock(&self->lock);
	old = self->ring;
	self->ring = fresh;
	(void)pthread_rwlock_unlock(&self->lock);
	keyring_destroy(&old);
	return PDB_OK;
}

static void fini(void **state)
{
	auth *self;

	if (state == NULL || *state == NULL) {
		return;
	}
	self = *state;
	keyring_destroy(&self->ring);
	revocations_destroy(&self->revoked);
	(void)pthread_rwlock_destroy(&self->lock);
	self->host->free(self);
	*state = NULL;
}

static const pdb_extension_ops ops = {
	.size = sizeof(pdb_extension_ops),
	.init = init,
	.start = start,
	.reload = reload,
	.fini = fini,
};

PDB_PLUGIN(auth, EXTENSION, "0.1.0", "Apache-2.0", "API keys and user signatures",
	   .options = PDB_OPTION_TABLE(options, key_settings), .check = check, .ops = &ops);
