/* SPDX-License-Identifier: Apache-2.0 */
/* Field-level encryption: options, life and reload of the plugin. */
#include <sodium.h>

#include "calls.h"
#include "encryption_private.h"

#define ENTRIES_MAX INT64_C(200000)

static const char *const memory_choices[] = {"warn", "require", NULL};
#define MEMORY_REQUIRE 1

static const pdb_option options[] = {
	{.key = "security.encryption.use",
	 .type = PDB_OPTION_BOOL,
	 .flags = PDB_OPTION_RELOADABLE,
	 .offset = offsetof(encryption_settings, use),
	 .fallback = "false",
	 .env = "USE_ENCRYPTION",
	 .help = "Seal messages that are written; what is sealed can be read either way."},
	{.key = "security.encryption.fields",
	 .type = PDB_OPTION_LIST,
	 .flags = PDB_OPTION_RELOADABLE,
	 .offset = offsetof(encryption_settings, fields),
	 .max = PATH_COUNT_MAX,
	 .env = "ENCRYPTION_FIELDS",
	 .help = "Paths that are sealed, as body.text or body.card.*; none means the whole body."},
	{.key = "security.encryption.cache_size",
	 .type = PDB_OPTION_SIZE,
	 .offset = offsetof(encryption_settings, bodies),
	 .fallback = "64MiB",
	 .min = 0,
	 .max = INT64_C(1) << 34,
	 .help = "Memory for bodies that were opened lately; 0 opens each whenever it is read."},
	{.key = "security.kms.cache.entries",
	 .type = PDB_OPTION_INT,
	 .offset = offsetof(encryption_settings, entries),
	 .fallback = "16384",
	 .min = 16,
	 .max = ENTRIES_MAX,
	 .unit = "keys",
	 .help = "The most keys that are kept ready in locked memory, of 96 bytes each."},
	{.key = "security.kms.cache.ttl",
	 .type = PDB_OPTION_DURATION,
	 .offset = offsetof(encryption_settings, ttl),
	 .fallback = "60s",
	 .min = INT64_C(1000000000),
	 .max = INT64_C(86400000000000),
	 .help = "How long a key is used after the key service handed it out."},
	{.key = "security.kms.prepared",
	 .type = PDB_OPTION_INT,
	 .offset = offsetof(encryption_settings, prepared),
	 .fallback = "256",
	 .min = 0,
	 .max = 4096,
	 .unit = "keys",
	 .help = "Keys made ahead, so that a new thread waits for nobody."},
	{.key = "security.kms.cache.locked_memory",
	 .type = PDB_OPTION_ENUM,
	 .offset = offsetof(encryption_settings, memory),
	 .fallback = "warn",
	 .choices = memory_choices,
	 .help = "What happens when the memory of the keys that are kept ready cannot be locked."},
};

static void check(const void *settings, pdb_problem_fn problem, void *arg)
{
	const encryption_settings *given = settings;

	for (size_t i = 0; i < given->fields.count; i++) {
		const char *fault = path_judge(given->fields.items[i]);
		char text[PATH_TEXT_MAX + 128];

		if (fault != NULL) {
			(void)snprintf(text, sizeof(text), "the path %.200s %s",
				       given->fields.items[i], fault);
			problem(arg, "security.encryption.fields", text);
		}
	}
}

/* -- life -------------------------------------------------------------------------------------- */

static encryption *create(const pdb_host *host)
{
	encryption *self = host->alloc(sizeof(*self));

	if (self == NULL) {
		return NULL;
	}
	memset(self, 0, sizeof(*self));
	self->host = host;
	if (pthread_rwlock_init(&self->lock, NULL) != 0) {
		host->free(self);
		return NULL;
	}
	rotations_init(&self->rotations);
	return self;
}

static pdb_status make_keys(encryption *self, const encryption_settings *given, pdb_err *err)
{
	const keycache_settings settings = {.entries = (size_t)given->entries,
					    .ttl = given->ttl,
					    .must_lock = given->memory == MEMORY_REQUIRE};
	pdb_status status = keycache_create(&self->cache, self->host, &settings, err);

	if (status == PDB_OK) {
		status = keeper_create(&self->keeper, self->host, self->cache,
				       (size_t)given->prepared, given->memory == MEMORY_REQUIRE,
				       err);
	}
	if (status == PDB_OK) {
		status = bodycache_create(&self->bodies, self->host, (size_t)given->bodies, err);
	}
	if (status == PDB_OK && !keycache_locked(self->cache)) {
		self->host->log(PDB_LOG_WARN, COMPONENT,
				"the memory of keys cannot be locked; raise LimitMEMLOCK "
				"(ulimit -l) or lower security.kms.cache.entries");
	}
	return status;
}

static pdb_status init(const pdb_host *host, pdb_plugin *plugin, const void *settings,
		       void **state_out, pdb_err *err)
{
	const encryption_settings *given = settings;
	encryption *self;
	pdb_status status = call_init(host, err);

	if (status != PDB_OK) {
		return status;
	}
	if (sodium_init() < 0) {
		return pdb_err_set(err, PDB_EINTERNAL, NULL, "the crypto library does not start");
	}
	if (!PDB_HAS(host, kms)) {
		return pdb_err_set(err, PDB_ENOTSUP, NULL, "the host has no key service");
	}
	self = create(host);
	if (self == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the plugin");
	}
	*state_out = self;
	self->use = given->use;
	status = path_list_create(&self->paths, host, &given->fields, err);
	if (status == PDB_OK) {
		status = make_keys(self, given, err);
	}
	if (status == PDB_OK) {
		status = encryption_measure(self, plugin, err);
	}
	if (status == PDB_OK) {
		status = encryption_offer(self, plugin, err);
	}
	return status == PDB_OK ? host->add_record_hook(plugin, &encryption_hook, self, err)
				: status;
}

static pdb_status start(void *state, pdb_err *err)
{
	encryption *self = state;
	const char *database = self->host->kms->database_id();
	pdb_status status = self->host->kms->provider(&self->ops, &self->kms, err);

	if (status != PDB_OK) {
		return status;
	}
	if (strlen(database) >= sizeof(self->database_id)) {
		return pdb_err_set(err, PDB_EINTERNAL, NULL, "the id of the database is too long");
	}
	(void)snprintf(self->database_id, sizeof(self->database_id), "%s", database);
	self->database = pdb_slice_text(self->database_id);
	keycache_use(self->cache, self->ops, self->kms);
	return keeper_start(self->keeper, self->ops, self->kms, err);
}

static pdb_status reload(void *state, const void *settings, pdb_err *err)
{
	encryption *self = state;
	const encryption_settings *given = settings;
	path_list *fresh = NULL;
	path_list *old;
	pdb_status status = path_list_create(&fresh, self->host, &given->fields, err);

	if (status != PDB_OK) {
		return status;
	}
	(void)pthread_rwlock_wrlock(&self->lock);
	old = self->paths;
	self->paths = fresh;
	self->use = given->use;
	(void)pthread_rwlock_unlock(&self->lock);
	path_list_destroy(&old, self->host);
	return PDB_OK;
}

static void stop(void *state)
{
	encryption *self = state;

	keeper_stop(self->keeper);
}

static void fini(void **state)
{
	encryption *self = state != NULL ? *state : NULL;

	if (self == NULL) {
		return;
	}
	keeper_destroy(&self->keeper);
	bodycache_destroy(&self->bodies);
	keycache_destroy(&self->cache);
	path_list_destroy(&self->paths, self->host);
	rotations_fini(&self->rotations);
	(void)pthread_rwlock_destroy(&self->lock);
	self->host->free(self);
	*state = NULL;
}

static const pdb_extension_ops ops = {
	.size = sizeof(pdb_extension_ops),
	.init = init,
	.start = start,
	.reload = reload,
	.stop = stop,
	.fini = fini,
};

PDB_PLUGIN(encryption, EXTENSION, "0.1.0", "Apache-2.0", "Field-level encryption of messages",
	   .options = PDB_OPTION_TABLE(options, encryption_settings), .check = check, .ops = &ops);
