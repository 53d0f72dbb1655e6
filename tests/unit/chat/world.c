/* SPDX-License-Identifier: Apache-2.0 */
/* A domain over the memory backend, for tests; its storage can be told to fail. */
#include "world.h"

#include <pdb/pdb.h>
#include <sched.h>

#include "base/host.h"

extern const pdb_manifest pdb_plugin_manifest_memory;

world_faults faults;
static _Atomic unsigned commits;
static const pdb_storage_ops *inner;

static const pdb_host host = {
	PDB_HOST_BASE,
	.record_thread = pdb_record_thread,
	.record_message = pdb_record_message,
	.record_author = pdb_record_author,
	.record_role = pdb_record_role,
	.record_version = pdb_record_version,
	.record_body = pdb_record_body,
	.record_set_body = pdb_record_set_body,
	.record_make_body = pdb_record_make_body,
	.record_attachment = pdb_record_attachment,
	.record_set_attachment = pdb_record_set_attachment,
	.record_make_attachment = pdb_record_make_attachment,
	.record_may_block = pdb_record_may_block,
	.record_thread_note = pdb_record_thread_note,
	.record_set_thread_note = pdb_record_set_thread_note,
};

static bool due(const _Atomic unsigned *every, unsigned number)
{
	unsigned n = atomic_load(every);

	return n > 0 && number % n == 0;
}

static pdb_status faulty_commit(void **txn, pdb_err *err)
{
	unsigned number = atomic_fetch_add(&commits, 1) + 1;
	pdb_status status;

	if (due(&faults.conflict_every, number)) {
		inner->abort(txn);
		return pdb_err_set(err, PDB_ECONFLICT, NULL, "conflict by order");
	}
	if (due(&faults.lose_every, number)) {
		inner->abort(txn);
		return pdb_err_set(err, PDB_EUNCERTAIN, NULL, "lost by order");
	}
	status = inner->commit(txn, err);
	if (status == PDB_OK && due(&faults.keep_every, number)) {
		return pdb_err_set(err, PDB_EUNCERTAIN, NULL, "kept by order");
	}
	return status;
}

void world_faults_end(void)
{
	atomic_store(&faults.conflict_every, 0);
	atomic_store(&faults.lose_every, 0);
	atomic_store(&faults.keep_every, 0);
}

static pdb_status faulty_sync(void *db, pdb_err *err)
{
	while (atomic_load(&faults.hold_sync)) {
		(void)sched_yield();
	}
	return inner->sync(db, err);
}

static pdb_storage_ops faulty;
static uint32_t more_capabilities;

void world_storage_blocks(void)
{
	more_capabilities = PDB_STORAGE_BLOCKING;
}

static void chat_open(world *w)
{
	cr_assert_eq(pdb_chat_create(&w->chat, w->store, &w->sockets, &w->settings, &w->err),
		     PDB_OK, "%s", w->err.text);
}

/* The calls once: the threads of another world's store may be reading them. */
static void storage_make(void)
{
	if (inner == NULL) {
		inner = pdb_plugin_manifest_memory.ops;
		faulty = *inner;
		faulty.commit = faulty_commit;
		faulty.sync = faulty_sync;
	}
	faulty.capabilities = inner->capabilities | more_capabilities;
}

void world_open(world *w)
{
	static const char *const roles[] = {"user", "assistant"};
	const pdb_storage_params params = {.size = sizeof(params), .host = &host};
	const pdb_store_settings settings = {.directory = "/nonexistent"};

	storage_make();
	w->settings = (pdb_chat_settings){.title_max = 200,
					  .attributes_max = 8192,
					  .participants_max = 1000,
					  .reactions_max = 5,
					  .batch_max = 1000,
					  .page_max = 1000,
					  .page_default = 100,
					  .frontend_roles = {roles, 2}};
	cr_assert_eq(pdb_store_open(&w->store, &faulty, &params, &settings, &w->err), PDB_OK, "%s",
		     w->err.text);
	chat_open(w);
}

void world_close(world *w)
{
	/* A test that failed in between must end, not wait for a sync. */
	atomic_store(&faults.hold_sync, false);
	pdb_chat_destroy(&w->chat);
	pdb_store_close(&w->store);
	pdb_sockets_fini(&w->sockets);
	pdb_buf_fini(&w->out);
}

void world_reopen(world *w)
{
	pdb_chat_destroy(&w->chat);
	chat_open(w);
}

static pdb_caller caller(pdb_role role, const char *author)
{
	return (pdb_caller){.role = role, .author = pdb_slice_text(author), .may_block = true};
}

pdb_caller front(const char *author)
{
	return caller(PDB_ROLE_FRONTEND, author);
}

pdb_caller back(const char *author)
{
	return caller(PDB_ROLE_BACKEND, author);
}

pdb_caller admin(const char *author)
{
	return caller(PDB_ROLE_ADMIN, author);
}

void clear_answer(world *w)
{
	pdb_buf_clear(&w->out);
	memset(&w->err, 0, sizeof(w->err));
	memset(&w->outcome, 0, sizeof(w->outcome));
}

void end_answer(world *w)
{
	pdb_buf_add_byte(&w->out, '\0');
}

const char *answer(const world *w)
{
	return (const char *)w->out.data;
}

bool answer_has(const world *w, const char *part)
{
	return strstr(answer(w), part) != NULL;
}

static pdb_status done(world *w, pdb_status status)
{
	cr_assert(status == PDB_OK || w->out.len == 0, "a failed call left an answer");
	end_answer(w);
	return status;
}

static pdb_message_ref ref_of(const char *thread, const char *id)
{
	return (pdb_message_ref){pdb_slice_text(thread), pdb_slice_text(id)};
}

pdb_status make_thread(world *w, pdb_caller who, const char *id)
{
	const pdb_thread_input input = {.id = pdb_slice_text(id)};

	clear_answer(w);
	return done(w,
		    pdb_chat_thread_create(w->chat, &who, &input, &w->out, &w->outcome, &w->err));
}

pdb_status get_thread(world *w, pdb_caller who, const char *id)
{
	clear_answer(w);
	return done(w, pdb_chat_thread_get(w->chat, &who, pdb_slice_text(id), false, &w->out,
					   &w->outcome, &w->err));
}

pdb_status post(world *w, pdb_caller who, const char *thread, const char *id, const char *body)
{
	const pdb_message_input input = {.id = pdb_slice_text(id), .body = pdb_slice_text(body)};

	clear_answer(w);
	return done(w, pdb_chat_append(w->chat, &who, pdb_slice_text(thread), &input, 1, &w->out,
				       &w->outcome, &w->err));
}

pdb_status get(world *w, pdb_caller who, const char *thread, const char *id)
{
	const pdb_message_ref ref = ref_of(thread, id);

	clear_answer(w);
	return done(
		w, pdb_chat_message_get(w->chat, &who, &ref, false, &w->out, &w->outcome, &w->err));
}

pdb_status edit(world *w, pdb_caller who, const char *thread, const char *id, const char *body)
{
	const pdb_message_ref ref = ref_of(thread, id);
	const pdb_message_input input = {.body = pdb_slice_text(body)};

	clear_answer(w);
	return done(w, pdb_chat_message_edit(w->chat, &who, &ref, &input, 0, &w->out, &w->outcome,
					     &w->err));
}

pdb_status erase(world *w, pdb_caller who, const char *thread, const char *id)
{
	const pdb_message_ref ref = ref_of(thread, id);

	clear_answer(w);
	return done(w, pdb_chat_message_delete(w->chat, &who, &ref, 0, &w->outcome, &w->err));
}

pdb_status restore(world *w, pdb_caller who, const char *thread, const char *id, uint32_t version)
{
	const pdb_message_ref ref = ref_of(thread, id);

	clear_answer(w);
	return done(w, pdb_chat_message_restore(w->chat, &who, &ref, version, &w->out, &w->outcome,
						&w->err));
}

pdb_status versions(world *w, pdb_caller who, const char *thread, const char *id)
{
	const pdb_message_ref ref = ref_of(thread, id);

	clear_answer(w);
	return done(w,
		    pdb_chat_message_versions(w->chat, &who, &ref, &w->out, &w->outcome, &w->err));
}

pdb_status react(world *w, pdb_caller who, const char *thread, const char *id, const char *identity,
		 const char *reaction)
{
	const pdb_message_ref ref = ref_of(thread, id);

	clear_answer(w);
	if (reaction == NULL) {
		return done(w,
			    pdb_chat_reaction_remove(w->chat, &who, &ref, pdb_slice_text(identity),
						     &w->outcome, &w->err));
	}
	return done(w,
		    pdb_chat_reaction_set(w->chat, &who, &ref, pdb_slice_text(identity),
					  pdb_slice_text(reaction), &w->out, &w->outcome, &w->err));
}

pdb_status threads(world *w, pdb_caller who, const pdb_thread_query *query, pdb_thread_page *result)
{
	clear_answer(w);
	return done(w, pdb_chat_thread_list(w->chat, &who, query, &w->out, result, &w->outcome,
					    &w->err));
}

pdb_status page(world *w, pdb_caller who, const char *thread, pdb_anchor anchor, const char *at,
		uint32_t limit, pdb_message_page *result)
{
	const pdb_message_query query = {.thread = pdb_slice_text(thread),
					 .anchor = anchor,
					 .at = pdb_slice_text(at),
					 .limit = limit};

	clear_answer(w);
	return done(w, pdb_chat_message_page(w->chat, &who, &query, &w->out, result, &w->outcome,
					     &w->err));
}

void catch_up_all(world *w)
{
	bool more = true;

	while (more) {
		cr_assert_eq(pdb__crowd_step(w->chat, &more, &w->err), PDB_OK, "%s", w->err.text);
	}
}

static void print_fault(void *arg, const char *line)
{
	(void)arg;
	(void)fprintf(stderr, "fault: %s\n", line);
}

uint64_t check_all(world *w)
{
	pdb_check_report report;

	cr_assert_eq(pdb_chat_check(w->chat, print_fault, NULL, &report, &w->err), PDB_OK, "%s",
		     w->err.text);
	return report.faults;
}
