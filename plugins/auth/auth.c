/* SPDX-License-Identifier: Apache-2.0 */
/* API keys and user signatures: options, life and reload of the plugin. */
#include <jansson.h>
#include <pdb/pdb.h>
#include <sodium.h>

#include "auth_private.h"

#define KEY_FLAGS (PDB_OPTION_SECRET | PDB_OPTION_RELOADABLE)

#define KEY_LIST(key_, member_, env_, help_)                                                       \
	{                                                                                          \
		.key = (key_), .type = PDB_OPTION_LIST, .flags = KEY_FLAGS,                        \
		.offset = offsetof(keyring_lists, member_), .env = (env_), .help = (help_)         \
	}

static const pdb_option options[] = {
	KEY_LIST("security.api_keys.frontend", frontend, "API_FRONTEND_KEYS",
		 "Keys of browsers and apps, which also sign their user; plain or sha256:<hex>."),
	KEY_LIST("security.api_keys.backend", backend, "API_BACKEND_KEYS",
		 "Keys of servers, which name the user they act for; plain or sha256:<hex>."),
	KEY_LIST("security.api_keys.admin", admin, "API_ADMIN_KEYS",
		 "Keys of operators; plain or sha256:<hex>."),
	KEY_LIST("security.signing_keys", signing, NULL,
		 "Keys that sign user ids beside the plain backend keys; for hashed backend keys."),
};

typedef struct named_list {
	const char *key;
	pdb_option_list list;
} named_list;

static void judge_list(const named_list *named, pdb_problem_fn problem, void *arg)
{
	for (size_t i = 0; i < named->list.count; i++) {
		const char *reason = keyring_judge(named->list.items[i]);

		if (reason != NULL) {
			problem(arg, named->key, reason);
		}
	}
}

static bool lists_share_key(pdb_option_list a, pdb_option_list b)
{
	for (size_t i = 0; i < a.count; i++) {
		for (size_t j = 0; j < b.count; j++) {
			if (keyring_same(a.items[i], b.items[j])) {
				return true;
			}
		}
	}
	return false;
}

static void judge_signing(pdb_option_list list, pdb_problem_fn problem, void *arg)
{
	for (size_t i = 0; i < list.count; i++) {
		const char *reason = keyring_judge(list.items[i]);

		if (strncmp(list.items[i], "sha256:", 7) == 0) {
			reason = "a signing key cannot be a digest";
		}
		if (reason != NULL) {
			problem(arg, "security.signing_keys", reason);
		}
	}
}

static void check(const void *settings, pdb_problem_fn problem, void *arg)
{
	const keyring_lists *lists = settings;
	const named_list named[] = {
		{"security.api_keys.frontend", lists->frontend},
		{"security.api_keys.backend", lists->backend},
		{"security.api_keys.admin", lists->admin},
	};
	const size_t count = sizeof(named) / sizeof(named[0]);

	if (sodium_init() < 0) {
		problem(arg, "security", "the crypto library does not start");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		judge_list(&named[i], problem, arg);
		for (size_t j = 0; j < i; j++) {
			if (lists_share_key(named[i].list, named[j].list)) {
				problem(arg, named[i].key, "a key stands in two lists");
			}
		}
	}
	/* a frontend key is public: whoever signs with it signs for everybody */
	if (lists_share_key(lists->signing, lists->frontend)) {
		problem(arg, "security.signing_keys", "a frontend key cannot sign");
	}
	judge_signing(lists->signing, problem, arg);
}

static void warn_of_short(const pdb_host *host, const char *name, pdb_option_list list)
{
	for (size_t i = 0; i < list.count; i++) {
		if (keyring_is_short(list.items[i])) {
			host->log(PDB_LOG_WARN, "auth",
				  "key %zu of %s is shorter than 16 characters", i + 1, name);
		}
	}
}

static void warn(const pdb_host *host, const keyring_lists *lists, const keyring *ring)
{
	warn_of_short(host, "security.api_keys.frontend", lists->frontend);
	warn_of_short(host, "security.api_keys.backend", lists->backend);
	warn_of_short(host, "security.api_keys.admin", lists->admin);
	warn_of_short(host, "security.signing_keys", lists->signing);
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

static auth *create(const pdb_host *host)
{
	auth *self = host->alloc(sizeof(*self));

	if (self == NULL) {
		return NULL;
	}
	memset(self, 0, sizeof(*self));
	self->host = host;
	if (pthread_rwlock_init(&self->lock, NULL) != 0) {
		host->free(self);
		return NULL;
	}
	return self;
}

static pdb_status init(const pdb_host *host, pdb_plugin *plugin, const void *settings,
		       void **state_out, pdb_err *err)
{
	auth *self;
	pdb_status status;

	if (sodium_init() < 0) {
		return pdb_err_set(err, PDB_EINTERNAL, NULL, "the crypto library does not start");
	}
	/* the seed of its tables must be drawn before there are threads */
	json_object_seed(0);
	self = create(host);
	if (self == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the plugin");
	}
	*state_out = self;
	status = keyring_create(&self->ring, settings, err);
	if (status != PDB_OK) {
		return status;
	}
	warn(host, settings, self->ring);
	status = host->add_gate(plugin, &auth_gate, self, err);
	if (status != PDB_OK) {
		return status;
	}
	return host->add_route(plugin, &auth_sign_route, self, err);
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
	warn(self->host, settings, fresh);
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

PDB_PLUGIN(auth, EXTENSION, "0.1.0", "Apache-2.0", "API keys and user signatures",
	   .options = PDB_OPTION_TABLE(options, keyring_lists), .check = check, .ops = &ops);
