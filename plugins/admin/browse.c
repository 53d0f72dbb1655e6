/* SPDX-License-Identifier: Apache-2.0 */
/* Threads and users, as an operator looks at them: who, how many, since when; never what. */
#include "admin_private.h"

/* A walk looks at so many at once; see pdb/domain.h. */
#define CHUNK 128u

/* -- threads ----------------------------------------------------------------------------------- */

static json_t *thread_of(const pdb_thread_view *view)
{
	json_t *one = json_object();

	(void)json_object_set_new(one, "id", call_text(view->id));
	(void)json_object_set_new(one, "author", call_text(view->author));
	(void)json_object_set_new(one, "created_ts", json_integer(view->created_ts));
	(void)json_object_set_new(one, "last_ts", json_integer(view->last_ts));
	(void)json_object_set_new(one, "last_seq", json_integer((json_int_t)view->last_seq));
	(void)json_object_set_new(one, "message_count",
				  json_integer((json_int_t)view->message_count));
	if (view->deleted) {
		(void)json_object_set_new(one, "deleted", json_true());
		(void)json_object_set_new(one, "deleted_ts", json_integer(view->deleted_ts));
	}
	if (view->held) {
		(void)json_object_set_new(one, "legal_hold", json_true());
	}
	return one;
}

typedef struct page {
	json_t *items;
	size_t limit;
	bool more;
	bool any; /* the last chunk had something */
	char cursor[PDB_CURSOR_SIZE];
} page;

static pdb_status take_thread(void *arg, const pdb_thread_view *view)
{
	page *p = arg;

	p->any = true;
	p->more = json_array_size(p->items) == p->limit;
	if (p->more) {
		return PDB_ESTOP;
	}
	(void)snprintf(p->cursor, sizeof(p->cursor), "%.*s", PDB_SLICE_ARGS(view->cursor));
	return json_array_append_new(p->items, thread_of(view)) == 0 ? PDB_OK : PDB_ENOMEM;
}

/* Of one user, or all when `user` is empty. */
static pdb_status walk(const admin *self, pdb_slice user, page *p, pdb_err *err)
{
	const pdb_host_domain *domain = self->host->domain;
	pdb_status status = PDB_OK;

	do {
		pdb_slice after = pdb_slice_text(p->cursor);

		p->any = false;
		status = user.len > 0 ? domain->threads_of(user, after, CHUNK, take_thread, p, err)
				      : domain->latest(after, CHUNK, take_thread, p, err);
	} while (status == PDB_OK && p->any && !p->more);
	return status;
}

static pdb_status list_threads(const admin *self, pdb_request *request, pdb_slice user,
			       pdb_err *err)
{
	page p = {.items = json_array()};
	pdb_slice cursor;
	pdb_status status = admin_limit(self, request, &p.limit, err);

	if (status == PDB_OK) {
		status = admin_query(self, request, "cursor", &cursor, err);
	}
	if (status == PDB_OK && cursor.len >= sizeof(p.cursor)) {
		status = pdb_err_set(err, PDB_EINVAL, "invalid_cursor",
				     "The cursor is not one of this list.");
	}
	if (status == PDB_OK) {
		(void)snprintf(p.cursor, sizeof(p.cursor), "%.*s", PDB_SLICE_ARGS(cursor));
		status = walk(self, user, &p, err);
	}
	if (status != PDB_OK) {
		json_decref(p.items);
		return status;
	}
	return admin_reply_page(self, request, "threads", p.items, p.more ? p.cursor : NULL, err);
}

pdb_status admin_threads(void *state, pdb_request *request, pdb_err *err)
{
	return list_threads(state, request, pdb_slice_of(NULL, 0), err);
}

pdb_status admin_user_threads(void *state, pdb_request *request, pdb_err *err)
{
	pdb_slice user;
	pdb_status status = admin_user(state, request, &user, err);

	return status == PDB_OK ? list_threads(state, request, user, err) : status;
}

static pdb_status take_one(void *arg, const pdb_thread_view *view, pdb_slice note)
{
	(void)note;
	*(json_t **)arg = thread_of(view);
	return PDB_OK;
}

pdb_status admin_thread(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	json_t *one = NULL;
	pdb_status status = self->host->domain->thread(self->host->request_param(request, "thread"),
						       "", take_one, &one, err);

	return status == PDB_OK ? call_reply(self->host, request, 200, one, err) : status;
}

/* -- users ------------------------------------------------------------------------------------- */

/* A row is "author:<user, percent-encoded>:<latest activity, falling, 20 digits>:<thread>". */
#define PREFIX      "author:"
#define PREFIX_LEN  (sizeof(PREFIX) - 1)
#define ENCODED_MAX (3u * ADMIN_USER_MAX)

typedef struct user_row {
	bool found;
	size_t len;
	char encoded[ENCODED_MAX + 1];
	int64_t last_ts;
} user_row;

static pdb_status take_user(void *arg, pdb_slice key, pdb_slice value)
{
	user_row *row = arg;
	pdb_slice rest = pdb_slice_skip(key, PREFIX_LEN);
	const uint8_t *end = rest.len > 0 ? memchr(rest.ptr, ':', rest.len) : NULL;
	uint64_t falling = 0;

	(void)value;
	row->len = end != NULL ? (size_t)(end - rest.ptr) : 0;
	if (end == NULL || row->len > ENCODED_MAX) {
		return PDB_ESTOP;
	}
	memcpy(row->encoded, rest.ptr, row->len);
	row->encoded[row->len] = '\0';
	for (size_t i = row->len + 1; i < rest.len && rest.ptr[i] != ':'; i++) {
		falling = 10 * falling + (uint64_t)(rest.ptr[i] - '0');
	}
	row->last_ts = (int64_t)(UINT64_MAX - falling);
	row->found = true;
	return PDB_ESTOP;
}

/* The first row of the first user behind `after`: ';' follows the ':' that ends a user. */
static pdb_status next_user(const admin *self, const char *after, user_row *row, pdb_err *err)
{
	char key[PREFIX_LEN + ENCODED_MAX + 2] = "";

	if (after[0] != '\0') {
		(void)snprintf(key, sizeof(key), PREFIX "%s;", after);
	}
	row->found = false;
	return self->host->control->keys(PDB_SLICE(PREFIX), pdb_slice_text(key), 1, take_user, row,
					 err);
}

static unsigned hex_value(char digit)
{
	return (unsigned)(digit <= '9' ? digit - '0' : digit - 'A' + 10);
}

static json_t *user_of(const user_row *row)
{
	char text[ENCODED_MAX + 1];
	size_t len = 0;
	json_t *one = json_object();

	for (size_t i = 0; i < row->len; i++) {
		if (row->encoded[i] == '%' && i + 2 < row->len) {
			text[len++] = (char)(hex_value(row->encoded[i + 1]) << 4 |
					     hex_value(row->encoded[i + 2]));
			i += 2;
		} else {
			text[len++] = row->encoded[i];
		}
	}
	(void)json_object_set_new(one, "id", call_text(pdb_slice_of(text, len)));
	(void)json_object_set_new(one, "last_ts", json_integer(row->last_ts));
	return one;
}

/* One step in the index for each user, however many threads it has. */
pdb_status admin_users(void *state, pdb_request *request, pdb_err *err)
{
	const admin *self = state;
	json_t *items = json_array();
	char after[ENCODED_MAX + 1] = "";
	user_row row = {.found = true};
	pdb_slice cursor;
	size_t limit;
	pdb_status status = admin_limit(self, request, &limit, err);

	if (status == PDB_OK) {
		status = admin_query(self, request, "cursor", &cursor, err);
	}
	if (status == PDB_OK && cursor.len > ENCODED_MAX) {
		status = pdb_err_set(err, PDB_EINVAL, "invalid_cursor",
				     "The cursor is not one of this list.");
	}
	if (status == PDB_OK) {
		(void)snprintf(after, sizeof(after), "%.*s", PDB_SLICE_ARGS(cursor));
		status = next_user(self, after, &row, err);
	}
	while (status == PDB_OK && row.found && json_array_size(items) < limit) {
		(void)json_array_append_new(items, user_of(&row));
		memcpy(after, row.encoded, sizeof(after));
		status = next_user(self, after, &row, err);
	}
	if (status != PDB_OK) {
		json_decref(items);
		return status;
	}
	return admin_reply_page(self, request, "users", items, row.found ? after : NULL, err);
}
