/* SPDX-License-Identifier: Apache-2.0 */
/* Loads and opens the KMS providers under test. */
#include "provider.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/host.h"
#include "plugin/loader.h"
#include "settings.h"

#define MASTER_HEX "9f3c1a77e05b42d8866e1fca9d30b7245a81c6ef0d92347bb8e15f60a3c7d914"

static const pdb_host provider_host = {
	PDB_HOST_BASE,
};

static provider_name names[] = {
	{"embedded"},
};

static provider opened;
static pdb_loader *loader;

struct criterion_test_params provider_list(void)
{
	return cr_make_param_array(provider_name, names, sizeof(names) / sizeof(names[0]));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info;
	(void)kind;
	(void)walk;
	return remove(path);
}

void provider_clean(void)
{
	if (opened.kms != NULL) {
		opened.ops->close(&opened.kms);
	}
	pdb_loader_destroy(&loader);
	settings_forget();
	if (opened.directory[0] != '\0') {
		(void)nftw(opened.directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	}
}

static void open_kms(provider *p)
{
	pdb_err err = {0};

	cr_assert_eq(p->ops->open(&p->params, &p->kms, &err), PDB_OK, "open: %s", err.text);
	cr_assert_not_null(p->kms);
}

provider *provider_open(const provider_name *name)
{
	const char *base = getenv("TMPDIR");
	pdb_plugin *plugin = NULL;
	pdb_err err = {0};

	pdb_log_set_level(PDB_LOG_ERROR);
	(void)snprintf(opened.directory, sizeof(opened.directory), "%s/pdb-kms-XXXXXX",
		       base != NULL ? base : "/tmp");
	cr_assert_not_null(mkdtemp(opened.directory));
	cr_assert_eq(pdb_loader_create(&loader, PDB_TEST_PLUGINS, NULL, &err), PDB_OK, "%s",
		     err.text);
	cr_assert_eq(pdb_loader_load(loader, name->name, PDB_KIND_KMS, &plugin, &err), PDB_OK, "%s",
		     err.text);
	opened.ops = pdb_plugin_kms(plugin);
	opened.params = (pdb_kms_params){
		.size = sizeof(opened.params),
		.host = &provider_host,
		.directory = opened.directory,
		.settings = settings_make(&pdb_plugin_manifest_of(plugin)->options,
					  "security.kms.master_key_hex=" MASTER_HEX),
		.database_id = "contract"};
	open_kms(&opened);
	return &opened;
}

void provider_reopen(provider *p)
{
	p->ops->close(&p->kms);
	cr_assert_null(p->kms, "close nulls the pointer");
	open_kms(p);
}
