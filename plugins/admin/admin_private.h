/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this plugin share. */
#ifndef PDB_ADMIN_PRIVATE_H
#define PDB_ADMIN_PRIVATE_H

#include <pdb/control.h>
#include <pdb/pdb.h>
#include <stdatomic.h>

#include "calls.h"

#define ADMIN_PAGE     100u  /* what a page holds unless `limit` says so */
#define ADMIN_PAGE_MAX 1000u /* and at most */
#define ADMIN_USER_MAX 128u  /* bytes of a user id */
#define ADMIN_ID_MAX   128u  /* of a thread's or a message's */

typedef struct admin {
	const pdb_host *host;
	_Atomic int64_t export_keep; /* nanoseconds */
} admin;

/* Routes; `self` of each is an admin. */
typedef pdb_status admin_handler(void *self, pdb_request *request, pdb_err *err);
admin_handler admin_health, admin_stats, admin_config, admin_routes;
admin_handler admin_reload, admin_log_level, admin_set_log_level;
admin_handler admin_threads, admin_thread, admin_users, admin_user_threads;
admin_handler admin_keys, admin_value;
admin_handler admin_jobs, admin_job, admin_cancel_job;
admin_handler admin_purge_thread, admin_purge_message;
admin_handler admin_export_thread, admin_import_thread;
admin_handler admin_erase_user, admin_export_user, admin_read_export, admin_remove_export;

/* Jobs; `self` of each is an admin. */
extern const pdb_job admin_purge_job, admin_erase_job, admin_export_job, admin_clean_job;

/* -- answer.c: what a call is given, and its answer ------------------------------------------- */

/* Answers {"<name>": items, "pagination": {"has_more", "cursor"?}} and lets go of `items`. `cursor`
 * is NULL on the last page. */
pdb_status admin_reply_page(const admin *self, pdb_request *request, const char *name,
			    json_t *items, const char *cursor, pdb_err *err);

/* `limit` of the query. Errors: PDB_EINVAL. */
pdb_status admin_limit(const admin *self, const pdb_request *request, size_t *limit_out,
		       pdb_err *err);
/* A parameter of the query that is text without control characters; empty when absent. */
pdb_status admin_query(const admin *self, const pdb_request *request, const char *name,
		       pdb_slice *out, pdb_err *err);
/* The user in the path. Errors: PDB_EINVAL. */
pdb_status admin_user(const admin *self, const pdb_request *request, pdb_slice *out, pdb_err *err);

#endif
