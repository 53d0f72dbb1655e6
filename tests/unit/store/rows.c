/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of plugins: kept apart, durable when the call returns, walked in order. */
#include "store/rows.h"

#include "fake_backend.h"
#include "plugin/loader.h"

#define MANY 300

static pdb_loader *plugins;
static pdb_plugin *one;
static pdb_plugin *other;
static pdb_store *store;
static pdb_err err;

static pdb_status ext_init(const struct pdb_host *host, pdb_plugin *plugin, const void *settings,
			   void **state_out, pdb_err *why)
{
	(void)host;
	(void)plugin;
	(void)settings;
	(void)state_out;
	(void)why;
	return PDB_OK;
}

static void ext_fini(void **state)
{
	(void)state;
}

static const pdb_extension_ops ops = {.size = sizeof(ops), .init = ext_init, .fini = ext_fini};

#define MANIFEST(name_)                                                                            \
	{                                                                                          \
		.magic = PDB_MANIFEST_MAGIC, .abi_major = PDB_ABI_MAJOR,                           \
		.abi_minor = PDB_ABI_MINOR, .size = sizeof(pdb_manifest),                          \
		.kind = PDB_KIND_EXTENSION, .name = (name_), .version = "1", .license = "MIT",     \
		.description = "", .ops = &ops                                                     \
	}

/* One name begins like the other: their rows must not mix. */
static const pdb_manifest manifests[] = {MANIFEST("one"), MANIFEST("one_more")};
static const pdb_manifest *const list[] = {&manifests[0], &manifests[1], NULL};

static void set_up(void)
{
	fake_init();
	cr_assert_eq(pdb_loader_create(&plugins, NULL, list, &err), PDB_OK);
	cr_assert_eq(pdb_loader_load(plugins, "one", PDB_KIND_EXTENSION, &one, &err), PDB_OK, "%s",
		     err.text);
	cr_assert_eq(pdb_loader_load(plugins, "one_more", PDB_KIND_EXTENSION, &other, &err),
		     PDB_OK);
	store = fake_open();
	pdb_rows_use(store);
}

static void tear_down(void)
{
	pdb_rows_use(NULL);
	pdb_store_close(&store);
	pdb_loader_destroy(&plugins);
	fake_clean();
}

TestSuite(rows, .init = set_up, .fini = tear_down);

static pdb_status put(pdb_plugin *plugin, const char *key, const char *value)
{
	return pdb_rows_table.put(plugin, pdb_slice_text(key), pdb_slice_text(value), &err);
}

typedef struct found {
	char text[4096];
	size_t count;
	size_t stop_after; /* 0 = never */
	pdb_status status; /* what to say to each row */
} found;

static pdb_status note(void *arg, pdb_slice key, pdb_slice value)
{
	found *f = arg;
	size_t used = strlen(f->text);

	(void)snprintf(f->text + used, sizeof(f->text) - used, "%.*s=%.*s ", PDB_SLICE_ARGS(key),
		       PDB_SLICE_ARGS(value));
	f->count++;
	return f->count == f->stop_after ? PDB_ESTOP : f->status;
}

static found scan(pdb_plugin *plugin, const char *prefix)
{
	found f = {.text = ""};

	cr_assert_eq(pdb_rows_table.scan(plugin, pdb_slice_text(prefix), note, &f, &err), PDB_OK,
		     "%s", err.text);
	return f;
}

static pdb_status get(pdb_plugin *plugin, const char *key, found *f)
{
	*f = (found){.text = ""};
	return pdb_rows_table.get(plugin, pdb_slice_text(key), note, f, &err);
}

Test(rows, are_written_read_and_removed)
{
	found f;

	cr_expect_eq(get(one, "mark", &f), PDB_ENOTFOUND);
	cr_assert_eq(put(one, "mark", "1"), PDB_OK, "%s", err.text);
	cr_assert_eq(put(one, "mark", "2"), PDB_OK);
	cr_assert_eq(put(one, "mark:a", "3"), PDB_OK);
	cr_assert_eq(get(one, "mark", &f), PDB_OK);
	cr_expect_str_eq(f.text, "mark=2 ");
	cr_assert_eq(pdb_rows_table.remove(one, PDB_SLICE("mark"), &err), PDB_OK);
	cr_expect_eq(pdb_rows_table.remove(one, PDB_SLICE("mark"), &err), PDB_ENOTFOUND);
	cr_expect_eq(get(one, "mark", &f), PDB_ENOTFOUND, "mark:a is another row");
	cr_expect_eq(f.count, 0);
}

Test(rows, are_on_disk_when_the_call_returns)
{
	unsigned before = fake.syncs_ended;

	cr_assert_eq(put(one, "a", "1"), PDB_OK);
	cr_expect_gt(fake.syncs_ended, before);
	before = fake.syncs_ended;
	cr_assert_eq(pdb_rows_table.remove(one, PDB_SLICE("a"), &err), PDB_OK);
	cr_expect_gt(fake.syncs_ended, before);
}

Test(rows, of_two_plugins_are_apart)
{
	found f;

	cr_assert_eq(put(one, "k", "mine"), PDB_OK);
	cr_assert_eq(put(other, "k", "yours"), PDB_OK);
	cr_assert_eq(put(other, "l", "yours"), PDB_OK);
	cr_expect_str_eq(scan(one, "").text, "k=mine ");
	cr_expect_str_eq(scan(other, "").text, "k=yours l=yours ");
	cr_assert_eq(pdb_rows_table.remove(other, PDB_SLICE("k"), &err), PDB_OK);
	cr_assert_eq(get(one, "k", &f), PDB_OK);
	cr_expect_str_eq(f.text, "k=mine ");
}

Test(rows, are_walked_in_order_by_prefix)
{
	found f = {.text = "", .stop_after = 2};

	cr_assert_eq(put(one, "b", "2"), PDB_OK);
	cr_assert_eq(put(one, "a:2", "y"), PDB_OK);
	cr_assert_eq(put(one, "a:1", "x"), PDB_OK);
	cr_assert_eq(put(one, "a", ""), PDB_OK);
	cr_expect_str_eq(scan(one, "").text, "a= a:1=x a:2=y b=2 ");
	cr_expect_str_eq(scan(one, "a:").text, "a:1=x a:2=y ");
	cr_expect_str_eq(scan(one, "c").text, "");
	cr_expect_eq(pdb_rows_table.scan(one, PDB_SLICE(""), note, &f, &err), PDB_OK);
	cr_expect_eq(f.count, 2, "ESTOP ends a walk");
	f = (found){.status = PDB_ERULE};
	cr_expect_eq(pdb_rows_table.scan(one, PDB_SLICE(""), note, &f, &err), PDB_ERULE);
	cr_expect_eq(pdb_rows_table.get(one, PDB_SLICE("b"), note, &f, &err), PDB_ERULE);
}

/* More rows than one transaction reads, each written from within the walk. */
static pdb_status copy(void *arg, pdb_slice key, pdb_slice value)
{
	size_t *count = arg;

	(*count)++;
	return pdb_rows_table.put(other, key, value, &err);
}

Test(rows, may_be_written_during_a_walk)
{
	size_t count = 0;
	char key[16];

	for (int i = 0; i < MANY; i++) {
		(void)snprintf(key, sizeof(key), "%03d", i);
		cr_assert_eq(put(one, key, key), PDB_OK);
	}
	cr_assert_eq(pdb_rows_table.scan(one, PDB_SLICE(""), copy, &count, &err), PDB_OK, "%s",
		     err.text);
	cr_expect_eq(count, MANY);
	cr_expect_eq(scan(other, "").count, MANY);
}

Test(rows, limits_are_kept)
{
	static uint8_t bytes[PDB_ROW_VALUE_MAX + 1];
	char key[PDB_ROW_KEY_MAX + 2];
	pdb_slice large = pdb_slice_of(bytes, PDB_ROW_VALUE_MAX);

	memset(key, 'k', sizeof(key));
	key[PDB_ROW_KEY_MAX + 1] = '\0';
	cr_expect_eq(put(one, key, "v"), PDB_EINVAL);
	key[PDB_ROW_KEY_MAX] = '\0';
	cr_expect_eq(put(one, key, "v"), PDB_OK, "%s", err.text);
	cr_expect_eq(put(one, "", "v"), PDB_EINVAL);
	cr_expect_eq(put(one, "a b", "v"), PDB_EINVAL);
	cr_expect_eq(put(one, "a\n", "v"), PDB_EINVAL);
	cr_expect_eq(put(one, "\xc3\xbc", "v"), PDB_EINVAL);
	cr_expect_eq(pdb_rows_table.put(one, PDB_SLICE("large"), large, &err), PDB_OK);
	large.len++;
	cr_expect_eq(pdb_rows_table.put(one, PDB_SLICE("large"), large, &err), PDB_EINVAL);
	cr_expect_eq(pdb_rows_table.remove(one, PDB_SLICE(""), &err), PDB_EINVAL);
}

Test(rows, need_an_open_database)
{
	found f;

	pdb_rows_use(NULL);
	cr_expect_eq(put(one, "k", "v"), PDB_EUNAVAILABLE);
	cr_expect_eq(get(one, "k", &f), PDB_EUNAVAILABLE);
	cr_expect_eq(pdb_rows_table.scan(one, PDB_SLICE(""), note, &f, &err), PDB_EUNAVAILABLE);
}

Test(rows, failures_are_told)
{
	fake.commit_result = PDB_ECONFLICT;
	cr_expect_eq(put(one, "k", "v"), PDB_EBUSY);
	fake.commit_result = PDB_EUNCERTAIN;
	cr_expect_eq(put(one, "k", "v"), PDB_EUNCERTAIN);
	fake.commit_result = PDB_EFULL;
	cr_expect_eq(put(one, "k", "v"), PDB_EFULL);
	fake.commit_result = PDB_OK;
	cr_expect_eq(scan(one, "").count, 0);
}
