/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation fails once while plugins are found, judged, plugged in and inspected. */
#include "../plugins/fake_host.h"
#include "../support/nth_alloc.h"

static const struct {
	const char *greeting;
	int64_t max_body;
} settings = {"Hello", 64};

static pdb_status load_two(void *arg, pdb_err *err)
{
	pdb_loader *loader = NULL;
	pdb_plugin *plugin = NULL;
	pdb_status status = pdb_loader_create(&loader, arg, NULL, err);

	if (status == PDB_OK) {
		status = pdb_loader_load(loader, "good", PDB_KIND_EXTENSION, &plugin, err);
	}
	if (status == PDB_OK) {
		status = pdb_loader_load(loader, "good_too", PDB_KIND_EXTENSION, &plugin, err);
	}
	pdb_loader_destroy(&loader);
	return status;
}

static pdb_status live(void *arg, pdb_err *err)
{
	pdb_loader *loader = NULL;
	pdb_plugin *plugin = NULL;
	pdb_status status = pdb_loader_create(&loader, arg, NULL, err);

	if (status == PDB_OK) {
		status = pdb_loader_load(loader, "acme", PDB_KIND_EXTENSION, &plugin, err);
	}
	if (status == PDB_OK) {
		status = pdb_plugin_init(plugin, &fake_host, &settings, err);
	}
	if (status == PDB_OK) {
		status = pdb_loader_start(loader, err);
	}
	if (loader != NULL) {
		pdb_loader_stop(loader);
	}
	pdb_loader_destroy(&loader);
	return status;
}

static pdb_status on_step(void *self, pdb_job_run *run, pdb_err *err)
{
	(void)self;
	(void)run;
	(void)err;
	return PDB_OK;
}

/* Enough entries that the list grows several times. */
static pdb_status fill_sockets(void *arg, pdb_err *err)
{
	static pdb_job jobs[9];
	static char names[9][2];
	pdb_sockets sockets = {0};
	pdb_status status = PDB_OK;

	(void)arg;
	for (size_t i = 0; status == PDB_OK && i < 9; i++) {
		names[i][0] = (char)('a' + i);
		jobs[i] = (pdb_job){.size = sizeof(pdb_job), .name = names[i], .step = on_step};
		status = pdb_sockets_add(&sockets, PDB_SOCKET_JOB, "test", &jobs[i], NULL, err);
	}
	pdb_sockets_fini(&sockets);
	return status;
}

static pdb_status inspect(void *arg, pdb_err *err)
{
	char line[128];

	return pdb_manifest_inspect(arg, line, sizeof(line), err);
}

static void each(nth_alloc_fn body, const char *arg, unsigned long at_least)
{
	char *text = (char *)(uintptr_t)arg;

	cr_expect_geq(nth_alloc_each(body, text, false), at_least);
	cr_expect_gt(nth_alloc_each(body, text, true), 0u);
}

Test(fault_plugins, loading)
{
	each(load_two, PDB_TEST_MODULES, 6);
}

Test(fault_plugins, life)
{
	each(live, PDB_TEST_TEMPLATE, 9);
}

Test(fault_plugins, sockets)
{
	each(fill_sockets, NULL, 5);
}

Test(fault_plugins, inspection)
{
	each(inspect, PDB_TEST_TEMPLATE "/acme.so", 1);
}
