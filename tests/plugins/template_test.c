/* SPDX-License-Identifier: Apache-2.0 */
/* The SDK's template, loaded and called in all five sockets. PDB_TEST_TEMPLATE_DIR names another
 * place to load it from, such as where it was built out of tree. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fake_host.h"

/* As the template lays out its settings. */
static const struct {
	const char *greeting;
	int64_t max_body;
} settings = {"Good day", 8};

static pdb_loader *loader;
static pdb_plugin *plugin;
static pdb_err err;

static void set_up(void)
{
	const char *directory = getenv("PDB_TEST_TEMPLATE_DIR");

	directory = directory != NULL ? directory : PDB_TEST_TEMPLATE;
	cr_assert_eq(pdb_loader_create(&loader, directory, NULL, &err), PDB_OK);
	cr_assert_eq(pdb_loader_load(loader, "acme", PDB_KIND_EXTENSION, &plugin, &err), PDB_OK,
		     "%s", err.text);
}

static void set_up_ready(void)
{
	set_up();
	cr_assert_eq(pdb_plugin_init(plugin, &fake_host, &settings, &err), PDB_OK, "%s", err.text);
	cr_assert_eq(pdb_loader_start(loader, &err), PDB_OK, "%s", err.text);
}

static void tear_down(void)
{
	pdb_loader_stop(loader);
	pdb_loader_destroy(&loader);
}

static const pdb_socket_entry *only(pdb_socket_kind kind)
{
	const pdb_socket_list *list = &pdb_loader_sockets(loader)->lists[kind];

	cr_assert_eq(list->count, 1u);
	cr_expect_str_eq(list->entries[0].owner, "acme");
	return &list->entries[0];
}

TestSuite(template, .init = set_up_ready, .fini = tear_down);

Test(template, has_a_gate)
{
	const pdb_socket_entry *entry = only(PDB_SOCKET_GATE);
	const pdb_gate *gate = entry->ops;
	pdb_request request = {0};

	cr_expect_eq(gate->enter(entry->self, &request, &err), PDB_OK);
	cr_expect_eq(request.status, 0, "a gate that lets pass does not answer");
	gate->decorate(entry->self, &request);
	cr_expect_str_eq(request.header, "X-Acme: 1");
}

Test(template, has_a_route)
{
	const pdb_socket_entry *entry = only(PDB_SOCKET_ROUTE);
	const pdb_route *route = entry->ops;
	pdb_request request = {.param = "Ada"};

	cr_expect_str_eq(route->pattern, "/acme/hello/{name}");
	cr_expect_eq(route->handle(entry->self, &request, &err), PDB_OK);
	cr_expect_eq(request.status, 200);
	cr_expect_str_eq(request.reply, "Good day, Ada!\n");
	request = (pdb_request){.param = ""};
	cr_expect_eq(route->handle(entry->self, &request, &err), PDB_EINVAL);
	cr_expect_str_eq(err.code, "bad_name");
}

Test(template, has_a_record_hook)
{
	const pdb_socket_entry *entry = only(PDB_SOCKET_RECORD);
	const pdb_record_hook *hook = entry->ops;
	pdb_record record = {.body = PDB_SLICE("\"short\"")};

	cr_expect_eq(hook->out(entry->self, &record, &err), PDB_ECORRUPT);
	cr_expect_eq(hook->in(entry->self, &record, &err), PDB_OK);
	cr_expect_eq(hook->out(entry->self, &record, &err), PDB_OK);
	record.body = PDB_SLICE("\"much too long\"");
	cr_expect_eq(hook->in(entry->self, &record, &err), PDB_ERULE);
	cr_expect_str_eq(err.field, "/body");
}

Test(template, has_a_listener_and_a_job)
{
	const pdb_socket_entry *entry = only(PDB_SOCKET_LISTENER);
	const pdb_listener *listener = entry->ops;
	const pdb_job *job;
	pdb_job_run run = {0};

	listener->told(entry->self, NULL);
	listener->told(entry->self, NULL);
	entry = only(PDB_SOCKET_JOB);
	job = entry->ops;
	fake_host_lines = 0;
	cr_expect_eq(job->step(entry->self, &run, &err), PDB_OK);
	cr_expect_str_eq(run.state, "2");
	cr_expect(run.done);
	cr_expect_eq(fake_host_lines, 1u);
}

Test(template, cannot_register_again_nor_later)
{
	const pdb_socket_entry *entry = only(PDB_SOCKET_JOB);

	cr_expect_eq(pdb_plugin_init(plugin, &fake_host, &settings, &err), PDB_EINTERNAL);
	cr_expect_eq(pdb_host_add_job(plugin, entry->ops, NULL, &err), PDB_EABI);
	cr_expect_str_eq(err.text, "a plugin can register only in its init()");
}

Test(template, has_nothing_to_reload)
{
	cr_expect_eq(pdb_plugin_reload(plugin, &settings, &err), PDB_OK);
}

Test(template_without_memory, fails_in_its_init_and_is_ended, .init = set_up, .fini = tear_down)
{
	pdb_mem_fail(1, true);
	cr_expect_eq(pdb_plugin_init(plugin, &fake_host, &settings, &err), PDB_ENOMEM);
	pdb_mem_fail(0, false);
	cr_expect_str_eq(err.text, "plugin acme: init: no memory for the plugin");
	cr_expect_eq(pdb_loader_start(loader, &err), PDB_OK, "what failed is not started");
}

static pdb_status step(void *self, pdb_job_run *run, pdb_err *reason)
{
	(void)self;
	(void)run;
	(void)reason;
	return PDB_OK;
}

Test(template_clash, fails_in_its_init_and_is_ended, .init = set_up, .fini = tear_down)
{
	static const pdb_job job = {.size = sizeof(job), .name = "acme", .step = step};

	cr_assert_eq(pdb_sockets_add(pdb_loader_sockets(loader), PDB_SOCKET_JOB, "core", &job, NULL,
				     &err),
		     PDB_OK);
	cr_expect_eq(pdb_plugin_init(plugin, &fake_host, &settings, &err), PDB_EEXISTS);
	cr_expect_str_eq(err.text, "plugin acme: init: acme is already taken by core");
}
