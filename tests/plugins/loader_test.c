/* SPDX-License-Identifier: Apache-2.0 */
/* The loader on real files: which it refuses, in what words, and what it never mixes up. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/loader.h"

#define OTHER_USER 65534

static pdb_loader *loader;
static pdb_plugin *plugin;
static pdb_err err;
/* a directory of this test's own, for files that get odd modes */
static char own[64];

static void set_up(void)
{
	cr_assert_eq(pdb_loader_create(&loader, PDB_TEST_MODULES, NULL, &err), PDB_OK);
}

static void tear_down(void)
{
	pdb_loader_destroy(&loader);
}

static void set_up_own(void)
{
	(void)snprintf(own, sizeof(own), "/tmp/pdb-loader-XXXXXX");
	cr_assert_not_null(mkdtemp(own));
	cr_assert_eq(pdb_loader_create(&loader, own, NULL, &err), PDB_OK);
}

/* Runs `before` with the path behind it. */
static void command(const char *before, const char *path)
{
	char line[512];

	(void)snprintf(line, sizeof(line), "%s '%s'", before, path);
	cr_assert_eq(system(line), 0, "%s", line);
}

static void tear_down_own(void)
{
	pdb_loader_destroy(&loader);
	command("rm -rf", own);
}

static const char *in_own(const char *file)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", own, file);
	return path;
}

static void copy_good(void)
{
	command("cp " PDB_TEST_MODULES "/good.so", in_own("good.so"));
	cr_assert_eq(chmod(in_own("good.so"), 0644), 0);
}

static void refused(const char *name, pdb_plugin_kind kind, pdb_status status, const char *why)
{
	pdb_status found;

	plugin = NULL;
	err.text[0] = '\0';
	found = pdb_loader_load(loader, name, kind, &plugin, &err);
	cr_expect_eq(found, status, "%s: %d %s", name, (int)found, err.text);
	cr_expect_not_null(strstr(err.text, why), "\"%s\" is not in \"%s\"", why, err.text);
	cr_expect_null(plugin);
}

static void loads(const char *name, pdb_plugin_kind kind)
{
	cr_assert_eq(pdb_loader_load(loader, name, kind, &plugin, &err), PDB_OK, "%s", err.text);
	cr_expect_str_eq(pdb_plugin_manifest_of(plugin)->name, name);
}

TestSuite(loader, .init = set_up, .fini = tear_down);

Test(loader, loads_a_good_plugin_once)
{
	pdb_plugin *first;

	loads("good", PDB_KIND_EXTENSION);
	first = plugin;
	loads("good", PDB_KIND_EXTENSION);
	cr_expect_eq(plugin, first);
}

Test(loader, loads_a_kms_provider_as_nothing_else)
{
	loads("good_kms", PDB_KIND_KMS);
	cr_expect_not_null(pdb_plugin_kms(plugin));
	cr_expect_null(pdb_plugin_storage(plugin));
	loads("good", PDB_KIND_EXTENSION);
	cr_expect_null(pdb_plugin_kms(plugin));
	refused("good_kms", PDB_KIND_EXTENSION, PDB_EABI,
		"it is a KMS provider, but an extension is wanted");
}

Test(loader, refuses_a_file_that_is_not_there)
{
	refused("nowhere", PDB_KIND_EXTENSION, PDB_ENOTFOUND,
		"nowhere.so cannot be opened: No such file or directory");
}

Test(loader, refuses_names_that_are_paths)
{
	refused("../good", PDB_KIND_EXTENSION, PDB_ENOTFOUND, "never a path");
	refused("/tmp/good", PDB_KIND_EXTENSION, PDB_ENOTFOUND, "never a path");
	refused("", PDB_KIND_EXTENSION, PDB_ENOTFOUND, "never a path");
}

Test(loader, refuses_an_object_without_the_symbol)
{
	refused("no_symbol", PDB_KIND_EXTENSION, PDB_EABI, "has no symbol pdb_plugin_manifest");
}

Test(loader, refuses_another_magic)
{
	refused("bad_magic", PDB_KIND_EXTENSION, PDB_EABI, "begins with 0x12345678");
}

Test(loader, refuses_another_major_abi_with_both_numbers)
{
	refused("other_major", PDB_KIND_EXTENSION, PDB_EABI,
		"plugin other_major: built for ABI 2.0, this server speaks 1.1");
}

Test(loader, refuses_a_minor_abi_above_with_both_numbers)
{
	refused("newer_minor", PDB_KIND_EXTENSION, PDB_EABI,
		"plugin newer_minor: built for ABI 1.99, this server speaks 1.1");
}

Test(loader, refuses_another_kind)
{
	refused("good", PDB_KIND_STORAGE, PDB_EABI,
		"plugin good: it is an extension, but a storage backend is wanted");
	refused("short_ops", PDB_KIND_EXTENSION, PDB_EABI,
		"plugin short_ops: it is a storage backend, but an extension is wanted");
	refused("unknown_kind", PDB_KIND_EXTENSION, PDB_EABI, "unknown kind 77");
}

Test(loader, refuses_a_manifest_of_another_name)
{
	refused("wrong_name", PDB_KIND_EXTENSION, PDB_EABI,
		"its manifest calls it somebody_else; rename the file");
}

Test(loader, refuses_missing_mandatory_ops)
{
	refused("extension_op", PDB_KIND_EXTENSION, PDB_EABI, "mandatory op fini is missing");
	refused("storage_op", PDB_KIND_STORAGE, PDB_EABI, "mandatory op sync is missing");
	refused("truncated_ops", PDB_KIND_STORAGE, PDB_EABI, "gives its size as");
	refused("kms_op", PDB_KIND_KMS, PDB_EABI, "mandatory op health is missing");
	refused("kms_bits", PDB_KIND_KMS, PDB_EABI, "unknown capabilities 0x80");
}

Test(loader, refuses_options_outside_the_settings)
{
	refused("bad_options", PDB_KIND_EXTENSION, PDB_EABI,
		"the option plugins.bad_options.far (row 1) lies outside the settings");
}

Test(loader, tells_what_the_linker_said_without_its_detour)
{
	refused("unresolved", PDB_KIND_EXTENSION, PDB_EABI,
		"unresolved.so cannot be loaded: undefined symbol: nobody_has_this");
	cr_expect_null(strstr(err.text, "/proc/"));
}

Test(loader, takes_a_shorter_table_and_counts_later_ops_as_absent)
{
	const pdb_storage_ops *ops;

	loads("short_ops", PDB_KIND_STORAGE);
	ops = pdb_plugin_storage(plugin);
	cr_expect(PDB_HAS(ops, sync));
	cr_expect_not_null(ops->check, "the bytes behind the table are there to tempt");
	cr_expect_not(PDB_HAS(ops, check));
	cr_expect_not(PDB_HAS(ops, backup));
}

/* The linker knows an object by the number of its descriptor: numbers come back, files do not. */
Test(loader, never_takes_one_file_for_another)
{
	for (int round = 0; round < 8; round++) {
		loads("good", PDB_KIND_EXTENSION);
		refused("wrong_name", PDB_KIND_EXTENSION, PDB_EABI, "somebody_else");
		loads("good_too", PDB_KIND_EXTENSION);
		pdb_loader_destroy(&loader);
		set_up();
	}
}

TestSuite(loader_files, .init = set_up_own, .fini = tear_down_own);

Test(loader_files, load_when_only_we_may_write)
{
	copy_good();
	loads("good", PDB_KIND_EXTENSION);
}

Test(loader_files, are_refused_when_others_may_write_them)
{
	static const mode_t modes[] = {0664, 0646, 0666, 0620};

	copy_good();
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		cr_assert_eq(chmod(in_own("good.so"), modes[i]), 0);
		refused("good", PDB_KIND_EXTENSION, PDB_EDENIED, "may be written by others (mode ");
		cr_expect_not_null(strstr(err.text, "run: chmod go-w "));
	}
}

Test(loader_files, are_refused_in_a_directory_that_others_may_write)
{
	copy_good();
	cr_assert_eq(chmod(own, 0777), 0);
	refused("good", PDB_KIND_EXTENSION, PDB_EDENIED, "may be written by others (mode 0777)");
	cr_assert_eq(chmod(own, 01775), 0);
	refused("good", PDB_KIND_EXTENSION, PDB_EDENIED, "may be written by others (mode 1775)");
}

Test(loader_files, are_refused_when_they_belong_to_somebody_else)
{
	if (geteuid() != 0) {
		cr_skip_test("only root can give a file away");
	}
	copy_good();
	cr_assert_eq(chown(in_own("good.so"), OTHER_USER, OTHER_USER), 0);
	refused("good", PDB_KIND_EXTENSION, PDB_EDENIED, "good.so belongs to user 65534");
	cr_assert_eq(chown(in_own("good.so"), 0, 0), 0);
	cr_assert_eq(chown(own, OTHER_USER, OTHER_USER), 0);
	refused("good", PDB_KIND_EXTENSION, PDB_EDENIED, "belongs to user 65534");
}

Test(loader_files, may_be_links_to_a_safe_place)
{
	cr_assert_eq(symlink(PDB_TEST_MODULES "/good.so", in_own("good.so")), 0);
	loads("good", PDB_KIND_EXTENSION);
}

Test(loader_files, are_refused_as_links_to_an_unsafe_place)
{
	char target[160];

	cr_assert_eq(mkdir(in_own("open"), 0755), 0);
	copy_good();
	(void)snprintf(target, sizeof(target), "%s/open/good.so", own);
	cr_assert_eq(rename(in_own("good.so"), target), 0);
	cr_assert_eq(symlink(target, in_own("good.so")), 0);
	cr_assert_eq(chmod(in_own("open"), 0777), 0);
	refused("good", PDB_KIND_EXTENSION, PDB_EDENIED, "open may be written by others");
}

Test(loader_files, are_refused_when_they_are_not_files, .timeout = 20)
{
	cr_assert_eq(mkfifo(in_own("pipe.so"), 0600), 0);
	refused("pipe", PDB_KIND_EXTENSION, PDB_EDENIED, "pipe.so is not a regular file");
	cr_assert_eq(mkdir(in_own("folder.so"), 0700), 0);
	refused("folder", PDB_KIND_EXTENSION, PDB_EDENIED, "folder.so is not a regular file");
}

Test(loader_files, are_refused_when_they_are_no_objects)
{
	command("echo hello >", in_own("text.so"));
	refused("text", PDB_KIND_EXTENSION, PDB_EABI, "text.so cannot be loaded: ");
	command(": >", in_own("empty.so"));
	refused("empty", PDB_KIND_EXTENSION, PDB_EABI, "empty.so cannot be loaded: ");
}

Test(loader_files, are_not_there_without_a_directory)
{
	pdb_loader *other = NULL;

	cr_assert_eq(pdb_loader_create(&other, in_own("missing"), NULL, &err), PDB_OK);
	cr_expect_eq(pdb_loader_load(other, "good", PDB_KIND_EXTENSION, &plugin, &err),
		     PDB_ENOTFOUND);
	cr_expect_not_null(strstr(err.text, "missing cannot be opened"), "%s", err.text);
	pdb_loader_destroy(&other);
}
