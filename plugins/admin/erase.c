/* SPDX-License-Identifier: Apache-2.0 */
/* A user's data erased: its own threads, and what it wrote and how it reacted everywhere else. */
#include "person.h"

#define PIECE     200u /* messages between two looks at the clock */
#define STEP_TIME INT64_C(50000000)

/* -- the state of a run ------------------------------------------------------------------------ */

/* Who has left a thread may still have messages in it: the walk goes where the user ever was. */
typedef struct erasing {
	const admin *self;
	pdb_slice user;
	bool found; /* `thread` is to be done next */
	bool own;
	bool ended;                   /* no thread is left */
	char walked[PDB_CURSOR_SIZE]; /* of the walk over threads, that of `thread` included */
	char thread[ADMIN_ID_MAX + 1];
	char inner[PDB_CURSOR_SIZE]; /* within `thread` */
	uint64_t threads;            /* purged */
	uint64_t messages;           /* purged, or without the user's reaction now */
	uint64_t held;               /* threads of the user under legal hold, left as they are */
} erasing;

static void load(erasing *e, const json_t *state)
{
	person_load_text(state, "walked", e->walked, sizeof(e->walked));
	person_load_text(state, "thread", e->thread, sizeof(e->thread));
	person_load_text(state, "inner", e->inner, sizeof(e->inner));
	e->found = e->thread[0] != '\0';
	e->own = json_is_true(json_object_get(state, "own"));
	e->threads = person_load_number(state, "threads");
	e->messages = person_load_number(state, "messages");
	e->held = person_load_number(state, "held");
}

static json_t *result_of(const erasing *e)
{
	return json_pack("{s:I,s:I,s:I}", "threads", (json_int_t)e->threads, "messages",
			 (json_int_t)e->messages, "held", (json_int_t)e->held);
}

static json_t *state_of(const erasing *e)
{
	json_t *state = result_of(e);

	(void)json_object_set_new(state, "walked", json_string(e->walked));
	(void)json_object_set_new(state, "thread", json_string(e->thread));
	(void)json_object_set_new(state, "inner", json_string(e->inner));
	(void)json_object_set_new(state, "own", json_boolean(e->own));
	return state;
}

/* -- steps ------------------------------------------------------------------------------------- */

static pdb_status take_thread(void *arg, const pdb_thread_view *view)
{
	erasing *e = arg;

	(void)snprintf(e->walked, sizeof(e->walked), "%.*s", PDB_SLICE_ARGS(view->cursor));
	(void)snprintf(e->thread, sizeof(e->thread), "%.*s", PDB_SLICE_ARGS(view->id));
	e->inner[0] = '\0';
	e->own = pdb_slice_equal(view->author, e->user);
	e->found = true;
	return PDB_ESTOP;
}

/* A piece of the thread; *more says that it is not done. */
static pdb_status work(erasing *e, bool *more, pdb_err *err)
{
	const pdb_host_domain *domain = e->self->host->domain;
	pdb_slice thread = pdb_slice_text(e->thread);
	pdb_piece piece;
	pdb_status status;

	if (e->own) {
		status = domain->purge_thread(thread, 0, PIECE, more, err);
		e->threads += status == PDB_OK && !*more;
		return status;
	}
	status = domain->erase_user(thread, e->user, pdb_slice_text(e->inner), PIECE, &piece, err);
	*more = status == PDB_OK && piece.more;
	if (status == PDB_OK) {
		e->messages += piece.done;
		memcpy(e->inner, piece.cursor, sizeof(e->inner));
	}
	return status;
}

static pdb_status advance(erasing *e, pdb_err *err)
{
	bool more = false;
	pdb_status status = PDB_OK;

	if (!e->found) {
		status = e->self->host->domain->threads_touched(e->user, pdb_slice_text(e->walked),
								1, take_thread, e, err);
	}
	e->ended = status == PDB_OK && !e->found;
	if (status != PDB_OK || e->ended) {
		return status;
	}
	status = work(e, &more, err);
	e->held += status == PDB_EDENIED;
	/* held, or gone meanwhile */
	status = status == PDB_EDENIED || status == PDB_ENOTFOUND ? PDB_OK : status;
	if (status == PDB_OK && !more) {
		e->thread[0] = '\0';
		e->found = false;
	}
	return status;
}

static pdb_status work_a_while(erasing *e, const pdb_job_run *run, pdb_err *err)
{
	const pdb_host *host = e->self->host;
	int64_t until = host->monotonic() + STEP_TIME;
	pdb_status status;

	do {
		status = advance(e, err);
	} while (status == PDB_OK && !e->ended && host->monotonic() < until &&
		 !host->jobs->stopping(run));
	return status;
}

static pdb_status step(void *state, pdb_job_run *run, pdb_err *err)
{
	erasing e = {.self = state};
	person p;
	pdb_status status = person_open(&p, state, run, err);

	if (status == PDB_OK) {
		e.user = p.user;
		load(&e, p.state);
		status = work_a_while(&e, run, err);
	}
	if (status == PDB_OK) {
		e.self->host->job_progress(run, e.threads + e.messages, 0);
		status = person_save(&p, run, state_of(&e), result_of(&e), err);
	}
	if (status == PDB_OK && e.ended) {
		status = person_end(&p, run, "user_erased", result_of(&e), err);
	}
	person_close(&p);
	return status;
}

const pdb_job admin_erase_job = {
	.size = sizeof(pdb_job),
	.name = "erase-user",
	.step = step,
};

pdb_status admin_erase_user(void *state, pdb_request *request, pdb_err *err)
{
	return person_submit(state, request, admin_erase_job.name, err);
}
