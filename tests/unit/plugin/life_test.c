/* SPDX-License-Identifier: Apache-2.0 */
/* The life of extensions: who is called when, and what a failure leaves. */
#include <criterion/criterion.h>

#include "plugin/loader.h"

/* What was called, as "init:a init:b start:a …". */
static char calls[512];
/* The call that must fail, as "start:b". */
static const char *failing;
static pdb_loader *loader;
static pdb_plugin *first;
static pdb_plugin *second;
static pdb_err err;

static pdb_status call(const char *what, const char *who, pdb_err *reason)
{
	char word[32];
	size_t len = strlen(calls);

	(void)snprintf(word, sizeof(word), "%s:%s", what, who);
	(void)snprintf(calls + len, sizeof(calls) - len, "%s%s", len > 0 ? " " : "", word);
	if (failing == NULL || strcmp(failing, word) != 0) {
		return PDB_OK;
	}
	return pdb_err_set(reason, PDB_EUNAVAILABLE, "no_luck", "no luck today");
}

static void stop(void *state)
{
	(void)call("stop", state, NULL);
}

static void fini(void **state)
{
	(void)call("fini", *state != NULL ? *state : "nobody", NULL);
	*state = NULL;
}

static pdb_status start(void *state, pdb_err *reason)
{
	return call("start", state, reason);
}

static pdb_status reload(void *state, const void *settings, pdb_err *reason)
{
	return call(settings, state, reason);
}

static char name_a[] = "a";
static char name_b[] = "b";

static pdb_status init_a(const struct pdb_host *host, pdb_plugin *plugin, const void *settings,
			 void **state_out, pdb_err *reason)
{
	*state_out = name_a;
	return call("init", name_a, reason);
}

static pdb_status init_b(const struct pdb_host *host, pdb_plugin *plugin, const void *settings,
			 void **state_out, pdb_err *reason)
{
	*state_out = name_b;
	return call("init", name_b, reason);
}

/* Fails before it has a state, and without a word. */
static pdb_status init_mute(const struct pdb_host *host, pdb_plugin *plugin, const void *settings,
			    void **state_out, pdb_err *reason)
{
	return PDB_EINTERNAL;
}

static const pdb_extension_ops ops_a = {.size = sizeof(pdb_extension_ops),
					.init = init_a,
					.start = start,
					.reload = reload,
					.stop = stop,
					.fini = fini};
static const pdb_extension_ops ops_b = {.size = sizeof(pdb_extension_ops),
					.init = init_b,
					.start = start,
					.stop = stop,
					.fini = fini};
static const pdb_extension_ops ops_mute = {
	.size = sizeof(pdb_extension_ops), .init = init_mute, .fini = fini};

#define MANIFEST(name_, ops_)                                                                      \
	{                                                                                          \
		.magic = PDB_MANIFEST_MAGIC, .abi_major = PDB_ABI_MAJOR,                           \
		.abi_minor = PDB_ABI_MINOR, .size = sizeof(pdb_manifest),                          \
		.kind = PDB_KIND_EXTENSION, .name = (name_), .version = "1", .license = "MIT",     \
		.description = "", .ops = (ops_)                                                   \
	}

static const pdb_manifest manifest_a = MANIFEST("a", &ops_a);
static const pdb_manifest manifest_b = MANIFEST("b", &ops_b);
static const pdb_manifest manifest_mute = MANIFEST("mute", &ops_mute);
static const pdb_manifest *const builtin[] = {&manifest_a, &manifest_b, &manifest_mute, NULL};

static pdb_plugin *loaded(const char *name)
{
	pdb_plugin *plugin = NULL;

	cr_assert_eq(pdb_loader_load(loader, name, PDB_KIND_EXTENSION, &plugin, &err), PDB_OK);
	return plugin;
}

static void set_up(void)
{
	cr_assert_eq(pdb_loader_create(&loader, NULL, builtin, &err), PDB_OK);
	first = loaded("a");
	second = loaded("b");
}

static void tear_down(void)
{
	pdb_loader_destroy(&loader);
}

TestSuite(life, .init = set_up, .fini = tear_down);

static pdb_status init_both(void)
{
	pdb_status status = pdb_plugin_init(first, NULL, NULL, &err);

	return status == PDB_OK ? pdb_plugin_init(second, NULL, NULL, &err) : status;
}

Test(life, goes_forward_and_back)
{
	cr_expect_eq(init_both(), PDB_OK);
	cr_expect_eq(pdb_loader_start(loader, &err), PDB_OK);
	pdb_loader_stop(loader);
	pdb_loader_destroy(&loader);
	cr_expect_str_eq(calls, "init:a init:b start:a start:b stop:b stop:a fini:b fini:a");
}

Test(life, ends_what_only_began)
{
	failing = "init:b";
	cr_expect_eq(init_both(), PDB_EUNAVAILABLE);
	cr_expect_str_eq(err.text, "plugin b: init: no luck today");
	cr_expect_str_eq(err.code, "no_luck");
	pdb_loader_stop(loader);
	pdb_loader_destroy(&loader);
	cr_expect_str_eq(calls, "init:a init:b fini:b fini:a");
}

Test(life, stops_only_what_was_started)
{
	failing = "start:b";
	cr_expect_eq(init_both(), PDB_OK);
	cr_expect_eq(pdb_loader_start(loader, &err), PDB_EUNAVAILABLE);
	cr_expect_str_eq(err.text, "plugin b: start: no luck today");
	pdb_loader_stop(loader);
	pdb_loader_stop(loader);
	pdb_loader_destroy(&loader);
	cr_expect_str_eq(calls, "init:a init:b start:a start:b stop:a fini:b fini:a");
}

Test(life, owes_nothing_to_what_was_only_loaded)
{
	cr_expect_eq(pdb_loader_start(loader, &err), PDB_OK);
	pdb_loader_stop(loader);
	pdb_loader_stop(NULL);
	pdb_loader_destroy(&loader);
	pdb_loader_destroy(&loader);
	cr_expect_str_eq(calls, "");
}

Test(life, tells_when_a_plugin_says_nothing)
{
	pdb_plugin *mute = loaded("mute");

	cr_expect_eq(pdb_plugin_init(mute, NULL, NULL, &err), PDB_EINTERNAL);
	cr_expect_str_eq(err.text, "plugin mute: init: no reason was given");
	pdb_loader_destroy(&loader);
	cr_expect_str_eq(calls, "fini:nobody");
}

Test(life, reloads_who_can)
{
	cr_expect_eq(pdb_plugin_reload(first, "early", &err), PDB_OK);
	cr_expect_eq(init_both(), PDB_OK);
	calls[0] = '\0';
	cr_expect_eq(pdb_plugin_reload(first, "again", &err), PDB_OK);
	cr_expect_eq(pdb_plugin_reload(second, "again", &err), PDB_OK);
	failing = "never:a";
	cr_expect_eq(pdb_plugin_reload(first, "never", &err), PDB_EUNAVAILABLE);
	cr_expect_str_eq(err.text, "plugin a: reload: no luck today");
	cr_expect_str_eq(calls, "again:a never:a");
}
