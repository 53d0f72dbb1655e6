/* SPDX-License-Identifier: Apache-2.0 */
/* Loads and opens the backends under test. */
#include "backend.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/host.h"
#include "plugin/loader.h"
#include "settings.h"

#define DIRECTORIES_MAX 8

static char directories[DIRECTORIES_MAX][256];
static size_t directory_count;
static pdb_loader *loaders[DIRECTORIES_MAX];
static size_t loader_count;

const pdb_host backend_host = {
	PDB_HOST_BASE,
};

#define SMALL "storage.wiredtiger.cache_size=64M;storage.chaos.seed=7"

static backend_name names[] = {
	{PDB_TEST_PLUGINS, "memory", "", ""},
	{PDB_TEST_PLUGINS, "wiredtiger", "", SMALL},
	{PDB_TEST_PLUGINS, "wiredtiger", "", SMALL ";storage.wiredtiger.compressor=none"},
	{PDB_TEST_PLUGINS, "chaos", "memory", SMALL},
	{PDB_TEST_PLUGINS, "chaos", "wiredtiger", SMALL},
};

static backend_name foreign;

/* Parts "/path/acme.so" into the directory and the name. */
static void split_path(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? strlen(slash + 1) : 0;

	cr_assert(len > 3 && strcmp(slash + 1 + len - 3, ".so") == 0,
		  "PDB_CONTRACT_BACKEND must be the path of a .so file");
	(void)snprintf(foreign.directory, sizeof(foreign.directory), "%.*s", (int)(slash - path),
		       path);
	(void)snprintf(foreign.name, sizeof(foreign.name), "%.*s", (int)(len - 3), slash + 1);
}

struct criterion_test_params backend_list(void)
{
	const char *path = getenv("PDB_CONTRACT_BACKEND");
	const char *options = getenv("PDB_CONTRACT_OPTIONS");

	if (path == NULL) {
		return cr_make_param_array(backend_name, names, sizeof(names) / sizeof(names[0]));
	}
	split_path(path);
	(void)snprintf(foreign.options, sizeof(foreign.options), "%s",
		       options != NULL ? options : "");
	return cr_make_param_array(backend_name, &foreign, 1);
}

void backend_directory(char *path, size_t size)
{
	const char *base = getenv("TMPDIR");

	cr_assert(directory_count < DIRECTORIES_MAX);
	(void)snprintf(path, size, "%s/pdb-contract-XXXXXX", base != NULL ? base : "/tmp");
	cr_assert_not_null(mkdtemp(path));
	(void)snprintf(directories[directory_count++], sizeof(directories[0]), "%s", path);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info;
	(void)kind;
	(void)walk;
	return remove(path);
}

void backend_clean(void)
{
	while (loader_count > 0) {
		pdb_loader_destroy(&loaders[--loader_count]);
	}
	settings_forget();
	while (directory_count > 0) {
		(void)nftw(directories[--directory_count], remove_one, 16, FTW_DEPTH | FTW_PHYS);
	}
}

static const pdb_storage_ops *load(const backend_name *name, const char *which,
				   const void **settings)
{
	pdb_loader **loader = &loaders[loader_count++];
	pdb_plugin *plugin = NULL;
	pdb_err err = {0};

	cr_assert(loader_count <= DIRECTORIES_MAX);
	cr_assert_eq(pdb_loader_create(loader, name->directory, NULL, &err), PDB_OK, "%s",
		     err.text);
	cr_assert_eq(pdb_loader_load(*loader, which, PDB_KIND_STORAGE, &plugin, &err), PDB_OK, "%s",
		     err.text);
	*settings = settings_make(&pdb_plugin_manifest_of(plugin)->options, name->options);
	return pdb_plugin_storage(plugin);
}

static void open_db(backend *b)
{
	pdb_err err = {0};

	cr_assert_eq(b->ops->open(&b->params, &b->db, &err), PDB_OK, "open: %s", err.text);
	cr_assert_not_null(b->db);
}

backend *backend_open(const backend_name *name)
{
	static backend opened[4];
	static size_t count;
	backend *b = &opened[count++];

	pdb_log_set_level(PDB_LOG_WARN);
	cr_assert(count <= 4);
	backend_directory(b->directory, sizeof(b->directory));
	b->params = (pdb_storage_params){
		.size = sizeof(b->params), .host = &backend_host, .directory = b->directory};
	b->ops = load(name, name->name, &b->params.settings);
	b->capabilities = b->ops->capabilities;
	if (name->inner[0] != '\0') {
		b->params.inner = load(name, name->inner, &b->params.inner_settings);
		b->capabilities |= b->params.inner->capabilities;
	}
	open_db(b);
	return b;
}

void backend_reopen(backend *b)
{
	backend_close(b);
	open_db(b);
}

void backend_close(backend *b)
{
	b->ops->close(&b->db);
	cr_assert_null(b->db, "close nulls the pointer");
}

pdb_key key_of(pdb_slice bytes)
{
	pdb_key key = {PDB_SLICE("p"), bytes};

	return key;
}

void *begin(backend *b, bool write)
{
	void *txn = NULL;
	pdb_err err = {0};

	cr_assert_eq(b->ops->begin(b->db, write, &txn, &err), PDB_OK, "begin: %s", err.text);
	cr_assert_not_null(txn);
	return txn;
}

void commit(backend *b, void **txn)
{
	pdb_err err = {0};

	cr_assert_eq(b->ops->commit(txn, &err), PDB_OK, "commit: %s", err.text);
	cr_assert_null(*txn, "commit nulls the pointer");
}

void put(backend *b, void *txn, const char *key, const char *value)
{
	pdb_key at = KEY(key);
	pdb_err err = {0};

	cr_assert_eq(b->ops->put(txn, &at, pdb_slice_text(value), &err), PDB_OK, "put: %s",
		     err.text);
}

void store(backend *b, const char *key, const char *value)
{
	void *txn = begin(b, true);
	pdb_key at = KEY(key);
	pdb_err err = {0};

	if (value != NULL) {
		put(b, txn, key, value);
	} else {
		cr_assert_eq(b->ops->remove(txn, &at, &err), PDB_OK, "remove: %s", err.text);
	}
	commit(b, &txn);
}

void expect_in(backend *b, void *txn, const char *key, const char *value)
{
	pdb_key at = KEY(key);
	pdb_slice got = {NULL, 0};
	pdb_status status = b->ops->get(txn, &at, &got, NULL);

	if (value == NULL) {
		cr_expect_eq(status, PDB_ENOTFOUND, "%s is there", key);
		return;
	}
	cr_assert_eq(status, PDB_OK, "%s is not there", key);
	cr_expect(pdb_slice_is(got, value), "%s is '%.*s', not '%s'", key, PDB_SLICE_ARGS(got),
		  value);
}

void expect_stored(backend *b, const char *key, const char *value)
{
	void *txn = begin(b, false);

	expect_in(b, txn, key, value);
	b->ops->abort(&txn);
}

static pdb_status add_key(void *arg, pdb_slice key, pdb_slice value)
{
	char *seen = arg;
	size_t len = strlen(seen);

	(void)value;
	(void)snprintf(seen + len, 1024 - len, "%s%.*s", len > 0 ? " " : "", PDB_SLICE_ARGS(key));
	return PDB_OK;
}

void expect_scan(backend *b, void *txn, const pdb_range *range, const char *keys)
{
	char seen[1024] = "";
	pdb_err err = {0};

	cr_assert_eq(b->ops->scan(txn, range, add_key, seen, &err), PDB_OK, "scan: %s", err.text);
	cr_expect_str_eq(seen, keys, "from '%.*s' to '%.*s' limit %zu%s gave '%s', not '%s'",
			 PDB_SLICE_ARGS(range->from), PDB_SLICE_ARGS(range->to), range->limit,
			 range->reverse ? " reverse" : "", seen, keys);
}
