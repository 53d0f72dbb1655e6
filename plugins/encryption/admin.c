/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of operators: /admin/encryption/…. */
#include "calls.h"
#include "jobs.h"

#define THREADS_MAX 1000u

/* -- what comes and what goes ------------------------------------------------------------------ */

static pdb_status refuse(pdb_err *err, const char *field, const char *text)
{
	(void)pdb_err_set(err, PDB_EINVAL, "invalid_request", "%s", text);
	return pdb_err_at(err, "%s", field);
}

static bool is_thread(const json_t *id)
{
	return json_is_string(id) && json_string_length(id) > 0 &&
	       json_string_length(id) < PDB_KMS_THREAD_SIZE;
}

static pdb_status check_thread(const json_t *body, pdb_err *err)
{
	return is_thread(json_object_get(body, "thread_id"))
		       ? PDB_OK
		       : refuse(err, "/thread_id", "thread_id must be the id of a thread.");
}

/* {"thread_ids": [...]} or {"all": true}. */
static pdb_status check_threads(const json_t *body, pdb_err *err)
{
	const json_t *ids = json_object_get(body, "thread_ids");

	if (ids == NULL && json_is_true(json_object_get(body, "all"))) {
		return PDB_OK;
	}
	if (json_object_get(body, "all") != NULL || json_array_size(ids) == 0 ||
	    json_array_size(ids) > THREADS_MAX) {
		return refuse(err, "/thread_ids",
			      "Name 1 to 1,000 threads in thread_ids, or say \"all\": true.");
	}
	for (size_t i = 0; i < json_array_size(ids); i++) {
		if (!is_thread(json_array_get(ids, i))) {
			return refuse(err, "/thread_ids", "thread_ids holds ids of threads.");
		}
	}
	return PDB_OK;
}

/* -- jobs -------------------------------------------------------------------------------------- */

static pdb_status start_job(encryption *self, pdb_request *request, const char *job,
			    pdb_status (*check)(const json_t *, pdb_err *), pdb_err *err)
{
	json_t *body = NULL;
	pdb_status status = call_body(self->host, request, true, &body, err);

	if (status == PDB_OK) {
		status = check(body, err);
	}
	if (status == PDB_OK) {
		status = call_reply_job(self->host, request, job, json_incref(body), err);
	}
	json_decref(body);
	return status;
}

static pdb_status rotate_handle(void *state, pdb_request *request, pdb_err *err)
{
	return start_job(state, request, JOB_ROTATE, check_thread, err);
}

static pdb_status rewrap_handle(void *state, pdb_request *request, pdb_err *err)
{
	return start_job(state, request, JOB_REWRAP, check_threads, err);
}

static pdb_status convert_handle(void *state, pdb_request *request, pdb_err *err)
{
	return start_job(state, request, JOB_CONVERT, check_threads, err);
}

/* -- keys -------------------------------------------------------------------------------------- */

static pdb_status kek_handle(void *state, pdb_request *request, pdb_err *err)
{
	encryption *self = state;
	json_t *body = NULL;
	uint32_t version = 0;
	bool standby;
	pdb_status status = call_body(self->host, request, true, &body, err);

	standby = json_is_true(json_object_get(body, "standby"));
	json_decref(body);
	if (status == PDB_OK) {
		const char *actor = self->host->request_key(request);

		status = standby ? self->ops->add_kek(self->kms, actor, &version, err)
				 : self->ops->rotate_kek(self->kms, actor, &version, err);
	}
	return status == PDB_OK
		       ? call_reply(self->host, request, 200,
				    json_pack("{s:I,s:s}", "kek_version", (json_int_t)version,
					      "state", standby ? "standby" : "active"),
				    err)
		       : status;
}

static const char *shred_name(uint32_t state)
{
	static const char *const names[] = {"live", "logical", "final"};

	return state < 3 ? names[state] : "unknown";
}

static pdb_status reply_shred(const encryption *self, pdb_request *request, const char *id,
			      pdb_err *err)
{
	pdb_kms_shred shred = {.size = sizeof(shred)};
	pdb_status status = self->ops->shred_status(self->kms, id, &shred, err);

	if (status != PDB_OK) {
		return status;
	}
	return call_reply(
		self->host, request, 200,
		json_pack("{s:s,s:s,s:I,s:I,s:I}", "key_id", id, "state", shred_name(shred.state),
			  "kek_version", (json_int_t)shred.kek_version, "destroyed_ts",
			  (json_int_t)shred.destroyed, "final_ts", (json_int_t)shred.final),
		err);
}

pdb_status encryption_destroy(encryption *self, const char *id, const char *actor, pdb_err *err)
{
	pdb_status status = self->ops->destroy(self->kms, id, actor, err);

	if (status == PDB_OK || status == PDB_ENOTFOUND) {
		keycache_purge(self->cache, id);
		keeper_forget(self->keeper, id);
		bodycache_clear(self->bodies);
	}
	return status;
}

static pdb_status destroy_key(encryption *self, pdb_request *request, const json_t *body,
			      pdb_err *err)
{
	const json_t *thread = json_object_get(body, "thread_id");
	bool held = false;
	note n;
	pdb_status status = check_thread(body, err);

	if (status != PDB_OK) {
		return status;
	}
	if (!json_equal(thread, json_object_get(body, "confirm"))) {
		return refuse(err, "/confirm",
			      "Everything sealed in the thread is lost for ever; repeat its id in "
			      "confirm.");
	}
	status = encryption_note(
		self, pdb_slice_of(json_string_value(thread), json_string_length(thread)), &n,
		&held, err);
	if (held) {
		return pdb_err_set(err, PDB_EDENIED, "legal_hold",
				   "The thread is under legal hold.");
	}
	if (status == PDB_OK) {
		status = encryption_destroy(self, n.id, self->host->request_key(request), err);
	}
	return status == PDB_OK ? reply_shred(self, request, n.id, err) : status;
}

static pdb_status destroy_handle(void *state, pdb_request *request, pdb_err *err)
{
	encryption *self = state;
	json_t *body = NULL;
	pdb_status status = call_body(self->host, request, true, &body, err);

	if (status == PDB_OK) {
		status = destroy_key(self, request, body, err);
	}
	json_decref(body);
	return status;
}

/* The key that ?key_id= or ?thread_id= names. */
static pdb_status asked_key(const encryption *self, const pdb_request *request,
			    char id[PDB_KMS_ID_SIZE], pdb_err *err)
{
	pdb_slice value = {0};
	note n;
	pdb_status status;

	if (self->host->request_query(request, "key_id", &value)) {
		if (value.len == 0 || value.len >= PDB_KMS_ID_SIZE) {
			return refuse(err, "/key_id", "key_id must be the id of a key.");
		}
		(void)snprintf(id, PDB_KMS_ID_SIZE, "%.*s", PDB_SLICE_ARGS(value));
		return PDB_OK;
	}
	if (!self->host->request_query(request, "thread_id", &value)) {
		return refuse(err, "/thread_id", "Name a thread_id or a key_id.");
	}
	status = encryption_note(self, value, &n, NULL, err);
	if (status == PDB_OK) {
		memcpy(id, n.id, sizeof(n.id));
	}
	return status;
}

static pdb_status shred_handle(void *state, pdb_request *request, pdb_err *err)
{
	char id[PDB_KMS_ID_SIZE];
	pdb_status status = asked_key(state, request, id, err);

	return status == PDB_OK ? reply_shred(state, request, id, err) : status;
}

typedef struct answer {
	const encryption *self;
	pdb_request *request;
	pdb_status status;
} answer;

static void reply_text(void *arg, pdb_slice text)
{
	answer *a = arg;

	a->status = a->self->host->request_reply(a->request, 200, NULL, text);
}

static pdb_status receipt_handle(void *state, pdb_request *request, pdb_err *err)
{
	const encryption *self = state;
	answer a = {self, request, PDB_ENOTFOUND};
	char id[PDB_KMS_ID_SIZE];
	pdb_status status = asked_key(self, request, id, err);

	if (status == PDB_OK) {
		status = self->ops->receipt(self->kms, id, reply_text, &a, err);
	}
	return status == PDB_OK ? a.status : status;
}

/* The provider is asked, so that a rotation is seen at once. While it is away, what it said when
 * the key was unwrapped counts, and without that the id alone is known. */
static bool describe(encryption *self, const note *n, pdb_kms_key *key)
{
	pdb_err ignored = {0};
	pdb_status status = PDB_EUNAVAILABLE;

	if (!keycache_is_lost(self->cache)) {
		status = self->ops->describe(self->kms, n->id, key, &ignored);
	}
	if (status == PDB_EUNAVAILABLE) {
		keycache_lost(self->cache);
		return keycache_peek(self->cache, n->id, n->version, key);
	}
	return status == PDB_OK;
}

void encryption_show(void *state, pdb_slice bytes, pdb_member_fn add, void *arg)
{
	pdb_kms_key key = {.size = sizeof(key)};
	json_t *shown;
	char *text;
	note n;

	if (!note_decode(bytes, &n)) {
		return;
	}
	shown = json_pack("{s:s}", "key_id", n.id);
	if (describe(state, &n, &key)) {
		(void)json_object_set_new(
			shown, "kek_id",
			json_stringn(key.kek_id, strnlen(key.kek_id, sizeof(key.kek_id))));
		(void)json_object_set_new(shown, "kek_version", json_integer(key.kek_version));
	}
	text = json_dumps(shown, JSON_COMPACT);
	json_decref(shown);
	if (text != NULL) {
		add(arg, "kms", pdb_slice_text(text));
	}
	free(text);
}

static const char *kek_name(uint32_t state)
{
	static const char *const names[] = {"unknown",      "standby",  "active",
					    "decrypt_only", "disabled", "destroyed"};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : names[0];
}

static pdb_status add_kek(void *arg, const pdb_kms_kek *kek)
{
	json_t *row = json_pack("{s:I,s:s,s:I,s:s#,s:I}", "version", (json_int_t)kek->version,
				"state", kek_name(kek->state), "keys", (json_int_t)kek->keys, "id",
				kek->id, (int)strnlen(kek->id, sizeof(kek->id)), "created_ts",
				(json_int_t)kek->created);

	return json_array_append_new(arg, row) == 0 ? PDB_OK : PDB_ENOMEM;
}

static pdb_status status_handle(void *state, pdb_request *request, pdb_err *err)
{
	encryption *self = state;
	pdb_kms_health health = {.size = sizeof(health)};
	json_t *keks = json_array();
	pdb_status status = self->ops->health(self->kms, &health, err);

	if (status == PDB_OK) {
		status = self->ops->keks(self->kms, add_kek, keks, err);
	}
	if (status != PDB_OK) {
		json_decref(keks);
		return status;
	}
	return call_reply(self->host, request, 200,
			  json_pack("{s:b,s:I,s:I,s:I,s:I,s:b,s:b,s:o}", "use", self->use,
				    "cached_keys", (json_int_t)keycache_size(self->cache),
				    "prepared_keys", (json_int_t)keeper_ready(self->keeper), "keys",
				    (json_int_t)health.keys, "outdated_keys",
				    (json_int_t)health.outdated, "locked_memory",
				    keycache_locked(self->cache) && health.locked != 0, "refuses",
				    health.refuses != 0, "keks", keks),
			  err);
}

#define ROUTE(method_, pattern_, handle_)                                                          \
	{                                                                                          \
		.size = sizeof(pdb_route), .method = (method_), .pattern = (pattern_),             \
		.roles = PDB_ROLE_ADMIN, .flags = PDB_ROUTE_BLOCKING, .handle = (handle_)          \
	}

static const pdb_route routes[] = {
	ROUTE(PDB_METHOD_POST, "/admin/encryption/rotate-thread-dek", rotate_handle),
	ROUTE(PDB_METHOD_POST, "/admin/encryption/rewrap-deks", rewrap_handle),
	ROUTE(PDB_METHOD_POST, "/admin/encryption/encrypt-existing", convert_handle),
	ROUTE(PDB_METHOD_POST, "/admin/encryption/generate-kek", kek_handle),
	ROUTE(PDB_METHOD_POST, "/admin/encryption/destroy-thread-dek", destroy_handle),
	ROUTE(PDB_METHOD_GET, "/admin/encryption/shred-status", shred_handle),
	ROUTE(PDB_METHOD_GET, "/admin/encryption/receipt", receipt_handle),
	ROUTE(PDB_METHOD_GET, "/admin/encryption/status", status_handle),
};

pdb_status encryption_offer(encryption *self, pdb_plugin *plugin, pdb_err *err)
{
	static const pdb_job *const jobs[] = {&encryption_rotate_job, &encryption_rewrap_job,
					      &encryption_convert_job};
	const pdb_host *host = self->host;
	pdb_status status = PDB_OK;

	if (!PDB_HAS(host, jobs) || !PDB_HAS(host, domain) || !PDB_HAS(host->domain, thread)) {
		return PDB_OK;
	}
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]) && status == PDB_OK; i++) {
		status = host->add_job(plugin, jobs[i], self, err);
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]) && status == PDB_OK; i++) {
		status = host->add_route(plugin, &routes[i], self, err);
	}
	return status;
}
