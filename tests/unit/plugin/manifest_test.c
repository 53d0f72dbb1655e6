/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of manifests: what it accepts, and one sentence for each refusal. */
#include <criterion/criterion.h>

#include "plugin/plugin_private.h"

static pdb_status ext_init(const struct pdb_host *host, pdb_plugin *plugin, const void *settings,
			   void **state_out, pdb_err *err)
{
	return PDB_OK;
}

static void ext_fini(void **state)
{
}

static pdb_extension_ops ops;
static pdb_manifest manifest;
static pdb_err err;

static void set_up(void)
{
	ops = (pdb_extension_ops){.size = sizeof(ops), .init = ext_init, .fini = ext_fini};
	manifest = (pdb_manifest){
		.magic = PDB_MANIFEST_MAGIC,
		.abi_major = PDB_ABI_MAJOR,
		.abi_minor = PDB_ABI_MINOR,
		.size = sizeof(manifest),
		.kind = PDB_KIND_EXTENSION,
		.name = "some_name2",
		.version = "1",
		.license = "MIT",
		.description = "",
		.ops = &ops,
	};
}

TestSuite(manifest, .init = set_up);

static void refused(const char *why)
{
	cr_expect_eq(pdb_manifest_check(&manifest, 0, &err), PDB_EABI);
	cr_expect_not_null(strstr(err.text, why), "\"%s\" is not in \"%s\"", why, err.text);
}

Test(manifest, accepts_a_good_one)
{
	cr_expect_eq(pdb_manifest_check(&manifest, 0, &err), PDB_OK);
	cr_expect_eq(pdb_manifest_check(&manifest, PDB_KIND_EXTENSION, &err), PDB_OK);
}

Test(manifest, refuses_another_magic_before_it_reads_on)
{
	manifest = (pdb_manifest){.magic = 0x7f454c46u};
	refused("begins with 0x7f454c46 instead of 0x50424450");
}

Test(manifest, refuses_another_major_with_both_numbers)
{
	manifest.abi_major = PDB_ABI_MAJOR + 1;
	refused("built for ABI 2.1, this server speaks 1.1");
}

Test(manifest, refuses_a_minor_above_with_both_numbers)
{
	manifest.abi_minor = 99;
	refused("built for ABI 1.99, this server speaks 1.1");
}

Test(manifest, refuses_a_short_one)
{
	manifest.size = offsetof(pdb_manifest, ops);
	refused("fewer than the");
}

Test(manifest, accepts_a_longer_one)
{
	manifest.size += 64;
	cr_expect_eq(pdb_manifest_check(&manifest, 0, &err), PDB_OK);
}

Test(manifest, refuses_an_unknown_kind)
{
	manifest.kind = 9;
	refused("unknown kind 9");
}

Test(manifest, refuses_the_kind_that_is_not_wanted)
{
	cr_expect_eq(pdb_manifest_check(&manifest, PDB_KIND_STORAGE, &err), PDB_EABI);
	cr_expect_str_eq(err.text, "it is an extension, but a storage backend is wanted");
}

Test(manifest, refuses_names_that_are_not_words)
{
	const char *const bad[] = {
		"",    "A",    "_a",   "1a",  "a-b",
		"a/b", "../a", "a.so", "a b", "a23456789012345678901234567890123",
		NULL,
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		manifest.name = bad[i];
		refused("name is not a lower-case word");
	}
	manifest.name = "a2345678901234567890123456789012";
	cr_expect_eq(pdb_manifest_check(&manifest, 0, &err), PDB_OK);
}

Test(manifest, refuses_missing_texts)
{
	manifest.license = NULL;
	refused("lacks its version, license or description");
}

Test(manifest, refuses_missing_ops)
{
	manifest.ops = NULL;
	refused("no ops table");
}

Test(manifest, refuses_an_extension_without_init_or_fini)
{
	ops.init = NULL;
	refused("mandatory op init is missing");
	ops.init = ext_init;
	ops.fini = NULL;
	refused("mandatory op fini is missing");
}

Test(manifest, refuses_impossible_sizes_of_ops)
{
	const uint32_t sizes[] = {0, 8, offsetof(pdb_extension_ops, fini), sizeof(ops) + 1,
				  1u << 20};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ops.size = sizes[i];
		refused("the ops table gives its size as");
	}
}

static const pdb_manifest *const builtin[] = {&manifest, NULL};

Test(manifest, is_found_when_built_in)
{
	pdb_loader *loader = NULL;
	pdb_plugin *plugin = NULL;
	pdb_plugin *again = NULL;

	cr_assert_eq(pdb_loader_create(&loader, NULL, builtin, &err), PDB_OK);
	cr_assert_eq(pdb_loader_load(loader, "some_name2", PDB_KIND_EXTENSION, &plugin, &err),
		     PDB_OK, "%s", err.text);
	cr_expect_eq(pdb_plugin_manifest_of(plugin), &manifest);
	cr_expect_null(pdb_plugin_storage(plugin));
	cr_expect_eq(pdb_loader_load(loader, "some_name2", PDB_KIND_EXTENSION, &again, &err),
		     PDB_OK);
	cr_expect_eq(plugin, again);
	cr_expect_eq(pdb_loader_load(loader, "some_name2", PDB_KIND_STORAGE, &again, &err),
		     PDB_EABI);
	cr_expect_eq(pdb_loader_load(loader, "other", PDB_KIND_STORAGE, &again, &err),
		     PDB_ENOTFOUND);
	cr_expect_str_eq(err.text,
			 "plugin other: it is not built in and there is no plugin directory");
	pdb_loader_destroy(&loader);
	cr_expect_null(loader);
}
