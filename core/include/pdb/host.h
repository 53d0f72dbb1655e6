/* SPDX-License-Identifier: Apache-2.0 */
/* The host table: everything that a plugin may call. */
#ifndef PDB_HOST_H
#define PDB_HOST_H

#include <pdb/domain.h>
#include <pdb/job.h>
#include <pdb/json.h>
#include <pdb/kms.h>
#include <pdb/metric.h>
#include <pdb/plugin.h>
#include <pdb/record.h>
#include <pdb/request.h>
#include <pdb/rows.h>
#include <pdb/slice.h>
#include <pdb/status.h>

typedef enum pdb_log_level {
	PDB_LOG_ERROR = 0,
	PDB_LOG_WARN = 1,
	PDB_LOG_INFO = 2,
	PDB_LOG_DEBUG = 3
} pdb_log_level;

/*
 * The table is constant and lives as long as the process. Functions are set unless marked with
 * their minor version, which PDB_HAS() tests. Unless said otherwise they may be called from any
 * thread and do not block. Slices they hand out are borrowed for the life of the object asked.
 * Since: 1.0 for all without a mark.
 */
typedef struct pdb_host {
	uint32_t size;

	/* -- memory, log, time, randomness ------------------------------------------------- */

	/* As malloc, realloc and free; memory that crosses the boundary is of this allocator. */
	void *(*alloc)(size_t size);
	void *(*realloc)(void *ptr, size_t size);
	void (*free)(void *ptr);

	/* One line; control characters are escaped. Never pass bodies, keys or signatures. */
	void (*log)(pdb_log_level level, const char *component, const char *format, ...)
		PDB_PRINTF(3, 4);

	/* Writes the line, and ends the process at once with status 70: no further answer leaves.
	 */
	void (*fatal)(const char *component, const char *format, ...) PDB_PRINTF(2, 3);

	int64_t (*now)(void);       /* wall clock, nanoseconds since 1970 UTC */
	int64_t (*monotonic)(void); /* nanoseconds, never backwards */
	void (*random)(void *bytes, size_t size);

	/* -- registration, only during init() ------------------------------------------------ */

	/* Each keeps the pointer to the table, which must be constant. Errors: PDB_EABI when a
	 * mandatory field is missing, PDB_EEXISTS when the name or route is taken, PDB_ENOMEM. */
	pdb_status (*add_gate)(pdb_plugin *plugin, const pdb_gate *gate, void *self, pdb_err *err);
	pdb_status (*add_route)(pdb_plugin *plugin, const pdb_route *route, void *self,
				pdb_err *err);
	pdb_status (*add_record_hook)(pdb_plugin *plugin, const pdb_record_hook *hook, void *self,
				      pdb_err *err);
	pdb_status (*add_listener)(pdb_plugin *plugin, const pdb_listener *listener, void *self,
				   pdb_err *err);
	pdb_status (*add_job)(pdb_plugin *plugin, const pdb_job *job, void *self, pdb_err *err);

	/* -- requests ------------------------------------------------------------------------ */

	pdb_method (*request_method)(const pdb_request *request);
	/* The path as received, without the query. */
	pdb_slice (*request_path)(const pdb_request *request);
	/* The value of "{name}" in the route's pattern, decoded; empty when there is none. */
	pdb_slice (*request_param)(const pdb_request *request, const char *name);
	/* A query parameter, decoded; false when absent. */
	bool (*request_query)(const pdb_request *request, const char *name, pdb_slice *value_out);
	/* A header field by its case-insensitive name; false when absent. Fields that must be
	 * single are: a second one was refused before. */
	bool (*request_header)(const pdb_request *request, const char *name, pdb_slice *value_out);
	pdb_slice (*request_body)(const pdb_request *request);
	/* The client's address as text, without port: the peer's, unless a gate has set another;
	 * "unix" for a peer on a local socket. */
	const char *(*request_peer)(const pdb_request *request);
	const char *(*request_id)(const pdb_request *request);
	/* Memory that is freed with the request; NULL when there is none. */
	void *(*request_alloc)(pdb_request *request, size_t size);

	/* Who calls. `key` names the API key for logs (never the key itself). `user` is the signed
	 * user id, empty when no signature was given. Copied. Errors: PDB_ENOMEM. */
	pdb_status (*request_set_identity)(pdb_request *request, pdb_role role, const char *key,
					   pdb_slice user);
	pdb_role (*request_role)(const pdb_request *request);
	pdb_slice (*request_user)(const pdb_request *request);

	/* Adds a header field to the answer. Errors: PDB_EINVAL for CR, LF or a bad name. */
	pdb_status (*request_add_header)(pdb_request *request, const char *name, const char *value);
	/* Answers; the bytes are copied. `type` NULL = "application/json". Once per request.
	 * Errors: PDB_ENOMEM; the request is then still unanswered. */
	pdb_status (*request_reply)(pdb_request *request, int status, const char *type,
				    pdb_slice body);
	/* PDB_OK when this thread may block; else PDB_EOFFLOAD, to be returned by the handler. */
	pdb_status (*request_may_block)(pdb_request *request);

	/* -- records, only inside a hook ------------------------------------------------------- */

	pdb_slice (*record_thread)(const pdb_record *record);
	pdb_slice (*record_message)(const pdb_record *record);
	pdb_slice (*record_author)(const pdb_record *record);
	pdb_slice (*record_role)(const pdb_record *record);
	uint32_t (*record_version)(const pdb_record *record);
	/* The body: one JSON value, the exact bytes. Borrowed until it is set. */
	pdb_slice (*record_body)(const pdb_record *record);
	/* Replaces the body; must be JSON again. Copied. Errors: PDB_ENOMEM. */
	pdb_status (*record_set_body)(pdb_record *record, pdb_slice body);
	/* The bytes this hook keeps beside the JSON; empty when there are none. */
	pdb_slice (*record_attachment)(const pdb_record *record);
	pdb_status (*record_set_attachment)(pdb_record *record, pdb_slice bytes);
	/* As request_may_block. */
	pdb_status (*record_may_block)(pdb_record *record);

	/* -- changes, only inside told() ------------------------------------------------------- */

	pdb_change_kind (*change_kind)(const pdb_change *change);
	uint64_t (*change_position)(const pdb_change *change); /* rises with every commit */
	pdb_slice (*change_thread)(const pdb_change *change);
	pdb_slice (*change_message)(const pdb_change *change); /* empty for a thread's change */
	uint64_t (*change_seq)(const pdb_change *change);      /* 0 for a thread's change */
	uint32_t (*change_version)(const pdb_change *change);

	/* -- jobs, only inside step() ---------------------------------------------------------- */

	/* The state saved last, empty at the very first run. Borrowed until it is saved. */
	pdb_slice (*job_state)(const pdb_job_run *run);
	/* Saves the state, durably; at most 64 KiB. Errors: those of a storage commit. */
	pdb_status (*job_save)(pdb_job_run *run, pdb_slice state, pdb_err *err);
	/* For people and metrics; total 0 = not known. */
	void (*job_progress)(pdb_job_run *run, uint64_t done, uint64_t total);
	/* This run is complete; step() is not called again until the next period. */
	void (*job_done)(pdb_job_run *run);
	/* Starts a job now (or again at once after its present run). Errors: PDB_ENOTFOUND. */
	pdb_status (*job_start)(const char *name, pdb_err *err);

	/* -- service tables, each with its own size ----------------------------------------------
	 */

	const pdb_host_rows *rows;       /* since 1.1 */
	const pdb_host_metrics *metrics; /* since 1.1 */
	const pdb_host_kms *kms;         /* since 1.1 */

	/* -- requests, since 1.1 --------------------------------------------------------------- */

	/* The pattern of the route that was found; "" when there is none for this path and method.
	 * Lives as long as the process. */
	const char *(*request_route)(const pdb_request *request);
	/* The status of the answer, in decorate() and leave(); 0 while there is none. */
	int (*request_status)(const pdb_request *request);
	/* The `key` that was given to request_set_identity; "" before. */
	const char *(*request_key)(const pdb_request *request);
	/* Sets what request_peer says from now on; for a gate that knows of proxies. Errors:
	 * PDB_EINVAL for a text that is empty, too long for an address or not visible ASCII. */
	pdb_status (*request_set_peer)(pdb_request *request, const char *address);
	/* The address at the other end of the connection, or the one that a PROXY header named on
	 * a listener that asks for it; "unix" for a local socket. */
	const char *(*request_socket_peer)(const pdb_request *request);
	pdb_entrance (*request_listener)(const pdb_request *request);
	/* SHA-256 of the client's certificate, in hex, when it showed one that was verified; else
	 * "". */
	const char *(*request_certificate)(const pdb_request *request);
	/* The common name of its subject; "" without one. */
	const char *(*request_certificate_name)(const pdb_request *request);
	/* The field of that name at place `at`, the first being 0, in the order received; false
	 * behind the last. For fields that are lists over several lines. */
	bool (*request_header_at)(const pdb_request *request, const char *name, size_t at,
				  pdb_slice *value_out);

	/* -- records, since 1.1 ------------------------------------------------------------------
	 */

	/* The bytes that this hook keeps for the record's thread, as it has set them last; empty
	 * when there are none. Errors: PDB_EINVAL for a hook without a tag, PDB_ENOMEM, those of a
	 * storage read. */
	pdb_status (*record_thread_note)(pdb_record *record, pdb_slice *note_out, pdb_err *err);
	/*
	 * Sets them, at most PDB_NOTE_MAX bytes; only in `in`. Copied. They are stored with the
	 * record, in one transaction, and end with the thread. When the note that a hook has seen
	 * is another by then, nothing is stored and the hooks run again. Errors: PDB_EINVAL,
	 * PDB_ENOMEM.
	 */
	pdb_status (*record_set_thread_note)(pdb_record *record, pdb_slice note);

	/* -- more service tables, since 1.1 --------------------------------------------------- */

	const pdb_host_json *json;
	const struct pdb_host_control *control; /* pdb/control.h */
	const pdb_host_jobs *jobs;
	const pdb_host_domain *domain;

	/* -- records made in place, since 1.1 -------------------------------------------------- */

	/* As record_set_body and record_set_attachment, with `len` bytes that the caller writes
	 * before the hook returns. NULL where those fail. */
	uint8_t *(*record_make_body)(pdb_record *record, size_t len);
	uint8_t *(*record_make_attachment)(pdb_record *record, size_t len);

	/* As `monotonic`, at most 10 ms late, for what is asked often; since 1.1. */
	int64_t (*monotonic_coarse)(void);
} pdb_host;

#endif
