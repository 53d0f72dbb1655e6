/* SPDX-License-Identifier: Apache-2.0 */
/* The domain as a whole: walks over threads and messages, and work on them, for jobs of plugins. */
#ifndef PDB_DOMAIN_H
#define PDB_DOMAIN_H

#include <pdb/job.h>
#include <pdb/slice.h>
#include <pdb/status.h>

/*
 * Model. The table stands in the host table as `domain`. It asks nobody for leave: a route that
 * offers any of it is for admins alone. All of it may block: call it from jobs and from routes with
 * PDB_ROUTE_BLOCKING.
 *
 * A walk tells what it found piece by piece, outside of any transaction; slices live during the
 * call. It goes on behind `after`, a cursor that it gave with an item, or from the start when that
 * is empty; PDB_ESTOP ends it without error. A walk over threads goes from the longest at rest to
 * the latest active: what becomes active meanwhile is met again, and nothing is missed.
 * Since: 1.1 for all.
 */

/* Room for a cursor, NUL included. */
#define PDB_CURSOR_SIZE 256u

typedef struct pdb_thread_view {
	uint32_t size;
	bool deleted;
	bool held; /* attributes.legal_hold is true */
	pdb_slice cursor;
	pdb_slice id;
	pdb_slice author;
	uint64_t last_seq;
	uint64_t message_count;
	int64_t created_ts; /* nanoseconds, as the next ones */
	int64_t last_ts;
	int64_t deleted_ts;
} pdb_thread_view;
typedef pdb_status (*pdb_thread_fn)(void *arg, const pdb_thread_view *thread);

typedef pdb_status (*pdb_note_fn)(void *arg, const pdb_thread_view *thread, pdb_slice note);

typedef struct pdb_message_view {
	uint32_t size;
	bool deleted;
	uint32_t version;
	pdb_slice cursor;
	pdb_slice id;
	pdb_slice author; /* as text, unescaped */
	uint64_t seq;
	int64_t ts;          /* nanoseconds, as the next one */
	int64_t edited_ts;   /* of a deleted one: when it was deleted */
	pdb_slice reactions; /* a JSON array of {"id", "reaction"}; empty = none */
} pdb_message_view;
typedef pdb_status (*pdb_message_fn)(void *arg, const pdb_message_view *message);

/* What was soft-deleted: a thread when `message` is empty. */
typedef struct pdb_deletion {
	uint32_t size;
	pdb_slice cursor;
	pdb_slice thread;
	pdb_slice message;
	int64_t deleted_ts; /* nanoseconds */
} pdb_deletion;
typedef pdb_status (*pdb_deletion_fn)(void *arg, const pdb_deletion *deletion);

/* Gets JSON text, which lives during the call. */
typedef pdb_status (*pdb_text_fn)(void *arg, pdb_slice json);

/* What one call did of a longer work. */
typedef struct pdb_piece {
	uint32_t size;
	bool more;     /* another piece is needed, from `cursor` on */
	uint64_t done; /* messages that were changed */
	char cursor[PDB_CURSOR_SIZE];
} pdb_piece;

typedef struct pdb_host_domain {
	uint32_t size;

	pdb_status (*threads)(pdb_slice after, size_t limit, pdb_thread_fn fn, void *arg,
			      pdb_err *err);
	/* Those that `author` wrote or takes part in, the latest active first. */
	pdb_status (*threads_of)(pdb_slice author, pdb_slice after, size_t limit, pdb_thread_fn fn,
				 void *arg, pdb_err *err);
	/* In the order of `seq`, deleted ones too. */
	pdb_status (*messages)(pdb_slice thread, pdb_slice after, size_t limit, pdb_message_fn fn,
			       void *arg, pdb_err *err);
	/* What was soft-deleted up to `until` (nanoseconds), the earliest first. */
	pdb_status (*deletions)(pdb_slice after, int64_t until, size_t limit, pdb_deletion_fn fn,
				void *arg, pdb_err *err);

	/*
	 * Removes a message for good: every row, versions and reactions too; its place in `seq`
	 * stays empty. `until` 0 = whatever its state; else only when it was soft-deleted by then.
	 * Errors: PDB_ENOTFOUND (code not_deleted for the state), PDB_EDENIED (code legal_hold).
	 */
	pdb_status (*purge_message)(pdb_slice thread, pdb_slice message, int64_t until,
				    pdb_err *err);
	/* The same for a thread, at most `limit` messages in a call; *more says that another one is
	 * needed. With the first nobody sees it any more, and a crash leaves it so. */
	pdb_status (*purge_thread)(pdb_slice thread, int64_t until, size_t limit, bool *more,
				   pdb_err *err);
	/*
	 * Takes a user out of a thread of somebody else, looking at `limit` messages behind the
	 * cursor `after`: with the first piece its part in the thread ends, messages that it wrote
	 * are purged, its reactions removed from every version of others. Who came back meanwhile
	 * has the work begun again. Errors as above; of a thread under legal hold only when
	 * something of the user is there.
	 */
	pdb_status (*erase_user)(pdb_slice thread, pdb_slice user, pdb_slice after, size_t limit,
				 pdb_piece *out, pdb_err *err);

	/*
	 * Takes the records of a thread, every version of them, out through the hooks and in again,
	 * as they are configured now, from the cursor `after` on; at most `limit` messages. The
	 * bytes that clients see do not change. With a `run`, its state is saved in the transaction
	 * of each message: the state up to its first '\n' stays, behind that comes the cursor.
	 * Errors: those of the hooks (a record that cannot be opened stops it), PDB_ENOTFOUND.
	 */
	pdb_status (*rewrite)(pdb_slice thread, pdb_slice after, size_t limit, pdb_job_run *run,
			      pdb_piece *out, pdb_err *err);
	/* Shows one thread, without a cursor, and the note that the hook with `tag` keeps for it.
	 * Errors: PDB_EINVAL, PDB_ENOTFOUND; what `fn` returned. */
	pdb_status (*thread)(pdb_slice thread, const char *tag, pdb_note_fn fn, void *arg,
			     pdb_err *err);
	/* As `threads`, but from the latest active to the longest at rest: what becomes active
	 * meanwhile is missed. For people who look at them. */
	pdb_status (*latest)(pdb_slice after, size_t limit, pdb_thread_fn fn, void *arg,
			     pdb_err *err);
	/* A thread as clients see it, a JSON object; also a deleted one. PDB_ENOTFOUND. */
	pdb_status (*show_thread)(pdb_slice thread, pdb_text_fn fn, void *arg, pdb_err *err);
	/* Every version of a message as clients see it, from the oldest on: a JSON array.
	 * Errors: PDB_ENOTFOUND, PDB_ETOOLARGE, those of the hooks. */
	pdb_status (*show_versions)(pdb_slice thread, pdb_slice message, pdb_text_fn fn, void *arg,
				    pdb_err *err);
	/*
	 * A page of a thread for another database: a JSON object {"lines", "pagination"}. Lines are
	 * every version of every message, then the thread itself. `after` is the cursor in the
	 * pagination of the page before.
	 * Errors: PDB_EINVAL, PDB_ENOTFOUND, those of the hooks.
	 */
	pdb_status (*export_thread)(pdb_slice thread, pdb_slice after, size_t limit, pdb_text_fn fn,
				    void *arg, pdb_err *err);
	/*
	 * Puts such lines back, {"lines":[…]}, all or none, on disk when it returns; *stored_out
	 * counts those that were not there. Record hooks run. Nobody sees the thread before its
	 * last line; listeners are told of every version as it is stored, and of the thread last.
	 * Errors: PDB_EINVAL with the line in the field, PDB_EEXISTS (code import_conflict) for a
	 * thread with other content, PDB_ETOOLARGE, those of the hooks.
	 */
	pdb_status (*import_thread)(pdb_slice thread, pdb_slice lines, size_t *stored_out,
				    pdb_err *err);
	/*
	 * Those in which `user` may have left something, in any order: which it wrote, takes or
	 * took part in, or reacted in. In a database of an older program it is every thread, until
	 * a job has found out.
	 */
	pdb_status (*threads_touched)(pdb_slice user, pdb_slice after, size_t limit,
				      pdb_thread_fn fn, void *arg, pdb_err *err);
} pdb_host_domain;

#endif
