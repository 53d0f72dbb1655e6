/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: what is refused, what clashes, and the order in which things are called. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "plugin/sockets.h"

static pdb_status on_request(void *self, pdb_request *request, pdb_err *err)
{
	return PDB_OK;
}

static pdb_status on_record(void *self, pdb_record *record, pdb_err *err)
{
	return PDB_OK;
}

static void on_change(void *self, const pdb_change *change)
{
}

static pdb_status on_step(void *self, pdb_job_run *run, pdb_err *err)
{
	return PDB_OK;
}

static pdb_gate gate;
static pdb_route route;
static pdb_record_hook hook;
static pdb_listener listener;
static pdb_job job;
static pdb_sockets sockets;
static pdb_err err;

static void set_up(void)
{
	gate = (pdb_gate){
		.size = sizeof(gate), .phase = PDB_PHASE_RATE, .name = "g", .enter = on_request};
	route = (pdb_route){.size = sizeof(route),
			    .method = PDB_METHOD_GET,
			    .pattern = "/a/{b}",
			    .roles = PDB_ROLE_ADMIN,
			    .handle = on_request};
	hook = (pdb_record_hook){
		.size = sizeof(hook), .order = 5, .name = "h", .tag = "HOOK", .in = on_record};
	listener = (pdb_listener){.size = sizeof(listener), .name = "l", .told = on_change};
	job = (pdb_job){.size = sizeof(job), .name = "j-1.x", .step = on_step};
}

static void tear_down(void)
{
	pdb_sockets_fini(&sockets);
}

TestSuite(sockets, .init = set_up, .fini = tear_down);

static pdb_status add(pdb_socket_kind kind, const void *ops)
{
	err.text[0] = '\0';
	return pdb_sockets_add(&sockets, kind, "me", ops, NULL, &err);
}

static void refused(pdb_socket_kind kind, const void *ops, const char *why)
{
	cr_expect_eq(add(kind, ops), PDB_EABI);
	cr_expect_not_null(strstr(err.text, why), "\"%s\" is not in \"%s\"", why, err.text);
	cr_expect_eq(sockets.lists[kind].count, 0u);
}

Test(sockets, take_one_of_each)
{
	cr_expect_eq(add(PDB_SOCKET_GATE, &gate), PDB_OK);
	cr_expect_eq(add(PDB_SOCKET_ROUTE, &route), PDB_OK);
	cr_expect_eq(add(PDB_SOCKET_RECORD, &hook), PDB_OK);
	cr_expect_eq(add(PDB_SOCKET_LISTENER, &listener), PDB_OK);
	cr_expect_eq(add(PDB_SOCKET_JOB, &job), PDB_OK);
	for (size_t kind = 0; kind < PDB_SOCKET_COUNT; kind++) {
		cr_expect_eq(sockets.lists[kind].count, 1u);
		cr_expect_str_eq(sockets.lists[kind].entries[0].owner, "me");
	}
}

Test(sockets, refuse_short_tables)
{
	gate.size = offsetof(pdb_gate, decorate);
	refused(PDB_SOCKET_GATE, &gate, "the table of a gate gives its size as");
	route.size = 8;
	refused(PDB_SOCKET_ROUTE, &route, "the table of a route gives its size as");
	hook.size = 0;
	refused(PDB_SOCKET_RECORD, &hook, "the table of a record hook gives its size as");
	listener.size = 1;
	refused(PDB_SOCKET_LISTENER, &listener, "the table of a listener gives its size as");
	job.size = 16;
	refused(PDB_SOCKET_JOB, &job, "the table of a job gives its size as");
	refused(PDB_SOCKET_JOB, NULL, "no table");
}

Test(sockets, take_a_gate_as_long_as_the_first_version_had_it)
{
	gate.size = offsetof(pdb_gate, leave);
	cr_expect_eq(add(PDB_SOCKET_GATE, &gate), PDB_OK);
}

Test(sockets, refuse_missing_callbacks)
{
	gate.enter = NULL;
	refused(PDB_SOCKET_GATE, &gate, "gate g has no enter()");
	route.handle = NULL;
	refused(PDB_SOCKET_ROUTE, &route, "route /a/{b} has no handle()");
	listener.told = NULL;
	refused(PDB_SOCKET_LISTENER, &listener, "listener l has no told()");
	job.step = NULL;
	refused(PDB_SOCKET_JOB, &job, "job j-1.x has no step()");
}

Test(sockets, refuse_names_that_need_escaping)
{
	const char *const bad[] = {NULL, "", "A", "1", "a b", "a:b", "a/b", "a\n"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		job.name = bad[i];
		refused(PDB_SOCKET_JOB, &job, "a job needs a name");
	}
}

Test(sockets, refuse_an_unknown_phase_and_a_negative_period)
{
	gate.phase = (pdb_phase)1;
	refused(PDB_SOCKET_GATE, &gate, "unknown phase 1");
	job.period = -1;
	refused(PDB_SOCKET_JOB, &job, "negative period");
}

Test(sockets, refuse_routes_for_nobody_or_for_mixed_roles)
{
	route.roles = 0;
	refused(PDB_SOCKET_ROUTE, &route, "no role that may call it");
	route.roles = PDB_ROLES_PUBLIC | PDB_ROLE_ADMIN;
	refused(PDB_SOCKET_ROUTE, &route, "mixes public with roles");
	route.roles = 0x10;
	refused(PDB_SOCKET_ROUTE, &route, "unknown role");
}

Test(sockets, refuse_admin_routes_for_others)
{
	static const uint32_t others[] = {PDB_ROLES_PUBLIC, PDB_ROLE_BACKEND, PDB_ROLES_ALL,
					  PDB_ROLE_ADMIN | PDB_ROLE_BACKEND};
	static const char *const under[] = {"/admin", "/admin/", "/admin/x/{y}"};
	pdb_route other;

	for (size_t i = 0; i < 4; i++) {
		route.roles = others[i];
		for (size_t j = 0; j < 3; j++) {
			route.pattern = under[j];
			refused(PDB_SOCKET_ROUTE, &route, "for the role admin alone");
		}
	}
	other = route;
	other.pattern = "/administer";
	cr_expect_eq(add(PDB_SOCKET_ROUTE, &other), PDB_OK);
	route.pattern = "/admin/x";
	route.roles = PDB_ROLE_ADMIN;
	cr_expect_eq(add(PDB_SOCKET_ROUTE, &route), PDB_OK);
}

Test(sockets, refuse_routes_with_odd_methods_flags_or_patterns)
{
	route.method = (pdb_method)(PDB_METHOD_GET | PDB_METHOD_PUT);
	refused(PDB_SOCKET_ROUTE, &route, "one known method");
	route.method = (pdb_method)0;
	refused(PDB_SOCKET_ROUTE, &route, "one known method");
	route.method = PDB_METHOD_GET;
	route.flags = 0x8;
	refused(PDB_SOCKET_ROUTE, &route, "unknown flags");
	route.flags = 0;
	route.pattern = "/a//b";
	refused(PDB_SOCKET_ROUTE, &route, "has an empty segment");
}

Test(sockets, refuse_hooks_with_odd_tags)
{
	memcpy(hook.tag, "AB\0\0", 5);
	refused(PDB_SOCKET_RECORD, &hook, "not four letters");
	memcpy(hook.tag, "AB1D", 5);
	refused(PDB_SOCKET_RECORD, &hook, "not four letters");
	memset(hook.tag, 0, sizeof(hook.tag));
	hook.out = on_record;
	refused(PDB_SOCKET_RECORD, &hook, "out() but no tag");
	hook.out = NULL;
	cr_expect_eq(add(PDB_SOCKET_RECORD, &hook), PDB_OK);
}

Test(sockets, refuse_a_name_that_is_taken)
{
	pdb_gate other = gate;

	cr_assert_eq(add(PDB_SOCKET_GATE, &gate), PDB_OK);
	cr_expect_eq(add(PDB_SOCKET_GATE, &other), PDB_EEXISTS);
	cr_expect_str_eq(err.text, "g is already taken by me");
	other.name = "g2";
	cr_expect_eq(add(PDB_SOCKET_GATE, &other), PDB_OK);
}

Test(sockets, refuse_a_route_of_the_same_shape)
{
	pdb_route other = route;

	other.pattern = "/a/{c}";
	cr_assert_eq(add(PDB_SOCKET_ROUTE, &route), PDB_OK);
	cr_expect_eq(add(PDB_SOCKET_ROUTE, &other), PDB_EEXISTS);
	other.method = PDB_METHOD_PUT;
	cr_expect_eq(add(PDB_SOCKET_ROUTE, &other), PDB_OK);
}

Test(sockets, refuse_a_tag_that_is_taken)
{
	pdb_record_hook other = hook;

	other.name = "h2";
	cr_assert_eq(add(PDB_SOCKET_RECORD, &hook), PDB_OK);
	cr_expect_eq(add(PDB_SOCKET_RECORD, &other), PDB_EEXISTS);
	cr_expect_str_eq(err.text, "the attachments HOOK already belong to me");
}

Test(sockets, keep_gates_in_order_of_phase_then_of_registration)
{
	static const pdb_phase phases[] = {PDB_PHASE_RATE,    PDB_PHASE_ORIGIN, PDB_PHASE_IDENTITY,
					   PDB_PHASE_ORIGIN,  PDB_PHASE_RATE,   PDB_PHASE_GUARD,
					   PDB_PHASE_ADDRESS, PDB_PHASE_TRACE};
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
	static const char *const order[] = {"h", "b", "d", "g", "f", "c", "a", "e"};
	pdb_gate gates[8];

	for (size_t i = 0; i < 8; i++) {
		gates[i] = gate;
		gates[i].phase = phases[i];
		gates[i].name = names[i];
		cr_assert_eq(add(PDB_SOCKET_GATE, &gates[i]), PDB_OK);
	}
	for (size_t i = 0; i < 8; i++) {
		const pdb_gate *at = sockets.lists[PDB_SOCKET_GATE].entries[i].ops;

		cr_expect_str_eq(at->name, order[i]);
	}
}

Test(sockets, keep_hooks_in_rising_order)
{
	static const int32_t orders[] = {900, -7, 100};
	static const char *const names[] = {"a", "b", "c"};
	pdb_record_hook hooks[3];
	int32_t last = INT32_MIN;

	for (size_t i = 0; i < 3; i++) {
		hooks[i] = hook;
		memset(hooks[i].tag, 0, sizeof(hooks[i].tag));
		hooks[i].order = orders[i];
		hooks[i].name = names[i];
		cr_assert_eq(add(PDB_SOCKET_RECORD, &hooks[i]), PDB_OK);
	}
	for (size_t i = 0; i < 3; i++) {
		const pdb_record_hook *at = sockets.lists[PDB_SOCKET_RECORD].entries[i].ops;

		cr_expect_gt(at->order, last);
		last = at->order;
	}
}

Test(sockets, stay_as_they_were_without_memory)
{
	pdb_mem_fail(1, false);
	cr_expect_eq(add(PDB_SOCKET_JOB, &job), PDB_ENOMEM);
	pdb_mem_fail(0, false);
	cr_expect_eq(sockets.lists[PDB_SOCKET_JOB].count, 0u);
	cr_expect_eq(add(PDB_SOCKET_JOB, &job), PDB_OK);
}

Test(sockets, take_registrations_only_inside_init)
{
	cr_expect_eq(pdb_host_add_job(NULL, &job, NULL, &err), PDB_EABI);
	cr_expect_str_eq(err.text, "a plugin can register only in its init()");
}
