/* SPDX-License-Identifier: Apache-2.0 */
/* A user's data written out: its threads, what it wrote, in every version, and its reactions. */
#include <stdlib.h>

#include "exports.h"
#include "person.h"

#define PIECE     64u                  /* messages between two looks at the clock */
#define STEP_TIME INT64_C(50000000)    /* nanoseconds */
#define STEP_SIZE (4u * 1024u * 1024u) /* bytes */

/* -- the state of a run ------------------------------------------------------------------------ */

/* The walk is that of an erasure. */
typedef struct exporting {
	const admin *self;
	pdb_slice user;
	bool found; /* `thread` is to be done next */
	bool ended;
	bool member; /* the user wrote `thread` or takes part: its reactions count too */
	bool told;   /* the line of the thread is written */
	bool more;   /* in the thread */
	char walked[PDB_CURSOR_SIZE];
	char thread[ADMIN_ID_MAX + 1];
	char inner[PDB_CURSOR_SIZE];
	exports_place place; /* of the file, as far as it counts */
	uint64_t threads;
	uint64_t messages;
	uint64_t reactions;
	FILE *out; /* what this step adds */
	pdb_err *err;
} exporting;

static void load(exporting *e, const json_t *state)
{
	person_load_text(state, "walked", e->walked, sizeof(e->walked));
	person_load_text(state, "thread", e->thread, sizeof(e->thread));
	person_load_text(state, "inner", e->inner, sizeof(e->inner));
	e->found = e->thread[0] != '\0';
	e->member = json_is_true(json_object_get(state, "member"));
	e->told = json_is_true(json_object_get(state, "told"));
	e->place.size = person_load_number(state, "size");
	e->place.stored = person_load_number(state, "stored");
	e->threads = person_load_number(state, "threads");
	e->messages = person_load_number(state, "messages");
	e->reactions = person_load_number(state, "reactions");
}

static json_t *result_of(const exporting *e)
{
	return json_pack("{s:I,s:I,s:I,s:I}", "threads", (json_int_t)e->threads, "messages",
			 (json_int_t)e->messages, "reactions", (json_int_t)e->reactions, "size",
			 (json_int_t)e->place.size);
}

static json_t *state_of(const exporting *e)
{
	json_t *state = result_of(e);

	(void)json_object_set_new(state, "stored", json_integer((json_int_t)e->place.stored));
	(void)json_object_set_new(state, "walked", json_string(e->walked));
	(void)json_object_set_new(state, "thread", json_string(e->thread));
	(void)json_object_set_new(state, "inner", json_string(e->inner));
	(void)json_object_set_new(state, "member", json_boolean(e->member));
	(void)json_object_set_new(state, "told", json_boolean(e->told));
	return state;
}

/* -- JSON as it is stored ---------------------------------------------------------------------- */

/* True for a JSON string that means `text`. */
static bool says(const admin *self, pdb_slice json, pdb_slice text)
{
	return json.len >= 2 && json.ptr[0] == '"' &&
	       self->host->json->key_is(pdb_slice_of(json.ptr + 1, json.len - 2), text);
}

static bool member(const admin *self, pdb_slice object, const char *name, pdb_slice *out)
{
	size_t cursor = 0;
	pdb_slice key;

	while (self->host->json->next(object, &cursor, &key, out)) {
		if (key.ptr != NULL && self->host->json->key_is(key, pdb_slice_text(name))) {
			return true;
		}
	}
	return false;
}

static bool takes_part(const exporting *e, pdb_slice thread)
{
	pdb_slice list;
	pdb_slice one;
	pdb_slice key;
	size_t cursor = 0;

	if (member(e->self, thread, "author", &one) && says(e->self, one, e->user)) {
		return true;
	}
	while (member(e->self, thread, "participants", &list) &&
	       e->self->host->json->next(list, &cursor, &key, &one)) {
		if (says(e->self, one, e->user)) {
			return true;
		}
	}
	return false;
}

/* -- lines ------------------------------------------------------------------------------------- */

static void put(exporting *e, const char *before, pdb_slice json, const char *after)
{
	(void)fputs(before, e->out);
	(void)fwrite(json.ptr, 1, json.len, e->out);
	(void)fputs(after, e->out);
}

static pdb_status take_thread_text(void *arg, pdb_slice json)
{
	exporting *e = arg;

	e->member = takes_part(e, json);
	if (e->member) {
		put(e, "{\"type\":\"thread\",\"thread\":", json, "}\n");
		e->threads++;
	}
	return PDB_OK;
}

/* The user's reaction to the last version, if there is one. */
static void put_reaction(exporting *e, pdb_slice message)
{
	size_t cursor = 0;
	pdb_slice list;
	pdb_slice entry;
	pdb_slice key;
	pdb_slice part;

	while (member(e->self, message, "reactions", &list) &&
	       e->self->host->json->next(list, &cursor, &key, &entry)) {
		if (!member(e->self, entry, "id", &part) || !says(e->self, part, e->user)) {
			continue;
		}
		(void)member(e->self, message, "thread", &part);
		put(e, "{\"type\":\"reaction\",\"thread\":", part, "");
		(void)member(e->self, message, "id", &part);
		put(e, ",\"message\":", part, "");
		(void)member(e->self, entry, "reaction", &part);
		put(e, ",\"reaction\":", part, "}\n");
		e->reactions++;
	}
}

static pdb_status take_versions(void *arg, pdb_slice json)
{
	exporting *e = arg;
	size_t cursor = 0;
	pdb_slice key;
	pdb_slice one;
	pdb_slice last = {0};
	pdb_slice author;

	while (e->self->host->json->next(json, &cursor, &key, &one)) {
		last = one;
	}
	if (member(e->self, last, "author", &author) && says(e->self, author, e->user)) {
		put(e, "{\"type\":\"message\",\"versions\":", json, "}\n");
		e->messages++;
	}
	put_reaction(e, last);
	return PDB_OK;
}

static pdb_status take_message(void *arg, const pdb_message_view *view)
{
	exporting *e = arg;
	pdb_status status = PDB_OK;

	e->more = true;
	(void)snprintf(e->inner, sizeof(e->inner), "%.*s", PDB_SLICE_ARGS(view->cursor));
	if (e->member || pdb_slice_equal(view->author, e->user)) {
		status = e->self->host->domain->show_versions(pdb_slice_text(e->thread), view->id,
							      take_versions, e, e->err);
	}
	return status == PDB_ENOTFOUND ? PDB_OK : status;
}

/* -- steps ------------------------------------------------------------------------------------- */

static pdb_status take_thread(void *arg, const pdb_thread_view *view)
{
	exporting *e = arg;

	(void)snprintf(e->walked, sizeof(e->walked), "%.*s", PDB_SLICE_ARGS(view->cursor));
	(void)snprintf(e->thread, sizeof(e->thread), "%.*s", PDB_SLICE_ARGS(view->id));
	e->inner[0] = '\0';
	e->told = false;
	e->found = true;
	return PDB_ESTOP;
}

static pdb_status advance(exporting *e, pdb_err *err)
{
	const pdb_host_domain *domain = e->self->host->domain;
	pdb_status status = PDB_OK;

	if (!e->found) {
		status = domain->threads_touched(e->user, pdb_slice_text(e->walked), 1, take_thread,
						 e, err);
	}
	e->ended = status == PDB_OK && !e->found;
	if (status != PDB_OK || e->ended) {
		return status;
	}
	if (!e->told) {
		status = domain->show_thread(pdb_slice_text(e->thread), take_thread_text, e, err);
		e->told = true;
	}
	e->more = false;
	if (status == PDB_OK) {
		status = domain->messages(pdb_slice_text(e->thread), pdb_slice_text(e->inner),
					  PIECE, take_message, e, err);
	}
	e->found = e->more && status == PDB_OK;
	if (!e->found) {
		e->thread[0] = '\0';
	}
	return status == PDB_ENOTFOUND ? PDB_OK : status;
}

static pdb_status write_a_while(exporting *e, const pdb_job_run *run, pdb_err *err)
{
	const pdb_host *host = e->self->host;
	int64_t until = host->monotonic() + STEP_TIME;
	pdb_status status;

	do {
		status = advance(e, err);
	} while (status == PDB_OK && !e->ended && host->monotonic() < until &&
		 ftello(e->out) < (off_t)STEP_SIZE && !host->jobs->stopping(run));
	return status;
}

/* Gathers the lines of a step in memory, and appends them where the last saved step ended. */
static pdb_status write_step(exporting *e, pdb_job_run *run, pdb_err *err)
{
	const pdb_host *host = e->self->host;
	char *text = NULL;
	size_t len = 0;
	pdb_status status;

	e->err = err;
	e->out = open_memstream(&text, &len);
	if (e->out == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for lines");
	}
	status = write_a_while(e, run, err);
	if (fclose(e->out) != 0 && status == PDB_OK) {
		status = pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for lines");
	}
	if (status == PDB_OK) {
		status = exports_append(e->self, host->jobs->id(run), &e->place,
					pdb_slice_of(text, len), err);
	}
	free(text);
	return status;
}

static pdb_status step(void *state, pdb_job_run *run, pdb_err *err)
{
	exporting e = {.self = state};
	person p;
	pdb_status status = person_open(&p, state, run, err);

	if (status == PDB_OK) {
		e.user = p.user;
		load(&e, p.state);
		status = write_step(&e, run, err);
	}
	if (status == PDB_OK) {
		e.self->host->job_progress(run, e.threads + e.messages + e.reactions, 0);
		status = person_save(&p, run, state_of(&e), result_of(&e), err);
	}
	if (status == PDB_OK && e.ended) {
		status = person_end(&p, run, "user_exported", result_of(&e), err);
	}
	person_close(&p);
	return status;
}

const pdb_job admin_export_job = {
	.size = sizeof(pdb_job),
	.name = "export-user",
	.step = step,
};

pdb_status admin_export_user(void *state, pdb_request *request, pdb_err *err)
{
	return person_submit(state, request, admin_export_job.name, err);
}
