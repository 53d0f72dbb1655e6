/* SPDX-License-Identifier: Apache-2.0 */
/* The same source built in: found by its name, before any file of that name, and living alike. */
#include <criterion/criterion.h>

#include "fake_host.h"

extern const pdb_manifest pdb_plugin_manifest_acme;

static const pdb_manifest *const builtin[] = {&pdb_plugin_manifest_acme, NULL};

static const struct {
	const char *greeting;
	int64_t max_body;
} settings = {"Hello", 8};

static pdb_loader *loader;
static pdb_plugin *plugin;
static pdb_err err;

static void load(const char *directory)
{
	cr_assert_eq(pdb_loader_create(&loader, directory, builtin, &err), PDB_OK);
	cr_assert_eq(pdb_loader_load(loader, "acme", PDB_KIND_EXTENSION, &plugin, &err), PDB_OK,
		     "%s", err.text);
}

Test(builtin, needs_no_directory)
{
	load(NULL);
	cr_expect_eq(pdb_plugin_manifest_of(plugin), &pdb_plugin_manifest_acme);
	pdb_loader_destroy(&loader);
}

Test(builtin, goes_before_a_file)
{
	load(PDB_TEST_TEMPLATE);
	cr_expect_eq(pdb_plugin_manifest_of(plugin), &pdb_plugin_manifest_acme);
	pdb_loader_destroy(&loader);
}

Test(builtin, lives_like_a_shared_one)
{
	load(NULL);
	cr_assert_eq(pdb_plugin_init(plugin, &fake_host, &settings, &err), PDB_OK, "%s", err.text);
	cr_assert_eq(pdb_loader_start(loader, &err), PDB_OK);
	for (size_t kind = 0; kind < PDB_SOCKET_COUNT; kind++) {
		cr_expect_eq(pdb_loader_sockets(loader)->lists[kind].count, 1u);
	}
	pdb_loader_stop(loader);
	pdb_loader_destroy(&loader);
}
