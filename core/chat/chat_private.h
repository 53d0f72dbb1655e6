/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the domain share: the chat itself, and one call on one thread. */
#ifndef PDB_CHAT_PRIVATE_H
#define PDB_CHAT_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/id.h"
#include "chat/access.h"
#include "chat/arena.h"
#include "chat/chat.h"
#include "chat/record.h"
#include "chat/thread_row.h"

/* Threads with more members than this move their list rows later (crowd.c). */
#define PDB__CROWD 32u
/* How often a transaction that met another is tried. */
#define PDB__TRIES 8
/* Room for a user id as a JSON string, and so for what it says. */
#define PDB__USER_SIZE       (6u * PDB_AUTHOR_MAX + 2u)
#define PDB__BODY_UNREADABLE "{\"_undecryptable\":true}"
/* What one answer may gather before it is cut short. */
#define PDB__ANSWER_MAX ((size_t)32 * 1024 * 1024)
/* What one transaction may write; the engine's bound is 10 MiB. */
#define PDB__TXN_MAX ((size_t)9 * 1024 * 1024)

/* -- stripes (stripe.c) -------------------------------------------------------------------- */

#define PDB__STRIPES        1024u
#define PDB__STRIPE_TICKETS 64u

/*
 * One lock for the threads that share it; `busy` is set while a commit may be visible and have no
 * ticket yet. `tickets` are of the last commits, by more of the hash than chooses the stripe: a
 * read seldom waits for what was written to another thread. `marks` are the threads, by hash,
 * whose "lag:" row is known to exist.
 */
typedef struct pdb__stripe {
	pthread_mutex_t lock;
	_Atomic bool busy;
	_Atomic uint64_t tickets[PDB__STRIPE_TICKETS];
	uint64_t *marks;
	size_t mark_count;
	size_t mark_cap;
} pdb__stripe;

void pdb__stripe_init(pdb__stripe *stripe);
void pdb__stripe_fini(pdb__stripe *stripe);
pdb__stripe *pdb__stripe_of(pdb_chat *chat, pdb_slice thread);
/* The ticket that an answer about the thread must wait for; 0 = none. Not under the lock. */
uint64_t pdb__stripe_hold(pdb_chat *chat, pdb_slice thread);
/* Those below: under the lock. `raise` notes the ticket of a commit; `ticket` is as `hold`. */
void pdb__stripe_raise(pdb__stripe *stripe, pdb_slice thread, uint64_t ticket);
uint64_t pdb__stripe_ticket(pdb_chat *chat, pdb_slice thread);
bool pdb__stripe_marked(const pdb__stripe *stripe, pdb_slice thread);
void pdb__stripe_mark(pdb__stripe *stripe, pdb_slice thread);
void pdb__stripe_unmark(pdb__stripe *stripe, pdb_slice thread);

/* -- listeners (feed.c) -------------------------------------------------------------------- */

struct pdb_change {
	pdb_change_kind kind;
	uint64_t position;
	pdb_slice thread;
	pdb_slice message;
	uint64_t seq;
	uint32_t version;
};

/* A change noted during a transaction, the latest first. */
typedef struct pdb__note {
	struct pdb__note *next;
	pdb_change change;
} pdb__note;

typedef struct pdb__news pdb__news;

typedef struct pdb__feed {
	const pdb_sockets *sockets;
	pdb_store *store;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pdb__news *first;
	pdb__news *last;
	_Atomic size_t queued; /* commits that listeners were not told of */
	bool started;
	bool ending;
} pdb__feed;

#define PDB__FEED_MAX 65536u

pdb_status pdb__feed_init(pdb__feed *feed, const pdb_sockets *sockets, pdb_store *store,
			  pdb_err *err);
/* Tells what is left, then ends. Accepts a zeroed feed. */
void pdb__feed_fini(pdb__feed *feed);
/* Packs notes for the time after the commit; *out is NULL when nobody listens. Errors: PDB_EBUSY
 * when the listeners have PDB__FEED_MAX commits before them, PDB_ENOMEM. */
pdb_status pdb__feed_pack(const pdb__feed *feed, const pdb__note *notes, pdb__news **out,
			  pdb_err *err);
void pdb__feed_post(pdb__feed *feed, pdb__news *news, uint64_t ticket);
void pdb__news_destroy(pdb__news **news);

/* -- the chat ------------------------------------------------------------------------------ */

struct pdb_chat {
	pdb_store *store;
	const pdb_socket_list *hooks;
	const pdb_host *host;
	pdb_chat_settings settings;
	pdb__arena_pool arenas;
	pdb__stripe *stripes;
	pdb__feed feed;
	pdb_series *appended;  /* NULL until pdb_chat_measure() */
	pdb_series *conflicts; /* as above */
	_Atomic int64_t live_threads;
	_Atomic int64_t live_messages;
	_Atomic bool traced;               /* every trace: and guest: row is there */
	char crowd_cursor[PDB_ID_MAX + 1]; /* where the job is in its run; "" = at the start */
};

/* -- counting (count.c) -------------------------------------------------------------------- */

void pdb__count_append(const pdb_chat *chat, size_t messages);
void pdb__count_conflict(const pdb_chat *chat);

/* -- one call (op.c) ----------------------------------------------------------------------- */

/*
 * An op is one call about one thread. The driver begins a transaction, loads the thread, calls the
 * function given, and commits; after a conflict all of it is done again, with `out` and the notes
 * as they were. For a write the stripe is locked meanwhile.
 *
 * `changed` asks for a commit, and `head` is written then. `meta` must say how the thread is
 * after the change. A read of the thread waits until the last change is on disk, unless that was
 * `derived`.
 */
typedef struct pdb__op {
	pdb_chat *chat;
	const pdb_caller *caller;
	pdb_slice thread;
	pdb_buf *out; /* may be NULL */
	pdb_outcome *outcome;
	pdb__arena *arena;
	size_t mark;
	/* of the present attempt */
	pdb_txn txn;
	bool found;
	bool changed;
	bool lag_removed;
	bool derived;  /* changes only rows that are made again from others: lists, counts */
	bool rewrites; /* takes what is stored through the hooks again */
	bool purges;   /* sees a thread that is being purged, or imported */
	bool imports;  /* sees one that is being imported */
	bool judged;   /* access was granted (access.c) */
	pdb__meta meta;
	pdb__head head;
	pdb__note *notes;
	/* The notes of hooks about the thread (thread_note.c), from attempt to attempt. */
	bool inside; /* a transaction is open and the thread is loaded */
	bool notes_seen;
	bool notes_set;
	pdb_slice notes_before; /* as they were when a hook looked */
	pdb_slice notes_now;
} pdb__op;

typedef pdb_status (*pdb__op_fn)(pdb__op *op, void *arg, pdb_err *err);

/* `thread` empty is accepted for a call about none. Errors: PDB_EINVAL, PDB_ENOMEM. */
pdb_status pdb__op_init(pdb__op *op, pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
			pdb_err *err);
void pdb__op_fini(pdb__op *op);
/* Where the answer goes; either may be NULL. */
void pdb__op_answer(pdb__op *op, pdb_buf *out, pdb_outcome *outcome);
void pdb__op_name_message(pdb__op *op, pdb_slice message, uint32_t version);
/* Takes back what was written to `out`; returns `status`. */
pdb_status pdb__op_undo(pdb__op *op, pdb_status status);

pdb_status pdb__op_read(pdb__op *op, pdb__op_fn fn, void *arg, pdb_err *err);
pdb_status pdb__op_write(pdb__op *op, pdb__op_fn fn, void *arg, pdb_err *err);

/* Inside a function given to the driver: */
pdb_status pdb__op_put_meta(pdb__op *op, const pdb__meta *meta, pdb_err *err);
pdb_status pdb__op_note(pdb__op *op, pdb_change_kind kind, const pdb__record *record, pdb_err *err);
/* Reads the meta and head rows of `thread`, the latter unless `head` is NULL; *found false when
 * there is none. */
pdb_status pdb__thread_load(pdb_txn *txn, pdb__arena *arena, pdb_slice thread, pdb__meta *meta,
			    pdb__head *head, bool *found, pdb_err *err);
pdb_status pdb__no_memory(pdb_err *err);

/* -- access (access.c) --------------------------------------------------------------------- */

/*
 * Each asks the table of chat/access.h, and answers in words that tell a caller no more than it may
 * know. `asked` says that the caller wants to see what is deleted. An op of a caller without the
 * admin role that nobody judged is not let through by the driver.
 */

/* Judges `action` on the thread of `op`, found or not. */
pdb_status pdb__access_thread(pdb__op *op, pdb_action action, bool asked, pdb_err *err);
/* Making a thread that is to be `author`'s. */
pdb_status pdb__access_create(pdb__op *op, pdb_slice author, pdb_err *err);
/* Listing threads; *all_out when it may be those of everybody. */
pdb_status pdb__access_list(pdb__op *op, bool *all_out, pdb_err *err);
/* Whether a list shows this thread. */
bool pdb__access_lists(const pdb_caller *caller, const pdb__meta *meta, bool asked);
/* Judges `action` on a message, once its thread has been judged. */
pdb_status pdb__access_message(pdb__op *op, pdb_action action, bool asked,
			       const pdb__record *record, pdb_err *err);
/* The same for a reaction of `identity`. */
pdb_status pdb__access_reaction(pdb__op *op, pdb_action action, pdb_slice identity,
				const pdb__record *record, pdb_err *err);
/* Whether a page shows its messages, or its deleted ones, to everybody who may read it. */
bool pdb__access_shows(const pdb_caller *caller, pdb_action action, bool deleted, bool asked);
pdb_status pdb__author_required(pdb_err *err);
pdb_status pdb__no_thread(pdb_err *err);
pdb_status pdb__no_message(pdb_err *err);

/* -- input (input.c) ------------------------------------------------------------------------- */

PDB_PRINTF(4, 5)
pdb_status pdb__invalid(pdb_err *err, const char *code, const char *field, const char *format, ...);
pdb_status pdb__id_check(pdb_slice id, const char *field, pdb_err *err);
pdb_status pdb__author_check(pdb_slice author, const char *field, pdb_err *err);
pdb_status pdb__role_check(const pdb_chat *chat, const pdb_caller *caller, pdb_slice role,
			   const char *field, pdb_err *err);
pdb_status pdb__title_check(const pdb_chat *chat, pdb_slice title, pdb_err *err);
pdb_status pdb__attributes_check(const pdb_chat *chat, pdb_slice *attributes, pdb_err *err);
pdb_status pdb__body_check(pdb_slice *body, const char *field, pdb_err *err);
/* Encodes the list without double entries and without `author`. */
pdb_status pdb__participants_check(const pdb_chat *chat, const pdb_thread_input *input,
				   pdb_slice author, pdb_buf *list, pdb_err *err);
/* A time in any unit to nanoseconds; 0 stays 0. */
pdb_status pdb__ts_check(int64_t ts, const char *field, int64_t *ns_out, pdb_err *err);
int64_t pdb__ts_scale(int64_t ts);
pdb_status pdb__limit_check(const pdb_chat *chat, uint32_t *limit, pdb_err *err);
/* Appends "<lower-case title>-<id>". */
void pdb__slug_add(pdb_slice title, pdb_slice id, pdb_buf *out);
pdb_slice pdb__trim(pdb_slice json);

/* -- ids (derive.c) -------------------------------------------------------------------------- */

/* The id that a key stands for, under the secret of the database. `out`: PDB_ID_MAX + 1 bytes. */
void pdb__id_derive(const pdb_chat *chat, const char *prefix, const pdb_slice parts[3],
		    uint64_t index, char *out);
void pdb__digest_thread(const pdb_chat *chat, const pdb_thread_input *input, uint8_t out[16]);

/* -- threads and list rows ------------------------------------------------------------------- */

void pdb__thread_show(const pdb__meta *meta, const pdb__head *head, pdb_slice id, pdb_buf *out);
/* Writes the rows of a new thread, and makes `op` hold it. */
pdb_status pdb__thread_begin(pdb__op *op, const pdb_thread_input *input, pdb_slice author,
			     pdb_err *err);

pdb_status pdb__list_row_put(pdb__op *op, pdb_slice author, uint64_t ns, pdb_err *err);
pdb_status pdb__list_row_remove(pdb__op *op, pdb_slice author, uint64_t ns, pdb_err *err);
/* The rows of one who takes part from now on, or no more. */
pdb_status pdb__member_put(pdb__op *op, pdb_slice user, uint64_t ns, pdb_err *err);
pdb_status pdb__member_remove(pdb__op *op, pdb_slice user, uint64_t ns, pdb_err *err);
/* Moves the rows of author and participants to head.last_ns. */
pdb_status pdb__list_rows_move(pdb__op *op, pdb_err *err);
pdb_status pdb__all_row_move(pdb__op *op, pdb_err *err);

/* Puts the rows of a new thread into the lists. */
pdb_status pdb__list_rows_first(pdb__op *op, pdb_err *err);

/* The row "deleted:…" of what was soft-deleted at `ts`; a thread when `message` is empty. */
pdb_status pdb__deleted_row_put(pdb__op *op, int64_t ts, pdb_slice message, pdb_err *err);
pdb_status pdb__deleted_row_remove(pdb__op *op, int64_t ts, pdb_slice message, pdb_err *err);

/* -- traces (trace.c) ------------------------------------------------------------------------- */

/*
 * "trace:<a>:<t>" tells that user a may have left something in thread t: it wrote, takes or took
 * part, or reacted there. It stays until the user is erased or the thread purged. Those who are not
 * in the thread are found from its side by "guest:<t>:<a>".
 */
pdb_status pdb__trace_put(pdb__op *op, pdb_slice user, pdb_err *err);
pdb_status pdb__guest_put(pdb__op *op, pdb_slice user, pdb_err *err);
/* Both rows, for a user who is not in the thread; does nothing for one who is. */
pdb_status pdb__guest_note(pdb__op *op, pdb_slice user, pdb_err *err);
/* Both rows, marked: the mark is gone when the user has come back. */
pdb_status pdb__guest_mark(pdb__op *op, pdb_slice user, pdb_err *err);
pdb_status pdb__guest_marked(pdb__op *op, pdb_slice user, bool *marked, pdb_err *err);
/* Removes both rows; the caller says op->changed. */
pdb_status pdb__trace_remove(pdb__op *op, pdb_slice user, pdb_err *err);
/* Both rows of some guests; *more when there may be others. */
pdb_status pdb__guests_remove(pdb__op *op, bool *more, pdb_err *err);
/* Who a record speaks of, as text: its author, then those who reacted. Start with *cursor = 0;
 * false at the end. */
bool pdb__record_user(const pdb__record *record, size_t *cursor, char out[PDB__USER_SIZE],
		      pdb_slice *user);
/* pdb__guest_note for all of them. */
pdb_status pdb__record_note(pdb__op *op, const pdb__record *record, pdb_err *err);
pdb_status pdb__traces_load(pdb_chat *chat, pdb_err *err);
/* One piece of the work of making rows that an older program did not; *more is false at its end. */
pdb_status pdb__traces_step(pdb_chat *chat, bool *more, pdb_err *err);

/* attributes.legal_hold is true: nothing of the thread may be purged. */
bool pdb__thread_held(const pdb__meta *meta);
/* Says so: PDB_EDENIED, code legal_hold. */
pdb_status pdb__held(pdb_err *err);

/* Makes "meta:counts" count this thread as it is now. */
pdb_status pdb__counts_move(pdb__op *op, pdb_err *err);
/* Reads "meta:counts". */
pdb_status pdb__counts_read(pdb_txn *txn, uint64_t *threads, uint64_t *messages, pdb_err *err);
pdb_status pdb__counts_load(pdb_chat *chat, pdb_err *err);
/* One piece of the crowd job; *more is false when its run is over. */
pdb_status pdb__crowd_step(pdb_chat *chat, bool *more, pdb_err *err);

/* -- messages -------------------------------------------------------------------------------- */

/* Where a message is, and its record, borrowed from the arena. PDB_ENOTFOUND without words. */
typedef struct pdb__place {
	uint64_t ns;
	uint64_t seq;
	pdb_slice row;
	pdb__record record;
} pdb__place;

pdb_status pdb__message_find(pdb__op *op, pdb_slice message, pdb__place *place, pdb_err *err);
/* The record of one version, the latest included; PDB_ENOTFOUND without words. */
pdb_status pdb__version_find(pdb__op *op, const pdb__place *place, uint32_t version,
			     pdb__record *record, pdb_err *err);
/* Writes a record under `key`. */
pdb_status pdb__record_put(pdb__op *op, const pdb_keybuf *key, const pdb__record *record,
			   pdb_err *err);
/* Writes the timeline row. */
pdb_status pdb__message_put(pdb__op *op, const pdb__place *place, const pdb__record *record,
			    pdb_err *err);
/* Writes the row that finds a message by its id; PDB_EEXISTS when there is one. */
pdb_status pdb__message_id_put(pdb__op *op, pdb_slice message, uint64_t ns, uint64_t seq,
			       pdb_err *err);
/* Writes the next version of a message; the one at `place` becomes an earlier one. */
pdb_status pdb__version_put(pdb__op *op, const pdb__place *place, const pdb__record *next,
			    pdb_err *err);
/* Reactions in any JSON to the bytes that are stored, in the arena; empty for none. */
pdb_status pdb__reactions_read(pdb__op *op, pdb_slice json, pdb_slice *out, pdb_err *err);
/* Decodes a row, with words and a log line when it is damaged. */
pdb_status pdb__record_open(pdb_slice thread, pdb_slice row, pdb__record *record, pdb_err *err);
/* What message `id` replies to must be another message of the thread. */
pdb_status pdb__reply_check(pdb__op *op, pdb_slice id, pdb_slice reply_to, const char *field,
			    pdb_err *err);

/* Whether somebody reacted; `id_json` as it is stored. */
bool pdb__reaction_in(pdb_slice reactions, pdb_slice id_json);
/* Takes the reaction out of the record; the new list is in op->arena->text. */
pdb_status pdb__reaction_drop(pdb__op *op, pdb__record *record, pdb_slice id_json, pdb_err *err);

/* Finds the place that an anchor names. For PDB_ANCHOR_AROUND a time is one too. */
pdb_status pdb__locate(pdb__op *op, const pdb_message_query *query, uint64_t *ns, uint64_t *seq,
		       pdb_err *err);

/* -- record hooks (hook.c) --------------------------------------------------------------------- */

/* What the hooks made of a message: how it is stored, and how it is shown. In the arena. */
typedef struct pdb__sealed {
	pdb_slice body;
	pdb_slice attachments;
	pdb_slice shown;
} pdb__sealed;

/* Runs the hooks on the way in over `record` (its body in clear, no attachments), and back out
 * again when something was sealed: what cannot be opened must not be stored. */
pdb_status pdb__hooks_seal(pdb__op *op, const pdb__record *record, pdb__sealed *out, pdb_err *err);
/* The beginning of a record's only attachment, for a hook that may have the rest in memory: with
 * it, and what stands before it, pdb__hooks_open can do. Without an opener it needs all of them. */
typedef struct pdb__row_head {
	const pdb_socket_entry *opener;
	pdb_slice bytes;
} pdb__row_head;

pdb__row_head pdb__hooks_head(const pdb_chat *chat, pdb_slice attachments);
/* Whether the hook has the rest of `now`; `next` will be asked about next. Either may be without an
 * opener. What is in memory may leave it: what fails then is opened with all attachments. */
bool pdb__hooks_ahead(const pdb__row_head *now, const pdb__row_head *next);
/* The body in clear. */
pdb_status pdb__hooks_open(pdb__op *op, const pdb__record *record, pdb_slice *body_out,
			   pdb_err *err);
/* Takes every version of a message through the hooks (rewrite.c), saving the job's state with it.
 */
pdb_status pdb__rewrite_message(pdb_chat *chat, const pdb__record *message, pdb_job_run *job,
				const char *cursor, pdb_err *err);
void pdb__rewrite_state(pdb_slice saved, const char *cursor, pdb_buf *out);
/* Tells the hooks that a thread with these notes is purged. */
pdb_status pdb__hooks_purge(const pdb_chat *chat, pdb_slice thread, pdb_slice notes, pdb_err *err);
/* Whether hooks tell this caller more of a thread than others see. They may wait for a network:
 * PDB_EOFFLOAD where the caller must not. */
pdb_status pdb__hooks_show_judge(const pdb_chat *chat, const pdb_caller *caller);
/* Adds what they tell to the thread that was shown last, which ends `op->out`. */
void pdb__hooks_show(const pdb__op *op, pdb_slice notes);
/* What a hook keeps among the notes; empty when it keeps nothing. */
pdb_slice pdb__note_of(pdb_slice notes, pdb_slice tag);
/* Notes of threads (thread_note.c): makes those of the op's thread known, whether a transaction is
 * open or not. */
pdb_status pdb__notes_look(pdb__op *op, pdb_err *err);
/*
 * Before a record is stored: writes what hooks have noted, or leaves it to pdb__thread_begin when
 * there is no thread yet. PDB_ESTOP without words when a hook saw other notes than there are now:
 * its record must be sealed again.
 */
pdb_status pdb__notes_settle(pdb__op *op, pdb_err *err);
/* Appends the JSON to show. Failures are only those that another try may not have: PDB_EOFFLOAD,
 * PDB_ENOMEM, PDB_EBUSY, PDB_EUNAVAILABLE. */
pdb_status pdb__record_render(pdb__op *op, const pdb__record *record, pdb_buf *out, pdb_err *err);

#endif
