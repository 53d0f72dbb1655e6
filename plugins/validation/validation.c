/* SPDX-License-Identifier: Apache-2.0 */
/* Validation: what messages must look like to be taken; options, life and reload of the plugin. */
#include <jansson.h>
#include <pdb/pdb.h>
#include <pthread.h>

#include "rules.h"

typedef struct validation {
	const pdb_host *host;
	pthread_rwlock_t lock; /* guards `now`, which a reload swaps */
	rules *now;
} validation;

#define ROW(key_, member_, help_)                                                                  \
	{                                                                                          \
		.key = "validation." key_, .type = PDB_OPTION_TREE,                                \
		.flags = PDB_OPTION_RELOADABLE, .offset = offsetof(rule_settings, member_),        \
		.help = (help_)                                                                    \
	}

static const pdb_option options[] = {
	ROW("required", required, "Paths that every message must have, such as body.text."),
	ROW("types", types, "Types of values, by path: string, number, integer, boolean, …"),
	ROW("max_len", max_len, "Largest lengths by path: characters, elements or members."),
	ROW("enums", enums, "Values that are allowed, by path."),
	ROW("when_then", when_then, "Rules that hold when a path has a value."),
};

static void check(const void *settings, pdb_problem_fn problem, void *arg)
{
	rules *all = rules_read(settings, problem, arg);

	rules_destroy(&all);
}

static void take_problem(void *arg, const char *option, const char *text)
{
	pdb_err *err = arg;

	if (err->status == PDB_OK) {
		(void)pdb_err_set(err, PDB_EINVAL, NULL, "%s: %s", option, text);
	}
}

static pdb_status read_rules(rules **out, const rule_settings *settings, pdb_err *err)
{
	pdb_err found = {0};

	*out = rules_read(settings, take_problem, &found);
	if (*out == NULL && err != NULL) {
		*err = found;
	}
	return *out != NULL ? PDB_OK : found.status;
}

static pdb_status judge(void *state, pdb_record *record, pdb_err *err)
{
	validation *self = state;
	const pdb_host *host = self->host;
	const rule_subject subject = {.body = host->record_body(record),
				      .role = host->record_role(record),
				      .author = host->record_author(record)};
	pdb_status status;

	(void)pthread_rwlock_rdlock(&self->lock);
	status = rules_judge(self->now, host->json, &subject, err);
	(void)pthread_rwlock_unlock(&self->lock);
	return status;
}

/* Before those that change the body. It keeps nothing of a record, so it has no tag. */
static const pdb_record_hook hook = {
	.size = sizeof(pdb_record_hook), .order = 100, .name = "validation", .in = judge};

static validation *create(const pdb_host *host)
{
	validation *self = host->alloc(sizeof(*self));

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
	validation *self;
	pdb_status status;

	if (!PDB_HAS(host, json)) {
		return pdb_err_set(err, PDB_EABI, NULL, "this server is too old for validation");
	}
	/* the seed of its tables must be drawn before there are threads */
	json_object_seed(0);
	self = create(host);
	if (self == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the plugin");
	}
	*state_out = self;
	status = read_rules(&self->now, settings, err);
	return status == PDB_OK ? host->add_record_hook(plugin, &hook, self, err) : status;
}

static pdb_status reload(void *state, const void *settings, pdb_err *err)
{
	validation *self = state;
	rules *fresh = NULL;
	rules *old;
	pdb_status status = read_rules(&fresh, settings, err);

	if (status != PDB_OK) {
		return status;
	}
	(void)pthread_rwlock_wrlock(&self->lock);
	old = self->now;
	self->now = fresh;
	(void)pthread_rwlock_unlock(&self->lock);
	rules_destroy(&old);
	return PDB_OK;
}

static void fini(void **state)
{
	validation *self = state != NULL ? *state : NULL;

	if (self != NULL) {
		rules_destroy(&self->now);
		(void)pthread_rwlock_destroy(&self->lock);
		self->host->free(self);
		*state = NULL;
	}
}

static const pdb_extension_ops ops = {
	.size = sizeof(pdb_extension_ops),
	.init = init,
	.reload = reload,
	.fini = fini,
};

PDB_PLUGIN(validation, EXTENSION, "0.1.0", "Apache-2.0", "Rules that messages must keep",
	   .options = PDB_OPTION_TABLE(options, rule_settings), .check = check, .ops = &ops);
