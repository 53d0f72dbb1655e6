/* SPDX-License-Identifier: Apache-2.0 */
/* The domain: threads, messages, versions, reactions, and who may touch them. */
#ifndef PDB_CHAT_CHAT_H
#define PDB_CHAT_CHAT_H

#include <pdb/domain.h>
#include <pdb/host.h>

#include "base/buf.h"
#include "plugin/sockets.h"
#include "store/store.h"

/*
 * Model. Every call is one transaction. It fills an outcome with a ticket: the answer may leave
 * only when the store has published it. That holds for reads too, because a read may have seen
 * what is committed and not yet on disk. Calls write JSON (objects as clients see them) to `out`
 * and leave it as it was when they fail.
 *
 * Access is decided here, by one table (access.c): role of the caller × what is asked × relation
 * of the author to the thread. To a frontend caller, and to a backend caller that acts as somebody,
 * what it may not know of is PDB_ENOTFOUND.
 *
 * A record hook that must block makes a call return PDB_EOFFLOAD when caller->may_block is false;
 * nothing has happened then.
 *
 * Threads: any, several at once, unless said otherwise. Errors of all: PDB_EINVAL with code and
 * field, PDB_ENOTFOUND, PDB_EDENIED, PDB_EEXISTS, PDB_ESTALE, PDB_EBUSY, PDB_EFULL, PDB_ENOMEM,
 * PDB_EOFFLOAD and what a hook or the backend said.
 */
typedef struct pdb_chat pdb_chat;

typedef struct pdb_chat_settings {
	int64_t title_max;              /* code points; 200 */
	int64_t attributes_max;         /* bytes; 8 KiB */
	int64_t participants_max;       /* 1,000 */
	int64_t reactions_max;          /* per message; 1,000 */
	int64_t batch_max;              /* messages; 1,000 */
	int64_t page_max;               /* 1,000 */
	int64_t page_default;           /* 100 */
	pdb_option_list frontend_roles; /* what `role` a frontend caller may give a message */
} pdb_chat_settings;
extern const pdb_option_table pdb_chat_options; /* fills a pdb_chat_settings */

/* `sockets` gives the record hooks and listeners; all borrowed until destroy. Starts the thread
 * that tells listeners (only when there are any), and is told of durable tickets by `store`. */
pdb_status pdb_chat_create(pdb_chat **out, pdb_store *store, const pdb_sockets *sockets,
			   const pdb_chat_settings *settings, pdb_err *err);
void pdb_chat_destroy(pdb_chat **chat);

/* The job that moves the list rows of threads with a crowd; plug it into `sockets` with the chat as
 * self. Runs every 2 s. */
extern const pdb_job pdb_chat_crowd_job;
/* The same for the job that makes the trace: rows which an older program did not. */
extern const pdb_job pdb_chat_trace_job;
/* The domain as plugins may use it; it speaks of the chat that was offered last, NULL for none. */
extern const pdb_host_domain pdb_chat_domain;
void pdb_chat_offer(pdb_chat *chat);
/* The host table through which the job says that it is done. Before the job first runs. */
void pdb_chat_use_host(pdb_chat *chat, const pdb_host *host);

/* Declares what the domain counts, in the list of the process; once, before the first call.
 * Errors: those of pdb_measure_add. Threads: main. */
pdb_status pdb_chat_measure(pdb_chat *chat, pdb_err *err);

/* Who asks. */
typedef struct pdb_caller {
	pdb_role role;
	pdb_slice author; /* valid author id, or empty: a backend or admin key that named nobody */
	bool may_block;
} pdb_caller;

typedef struct pdb_outcome {
	uint64_t ticket;
	bool replayed;    /* an append or create that was stored before */
	uint32_t version; /* of the message, when there is one */
	char thread[PDB_KEY_MAX / 4];
	char message[PDB_KEY_MAX / 4];
} pdb_outcome;

/* -- threads ------------------------------------------------------------------------------- */

/* A field whose `ptr` is NULL is absent. Strings are decoded; `attributes` is a JSON object. */
typedef struct pdb_thread_input {
	pdb_slice id;
	pdb_slice idempotency_key; /* derives the id when none is given */
	pdb_slice title;
	pdb_slice attributes;
	const pdb_slice *participants; /* NULL = absent */
	size_t participant_count;
} pdb_thread_input;

pdb_status pdb_chat_thread_create(pdb_chat *chat, const pdb_caller *caller,
				  const pdb_thread_input *input, pdb_buf *out, pdb_outcome *outcome,
				  pdb_err *err);
/* `with_deleted` shows a soft-deleted thread. */
pdb_status pdb_chat_thread_get(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
			       bool with_deleted, pdb_buf *out, pdb_outcome *outcome, pdb_err *err);
/* Absent fields keep their value. */
pdb_status pdb_chat_thread_update(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
				  const pdb_thread_input *input, pdb_buf *out, pdb_outcome *outcome,
				  pdb_err *err);
pdb_status pdb_chat_thread_delete(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
				  pdb_outcome *outcome, pdb_err *err);
pdb_status pdb_chat_thread_restore(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
				   pdb_buf *out, pdb_outcome *outcome, pdb_err *err);

typedef struct pdb_thread_query {
	pdb_slice title;  /* case-insensitive part of the title; empty = any */
	pdb_slice slug;   /* exact; empty = any */
	pdb_slice cursor; /* as given by the page before; empty = from the latest */
	uint32_t limit;   /* 0 = default */
	bool with_deleted;
} pdb_thread_query;

typedef struct pdb_thread_page {
	uint32_t count;
	char cursor[PDB_KEY_MAX / 4]; /* of the next page; "" = no more */
} pdb_thread_page;

/* Threads of caller->author, latest activity first; all threads for an admin without author.
 * Appends comma-separated objects. A filter looks at no more than 10,000 threads a page: the page
 * may then be short and still have a cursor. */
pdb_status pdb_chat_thread_list(pdb_chat *chat, const pdb_caller *caller,
				const pdb_thread_query *query, pdb_buf *out, pdb_thread_page *page,
				pdb_outcome *outcome, pdb_err *err);

/* -- messages ------------------------------------------------------------------------------ */

typedef struct pdb_message_input {
	pdb_slice id;              /* NULL = make one */
	pdb_slice idempotency_key; /* derives the id when none is given */
	pdb_slice author;          /* NULL = the caller's */
	pdb_slice role;            /* NULL = "user", or unchanged for an edit */
	pdb_slice body;            /* JSON, exact bytes; NULL = unchanged for an edit */
	pdb_slice reply_to;        /* a message id; NULL = none, or unchanged for an edit */
	int64_t ts;                /* as the client sent it, any unit; 0 = absent */
} pdb_message_input;

/*
 * Appends `count` messages in order, all or none. `thread` empty makes a new thread; an unknown one
 * is created. Writes one object, or several with commas. The outcome speaks of the last one;
 * `replayed` when all were stored before. A stored id with another author or body: PDB_EEXISTS.
 */
pdb_status pdb_chat_append(pdb_chat *chat, const pdb_caller *caller, pdb_slice thread,
			   const pdb_message_input *inputs, size_t count, pdb_buf *out,
			   pdb_outcome *outcome, pdb_err *err);

typedef enum pdb_anchor {
	PDB_ANCHOR_NEWEST = 0,
	PDB_ANCHOR_BEFORE,
	PDB_ANCHOR_AFTER,
	PDB_ANCHOR_AROUND
} pdb_anchor;

typedef struct pdb_message_query {
	pdb_slice thread;
	pdb_anchor anchor;
	/* A message id, a seq (only digits, up to 10), a position as given in `before` and `after`,
	 * or, for AROUND, a time (11 digits or more, any unit). */
	pdb_slice at;
	uint32_t limit; /* 0 = default */
	bool with_deleted;
} pdb_message_query;

typedef struct pdb_message_page {
	uint32_t count;
	bool has_before;
	bool has_after;
	uint64_t last_seq;                 /* of the thread */
	char before[PDB_POSITION_LEN + 1]; /* of the first and the last message; "" when empty */
	char after[PDB_POSITION_LEN + 1];
} pdb_message_page;

/* Appends comma-separated message objects, oldest first. */
pdb_status pdb_chat_message_page(pdb_chat *chat, const pdb_caller *caller,
				 const pdb_message_query *query, pdb_buf *out,
				 pdb_message_page *page, pdb_outcome *outcome, pdb_err *err);

/* One message by its ids. */
typedef struct pdb_message_ref {
	pdb_slice thread;
	pdb_slice message;
} pdb_message_ref;

pdb_status pdb_chat_message_get(pdb_chat *chat, const pdb_caller *caller,
				const pdb_message_ref *ref, bool with_deleted, pdb_buf *out,
				pdb_outcome *outcome, pdb_err *err);
/* `if_match` 0 = whatever the version is; else PDB_ESTALE when it is another. */
pdb_status pdb_chat_message_edit(pdb_chat *chat, const pdb_caller *caller,
				 const pdb_message_ref *ref, const pdb_message_input *input,
				 uint32_t if_match, pdb_buf *out, pdb_outcome *outcome,
				 pdb_err *err);
pdb_status pdb_chat_message_delete(pdb_chat *chat, const pdb_caller *caller,
				   const pdb_message_ref *ref, uint32_t if_match,
				   pdb_outcome *outcome, pdb_err *err);
/* `version` 0 = undo a soft delete; else that version's content as a new version. */
pdb_status pdb_chat_message_restore(pdb_chat *chat, const pdb_caller *caller,
				    const pdb_message_ref *ref, uint32_t version, pdb_buf *out,
				    pdb_outcome *outcome, pdb_err *err);
/* Comma-separated message objects, oldest version first. */
pdb_status pdb_chat_message_versions(pdb_chat *chat, const pdb_caller *caller,
				     const pdb_message_ref *ref, pdb_buf *out, pdb_outcome *outcome,
				     pdb_err *err);

/* Comma-separated {"id","reaction"} in the order in which identities first reacted. */
pdb_status pdb_chat_reaction_list(pdb_chat *chat, const pdb_caller *caller,
				  const pdb_message_ref *ref, pdb_buf *out, pdb_outcome *outcome,
				  pdb_err *err);
/* Sets the one reaction of `identity` (1 to 64 bytes of text), and lists as above. */
pdb_status pdb_chat_reaction_set(pdb_chat *chat, const pdb_caller *caller,
				 const pdb_message_ref *ref, pdb_slice identity, pdb_slice reaction,
				 pdb_buf *out, pdb_outcome *outcome, pdb_err *err);
pdb_status pdb_chat_reaction_remove(pdb_chat *chat, const pdb_caller *caller,
				    const pdb_message_ref *ref, pdb_slice identity,
				    pdb_outcome *outcome, pdb_err *err);

/* -- care ------------------------------------------------------------------------------------ */

/*
 * Removes a message for good, with its versions and its reactions; its place in `seq` stays empty.
 * `until` 0 = whatever its state; else only when it was soft-deleted by then (nanoseconds).
 * Errors: PDB_ENOTFOUND (also code not_deleted), PDB_EDENIED (code legal_hold).  May block.
 */
pdb_status pdb_chat_purge_message(pdb_chat *chat, const pdb_message_ref *ref, int64_t until,
				  pdb_err *err);
/*
 * Removes a thread for good, at most `limit` messages in one call: *more says that another is
 * needed. With the first one nobody sees it any more, and writers are told to come back later; a
 * thread that is half removed is finished by the same call, also after a crash.
 * `until` and errors as above.  May block.
 */
pdb_status pdb_chat_purge_thread(pdb_chat *chat, pdb_slice thread, int64_t until, size_t limit,
				 bool *more, pdb_err *err);

/* Where a page of an export begins, and how much it has. */
typedef struct pdb_export_query {
	pdb_slice cursor; /* as given by the page before; empty = at the start */
	size_t limit;     /* lines; at most 1,000 */
} pdb_export_query;

/*
 * Appends {"lines":[…],"pagination":{"has_more","cursor"?}}: every version of every message as
 * clients see it, in the order of seq and version, and last the thread, deleted or not. One page
 * has at most `limit` lines and some MiB. A thread that is written to meanwhile is told as it is
 * when its last page is read.
 * Errors: PDB_ENOTFOUND, those of the hooks.  May block.
 */
pdb_status pdb_chat_export(pdb_chat *chat, pdb_slice thread, const pdb_export_query *query,
			   pdb_buf *out, pdb_outcome *outcome, pdb_err *err);
/*
 * Puts lines of an export back, {"lines":[…]}, all or none: ids, seq, versions, times, marks and
 * reactions are as the lines say, and record hooks see every version. Lines of a thread come in the
 * order of the export, in any number of calls; nobody sees the thread before its last one. What is
 * stored already is compared and left as it is; *stored_out counts the others.
 * Errors: PDB_EINVAL with the line in the field, PDB_EEXISTS (code import_conflict) for a thread
 * with other content, PDB_ETOOLARGE, those of the hooks.  May block.
 */
pdb_status pdb_chat_import(pdb_chat *chat, pdb_slice thread, pdb_slice text, size_t *stored_out,
			   pdb_outcome *outcome, pdb_err *err);

typedef struct pdb_check_report {
	uint64_t threads;
	uint64_t messages;
	uint64_t versions;
	uint64_t list_rows;
	uint64_t faults;
} pdb_check_report;

/* Verifies every index against every record and every record against the indexes: dense seq,
 * counters, id index, versions 1 to n, list rows. `fault` gets one line each. Threads: with no
 * writer. */
pdb_status pdb_chat_check(pdb_chat *chat, void (*fault)(void *arg, const char *line), void *arg,
			  pdb_check_report *report, pdb_err *err);

/* Threads and messages in the database; O(1). */
void pdb_chat_counts(pdb_chat *chat, uint64_t *threads, uint64_t *messages);

/* Appends a stored row as a JSON object: {"key","size","kind"}, and "value" or "base64" unless it
 * may hold a key. Attachments show as their size. Errors: PDB_ENOMEM.  Threads: any. */
pdb_status pdb_chat_row_view(pdb_slice key, pdb_slice value, pdb_buf *out, pdb_err *err);

/* The record and change functions of the host table. */
pdb_slice pdb_record_thread(const pdb_record *record);
pdb_slice pdb_record_message(const pdb_record *record);
pdb_slice pdb_record_author(const pdb_record *record);
pdb_slice pdb_record_role(const pdb_record *record);
uint32_t pdb_record_version(const pdb_record *record);
pdb_slice pdb_record_body(const pdb_record *record);
pdb_status pdb_record_set_body(pdb_record *record, pdb_slice body);
uint8_t *pdb_record_make_body(pdb_record *record, size_t len);
pdb_slice pdb_record_attachment(const pdb_record *record);
pdb_status pdb_record_set_attachment(pdb_record *record, pdb_slice bytes);
uint8_t *pdb_record_make_attachment(pdb_record *record, size_t len);
pdb_status pdb_record_may_block(pdb_record *record);
pdb_status pdb_record_thread_note(pdb_record *record, pdb_slice *note_out, pdb_err *err);
pdb_status pdb_record_set_thread_note(pdb_record *record, pdb_slice note);
pdb_change_kind pdb_change_kind_of(const pdb_change *change);
uint64_t pdb_change_position(const pdb_change *change);
pdb_slice pdb_change_thread(const pdb_change *change);
pdb_slice pdb_change_message(const pdb_change *change);
uint64_t pdb_change_seq(const pdb_change *change);
uint32_t pdb_change_version(const pdb_change *change);

#endif
